"""What grams are made of, and a gram's way through bundles, by the published log. Nothing here writes.

A run is logged as one, and a parent before its children: behind what is logged all is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from registry.errors import NotFound
from registry.ledger.logged import LOGGED, Logged, block_at, life_of_block, logged_of
from registry.ledger.lots import lots_by_number
from registry.ledger.movement import serial
from registry.ledger.queries import MAX_BIGINT

MAX_PARTS: Final = 200
"""Lots that are named when grams are of more."""
MAX_STRETCHES: Final = 20
"""Numbers of a gram that are shown each way from the one that was asked for."""
MAX_STEPS: Final = 50
"""Movements that are shown of each."""


@dataclass(frozen=True, slots=True)
class Part:
    """Grams of one lot: a row of it with its source and methodology (`registry.ledger.lots`), and how many."""

    lot: sa.Row[Any]
    quantity_g: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Grams `[first, last)` of a lot, by the numbers that they were issued under."""

    lot_id: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Made:
    """What grams are made of: parts, the largest first; `other_lots` lots beside them have `other_g` grams of these."""

    parts: Sequence[Part]
    other_lots: int
    other_g: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle: its BUNDLE, and of how many blocks it was made."""

    leaf: Logged
    pieces: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A gram under one of its numbers: the last movements that took this number, after `earlier` more."""

    gram: int
    steps: Sequence[Logged]
    earlier: int


@dataclass(frozen=True, slots=True)
class Trace:
    """Part of a gram's way; `earlier_g` and `later_g` are its numbers before and after, None where there is none."""

    stretches: Sequence[Stretch]
    earlier_g: int | None
    later_g: int | None


def get_bundle(tx: sa.Connection, first: int, last: int) -> Bundle:
    """Read the bundle of the grams `[first, last)`. Raises `NotFound`."""
    row = tx.execute(_BUNDLE, {"first": first, "last": last}).one_or_none() if last <= MAX_BIGINT else None
    if row is None:
        raise NotFound(f"There is no bundle {serial(first, last)}.")
    return Bundle(logged_of(row), row.pieces)


def bundle_of(tx: sa.Connection, gram: int) -> tuple[int, int] | None:
    """Give the grams `[first, last)` of the bundle in which a number was given; None for a number that was issued."""
    row = tx.execute(_ORIGIN, {"gram": gram}).one_or_none()
    return (row.first_g, row.last_g) if row is not None and row.kind == 12 and gram < row.last_g else None


def made_of(tx: sa.Connection, grams: Sequence[tuple[int, int]]) -> Made:
    """Say which lots these grams were issued in, through all bundles; each `[first, last)` is of one lot or one bundle.

    What is no lot's, since a recovery knows it by its grams alone, has one that says so.
    """
    first, last = ([span[place] for span in grams] for place in (0, 1))
    rows = tx.execute(_MADE_OF, {"first": first, "last": last, "most": MAX_PARTS}).all()
    lots = lots_by_number(tx, [row.lot_id for row in rows])
    parts = [Part(lots[row.lot_id], int(row.grams)) for row in rows]
    others = (
        (rows[0].lots - len(rows), int(rows[0].of_all) - sum(part.quantity_g for part in parts)) if rows else (0, 0)
    )
    return Made(parts, *others)


def numbers_before(tx: sa.Connection, gram: int, most: int) -> list[int]:
    """Give the numbers that a gram had before this one, the last one first; none for one that has that of its issue."""
    return list(tx.execute(_BEFORE, {"gram": gram, "most": most}).scalars())


def numbers_after(tx: sa.Connection, gram: int, most: int) -> list[int]:
    """Give the numbers that a gram got after this one, in order; none while it lives or when it ended otherwise."""
    return list(tx.execute(_AFTER, {"gram": gram, "most": most}).scalars())


def origins(tx: sa.Connection, first: int, last: int) -> list[Origin]:
    """Follow the grams `[first, last)` of one lot or one bundle to the numbers that they were issued under.

    What lies in no lot is left out.
    """
    return [Origin(row.lot_id, row.first_g, row.last_g) for row in tx.execute(_ORIGINS, {"first": first, "last": last})]


def number_before(tx: sa.Connection, gram: int) -> int | None:
    """Give the number that a gram had before it went into its bundle; None for one that has the number of its issue."""
    return next(iter(numbers_before(tx, gram, 1)), None)


def stretch_of(tx: sa.Connection, gram: int, steps: int = MAX_STEPS) -> Stretch:
    """Read what a gram went through under one number, its last `steps`. Raises `NotFound` for one never given."""
    life, _ = life_of_block(tx, gram, gram + 1, limit=steps)
    return Stretch(gram, life.steps, life.earlier)


def trace(tx: sa.Connection, gram: int, most: int = MAX_STRETCHES) -> Trace:
    """Follow a gram both ways, `most` numbers each: from its issue to where it is now, or where it ended.

    How deep a gram lies in bundles is for institutions to say, and how much is read for one who asks is not. Raises
    `NotFound` for a number that was never given.
    """
    block_at(tx, gram)
    before, after = numbers_before(tx, gram, most + 1), numbers_after(tx, gram, most + 1)
    numbers = [*reversed(before[:most]), gram, *after[:most]]
    earlier, later = (found[most] if len(found) > most else None for found in (before, after))
    return Trace([stretch_of(tx, number) for number in numbers], earlier, later)


