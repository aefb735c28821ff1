"""Follows the decisions of one log, stretch by stretch, from its first leaf on."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from anchoring.decisions.columns import ColumnReplay
from anchoring.decisions.origins import AllRows, Bundles
from anchoring.replaying.history import movement_of
from registry.evidence.public import Document, RecordLeaf
from registry.procedure.lots import Issuance
from registry.procedure.replay import Entry, Replay
from registry.procedure.rule import Fault, Finding


class Following:
    """What the decisions among the first `size` leaves of a log made."""

    def __init__(self) -> None:
        """Begin before the first leaf."""
        self.size = 0
        self.is_sound = True
        """Not while leaves are taken, nor ever again when not all of them were: some of their decisions count then."""
        self._bundles = Bundles()
        self._replay = Replay(self._bundles.origins)
        self._columns = ColumnReplay(self._replay, self._bundles)

    def take(self, rows: AllRows, records: Iterable[tuple[RecordLeaf, Document | None]]) -> Iterator[Fault]:
        """Take the leaves from `size` on, of which `records` are records, in order, with their documents.

        `rows` are those of all leaves from the first on. Gives what is faulty in the order of the log; `size` has moved
        on when all of it was given.
        """
        self.is_sound = False
        self._bundles.reach(rows)
        new = rows[self.size :]
        entries = (_entry(new[leaf.index - self.size], leaf, document) for leaf, document in records)
        yield from self._columns.take(new, self.size, entries)
        self._bundles.leave()
        self.size, self.is_sound = len(rows), True

    def issuances(self) -> Sequence[Issuance]:
        """Give the grams of each lot that was decided, and where, in the order of the log."""
        return self._replay.standing.lots.issuances

    def findings(self) -> tuple[Finding, ...]:
        """Name what is lawful so far and not complete."""
        return tuple(self._replay.findings())


def _entry(row: Any, leaf: RecordLeaf, document: Document | None) -> Entry:
    """Make a record's entry; its row tells all of it but kind and evidence."""
    return Entry(leaf.index, movement_of(row, leaf.kind, leaf.evidence), document)
