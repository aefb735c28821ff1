"""Runs: GATHERs and behind them their BUNDLE, over many leaves at once (docs/design.md, section 2, rule GATHERED)."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchoring.auditing.history import Rows
from registry.ledger.movement import GRAMS_END, Kind
from registry.ledger.rules import BUNDLE_FLAGS

Marks = NDArray[np.bool_]
_FLAGS: Final = np.uint32(BUNDLE_FLAGS << 6)
"""Those flags, where `pack_codes` puts them."""


class Broken(NamedTuple):
    """Which leaves have not the neighbour they need: right before them, or right behind."""

    before: Marks
    behind: Marks


def broken_runs(rows: Rows) -> Broken:
    """Say which of these neighbouring leaves do not go on from the one before, or are not gone on from, and should be.

    Nothing stands before the first of them, and nothing behind the last.
    """
    kind = rows["codes"] >> 14
    target = targets(rows)
    needs_before = (kind == Kind.BUNDLE) | (target.is_target & (target.first != target.bundle))
    needs_behind = kind == Kind.GATHER
    end = target.first + (rows["last"] - rows["first"])
    goes_on = np.zeros(len(rows) + 1, bool)  # at n: whether leaf n takes up the run of the one before
    goes_on[1:-1] = (
        target.is_target[:-1]
        & (rows["at"][1:] == rows["at"][:-1])
        & ((rows["codes"][1:] ^ rows["codes"][:-1]) & _FLAGS == 0)
        & np.where(
            kind[1:] == Kind.BUNDLE,
            (rows["first"][1:] == target.bundle[:-1]) & (rows["last"][1:] == end[:-1]),
            target.is_target[1:] & (target.bundle[1:] == target.bundle[:-1]) & (target.first[1:] == end[:-1]),
        )
    )
    return Broken(needs_before & ~goes_on[:-1], needs_behind & ~goes_on[1:])


class Targets(NamedTuple):
    """What GATHERs say of where their grams go; `is_target` is false for whatever is no well-formed GATHER."""

    is_target: Marks
    bundle: NDArray[np.uint64]
    first: NDArray[np.uint64]


def targets(rows: Rows) -> Targets:
    """Read the to tags of GATHERs (`registry.ledger.movement.target_of`, over many)."""
    tags: NDArray[Any] = np.ascontiguousarray(rows["to_tag"]).view("u1").reshape(-1, 20)
    numbers = np.ascontiguousarray(tags[:, 4:]).view(">u8").astype(np.uint64)
    bundle, first = numbers[:, 0], numbers[:, 1]
    grams = rows["last"] - rows["first"]
    is_range = (rows["first"] < rows["last"]) & (rows["last"] < GRAMS_END)
    is_target = (rows["codes"] >> 14 == Kind.GATHER) & is_range & (tags[:, :4] == 0).all(axis=1)
    return Targets(is_target & (bundle <= first) & (first < np.uint64(GRAMS_END) - grams), bundle, first)
