"""Settlement statements (结算单): what orders of a day came to, and what collected points may return to."""

from dataclasses import dataclass

import sqlalchemy as sa

from registry.ledger.movement import Flag, Form


@dataclass(frozen=True, slots=True)
class OfOffer:
    """What came in and went back for one offer on one day: orders and points (1 point = 1 g)."""

    offer: int
    name_zh: str
    name_en: str
    orders: int
    quantity_g: int
    given_back: int
    given_back_g: int


@dataclass(frozen=True, slots=True)
class Collected:
    """Collected points of one class of reductions ("I", "II"), in grams, which return to reductions of that class."""

    of_class: str
    quantity_g: int


def statement_of(tx: sa.Connection, provider: int, begin_ms: int, end_ms: int) -> list[OfOffer]:
    """Add up a provider's orders placed, and those given back, in `[begin, end)` (Unix milliseconds), by offer."""
    rows = tx.execute(_STATEMENT, {"provider": provider, "begin": begin_ms, "end": end_ms})
    return [
        OfOffer(row.offer, row.name_zh, row.name_en, row.orders, int(row.quantity_g), row.back, int(row.back_g))
        for row in rows
    ]


def collected_by(tx: sa.Connection, account: int) -> list[Collected]:
    """Add up the points that an institution holds and may return, by class."""
    wanted = {"account": account, "points": int(Form.POINTS), "locked": int(Flag.LOCKED), "first": int(Flag.CLASS_I)}
    return [Collected(row.of_class, int(row.grams)) for row in tx.execute(_COLLECTED, wanted)]


_STATEMENT = sa.text("""
    SELECT s.offer_id AS offer, f.name_zh, f.name_en, sum(orders) AS orders, sum(quantity_g) AS quantity_g,
        sum(back) AS back, sum(back_g) AS back_g
    FROM (
        SELECT offer_id, 1 AS orders, quantity_g, 0 AS back, 0 AS back_g FROM orders
        WHERE provider_id = :provider AND placed_ms >= :begin AND placed_ms < :end
        UNION ALL
        SELECT offer_id, 0, 0, 1, quantity_g FROM orders
        WHERE provider_id = :provider AND ended_ms >= :begin AND ended_ms < :end
    ) s JOIN offers f ON f.id = s.offer_id
    GROUP BY s.offer_id, f.name_zh, f.name_en ORDER BY s.offer_id
""")
_COLLECTED = sa.text("""
    SELECT CASE WHEN flags & :first <> 0 THEN 'I' ELSE 'II' END AS of_class, sum(last_g - first_g) AS grams FROM blocks
    WHERE account_id = :account AND form = :points AND flags & :locked = 0 GROUP BY 1 ORDER BY 1
""")
