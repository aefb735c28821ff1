"""What happens to a transaction on its way, on a node that does not mine before it is told."""

import contextlib
import itertools
import json
import threading
import time
from dataclasses import replace

import pytest

from anchoring.chain.client import AnchorClient, Patience
from anchoring.chain.client.sending import Superseded
from anchoring.chain.journal import DatabaseJournal, MemoryJournal, Sent
from anchoring.chain.signers import LocalKey
from anchoring.chain.transaction import decode
from anchoring.errors import Refuted, Unreachable
from anchoring.signing import generate_key
from tests.anchoring.chain.conftest import Payer, found
from tests.support.anvil import CHAIN_ID, ETHER, anvil

QUICK = Patience(wait_seconds=20, stuck_seconds=0.6)
BRIEF = Patience(wait_seconds=1, stuck_seconds=30)
NOWHERE = "0x" + "99" * 20


@pytest.fixture(scope="module")
def shared():
    with anvil() as node:
        yield node


@pytest.fixture
def node(shared):
    yield shared
    for transaction in shared.pool():
        shared.ask("anvil_dropTransaction", transaction["hash"])
    shared.ask("evm_setAutomine", True)


@pytest.fixture
def payer(node):
    payer = Payer()
    node.fund(payer.address)
    return payer


@pytest.fixture
def authorities(node, payer):
    return found(node.url, payer)


@pytest.fixture
def journal():
    return MemoryJournal()


@pytest.fixture
def client_of(node, authorities, journal):
    """A client of this contract; all of one test share what was written down, as one that starts again does."""
    with contextlib.ExitStack() as stack:
        yield lambda patience=QUICK, url=node.url, kept=journal: stack.enter_context(
            AnchorClient(url, authorities.contract, patience=patience, journal=kept)
        )


@contextlib.contextmanager
def meanwhile(work):
    """Anchor in another thread while the block runs; what it gave is in the list."""
    given = []

    def run():
        try:
            given.append(work())
        except (Unreachable, Refuted) as error:
            given.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield given
    thread.join()


def wait_for(condition):
    for _ in range(100):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not come to that")


def test_what_is_stuck_is_replaced_for_an_eighth_more(node, payer, authorities, client_of):
    node.hold()
    client = client_of()
    with meanwhile(lambda: client.anchor(*authorities.checkpoint(0, 7), payer.signer)) as given:
        wait_for(lambda: node.pool(payer.address))
        [first] = node.pool(payer.address)
        wait_for(lambda: node.pool(payer.address)[0]["hash"] != first["hash"])
        [second] = node.pool(payer.address)
        node.mine()
    assert int(second["nonce"], 16) == int(first["nonce"], 16)
    for fee in ("maxFeePerGas", "maxPriorityFeePerGas"):
        assert 8 * int(second[fee], 16) >= 9 * int(first[fee], 16)
    assert given[0].tx_hash.hex() == second["hash"][2:]
    assert client.root_at(7)


def test_the_fee_stays_below_the_cap(node, payer, authorities, client_of):
    node.hold()
    cap = 1 + int(node.ask("eth_gasPrice"), 16) * 2
    client = client_of(Patience(wait_seconds=2.5, stuck_seconds=0.2, max_fee_wei=cap))
    with pytest.raises(Unreachable, match=r"in no block after 2\.5 seconds"):
        client.anchor(*authorities.checkpoint(0, 7), payer.signer)
    [waiting] = node.pool(payer.address)
    assert int(waiting["maxFeePerGas"], 16) <= cap


def test_what_was_dropped_is_sent_again(node, payer, authorities, client_of):
    node.hold()
    with meanwhile(lambda: client_of().anchor(*authorities.checkpoint(0, 7), payer.signer)) as given:
        wait_for(lambda: node.pool(payer.address))
        [first] = node.pool(payer.address)
        node.ask("anvil_dropTransaction", first["hash"])
        assert node.pool(payer.address) == []
        wait_for(lambda: node.pool(payer.address))
        assert [one["hash"] for one in node.pool(payer.address)] == [first["hash"]]
        node.mine()
    assert given[0].tx_hash.hex() == first["hash"][2:]


def test_after_a_restart_what_was_sent_is_found_and_not_doubled(node, payer, authorities, client_of):
    """It was sent, we were killed, a block took it: the next process knows which transaction it was."""
    node.hold()
    with pytest.raises(Unreachable, match="no block after 1 seconds"):
        client_of(BRIEF).anchor(*authorities.checkpoint(0, 7), payer.signer)
    [sent] = node.pool(payer.address)
    before = node.count(payer.address)
    node.mine()
    again = client_of().anchor(*authorities.checkpoint(0, 7), payer.signer)
    assert again.tx_hash.hex() == sent["hash"][2:]
    assert again.gas_used > 21_000
    assert node.count(payer.address) == before + 1


