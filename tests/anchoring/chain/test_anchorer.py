"""The anchorer on chains that keep what they took, and on anvil, which reorganises on demand."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from anchoring.errors import Refuted
from anchoring.signing import generate_key
from tests.anchoring.chain.conftest import Payer
from tests.support.anchored import AnchoredLog
from tests.support.anvil import ETHER, Anvil, anvil

DEPTH = 3


@pytest.fixture
def node() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture
def ask(node: Anvil) -> Callable[..., Any]:
    return node.ask


@pytest.fixture
def log(scheme, tmp_path, node, ask) -> Iterator[AnchoredLog]:
    payer = Payer(generate_key())
    ask("anvil_setBalance", payer.address, hex(10 * ETHER))
    log = AnchoredLog(scheme, tmp_path / "log", node.url, payer, DEPTH)
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
    log = AnchoredLog(scheme, folder, shared_chain.rpc_url, shared_chain.payer, 1)
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


def test_a_final_anchor_that_vanishes_is_shouted_and_nothing_more_is_anchored(log, ask):
    before = ask("evm_snapshot")
    first = log.grow()
    log.anchorer.anchor()
    ask("anvil_mine", hex(DEPTH))
    log.anchorer.settle()
    assert log.anchors() == {first: True}
    assert ask("evm_revert", before)
    ask("anvil_mine", hex(DEPTH + 3))
    log.grow()
    for run in (log.anchorer.settle, log.anchorer.anchor):
        with pytest.raises(Refuted, match=f"anchor of {first} leaves was final .* now has none for it"):
            run()
    assert log.client.head().size == 0
    assert log.anchors() == {first: True}
