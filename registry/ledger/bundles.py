"""What grams are made of, and a gram's way through bundles, by the published log. Nothing here writes.

A run is logged as one, and a parent before its children: behind what is logged all is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.errors import NotFound
from registry.ledger.logged import LOGGED, Logged, block_at, life_of_block, logged_of
from registry.ledger.lots import lots_by_number
from registry.ledger.movement import serial
from registry.ledger.queries import MAX_BIGINT


@dataclass(frozen=True, slots=True)
class Part:
    """Grams of one lot: a row of it with its source and methodology (`registry.ledger.lots`), and how many."""

    lot: sa.Row[Any]
    quantity_g: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle: its BUNDLE, and of how many blocks it was made."""

    leaf: Logged
    pieces: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A gram under one of its numbers: the movements that took this number, its issue or bundle first."""

    gram: int
    steps: Sequence[Logged]


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


def made_of(tx: sa.Connection, first: int, last: int) -> list[Part]:
    """Say which lots the grams `[first, last)` of one lot or one bundle were issued in, through all bundles.

    What is no lot's, since a recovery knows it by its grams alone, has one that says so.
    """
    rows = tx.execute(_MADE_OF, {"first": first, "last": last}).all()
    lots = lots_by_number(tx, [row.lot_id for row in rows])
    return [Part(lots[row.lot_id], int(row.grams)) for row in rows]


def number_before(tx: sa.Connection, gram: int) -> int | None:
    """Give the number that a gram had before it went into its bundle; None for one that has the number of its issue."""
    bundle = bundle_of(tx, gram)
    if bundle is None:
        return None
    row = tx.execute(_BEFORE, {"bundle": bundle[0], "gram": gram}).one()
    return int(row.first_g + gram - row.target)


def number_after(tx: sa.Connection, gram: int) -> int | None:
    """Give the number that a gram got in the bundle it went into; None while it lives or when it ended otherwise."""
    row = tx.execute(_AFTER, {"gram": gram}).one_or_none()
    return None if row is None else int(row.target + gram - row.first_g)


def trace(tx: sa.Connection, gram: int) -> list[Stretch]:
    """Follow a gram from its issue to where it is now, or where it ended: a stretch for each number that it had.

    Raises `NotFound` for a number that was never given.
    """
    block_at(tx, gram)
    numbers = [gram]
    while (before := number_before(tx, numbers[0])) is not None:
        numbers.insert(0, before)
    while (after := number_after(tx, numbers[-1])) is not None:
        numbers.append(after)
    return [Stretch(number, life_of_block(tx, number, number + 1)[0].steps) for number in numbers]


_BUNDLE = sa.text(f"""
    SELECT b.*, (SELECT count(*) FROM movements g WHERE g.kind = 6 AND tag_number(g.to_tag, 5) = b.first_g) AS pieces
    FROM ({LOGGED} AND m.kind IN (1, 12) AND m.first_g = :first AND m.kind = 12 AND m.last_g = :last) b
""")  # noqa: S608 (our own text)
_ORIGIN = sa.text("""
    SELECT kind, first_g, last_g FROM movements WHERE kind IN (1, 12) AND first_g <= :gram
    ORDER BY first_g DESC LIMIT 1
""")
_BEFORE = sa.text("""
    SELECT first_g, tag_number(to_tag, 13) AS target FROM movements
    WHERE kind = 6 AND tag_number(to_tag, 5) = :bundle AND tag_number(to_tag, 13) <= :gram
    ORDER BY tag_number(to_tag, 5) DESC, tag_number(to_tag, 13) DESC LIMIT 1
""")
_AFTER = sa.text("""
    SELECT first_g, tag_number(to_tag, 13) AS target FROM (
        SELECT * FROM movements WHERE kind IN (6, 7, 8, 9) AND first_g <= :gram ORDER BY first_g DESC LIMIT 1
    ) m JOIN log_entries e ON e.movement_id = m.id AND e.index < (SELECT published_size FROM log_head)
    WHERE kind = 6 AND last_g > :gram
""")
_MADE_OF = sa.text("""
    WITH stretch (first_g, last_g, lot_g) AS (
        SELECT :first, :last, first_g FROM lots WHERE int8range(first_g, last_g) @> CAST(:first AS bigint)
        UNION ALL
        (SELECT * FROM origins WHERE first_g <= :first ORDER BY first_g DESC LIMIT 1)
        UNION ALL
        SELECT * FROM origins WHERE first_g > :first AND first_g < :last
    )
    SELECT l.id AS lot_id, sum(least(s.last_g, :last) - greatest(s.first_g, :first)) AS grams
    FROM stretch s JOIN lots l ON l.first_g = s.lot_g WHERE s.last_g > :first GROUP BY l.id ORDER BY l.id
""")