def test_after_a_restart_what_is_still_on_its_way_is_waited_for(node, payer, authorities, client_of):
    node.hold()
    with pytest.raises(Unreachable):
        client_of(BRIEF).anchor(*authorities.checkpoint(0, 7), payer.signer)
    [sent] = node.pool(payer.address)
    with pytest.raises(Unreachable, match="no block"):
        client_of(BRIEF).anchor(*authorities.checkpoint(0, 7), payer.signer)
    assert [one["hash"] for one in node.pool(payer.address)] == [sent["hash"]]


def test_written_down_and_never_sent_is_sent(node, payer, authorities, client_of, journal):
    """Killed between the two: the entry is there, and no node knows of it."""
    node.hold()
    with pytest.raises(Unreachable):
        client_of(BRIEF).anchor(*authorities.checkpoint(0, 7), payer.signer)
    [sent] = journal.read(CHAIN_ID, payer.address)
    node.ask("anvil_dropTransaction", "0x" + sent.hash.hex())
    node.ask("evm_setAutomine", True)
    assert client_of().anchor(*authorities.checkpoint(0, 7), payer.signer).tx_hash == sent.hash


def test_a_newer_checkpoint_replaces_one_that_waits(node, payer, authorities, client_of):
    node.hold()
    with pytest.raises(Unreachable):
        client_of(BRIEF).anchor(*authorities.checkpoint(0, 7), payer.signer)
    [old] = node.pool(payer.address)
    with meanwhile(lambda: client_of(BRIEF).anchor(*authorities.checkpoint(0, 9), payer.signer)):
        wait_for(lambda: node.pool(payer.address)[0]["hash"] != old["hash"])
        assert [one["nonce"] for one in node.pool(payer.address)] == [old["nonce"]]
        node.mine()
    assert client_of().head().size == 9


def test_somebody_elses_transaction_under_our_nonce_is_waited_for(node, payer, authorities, client_of):
    node.hold()
    other = payer.sign(NOWHERE, b"", nonce=node.count(payer.address), value=1)
    node.ask("eth_sendRawTransaction", "0x" + other.hex())
    with meanwhile(lambda: client_of(replace(QUICK, stuck_seconds=15)).anchor(
        *authorities.checkpoint(0, 7), payer.signer)) as given:  # fmt: skip
        time.sleep(0.6)
        assert len(node.pool(payer.address)) == 1
        node.ask("evm_setAutomine", True)
        node.mine()
    assert given[0].tx_hash
    assert node.ask("eth_getBalance", NOWHERE, "latest") != "0x0", "theirs came first, and ours after it"


def test_somebody_elses_that_does_not_go_on_is_replaced(node, payer, authorities, client_of):
    node.hold()
    nonce = node.count(payer.address)
    other = payer.sign(NOWHERE, b"", nonce=nonce, maxFeePerGas=10**11, maxPriorityFeePerGas=10**11)
    node.ask("eth_sendRawTransaction", "0x" + other.hex())
    with meanwhile(lambda: client_of().anchor(*authorities.checkpoint(0, 7), payer.signer)) as given:
        wait_for(lambda: any(one["to"].lower() == authorities.contract.lower() for one in node.pool(payer.address)))
        assert [int(one["nonce"], 16) for one in node.pool(payer.address)] == [nonce]
        node.mine()
    assert given[0].tx_hash


def test_somebody_elses_behind_a_gap_does_not_matter(node, payer, authorities, client_of):
    node.hold()
    later = payer.sign(NOWHERE, b"", nonce=node.count(payer.address) + 5)
    node.ask("eth_sendRawTransaction", "0x" + later.hex())
    node.ask("evm_setAutomine", True)
    assert client_of().anchor(*authorities.checkpoint(0, 7), payer.signer).tx_hash


def test_ours_behind_a_gap_is_overtaken(node, payer, authorities, client_of):
    """A reorganisation or a node's memory lost the nonce before ours: what fills it is ours again."""
    node.hold()
    nonce = node.count(payer.address)
    node.ask("anvil_setNonce", payer.address, hex(nonce + 3))
    with pytest.raises(Unreachable):
        client_of(BRIEF).anchor(*authorities.checkpoint(0, 7), payer.signer)
    node.ask("anvil_setNonce", payer.address, hex(nonce))
    with meanwhile(lambda: client_of().anchor(*authorities.checkpoint(0, 9), payer.signer)) as given:
        wait_for(lambda: nonce in [int(one["nonce"], 16) for one in node.pool(payer.address)])
        node.mine()
    assert given[0].tx_hash
    assert client_of().head().size == 9