_BUNDLE = sa.text(f"""
    SELECT b.*, (SELECT count(*) FROM movements g WHERE g.kind = 6 AND tag_number(g.to_tag, 5) = b.first_g) AS pieces
    FROM ({LOGGED} AND m.kind IN (1, 12) AND m.first_g = :first AND m.kind = 12 AND m.last_g = :last) b
""")  # noqa: S608 (our own text)
_ORIGIN = sa.text("""
    SELECT kind, first_g, last_g FROM movements WHERE kind IN (1, 12) AND first_g <= :gram
    ORDER BY first_g DESC LIMIT 1
""")
_BEFORE = sa.text("""
    WITH RECURSIVE line (gram, depth) AS (
        SELECT CAST(:gram AS bigint), 0
        UNION ALL
        SELECT g.first_g + line.gram - g.target, line.depth + 1 FROM line CROSS JOIN LATERAL (
            SELECT kind, first_g FROM movements WHERE kind IN (1, 12) AND first_g <= line.gram
            ORDER BY first_g DESC LIMIT 1
        ) b CROSS JOIN LATERAL (
            SELECT first_g, tag_number(to_tag, 13) AS target FROM movements
            WHERE kind = 6 AND tag_number(to_tag, 5) = b.first_g AND tag_number(to_tag, 13) <= line.gram
            ORDER BY tag_number(to_tag, 5) DESC, tag_number(to_tag, 13) DESC LIMIT 1
        ) g WHERE b.kind = 12 AND line.depth < :most
    ) SELECT gram FROM line WHERE depth > 0 ORDER BY depth
""")
_AFTER = sa.text("""
    WITH RECURSIVE line (gram, depth) AS (
        SELECT CAST(:gram AS bigint), 0
        UNION ALL
        SELECT tag_number(m.to_tag, 13) + line.gram - m.first_g, line.depth + 1 FROM line CROSS JOIN LATERAL (
            SELECT * FROM movements WHERE kind IN (6, 7, 8, 9) AND first_g <= line.gram ORDER BY first_g DESC LIMIT 1
        ) m JOIN log_entries e ON e.movement_id = m.id AND e.index < (SELECT published_size FROM log_head)
        WHERE m.kind = 6 AND m.last_g > line.gram AND line.depth < :most
    ) SELECT gram FROM line WHERE depth > 0 ORDER BY depth
""")
_MADE_OF = sa.text("""
    WITH span AS (
        SELECT * FROM unnest(CAST(:first AS bigint[]), CAST(:last AS bigint[])) AS s (first_g, last_g)
    ), stretch AS (
        SELECT s.last_g - s.first_g AS grams, l.first_g AS lot_g
        FROM span s JOIN lots l ON int8range(l.first_g, l.last_g) @> s.first_g
        UNION ALL
        SELECT least(o.last_g, s.last_g) - greatest(o.first_g, s.first_g), o.lot_g FROM span s CROSS JOIN LATERAL (
            (SELECT * FROM origins WHERE first_g <= s.first_g ORDER BY first_g DESC LIMIT 1)
            UNION ALL
            SELECT * FROM origins WHERE first_g > s.first_g AND first_g < s.last_g
        ) o WHERE o.last_g > s.first_g
    )
    SELECT l.id AS lot_id, sum(s.grams) AS grams, count(*) OVER () AS lots, sum(sum(s.grams)) OVER () AS of_all
    FROM stretch s JOIN lots l ON l.first_g = s.lot_g GROUP BY l.id ORDER BY grams DESC, l.id LIMIT :most
""")
# From each stretch of numbers back to those that its grams had before, until all are numbers of their issue.
_ORIGINS = sa.text("""
    WITH RECURSIVE stretch (first_g, last_g) AS (
        SELECT CAST(:first AS bigint), CAST(:last AS bigint)
        UNION ALL
        SELECT g.first_g + greatest(s.first_g - tag_number(g.to_tag, 13), 0),
            g.first_g + least(s.last_g - tag_number(g.to_tag, 13), g.last_g - g.first_g)
        FROM stretch s CROSS JOIN LATERAL (
            SELECT kind, first_g FROM movements WHERE kind IN (1, 12) AND first_g <= s.first_g
            ORDER BY first_g DESC LIMIT 1
        ) b JOIN movements g ON b.kind = 12 AND g.kind = 6 AND tag_number(g.to_tag, 5) = b.first_g
            AND tag_number(g.to_tag, 13) < s.last_g AND tag_number(g.to_tag, 13) + g.last_g - g.first_g > s.first_g
    )
    SELECT l.id AS lot_id, s.first_g, s.last_g
    FROM stretch s JOIN lots l ON int8range(l.first_g, l.last_g) @> s.first_g ORDER BY s.first_g
""")
