"""The replay: leaves of a log in its order, and the first rule that each breaks (docs/design.md, section 11).

The rules on two leaves (section 2) are taken to hold: they are others' to replay.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from registry.evidence.public import Document, RecordLeaf
from registry.ledger.movement import Kind, Movement
from registry.procedure.clock import Watch
from registry.procedure.decision import KINDS, STATEMENTS
from registry.procedure.fields import shown
from registry.procedure.lots import Origins, as_issued
from registry.procedure.rule import Broken, Fault, Finding, Rule
from registry.procedure.standing import Standing

MOVES: Final = frozenset({Kind.ISSUE, Kind.BUNDLE, Kind.CONVERT, Kind.VOID})
"""Movements that rest on a decision; of no other does a replay need to know."""


class Entry(NamedTuple):
    """A leaf: its index, what it says, and its document if it is a record that has one."""

    leaf: int
    movement: Movement
    document: Document | None = None


class Replay:
    """Goes through a log, from its first leaf. A faulty leaf has no effect on what comes after it."""

    def __init__(self, origins: Origins = as_issued) -> None:
        """Follow voided grams back by `origins`."""
        self.standing = Standing()
        self.origins = origins
        self._newest = 0

    def take(self, entry: Entry) -> Fault | None:
        """Take the next leaf: a record, or a movement of `MOVES`; others say nothing here. Gives what it breaks."""
        try:
            self._take(entry)
        except Broken as broken:
            return Fault(entry.leaf, broken.rule, broken.detail)
        self.reach(entry.movement.at)
        return None

    def reach(self, at: int) -> None:
        """Know that a lawful leaf is of this time."""
        self._newest = max(self._newest, at)

    def _take(self, entry: Entry) -> None:
        movement = entry.movement
        if movement.is_record:
            self._record(entry)
        elif movement.kind == Kind.ISSUE:
            self.standing.lots.issue(movement)
        elif movement.kind == Kind.BUNDLE:
            self.standing.lots.bundle(movement.first, movement.last)
        elif movement.kind == Kind.CONVERT:
            until = self.standing.policies.points_until(movement.at)
            if movement.until != until:
                raise Broken(Rule.POLICY, f"its points are valid until {shown(until)}, by the policy in force")
        elif movement.kind == Kind.VOID:
            self.standing.corrections.void(self.origins(movement.first, movement.last))

    def _record(self, entry: Entry) -> None:
        movement, document = entry.movement, entry.document
        if movement.kind not in KINDS and movement.kind not in STATEMENTS:
            raise Broken(Rule.DOCUMENT, f"{movement.kind} is no kind of record")
        if document is None:
            raise Broken(Rule.DOCUMENT, "there is none")
        if document.leaf != RecordLeaf(entry.leaf, movement.kind, movement.evidence):
            raise Broken(Rule.DOCUMENT, "it is of another leaf")
        if movement.kind in KINDS:
            self.standing.decide(entry.leaf, movement, document)

    def findings(self) -> Iterator[Finding]:
        """Name what is lawful so far and not complete, at the time of the newest leaf."""
        yield from self.standing.lots.findings(self._newest)
        yield from self.standing.corrections.findings()


def faults(log: Iterable[Entry], replay: Replay, watch: Watch | None = None) -> Iterator[Fault]:
    """Go through leaves in the order of the log, and name each faulty one by the first rule that it breaks."""
    for entry in log:
        fault = replay.take(entry)
        if fault is None and watch is not None:
            fault = watch.fault(entry.leaf, entry.movement.at)
        if fault is not None:
            yield fault
