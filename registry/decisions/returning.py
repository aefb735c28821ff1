"""How what was decided comes back to a database that was set back: each capability declares it beside its own tables.

What is withheld of a document comes back with the whole of it (`registry.upkeep.recovery.evidence`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from registry.evidence.document import Fields
from registry.procedure import document as documents
from registry.procedure.decision import KINDS, Decision
from registry.procedure.fields import Unreadable


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision as the public log has it: what it says, its digest (32 bytes), and its document's fields."""

    decision: Decision
    digest: bytes
    fields: Fields


Returning = Callable[[sa.Connection, Recorded], None]
"""Has again what a decision made, in the order of the log. What is there already stays as it is, and where something is
lacking that it needs, nothing happens."""


def read_decision(kind: int, fields: Fields) -> Decision | None:
    """Read the decision that a record is; None for a statement, and for what this program cannot read."""
    try:
        return documents.parse(KINDS[kind], fields) if kind in KINDS else None
    except Unreadable:
        return None


def number_of(case: str) -> int:
    """Give the number of what a case is about, where it is that of a row: a source, a lot."""
    return int(case.partition("-")[2])
