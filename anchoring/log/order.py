"""The order in which a batch of movements is logged: drawn, so that it says nothing of who did what.

Records come first, as they were recorded: decisions rest on each other, and are public. Movements follow as they are
drawn, each after its parent, so that neighbours in the log are no act (docs/decisions/0007-what-can-be-linked.md).
"""

import secrets
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anchoring.log.copying import Rows
from registry.ledger.movement import RECORDS_FROM

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
    return np.lexsort((ids, units, keys[units]))


def _units(rows: Rows) -> Places:
    """Give of each movement the place of the last of its unit, which stays together in the order of its numbers.

    Here each is a unit by itself.
    """
    return np.arange(len(rows))
