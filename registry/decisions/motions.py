"""Four eyes: a decision that needs a second officer is moved by one, waits, and is taken when another approves.

A motion is no record: what counts is the decision, whose actor moved it and whose `second` approved it. Each is an act
of its own, so neither officer waits for the other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.database.schema import motions
from registry.decisions.recording import By
from registry.errors import Conflict, NotFound
from registry.procedure.decision import Officer
from registry.procedure.document import officer as read

MOST_OPEN = 1000
"""So many are listed; a city has a few."""
Choose = Callable[[frozenset[str]], Officer]
"""Gives the officer who acts, of one of some authorities; raises when whoever asks is of none."""


@dataclass(frozen=True, slots=True)
class Motion:
    """A decision that somebody moved, and how that ended, if it did; times are Unix milliseconds."""

    id: int
    case: str
    decision: str
    mover: Officer
    reason: str | None
    moved_ms: int
    given: Mapping[str, Any]
    """What else its decision is to say."""

    def by(self, second: Officer) -> By:
        """Give who takes the decision once `second` approves it."""
        return By(self.mover, second, self.reason)


def waits(tx: sa.Connection, case: str) -> bool:
    """Whether a motion waits in a case."""
    return tx.execute(_waiting(case)).scalar_one_or_none() is not None


def move(
    tx: sa.Connection,
    case: str,
    decision: str,
    mover: Officer,
    at: int,
    reason: str | None = None,
    given: Mapping[str, Any] | None = None,
) -> int:
    """Let a decision wait for approval, and give the motion's number.

    Call it under the case's lock. Raises `Conflict` while another waits in the case.
    """
    waiting = tx.execute(_waiting(case)).scalar_one_or_none()
    if waiting is not None:
        raise Conflict(f"Motion {waiting} waits in case {case}. Approve or withdraw it first.")
    row: dict[str, Any] = {
        "case_number": case,
        "decision": decision,
        "mover": str(mover),
        "reason": reason,
        "moved_ms": at,
    }
    row["given"] = dict(given or {})
    return int(tx.execute(sa.insert(motions).values(row).returning(motions.c.id)).scalar_one())


def take_up(tx: sa.Connection, number: int) -> Motion:
    """Read a motion that waits, and keep others from ending it. Raises `NotFound`, or `Conflict` when it has ended."""
    row = tx.execute(sa.select(motions).where(motions.c.id == number).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no motion {number}.")
    if row.ended_ms is not None:
        how = "approved" if row.approved else "withdrawn"
        raise Conflict(f"Motion {number} was {how} by {row.ended_by}.")
    return _motion(row)


def end(tx: sa.Connection, number: int, by: Officer, at: int, *, approved: bool) -> None:
    """Note how a motion ended."""
    values = {"ended_ms": sa.func.greatest(at, motions.c.moved_ms), "ended_by": str(by), "approved": approved}
    tx.execute(sa.update(motions).where(motions.c.id == number, motions.c.ended_ms.is_(None)).values(values))


def end_of_case(tx: sa.Connection, case: str, by: Officer, at: int) -> None:
    """End the motion that waits in a case, if one does, because it was decided otherwise."""
    for number in tx.execute(_waiting(case).with_for_update()).scalars().all():
        end(tx, int(number), by, at, approved=False)


def approver(tx: sa.Connection, choose: Choose, authorities: frozenset[str], mover: Officer) -> Officer:
    """Give who approves what another moved. Raises `Conflict` for who moved it, and what `choose` raises."""
    second = choose(authorities)
    if is_one_person(tx, str(second), str(mover)):
        raise Conflict(f"{second} moved this; another officer approves it.")
    return second


def is_one_person(tx: sa.Connection, one: str, other: str) -> bool:
    """Whether two officers, such as `centre:7`, are one person: who went to another authority has a number of each."""
    return one == other or bool(tx.execute(_ONE_PERSON, {"one": one, "other": other}).scalar_one())


def list_open(tx: sa.Connection) -> list[Motion]:
    """Give the motions that wait, oldest first."""
    query = sa.select(motions).where(motions.c.ended_ms.is_(None)).order_by(motions.c.id).limit(MOST_OPEN)
    return [_motion(row) for row in tx.execute(query)]


def _waiting(case: str) -> sa.Select[Any]:
    return sa.select(motions.c.id).where(motions.c.case_number == case, motions.c.ended_ms.is_(None))


def _motion(row: sa.Row[tuple[object, ...]]) -> Motion:
    return Motion(row.id, row.case_number, row.decision, read(row.mover), row.reason, row.moved_ms, row.given)


_ONE_PERSON = sa.text("""
    SELECT EXISTS (SELECT FROM officers o JOIN officers p ON p.subject_id = o.subject_id
        WHERE o.authority || ':' || o.number = :one AND p.authority || ':' || p.number = :other)
""")
