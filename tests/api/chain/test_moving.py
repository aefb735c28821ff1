"""A log moves to another contract, on its own chain and on another node, and stops at every step on the way."""

import json
import os
from pathlib import Path

import pytest

from anchoring.chain.client import AnchorClient, deploy
from anchoring.errors import AnchoringError, Malformed, Refuted
from api.installation.keys import AUTHORITIES, chain_signer, payer
from api.installation.moving import move
from api.installation.services import running
from api.installation.settings import Settings
from contracts import artifact
from registry.errors import Unavailable
from tests.support.anvil import anvil


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "data", origin="log.test/moving")


def opened(settings, **changes):
    return running(settings.model_copy(update=changes), lambda _sentence: None, create=True)


def signers_of(site):
    return [chain_signer(site.folder.keys, authority).address for authority in AUTHORITIES]


def another(site, rpc, signers=None, threshold=2):
    return deploy(rpc, payer(site.folder.keys, None), signers or signers_of(site), threshold, artifact())


def anchors(site):
    with site.database.transaction() as tx:
        rows = tx.exec_driver_sql("SELECT contract, max(size) AS size FROM anchors GROUP BY contract").all()
    return {row.contract: row.size for row in rows}


def test_a_log_moves_to_another_chain_and_is_followed(settings, gram):
    with anvil(chain_id=31_337_001) as node:
        with opened(settings) as site:
            site.epochs.make()
            site.anchorer.anchor()
            pays = payer(site.folder.keys, None)
            node.fund(pays.address)
            node.ask("anvil_setNonce", pays.address, "0x5")  # or it would have the address that it has on the other
            old, contract, vkey = site.where, another(site, node.url), site.log_signer.verifier.vkey
            path = move(site, (node.url,), contract, lambda _sentence: None)
            assert move_again(site, node.url, contract) == path, "the same again"
            said = json.loads(path.read_bytes())
            assert (said["from_contract"], said["to_contract"], said["number"]) == (old.contract, contract, 0)
            chains = ("--rpc", node.url, "--rpc", old.rpc_urls[0])
            code, out, err = gram("chain", "verify-move", path, "--vkey", vkey, *chains)
            assert (code, "2 of the 2 contracts" in out) == (0, True), err
            code, out, err = gram(
                "audit", "--log", site.folder.log, "--vkey", vkey, "--contract", old.contract, "--move", path,
                *chains,
            )  # fmt: skip
            assert code == 0, out + err
            code, _, err = gram("audit", "--log", site.folder.log, "--vkey", vkey, "--contract", old.contract, "--move",
                                path, "--rpc", node.url)  # fmt: skip
            assert (code, "an --rpc for each chain" in err) == (2, True)
            code, _, err = gram("audit", "--log", site.folder.log, "--vkey", vkey, "--contract", contract, "--move",
                                path, "--rpc", node.url)  # fmt: skip
            assert (code, "does not begin at" in err) == (1, True)
        with opened(settings, rpc=node.url) as site:
            assert (site.where.chain_id, site.where.contract) == (site.client.chain_id(), contract)
            site.epochs.make()
            size = site.anchorer.anchor()
            assert site.client.head().size == size
            assert anchors(site)[contract] == size > anchors(site)[old.contract]
        with pytest.raises(AnchoringError), opened(settings):
            pytest.fail("the embedded chain has no such contract")


def move_again(site, url, contract):
    return move(site, (url,), contract, lambda _sentence: None)


class Stopped(Exception):
    pass


def stopping_at(nth):
    """Tell steps to nobody, and stop as a crash would at the nth of them."""
    told = []

    def tell(sentence):
        told.append(sentence)
        if len(told) == nth:
            raise Stopped

    return tell


def test_stopped_at_each_step_it_goes_on(settings):
    with opened(settings) as site:
        contract = another(site, site.where.rpc_urls)
    for nth in (1, 2, 3):
        with pytest.raises(Stopped), opened(settings) as site:
            move(site, site.where.rpc_urls, contract, stopping_at(nth if nth == 1 else nth - 1))
    with opened(settings) as site:
        old = site.where.contract
        path = move(site, site.where.rpc_urls, contract, lambda _sentence: None)
        with site.database.transaction() as tx:
            assert tx.exec_driver_sql("SELECT count(*) FROM movements WHERE kind = 73").scalar_one() == 1
        assert path.exists()
        assert not [*path.parent.glob("*.tmp*")]
        site.folder.with_contract(site.where.chain_id, old)  # as if we had been killed before the folder followed
    with opened(settings) as site:
        assert site.where.contract == contract
        assert site.folder.marker.contract == contract
        proof = path.read_bytes()
        path.unlink()
        assert move(site, site.where.rpc_urls, contract, lambda _sentence: None) == path
        assert path.read_bytes() == proof, "lost, it is made again"
        site.epochs.make()
        site.anchorer.anchor()
        path.unlink()
        assert move(site, site.where.rpc_urls, contract, lambda _sentence: None).read_bytes() == proof


def test_the_proof_is_on_disk_before_the_database_belongs_to_the_new_contract(settings, monkeypatch):
    """It was written without fsync; lost with the power, it could not be made again."""
    steps = []
    real = os.fsync
    monkeypatch.setattr("os.fsync", lambda fd: (steps.append(str(Path(f"/proc/self/fd/{fd}").readlink())), real(fd)))
    with opened(settings) as site:
        contract = another(site, site.where.rpc_urls)
        path = move(site, site.where.rpc_urls, contract, lambda _sentence: None)
    synced = [step for step in steps if "/moves" in step]
    assert [synced[0].removeprefix(str(path.parent)), synced[1]] == [f"/.{path.name}.tmp", str(path.parent)]


def test_a_log_that_never_moved_has_no_proof_to_make(settings):
    with opened(settings) as site, pytest.raises(Malformed, match="no move led there"):
        move(site, site.where.rpc_urls, site.where.contract, lambda _sentence: None)


def test_a_contract_of_other_authorities_is_refused(settings):
    with opened(settings) as site:
        strangers = ["0x" + f"{number:02x}" * 20 for number in (1, 2, 3)]
        for contract in (
            another(site, site.where.rpc_urls, strangers),
            another(site, site.where.rpc_urls, threshold=1),
        ):
            with pytest.raises(Refuted, match="not for the same authorities"):
                move(site, site.where.rpc_urls, contract, lambda _sentence: None)
        with site.database.transaction() as tx:
            assert tx.exec_driver_sql("SELECT count(*) FROM movements WHERE kind = 73").scalar_one() == 0


def test_a_database_that_was_not_moved_does_not_take_another_folder(settings):
    """Only a recorded move lets a folder follow its database."""
    with opened(settings) as site:
        stranger = another(site, site.where.rpc_urls)
        site.folder.with_contract(site.where.chain_id, stranger)
        with AnchorClient(site.where.rpc_urls, stranger) as client:
            assert client.head().size == 0
    with pytest.raises(Unavailable, match="anchored in another contract"), opened(settings):
        pytest.fail("it started")
