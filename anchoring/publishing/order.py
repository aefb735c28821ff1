"""The order in which a batch of movements is logged: drawn, so that it says nothing of who did what.

Records come first, as they were recorded: decisions rest on each other, and are public. Movements follow as they are
drawn, each after its parent, so that neighbours in the log are no act (docs/decisions/0007-what-can-be-linked.md).
"""

import secrets
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anchoring.publishing.copying import Rows
from registry.ledger.movement import RECORDS_FROM, Kind

Places = NDArray[np.intp]
Draw = Callable[[int], NDArray[np.float64]]
"""Gives so many numbers in [0, 1), each as probable as any other and none told by those before it."""

_BEFORE_ALL: Final = -1.0


def draw_secretly(count: int) -> NDArray[np.float64]:
    """Draw from the system's cryptographic source."""
    words = np.frombuffer(secrets.token_bytes(8 * count), np.uint64)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def drawn_order(rows: Rows, draw: Draw) -> Places:
    """Give the places of these movements in the order of the log; they come in the order of their numbers.

    A unit has the place that was drawn for it, or the one behind the last of its parents, if that is later: so it tells
    of its parents, which it names anyway, and of nobody else.
    """
    ids, parents = rows["id"].astype(np.int64), rows["parent"].astype(np.int64)
    units = _units(rows)
    keys = draw(len(rows))
    keys[np.asarray(rows["kind"] >= RECORDS_FROM)] = _BEFORE_ALL
    place = np.minimum(np.searchsorted(ids, parents), len(ids) - 1) if len(ids) else units
    child = np.flatnonzero((parents != 0) & (ids[place] == parents))
    above, below = units[place[child]], units[child]
    is_other = above != below
    above, below = above[is_other], below[is_other]
    while True:
        before = keys.copy()
        np.maximum.at(keys, below, keys[above])
        if np.array_equal(keys, before):
            break
    # Where two are level, one descends from the other, and has the higher number.
    by_unit = np.argsort(units, kind="stable")
    return by_unit[np.argsort(keys[units[by_unit]], kind="stable")]


def together(rows: Rows) -> Places:
    """Give the places of these movements by number, but for the runs: each stands whole where its BUNDLE does."""
    return np.lexsort((rows["id"].astype(np.int64), _units(rows)))


def without_bundle(rows: Rows) -> NDArray[np.bool_]:
    """Say which are GATHERs whose BUNDLE is not among these movements."""
    return np.asarray((rows["kind"] == Kind.GATHER) & (_units(rows) == np.arange(len(rows))), bool)


def _units(rows: Rows) -> Places:
    """Give of each movement the place of the last of its unit, which stays together in the order of its numbers.

    A run is a unit, of which the BUNDLE is the last: it was committed as a whole, so whatever it gathers has a lower
    number than its BUNDLE, and whatever descends from it a higher one. All else is a unit by itself.
    """
    units = np.arange(len(rows))
    bundles = np.flatnonzero(rows["kind"] == Kind.BUNDLE)
    if len(bundles):
        acts, first = np.unique(rows["act"][bundles].astype(np.int64), return_index=True)
        of_act = rows["act"].astype(np.int64)
        place = np.minimum(np.searchsorted(acts, of_act), len(acts) - 1)
        is_gathered = (rows["kind"] == Kind.GATHER) & (acts[place] == of_act)
        units[is_gathered] = bundles[first[place[is_gathered]]]
    return units