def test_ours_replaced_by_another_is_told_and_the_chain_asked(node, payer, authorities, client_of):
    node.hold()
    patient = Patience(wait_seconds=20, stuck_seconds=30)
    with meanwhile(lambda: client_of(patient).anchor(*authorities.checkpoint(0, 7), payer.signer)) as given:
        wait_for(lambda: node.pool(payer.address))
        other = payer.sign(
            NOWHERE, b"", nonce=node.count(payer.address), maxFeePerGas=10**12, maxPriorityFeePerGas=10**12
        )
        node.ask("eth_sendRawTransaction", "0x" + other.hex())
        node.mine()
    assert isinstance(given[0], Superseded)
    assert f"of {payer.address} was used up" in str(given[0])
    node.ask("evm_setAutomine", True)
    assert client_of().anchor(*authorities.checkpoint(0, 7), payer.signer).tx_hash, "the next round does it"


def lossy(forward, node, **answers):
    """A node that answers some methods otherwise; None as an answer is JSON's null."""

    def act(request):
        if request["method"] in answers:
            return json.dumps({"jsonrpc": "2.0", "id": request["id"]} | answers[request["method"]]).encode()
        return json.dumps(forward(node.url, request)).encode()

    return act


def test_a_block_has_it_and_no_receipt_is_to_be_had(node, payer, authorities, client_of, playing, forward):
    url = playing(lossy(forward, node, eth_getTransactionReceipt={"result": None}))
    before = node.count(payer.address)
    receipt = client_of(url=url).anchor(*authorities.checkpoint(0, 7), payer.signer)
    assert (receipt.tx_hash, receipt.gas_used) == (None, 0)
    assert node.count(payer.address) == before + 1


@pytest.mark.parametrize("told", ["already known", "nonce too low", "AlreadyKnown", "known transaction: 0x12"])
def test_what_a_node_says_of_what_it_has_is_no_refusal(node, payer, authorities, client_of, playing, forward, told):
    def act(request):
        answered = forward(node.url, request)
        if request["method"] == "eth_sendRawTransaction":
            answered = {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": told}}
        return json.dumps(answered).encode()

    assert client_of(url=playing(act)).anchor(*authorities.checkpoint(0, 7), payer.signer).tx_hash


def test_a_node_that_finds_everything_underpriced_is_not_paid_a_fortune(
    node, payer, authorities, client_of, playing, forward
):
    error = {"error": {"code": -32000, "message": "replacement transaction underpriced"}}
    url = playing(lossy(forward, node, eth_sendRawTransaction=error))
    with pytest.raises(Unreachable, match="takes more than 10000000000000 wei"):
        client_of(url=url).anchor(*authorities.checkpoint(0, 7), payer.signer)


def test_an_empty_account_is_told_with_what_it_lacks(node, authorities, client_of):
    poor = LocalKey(generate_key())
    node.fund(poor.address, 1000)
    with pytest.raises(Unreachable, match=rf"insufficient funds: {poor.address} on chain .* holds 1000 wei") as caught:
        client_of().anchor(*authorities.checkpoint(0, 7), poor)
    lacking = int(str(caught.value).rsplit("Send it ", 1)[1].split(" ")[0])
    assert 0 < lacking < ETHER
    node.fund(poor.address, 1000 + lacking)
    assert client_of().anchor(*authorities.checkpoint(0, 7), poor).tx_hash


def test_a_base_fee_that_leaps_is_followed(node, payer, authorities, client_of):
    node.hold()
    with meanwhile(lambda: client_of().anchor(*authorities.checkpoint(0, 7), payer.signer)) as given:
        wait_for(lambda: node.pool(payer.address))
        offered = int(node.pool(payer.address)[0]["maxFeePerGas"], 16)
        for _ in range(40):
            node.ask("anvil_setNextBlockBaseFeePerGas", hex(offered + offered // 16))
            node.mine()
            if given:
                break
            time.sleep(0.3)
    assert given[0].tx_hash
    raw = node.ask("eth_getTransactionByHash", "0x" + given[0].tx_hash.hex())
    assert int(raw["maxFeePerGas"], 16) > offered


def test_the_database_keeps_what_was_sent(scheme, payer):
    journal = DatabaseJournal(scheme.database.transaction)
    kept = MemoryJournal()
    for nonce, moment in zip((0, 0, 1, 2), itertools.count(1_000), strict=False):
        raw = payer.sign(NOWHERE, b"", nonce=nonce, value=moment)
        sent = Sent(CHAIN_ID, payer.address, nonce, bytes([nonce, moment % 251]) * 16, bytes(32), raw, moment)
        for one in (journal, kept):
            one.write(sent)
            one.write(sent)
    assert journal.read(CHAIN_ID, payer.address) == kept.read(CHAIN_ID, payer.address)
    assert [decode(sent.raw)["nonce"] for sent in journal.read(CHAIN_ID, payer.address)] == [0, 0, 1, 2]
    for one in (journal, kept):
        one.forget(CHAIN_ID, payer.address, 2)
        assert [sent.nonce for sent in one.read(CHAIN_ID, payer.address)] == [2]
        assert one.read(1, payer.address) == []
