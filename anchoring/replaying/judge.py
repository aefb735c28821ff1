"""The rules of the design's section 2 over many movements at once, by the one text of them that there is.

A rule looks at nothing but the codes of child and parent, at how their ranges, times and tags compare, and at whether
a GATHER's to tag is a target. All of that is packed into 64 bits, the pair's signature. Pairs with the same signature
break the same rule, so one of each is asked of `registry.ledger.rules.broken_rule`, and a log of millions has some
hundred signatures. A rule that looked at something else would need another bit here; the tests compare the two on
every kind of departure. What stands beside a leaf in the log is `runs`' to judge.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anchoring.leaf import NO_PARENT
from anchoring.replaying.history import UNREAD, Rows, movement_of
from anchoring.replaying.runs import are_targets
from registry.ledger.movement import GRAMS_END, NO_TAG, ORIGINS, Movement
from registry.ledger.rules import Rule, broken_rule

LAWFUL: Final = 0
REMEMBERED: Final = 100_000
"""Signatures remembered; a log made to have more costs time, not memory."""

_CODE_BITS = 18
_CODES = (1 << _CODE_BITS) - 1
_ZERO_TAG = np.array(NO_TAG, "V20")
_GRAMS_END = np.uint64(GRAMS_END)


class Judge:
    """Judges movements against their parents, and remembers its judgement of each signature."""

    def __init__(self) -> None:
        """Know no signature yet."""
        self._known: dict[int, int] = {}

    def judge(self, history: Rows, start: int) -> NDArray[np.uint8]:
        """Name the first rule that each leaf from `start` on breaks, as `Rule` numbers, or `LAWFUL`.

        `history` are the rows of all leaves up to the last to be judged. A leaf that was not read, or whose parent
        was not, is lawful as far as one can see.
        """
        children = history[start:]
        parents, is_named, is_before = parents_of(history, start)
        is_parent_read = is_before & (parents["codes"] != UNREAD)
        signatures = _signatures(children, parents, is_named)
        found, which = np.unique(signatures, return_inverse=True)
        rules = np.zeros(len(found), np.uint8)
        for at, signature in enumerate(found.tolist()):
            if signature not in self._known:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                example = int(np.argmax(which == at))
                self._known[signature] = _judge_one(
                    children[example],
                    parents[example] if is_parent_read[example] else None,
                    is_before=bool(is_before[example]),
                )
            rules[at] = self._known[signature]
        return rules[which]


def parents_of(history: Rows, start: int) -> tuple[Rows, NDArray[np.bool_], NDArray[np.bool_]]:
    """Look up the parents of the leaves from `start` on: rows, whether one is named, and whether it comes before.

    Where no parent is named, or none that comes before, the row is all zero.
    """
    children = history[start:]
    is_named = children["parent"] != NO_PARENT
    is_before = children["parent"] < np.arange(start, len(history), dtype=np.uint64)
    parents = np.take(history, np.where(is_before, children["parent"], 0).astype(np.intp))
    parents[~is_before] = np.zeros((), parents.dtype)
    return parents, is_named, is_before


def _signatures(children: Rows, parents: Rows, is_named: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack all that the rules look at: 18 bits of codes of each side, and 15 comparisons.

    The codes also tell what is no leaf: all ones for one that was not read, zero for a parent that is not before.
    """
    c, p = children, parents
    comparisons = (
        is_named,
        (c["first"] >= c["last"]) | (c["last"] >= _GRAMS_END),
        (c["first"] == 0) & (c["last"] == 0),
        (p["first"] <= c["first"]) & (c["last"] <= p["last"]),
        c["at"] < p["at"],
        c["until"] == 0,
        c["until"] > c["at"],
        c["until"] == p["until"],
        c["at"] <= p["until"],
        c["from_tag"] == p["to_tag"],
        c["to_tag"] == c["from_tag"],
        c["to_tag"] == p["from_tag"],
        c["from_tag"] == _ZERO_TAG,
        c["to_tag"] == _ZERO_TAG,
        are_targets(c),
    )
    packed = (c["codes"] & _CODES).astype(np.uint64) << np.uint64(_CODE_BITS) | p["codes"] & np.uint64(_CODES)
    for comparison in comparisons:
        packed = packed << np.uint64(1) | comparison
    return packed


def _judge_one(child: Any, parent: Any | None, *, is_before: bool) -> int:
    """Ask the rules about one row; `parent` is None when there is none or it was not read."""
    if child["codes"] == UNREAD:
        return LAWFUL
    movement = movement_of(child)
    found = broken_rule(movement, None if parent is None else movement_of(parent))
    if found is Rule.PARENT and parent is None and _needs_parent(movement):
        # Named and not seen: later in the log, or before it in a place that could not be read.
        return LAWFUL if is_before else Rule.ORDER
    return LAWFUL if found is None else found


def _needs_parent(movement: Movement) -> bool:
    return movement.parent is not None and movement.kind not in ORIGINS
