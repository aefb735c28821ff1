"""How a person's points stand: what expires when (R59), what is historical, and the title that it earns (R22)."""

from dataclasses import dataclass

import sqlalchemy as sa

from registry.errors import NotFound
from registry.ledger.ledger import Ledger
from registry.ledger.movement import Flag, Form, Kind
from registry.policies.points import HONOURS, Honour, levels
from registry.policies.policies import in_force


@dataclass(frozen=True, slots=True)
class Expiring:
    """Points that end together: the last moment at which they can be used (Unix milliseconds), and how many."""

    until_ms: int
    quantity_g: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A person's points: usable by expiry, soonest first; locked; historical; the title, and the next one."""

    usable: tuple[Expiring, ...]
    locked_g: int
    historical_g: int
    honour: Honour | None
    next: Honour | None


def standing_of(tx: sa.Connection, ledger: Ledger, account: int) -> Standing:
    """Give how an account's points stand now.

    Points past their expiry are historical from that moment on, also before the registry has ended them (R22).
    """
    at = ledger.clock()
    rows = tx.execute(_LIVE, {"account": account, "form": int(Form.POINTS), "locked": int(Flag.LOCKED)}).all()
    usable = tuple(Expiring(row.until_ms, int(row.grams)) for row in rows if row.until_ms >= at and not row.is_locked)
    ended = int(tx.execute(_ENDED, {"account": account, "kind": int(Kind.EXPIRE)}).scalar_one())
    historical = ended + sum(int(row.grams) for row in rows if row.until_ms < at and not row.is_locked)
    titles = _honours(tx, ledger, at)
    return Standing(
        usable,
        sum(int(row.grams) for row in rows if row.is_locked),
        historical,
        next((one for one in reversed(titles) if one.from_g <= historical), None),
        next((one for one in titles if one.from_g > historical), None),
    )


def _honours(tx: sa.Connection, ledger: Ledger, at: int) -> tuple[Honour, ...]:
    try:
        return levels(dict(in_force(tx, ledger, HONOURS, at).value))
    except NotFound:
        return ()


_LIVE = sa.text("""
    SELECT until_ms, flags & :locked <> 0 AS is_locked, sum(last_g - first_g) AS grams FROM blocks
    WHERE account_id = :account AND form = :form GROUP BY 1, 2 ORDER BY 1, 2
""")
_ENDED = sa.text("""
    SELECT coalesce(sum(last_g - first_g), 0) FROM movements WHERE giver_id = :account AND kind = :kind
""")
