"""Who took what: in order whatever the batches were, and changed only where the new leaves fall."""

import numpy as np
import pytest

from anchoring.replaying.history import rows_of
from anchoring.replaying.takings import BLOCK, Takings
from tests.support.synthetic_log import lawful_leaves

SIZE = 100_000
ROWS = rows_of(lawful_leaves(SIZE, cohort=3000))


def in_batches(draw, size: int = SIZE) -> Takings:
    takings, start = Takings(), 0
    while start < size:
        end = min(size, start + int(draw.integers(1, 30_000)))
        takings, start = takings.extended(ROWS[start:end], start), end
    return takings


@pytest.mark.parametrize("seed", range(3))
def test_the_order_does_not_depend_on_the_batches(seed):
    takings = in_batches(np.random.default_rng(seed))
    rows = ROWS[(ROWS["codes"] >> 14) <= 12]
    is_issue = rows["codes"] >> 14 == 1
    order = np.lexsort((rows["first"], np.where(is_issue, 2**64 - 1, rows["parent"])))
    leaves = np.flatnonzero((ROWS["codes"] >> 14) <= 12)[order]
    assert np.array_equal(np.concatenate([block.leaves for block in takings.blocks]), leaves)
    keys = np.concatenate([block.keys for block in takings.blocks])
    assert (keys[:-1] < keys[1:]).all()
    assert max(len(block.keys) for block in takings.blocks) <= 2 * BLOCK
    assert [block.keys[0] for block in takings.blocks] == takings.begins.tolist()


def test_a_few_new_leaves_copy_a_few_blocks_however_long_the_log_is():
    before = in_batches(np.random.default_rng(0), SIZE - 3)
    after = before.extended(ROWS[SIZE - 3 :], SIZE - 3)
    kept = {id(block) for block in before.blocks}
    copied = [block for block in after.blocks if id(block) not in kept]
    assert 1 <= len(copied) <= 3
    assert len(after.blocks) > 5
    assert sum(len(block.keys) for block in after.blocks) == sum(len(block.keys) for block in before.blocks) + 3


def test_what_is_taken_back_is_gone_and_the_rest_is_as_it_was():
    whole = in_batches(np.random.default_rng(1))
    part = whole.before(40_000)
    other = Takings().extended(ROWS[:40_000], 0)
    for name in ("keys", "leaves"):
        ours = np.concatenate([getattr(block, name) for block in part.blocks])
        assert np.array_equal(ours, np.concatenate([getattr(block, name) for block in other.blocks]))
    assert not whole.before(0).blocks


def test_neighbours_across_blocks_are_seen():
    """Each leaf again as a new one: it overlaps the one that it is, whichever block that stands in."""
    takings = in_batches(np.random.default_rng(2))
    first = next(leaf for block in takings.blocks[1:2] for leaf in block.leaves[:1])
    edges = [block.leaves[at] for block in takings.blocks for at in (0, -1)]
    again = np.concatenate((ROWS, ROWS[edges]))
    found = {pair for _, pair in takings.overlaps(again, SIZE)}
    assert {(SIZE + number, int(leaf)) for number, leaf in enumerate(edges)} <= found
    assert first in edges
