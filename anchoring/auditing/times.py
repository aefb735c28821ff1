"""The times that records say, held against the chain's: by the blocks of the anchors around each.

A tree that is anchored in a block was there before it: a record of it that says a later time, says a false one. What
came after an anchored tree is of a later time, or it waited for the log that long; which of the two, no file tells.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from anchoring.replaying.faults import Fault
from registry.procedure.clock import Bounds
from registry.procedure.fields import shown
from registry.procedure.rule import SENTENCES, Finding, Rule, Unfinished

Moments = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Of each record of a log its index, and the time that it says, Unix milliseconds."""


def check_times(
    moments: Moments, sizes: Sequence[int], made_at: Callable[[int], int], bounds: Bounds
) -> Iterator[Fault | Finding]:
    """Name the records that are of another time than the anchors around them.

    `sizes` are anchored, in rising order; `made_at` gives of the one at a place the time of its block, Unix
    milliseconds, and is asked once, and only for those around records.
    """
    asked = cache(made_at)
    for leaf, at, place in zip(
        *map(np.ndarray.tolist, (*moments, np.searchsorted(sizes, moments[0], "right"))), strict=True
    ):
        if place < len(sizes) and at > asked(place) + bounds.ahead_ms:
            said = (
                f"it is of {shown(at)}, and was anchored by {shown(asked(place))}, in a tree of {sizes[place]} leaves"
            )
            yield Fault(Rule.CLOCK, f"{SENTENCES[Rule.CLOCK]}: {said}", leaf=leaf)
        elif place and at < asked(place - 1) - bounds.behind_ms:
            before = f"{sizes[place - 1]} leaves before it were anchored by {shown(asked(place - 1))}"
            yield Finding(leaf, Unfinished.BEFORE_ANCHOR, f"it is of {shown(at)}, and {before}: it waited that long")
