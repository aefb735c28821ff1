"""Follows the decisions of one log, stretch by stretch, from its first one on."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from anchoring.auditing.history import Rows, movement_of
from anchoring.decisions.columns import ColumnReplay
from anchoring.decisions.origins import Bundles
from registry.evidence.public import Document, RecordLeaf
from registry.procedure.replay import Entry, Replay
from registry.procedure.rule import Fault, Finding

CASE: Final = "case"
"""A record that lacks this field is no decision; of what stands before a log's first one nothing is asked."""


class Following:
    """What the decisions among the first `size` leaves of a log made."""

    def __init__(self) -> None:
        """Begin before the first leaf."""
        self.size = 0
        self.is_sound = True
        """Not while leaves are taken, nor ever again when not all of them were: some of their decisions count then."""
        self.begun_at: int | None = None
        """The index of the first decision."""
        self._bundles = Bundles()
        self._replay = Replay(self._bundles.origins)
        self._columns = ColumnReplay(self._replay, self._bundles)

    def take(self, rows: Rows, records: Iterable[tuple[RecordLeaf, Document | None]]) -> Iterator[Fault]:
        """Take the leaves from `size` on, of which `records` are records, in order, with their documents.

        `rows` are those of all leaves from the first on. Gives what is faulty in the order of the log; `size` has moved
        on when all of it was given.
        """
        self.is_sound = False
        entries: Iterator[Entry] = (_entry(rows, leaf, document) for leaf, document in records)
        self._bundles.reach(rows)
        start, end = self.size, len(rows)
        if self.begun_at is None:
            first = next(filter(_is_decision, entries), None)
            self.begun_at = None if first is None else first.leaf
            start = end if first is None else first.leaf
            entries = chain(() if first is None else (first,), entries)
        yield from self._columns.take(rows[start:], start, entries)
        self.size, self.is_sound = end, True

    def findings(self) -> tuple[Finding, ...]:
        """Name what is lawful so far and not complete."""
        return tuple(self._replay.findings())


def _entry(rows: Rows, leaf: RecordLeaf, document: Document | None) -> Entry:
    """Make a record's entry; its row tells all of it but kind and evidence."""
    movement = movement_of(rows[leaf.index])
    return Entry(leaf.index, replace(movement, kind=leaf.kind, evidence=leaf.evidence), document)


def _is_decision(entry: Entry) -> bool:
    return entry.document is not None and CASE in entry.document.fields
