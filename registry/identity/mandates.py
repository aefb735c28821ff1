"""Mandates (委托): a holder lets another account's traders trade for theirs, until a date or until they end it (R3)."""

from dataclasses import dataclass

import sqlalchemy as sa

from registry.accounts.accounts import INSTITUTION, open_row
from registry.database.personal import Erased
from registry.database.schema import mandates
from registry.errors import Conflict, Invalid, NotFound


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate to the account `agent`; times are Unix milliseconds."""

    id: int
    agent: int
    given_ms: int
    until_ms: int | None
    ended_ms: int | None


def give_mandate(tx: sa.Connection, account: int, agent: int, at: int, until: int | None) -> int:
    """Let an institution's traders trade for an account. Raises `Invalid`, `NotFound`, `Conflict` beside another."""
    if until is not None and until <= at:
        raise Invalid("A mandate ends after it begins.")
    if agent == account or open_row(tx, agent).kind != INSTITUTION:
        raise Invalid("A mandate is given to another account, an institution's.")
    tx.execute(_OVER, {"account": account, "agent": agent, "at": at})
    other = mandates.c.account_id == account, mandates.c.agent_id == agent, mandates.c.ended_ms.is_(None)
    if tx.execute(sa.select(mandates.c.id).where(*other)).first() is not None:
        raise Conflict(f"Account {agent} has a mandate already. End it first.")
    row = {"account_id": account, "agent_id": agent, "given_ms": at, "until_ms": until}
    return int(tx.execute(sa.insert(mandates).values(row).returning(mandates.c.id)).scalar_one())


def end_mandate(tx: sa.Connection, account: int, number: int, at: int) -> None:
    """End a mandate of an account; one that has ended stays as it is. Raises `NotFound`."""
    mine = mandates.c.id == number, mandates.c.account_id == account
    if tx.execute(sa.select(mandates.c.id).where(*mine)).first() is None:
        raise NotFound(f"There is no mandate {number} of account {account}.")
    ended = {"ended_ms": sa.func.greatest(at, mandates.c.given_ms)}
    tx.execute(sa.update(mandates).where(*mine, mandates.c.ended_ms.is_(None)).values(ended))


def list_mandates(tx: sa.Connection, account: int) -> list[Mandate]:
    """Give the mandates that an account gave, newest first, also those that ended."""
    query = sa.select(mandates).where(mandates.c.account_id == account).order_by(mandates.c.id.desc()).limit(1000)
    return [Mandate(row.id, row.agent_id, row.given_ms, row.until_ms, row.ended_ms) for row in tx.execute(query)]


def _leave(tx: sa.Connection, account: Erased) -> None:
    """Take away the mandates that an account gave or had."""
    tx.execute(
        sa.delete(mandates).where(sa.or_(*(mandates.c[name] == account.number for name in ("account_id", "agent_id"))))
    )


_OVER = sa.text("""
    UPDATE mandates SET ended_ms = until_ms
    WHERE account_id = :account AND agent_id = :agent AND ended_ms IS NULL AND until_ms <= :at
""")
ERASING = (_leave,)
