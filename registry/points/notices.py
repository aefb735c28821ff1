"""Points are told of before they expire (R59): so many days before as the policy in force says, each time once.

Whoever was not told in time, because the server was down or a policy came later, is told the nearest notice that is
due, and none of those that it overtook.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from registry.clock import day
from registry.database.personal import rows_go
from registry.database.schema import expiry_notices
from registry.errors import NotFound
from registry.events.types import POINTS_EXPIRING
from registry.ledger.ledger import Ledger
from registry.policies.points import EXPIRY_NOTICES, days_before
from registry.policies.policies import in_force
from registry.sources.linking import tell_platforms

if TYPE_CHECKING:
    from registry.events.outbox import Data

DAY_MS: Final = 86_400_000
MOST: Final = 1_000
"""Notices, of one account and day each, that are given in one transaction."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person was told: points that end at `until_ms`, so many days before; times are Unix milliseconds."""

    until_ms: int
    days: int
    quantity_g: int
    at_ms: int


def give_notices(tx: sa.Connection, ledger: Ledger) -> int:
    """Tell people, and the platforms they are linked to, of points that expire soon; give how many notices it made.

    At most `MOST` at a time: call it until it gives 0.
    """
    at = ledger.clock()
    nearest = 0
    for days in _days(tx, ledger, at):
        window = {"days": days, "after": at + nearest * DAY_MS, "by": at + days * DAY_MS, "at": at, "most": MOST}
        made = tx.execute(_GIVE, window).all()
        for row in made:
            told: Data = {"until": day(row.until_ms), "days": days}
            tell_platforms(tx, row.account_id, at, POINTS_EXPIRING, told)
        if made:
            return len(made)
        nearest = days
    return 0


def list_notices(tx: sa.Connection, ledger: Ledger, account: int) -> list[Notice]:
    """Give what a person was told of points that have not ended, soonest end first, the latest notice of each."""
    rows = tx.execute(_OF_ACCOUNT, {"account": account, "at": ledger.clock()})
    return [Notice(row.until_ms, row.days, int(row.quantity_g), row.at_ms) for row in rows]


def forget_notices(tx: sa.Connection, ledger: Ledger) -> int:
    """Delete notices of points that have ended, at most `MOST`; give how many."""
    return tx.execute(_FORGET, {"at": ledger.clock(), "most": MOST}).rowcount


def _days(tx: sa.Connection, ledger: Ledger, at: int) -> tuple[int, ...]:
    try:
        return days_before(dict(in_force(tx, ledger, EXPIRY_NOTICES, at).value))
    except NotFound:
        return ()


# Numbers of form and flags stand in the text as in the index blocks_expiring. An account is held against its erasure.
_GIVE = sa.text("""
    WITH due AS (
        SELECT b.account_id, b.until_ms, sum(b.last_g - b.first_g) AS grams FROM blocks b
        WHERE b.form = 2 AND b.flags & 24 = 8 AND b.until_ms > :after AND b.until_ms <= :by
            AND NOT EXISTS (SELECT FROM set_aside s WHERE s.movement_id = b.movement_id)
            AND NOT EXISTS (
                SELECT FROM expiry_notices n
                WHERE n.account_id = b.account_id AND n.until_ms = b.until_ms AND n.days = :days
            )
            AND EXISTS (SELECT FROM accounts a WHERE a.id = b.account_id AND a.erased_ms IS NULL)
        GROUP BY b.account_id, b.until_ms ORDER BY b.until_ms, b.account_id LIMIT :most
    ), held AS (
        SELECT id FROM accounts WHERE id IN (SELECT account_id FROM due) AND erased_ms IS NULL
        ORDER BY id FOR KEY SHARE
    )
    INSERT INTO expiry_notices (account_id, until_ms, days, quantity_g, at_ms)
    SELECT account_id, until_ms, :days, grams, :at FROM due WHERE account_id IN (SELECT id FROM held)
    ON CONFLICT DO NOTHING RETURNING account_id, until_ms
""")
_OF_ACCOUNT = sa.text("""
    SELECT DISTINCT ON (until_ms) until_ms, days, quantity_g, at_ms FROM expiry_notices
    WHERE account_id = :account AND until_ms >= :at ORDER BY until_ms, days
""")
_FORGET = sa.text("""
    DELETE FROM expiry_notices WHERE (account_id, until_ms, days) IN (
        SELECT account_id, until_ms, days FROM expiry_notices WHERE until_ms < :at LIMIT :most
    )
""")
ERASING = (rows_go(expiry_notices),)
