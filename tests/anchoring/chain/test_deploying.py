"""The contract is created once, whatever happens on the way."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from anchoring.chain.client import AnchorClient, Patience, deploy
from anchoring.chain.transaction import created_address
from anchoring.errors import Malformed, Unreachable
from anchoring.signing import address_of, generate_key
from contracts import artifact
from tests.anchoring.chain.conftest import Payer
from tests.support.anvil import anvil

SIGNERS = [address_of(bytes([number]) * 32) for number in (1, 2, 3)]
BRIEF = Patience(wait_seconds=1, stuck_seconds=30)


@pytest.fixture(scope="module")
def shared():
    with anvil() as node:
        yield node


@pytest.fixture
def node(shared):
    shared.ask("evm_setAutomine", True)
    return shared


@pytest.fixture
def payer(node):
    payer = Payer(generate_key())
    node.fund(payer.address)
    return payer


@pytest.fixture
def create(node, payer, tmp_path):
    def run(signers=SIGNERS, patience=BRIEF, threshold=2):
        kept = tmp_path / "plan.json"
        return deploy(node.url, payer.signer, signers, threshold, artifact(), plan=kept, patience=patience)

    return run


def test_the_same_again_creates_nothing(node, payer, create):
    address = create()
    assert address == created_address(payer.address, 0)
    assert create() == address
    assert node.count(payer.address) == 1
    with AnchorClient(node.url, address) as client:
        client.check()


def test_other_signers_are_another_contract(node, payer, create):
    assert create() != create(SIGNERS[::-1]) != create(threshold=3)
    assert node.count(payer.address) == 3


def test_it_was_sent_and_no_block_had_it_before_we_ended(node, payer, create):
    node.hold()
    with pytest.raises(Unreachable, match="in no block"):
        create()
    node.mine()
    node.ask("evm_setAutomine", True)
    assert create() == created_address(payer.address, 0)
    assert node.count(payer.address) == 1


def test_it_was_planned_and_never_sent(node, payer, create):
    node.hold()
    with pytest.raises(Unreachable):
        create()
    node.ask("anvil_dropTransaction", node.pool(payer.address)[0]["hash"])
    node.ask("evm_setAutomine", True)
    assert create() == created_address(payer.address, 0)


def test_another_transaction_took_the_planned_nonce(node, payer, create):
    node.hold()
    with pytest.raises(Unreachable):
        create()
    node.ask("anvil_dropTransaction", node.pool(payer.address)[0]["hash"])
    node.ask("evm_setAutomine", True)
    node.ask("eth_sendRawTransaction", "0x" + payer.sign("0x" + "99" * 20, b"", nonce=0).hex())
    assert create() == created_address(payer.address, 1)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"chain_id": "x", "payer": 1, "nonce": [], "creation": 0}'])
def test_a_plan_that_cannot_be_read_is_told(create, tmp_path, content):
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(Malformed, match=r"plan\.json is no plan"):
        create()


def test_kill_9_between_sending_and_the_receipt(node, payer, tmp_path):
    """`gram chain deploy` is killed while its transaction waits; the second run gives the contract of the first."""
    key, kept = tmp_path / "payer", tmp_path / "plan.json"
    key.write_text(payer.key.hex())
    key.chmod(0o600)
    words = ["--rpc", node.url, "--payer", f"file:{key}", "--threshold", "2", "--plan", str(kept)]
    for one in SIGNERS:
        words += ["--signer", one]
    command = [sys.executable, "-c", "from api.gram import main; main()", "chain", "deploy", *words]
    node.hold()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as first:
        for _ in range(400):
            if node.pool(payer.address):
                break
            time.sleep(0.05)
        os.kill(first.pid, signal.SIGKILL)
    [waiting] = node.pool(payer.address)
    assert json.loads(kept.read_text())["nonce"] == 0
    node.ask("evm_setAutomine", True)
    node.mine()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == created_address(payer.address, 0)
    assert node.count(payer.address) == 1
    assert node.ask("eth_getTransactionReceipt", waiting["hash"])["status"] == "0x1"
