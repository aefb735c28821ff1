"""Replays every rule on the leaves of the mirror, as a witness does, and counts what a contract is told."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from anchoring.conviction import Entry, convicting_rule
from anchoring.errors import Malformed
from anchoring.monitor.copying import LogCopy
from anchoring.tree.fetching import BATCH, LeafFetcher
from anchoring.witness.replay import Replayer, count_on
from anchoring.witness.state import Head, WitnessState
from registry.keyfile import no_step
from registry.ledger.movement import Kind
from registry.ledger.rules import Rule

MAX_STATES: Final = 4
"""Checked in a round: a log that writes thousands of them is not to hold its monitor for each."""
Figures = tuple[int, int]
"""Frontier and ended grams."""


class Judging:
    """What was judged of one log: all its leaves up to `size`."""

    def __init__(self, folder: Path, vkey: str, copy: LogCopy) -> None:
        """Go on from the folder, or begin it. Raises Unreachable or Malformed when it cannot be used."""
        self._copy = copy
        with ExitStack() as opening:
            self._state = opening.enter_context(WitnessState(folder, vkey, is_new=not (folder / "head.json").exists()))
            head = self._state.head.tree
            if head.size > copy.size or copy.root_at(head.size) != head.root:
                raise Malformed(f"{folder} is not of the leaves beside it; remove it, and they are judged anew.")
            self._replayer = Replayer(self._state, copy.mirror, states=False)
            opening.callback(self._replayer.close)
            self._leaves = LeafFetcher(copy.mirror)
            opening.callback(self._leaves.close)
            self._opened = opening.pop_all()

    def close(self) -> None:
        """Close the files."""
        self._opened.close()

    @property
    def size(self) -> int:
        """Leaves that were judged, all lawful."""
        return self._state.head.tree.size

    @property
    def figures(self) -> Figures:
        """Frontier and ended grams of them."""
        return self._state.head.tree.frontier_g, self._state.head.tree.ended_g

    def judge(self) -> None:
        """Judge all new leaves, and the last `MAX_STATES` STATE records among them.

        Raises Unlawful for the first that breaks a rule; its batch is not kept.
        """
        if self._copy.size == self.size:
            return
        reached = self._replayer.replay(self._copy.size, self._copy.root_at(self._copy.size))
        for index in sorted(islice(self._states_from_last(), MAX_STATES)):
            self._replayer.check_states(self._leaves.fetch(index, self._copy.size)[:1], index)
        self._state.commit(Head(reached.tree, reached.peaks, None), no_step)

    def _states_from_last(self) -> Iterator[int]:
        """Give the indices of the new STATE records, the last one first."""
        end = self._copy.size
        while end > self.size:
            start = max(self.size, (end - 1) // BATCH * BATCH)
            kinds = self._leaves.fetch(start, self._copy.size)["kind"][: end - start]
            yield from (np.flatnonzero(kinds == Kind.STATE)[::-1] + start).tolist()
            end = start

    def count(self, since: tuple[int, int, int], size: int) -> Figures:
        """Count frontier and ended grams of the first `size` judged leaves, on from what was counted (size, ...)."""
        start, frontier_g, ended_g = since if since[0] <= size else (0, 0, 0)
        return count_on(frontier_g, ended_g, self._state.rows(size)[start:])


def convicting_pair(copy: LogCopy, leaf: int, other: int | None, size: int) -> tuple[Entry, Entry, Rule] | None:
    """Give the two leaves that convict, the accused one first, proven in our first `size` leaves.

    `other` is None for a leaf that is broken by itself, any other will do; and for a GATHER that a signed tree ends
    with, what came behind it since may convict. None when there is no second leaf yet, or the two convict neither way.
    """
    behind_or_before = leaf + 1 if leaf + 1 < size else leaf - 1
    beside = behind_or_before if other is None else other
    if not 0 <= beside < size or leaf >= size or leaf == beside:
        return None
    one, two = copy.entry(leaf, size), copy.entry(beside, size)
    for accused, against in ((one, two), (two, one)):
        rule = convicting_rule(accused, against)
        if rule is not None:
            return accused, against, rule
    return None
