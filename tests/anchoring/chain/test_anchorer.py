"""The anchorer on chains that keep what they took, and on anvil, which reorganises on demand."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from anchoring.chain.anchorer import Anchorer
from anchoring.chain.client import AnchorClient
from anchoring.chain.signers import LocalKey
from anchoring.chain.signing import generate_key
from anchoring.log.folder import LogFolder
from anchoring.log.publisher import Publisher
from anchoring.log.tiles import DirectorySource, TileReader
from anchoring.note import ED25519, Signer
from api.rest.public import receipt_note
from registry.ledger.queries import get_movement
from tests.anchoring.chain.conftest import Payer, found

ANVIL = Path(__file__).parents[3] / "contracts" / "node_modules" / ".bin" / "anvil"
DEPTH = 3
ETHER = 10**18


@pytest.fixture
def anvil() -> Iterator[str]:
    """The URL of a chain of this test's own; a block for each transaction, and more when asked."""
    command = [ANVIL, "--port", "0", "--chain-id", str(0x6772616D)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            yield next(f"http://{said[1]}" for line in lines if (said := re.search(r"Listening on (\S+)", line)))
        finally:
            process.kill()


@pytest.fixture
def ask(anvil: str, forward: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    def call(method: str, *params: object) -> Any:
        answer = forward(anvil, {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        assert "error" not in answer, answer
        return answer["result"]

    return call


class Log:
    """A scheme whose log is published, and anchored at a chain."""

    def __init__(self, scheme: Any, folder: Path, rpc_url: str, payer: Payer, final_depth: int) -> None:
        self.scheme = scheme
        authorities = found(rpc_url, payer)
        signer = Signer("example.com/log", ED25519, b"l" * 32)
        self.client = AnchorClient(rpc_url, authorities.contract)
        self.publisher = Publisher(scheme.database.transaction, LogFolder(folder), signer, [], scheme.clock)
        self.anchorer = Anchorer(
            transaction=scheme.database.transaction,
            reader=TileReader(DirectorySource(folder)),
            client=self.client,
            signers=[LocalKey(key) for key in authorities.keys],
            threshold=2,
            payer=payer.signer,
            clock=scheme.clock,
            final_depth=final_depth,
        )

    def grow(self, people: int = 1) -> int:
        self.scheme.issue({self.scheme.person(): 100 for _ in range(people)})
        return self.publisher.publish()

    def anchors(self) -> dict[int, bool]:
        """Anchored sizes, and whether each is final."""
        with self.scheme.database.transaction() as tx:
            rows = tx.execute(sa.text("SELECT size, final_ms IS NOT NULL AS final FROM anchors ORDER BY size"))
            return {row.size: row.final for row in rows}

    def blocks(self) -> list[int]:
        with self.scheme.database.transaction() as tx:
            return list(tx.execute(sa.text("SELECT block FROM anchors ORDER BY size")).scalars())

    def receipt_size(self) -> int:
        with self.scheme.database.transaction() as tx:
            first = tx.execute(sa.text("SELECT movement_id FROM log_entries ORDER BY index LIMIT 1")).scalar_one()
            return receipt_note(tx, get_movement(tx, first))[0]


@pytest.fixture
def log(scheme, tmp_path, anvil, ask) -> Iterator[Log]:
    payer = Payer(generate_key())
    ask("anvil_setBalance", payer.address, hex(10 * ETHER))
    log = Log(scheme, tmp_path / "log", anvil, payer, DEPTH)
    with log.client:
        yield log


def test_what_is_deep_enough_is_final(log, ask):
    size = log.grow()
    assert log.anchorer.anchor() == size
    log.anchorer.settle()
    assert log.anchors() == {size: False}
    ask("anvil_mine", hex(DEPTH - 1))
    log.anchorer.settle()
    assert log.anchors() == {size: False}
    ask("anvil_mine", hex(1))
    log.anchorer.settle()
    assert log.anchors() == {size: True}


def test_what_a_reorganisation_takes_is_taken_back_and_anchored_again(log, ask):
    first = log.grow()
    log.anchorer.anchor()
    second = log.grow()
    log.anchorer.anchor()
    assert list(log.anchors()) == [first, second]
    assert log.receipt_size() == second
    ask("anvil_reorg", 1, [])
    assert log.client.head().size == first
    log.anchorer.settle()
    assert log.anchors() == {first: False}
    assert log.receipt_size() == first, "no receipt names a size that the chain has not"
    ask("anvil_mine", hex(DEPTH))
    log.anchorer.settle()
    assert log.anchors() == {first: True}
    assert log.anchorer.anchor() == second
    assert log.anchors() == {first: True, second: False}
    assert log.client.root_at(second)


def test_it_is_anchored_again_without_waiting_to_be_settled(log, ask):
    size = log.grow()
    log.anchorer.anchor()
    ask("anvil_reorg", 1, [])
    assert log.client.root_at(size) is None
    assert log.anchorer.anchor() == size
    assert log.client.root_at(size)
    assert log.anchors() == {size: False}


def test_a_block_number_from_before_a_reorganisation_is_not_believed(log, ask):
    """The same transaction comes back in a later block: it is not final before that one is deep enough."""
    before = ask("evm_snapshot")
    size = log.grow()
    log.anchorer.anchor()
    sent = ask("eth_getBlockByNumber", "latest", True)["transactions"][0]
    mined = int(sent["blockNumber"], 16)
    assert ask("evm_revert", before)
    ask("anvil_mine", hex(DEPTH + 1))
    log.anchorer.settle()
    assert log.anchors() == {}
    assert log.anchorer.anchor() == size
    log.anchorer.settle()
    assert log.anchors() == {size: False}
    assert log.blocks() == [mined + DEPTH + 1]


def test_a_number_that_was_noted_is_not_what_makes_it_final(log):
    size = log.grow()
    log.anchorer.anchor()
    [block] = log.blocks()
    with log.scheme.database.transaction() as tx:
        tx.execute(sa.text("UPDATE anchors SET block = 0"))
    log.anchorer.settle()
    assert log.anchors() == {size: False}
    assert log.blocks() == [block], "the number is put right"


def test_every_anchor_lost_leaves_receipts_to_the_last_publication(log, ask):
    size = log.grow()
    log.anchorer.anchor()
    ask("anvil_reorg", 1, [])
    later = log.grow()
    log.anchorer.settle()
    assert log.anchors() == {}
    assert log.receipt_size() == later > size
    assert log.anchorer.anchor() == later


def test_after_a_rebuild_a_chain_that_is_behind_is_caught_up_with(scheme, tmp_path, shared_chain):
    """The folder then has the tiles of the published size, and not the partial ones of the anchored size."""
    folder = tmp_path / "log"
    log = Log(scheme, folder, shared_chain.rpc_url, shared_chain.payer, 1)
    with log.client:
        first = log.grow(3)
        log.anchorer.anchor()
        second = log.grow(4)
        shutil.rmtree(folder)
        assert log.publisher.rebuild() == second
        assert log.anchorer.anchor() == second
        log.anchorer.settle()
        assert log.anchors() == {first: True, second: True}


def test_nothing_published_is_nothing_anchored(log):
    assert log.anchorer.anchor() is None
    assert log.anchors() == {}
