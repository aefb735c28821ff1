"""Runs of GATHERs and their BUNDLE over many rows at once (docs/design.md, section 2).

What `registry.ledger.rules.broken_run` says of two neighbours, this says of a whole stretch of the log. Targets are
read from the to tags, without ever adding numbers up past 64 bits.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from anchoring.replaying.history import UNREAD, Rows
from registry.ledger.movement import GRAMS_END, Kind
from registry.ledger.rules import BUNDLE_FLAGS

_TARGET: Final = np.dtype([("zero", ">u4"), ("bundle", ">u8"), ("first", ">u8")])
"""A GATHER's to tag: the first number of its bundle, and the number that its own first gram gets."""
_END: Final = np.uint64(GRAMS_END)
Flags = NDArray[np.bool_]


def are_targets(rows: Rows) -> Flags:
    """Tell of each row whether it is a GATHER whose to tag is a target, and whose range is one; shape (n,)."""
    found = np.zeros(len(rows), np.bool_)
    places = np.flatnonzero(rows["codes"] >> 14 == Kind.GATHER)
    found[places] = _are_targets(rows.take(places))
    return found


def broken_runs(rows: Rows, start: int) -> NDArray[np.intp]:
    """Give the leaves from `start` on that should be of one run with the leaf before them and are not, by index.

    `rows` are those of all leaves up to the last to be judged. Beside a leaf that was not read nothing is known. What
    is behind the last leaf is `ends_in_run`'s to say.
    """
    begin = max(start - 1, 0)
    part = rows[begin:]
    kind = part["codes"] >> 14
    is_gather, is_bundle = kind == Kind.GATHER, kind == Kind.BUNDLE
    # Most leaves are of no run: only what stands in one, and what stands right behind it, is looked at closely.
    places = np.flatnonzero(is_gather | is_bundle | np.append(False, is_gather[:-1]))
    places = places[places + begin >= start]
    before, after = part.take(np.maximum(places - 1, 0)), part.take(places)
    is_first = places + begin == 0
    is_after_gather = is_gather[np.maximum(places - 1, 0)] & ~is_first
    needs_one = is_bundle[places]
    gathers = np.flatnonzero(is_gather[places])
    targets = _targets(after[gathers])
    needs_one[gathers] = _are_targets(after[gathers]) & (targets["bundle"] != targets["first"])
    goes_on = np.zeros(len(places), np.bool_)
    goes_on[is_after_gather] = _go_on(before[is_after_gather], after[is_after_gather])
    is_known = (after["codes"] != UNREAD) & (is_first | (before["codes"] != UNREAD))
    return np.asarray(places[(is_after_gather | needs_one) & ~goes_on & is_known] + begin, np.intp)


def ends_in_run(rows: Rows) -> bool:
    """Whether the last of these rows is a GATHER: no checkpoint of a lawful log ends there."""
    return len(rows) > 0 and int(rows["codes"][-1]) >> 14 == Kind.GATHER


def _targets(rows: Rows) -> Rows:
    return np.ascontiguousarray(rows["to_tag"]).view(_TARGET)


def _are_targets(gathers: Rows) -> Flags:
    targets, first, last = _targets(gathers), gathers["first"], gathers["last"]
    is_range = (first < last) & (last < _END)
    room = _END - np.where(is_range, last - first, np.uint64(0))
    is_led = (targets["bundle"] <= targets["first"]) & (targets["first"] < room)
    return np.asarray(is_range & is_led & (targets["zero"] == 0), np.bool_)


def _go_on(gathers: Rows, after: Rows) -> Flags:
    """Tell whether each leaf takes up the run where the GATHER before it leaves it."""
    targets, following = _targets(gathers), _targets(after)
    is_known = _are_targets(gathers)
    end = targets["first"] + np.where(is_known, gathers["last"] - gathers["first"], np.uint64(0))
    flags = (gathers["codes"] ^ after["codes"]) >> 6 & np.uint32(BUNDLE_FLAGS)
    kind = after["codes"] >> 14
    is_next = (kind == Kind.GATHER) & (following["bundle"] == targets["bundle"]) & (following["first"] == end)
    is_next[is_next] = _are_targets(after[is_next])
    is_whole = (kind == Kind.BUNDLE) & (after["first"] == targets["bundle"]) & (after["last"] == end)
    return np.asarray(is_known & (gathers["at"] == after["at"]) & (flags == 0) & (is_next | is_whole), np.bool_)
