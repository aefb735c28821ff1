"""Mandates (委托), from a date until another or until they are ended (R3).

By one to trade, another account's traders trade for the holder's; by one to apply, another institution applies for
sources that the holder's develops.
"""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from registry.accounts.accounts import INSTITUTION, open_row
from registry.database.personal import Erased
from registry.database.schema import mandates
from registry.errors import Conflict, Invalid, NotFound

TRADE: Final = "trade"
APPLY: Final = "apply"
KINDS: Final = (TRADE, APPLY)


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate to the account `agent`; times are Unix milliseconds."""

    id: int
    kind: str
    agent: int
    given_ms: int
    until_ms: int | None
    ended_ms: int | None


def give_mandate(tx: sa.Connection, account: int, agent: int, at: int, until: int | None, kind: str = TRADE) -> int:
    """Let an institution trade, or apply, for an account. Raises `Invalid`, `NotFound`, `Conflict` beside another."""
    if kind not in KINDS:
        raise Invalid(f"A mandate is one of: {', '.join(KINDS)}.")
    if kind == APPLY and open_row(tx, account).kind != INSTITUTION:
        raise Invalid("An institution develops sources, and lets another apply for them.")
    if until is not None and until <= at:
        raise Invalid("A mandate ends after it begins.")
    if agent == account or open_row(tx, agent).kind != INSTITUTION:
        raise Invalid("A mandate is given to another account, an institution's.")
    tx.execute(_OVER, {"account": account, "agent": agent, "at": at})
    other = (
        mandates.c.account_id == account, mandates.c.agent_id == agent, mandates.c.kind == kind,
        mandates.c.ended_ms.is_(None),
    )  # fmt: skip
    if tx.execute(sa.select(mandates.c.id).where(*other)).first() is not None:
        raise Conflict(f"Account {agent} has a mandate already. End it first.")
    row = {"account_id": account, "agent_id": agent, "given_ms": at, "until_ms": until, "kind": kind}
    return int(tx.execute(sa.insert(mandates).values(row).returning(mandates.c.id)).scalar_one())


def end_mandate(tx: sa.Connection, account: int, number: int, at: int) -> None:
    """End a mandate of an account; one that has ended stays as it is. Raises `NotFound`."""
    mine = mandates.c.id == number, mandates.c.account_id == account
    if tx.execute(sa.select(mandates.c.id).where(*mine)).first() is None:
        raise NotFound(f"There is no mandate {number} of account {account}.")
    ended = {"ended_ms": sa.func.greatest(at, mandates.c.given_ms)}
    tx.execute(sa.update(mandates).where(*mine, mandates.c.ended_ms.is_(None)).values(ended))


def must_have_mandate(tx: sa.Connection, account: int, agent: int, kind: str, at: int) -> None:
    """Raise `Conflict` unless an account's mandate to another stands; it cannot be ended in this transaction's time."""
    if tx.execute(_STANDS, {"account": account, "agent": agent, "kind": kind, "at": at}).first() is None:
        raise Conflict(
            f"Account {account} gave account {agent} no mandate to {kind} that stands. Its holder gives one."
        )


def list_mandates(tx: sa.Connection, account: int) -> list[Mandate]:
    """Give the mandates that an account gave, newest first, also those that ended."""
    query = sa.select(mandates).where(mandates.c.account_id == account).order_by(mandates.c.id.desc()).limit(1000)
    return [
        Mandate(row.id, row.kind, row.agent_id, row.given_ms, row.until_ms, row.ended_ms) for row in tx.execute(query)
    ]


def _leave(tx: sa.Connection, account: Erased) -> None:
    """Take away the mandates that an account gave or had."""
    tx.execute(
        sa.delete(mandates).where(sa.or_(*(mandates.c[name] == account.number for name in ("account_id", "agent_id"))))
    )


_STANDS = sa.text("""
    SELECT id FROM mandates WHERE account_id = :account AND agent_id = :agent AND kind = :kind AND ended_ms IS NULL
        AND (until_ms IS NULL OR until_ms > :at) FOR SHARE
""")
_OVER = sa.text("""
    UPDATE mandates SET ended_ms = until_ms
    WHERE account_id = :account AND agent_id = :agent AND ended_ms IS NULL AND until_ms <= :at
""")
ERASING = (_leave,)
