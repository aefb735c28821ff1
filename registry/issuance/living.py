"""Where grams are now that were issued under some numbers: followed forward through every bundle that took them."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from registry.database.schema import blocks
from registry.errors import Invalid, NotFound
from registry.ledger.blocks import Piece, block_of, select_blocks
from registry.ledger.bundles import origins
from registry.procedure.fields import Range


@dataclass(frozen=True, slots=True)
class Living:
    """A piece of a live block, and the number under which its first gram was issued."""

    issued_first: int
    piece: Piece


def living(tx: sa.Connection, ranges: Sequence[Range]) -> list[Living]:
    """Find what lives of grams `[first, end)` by the numbers of their issue, in the order of these."""
    spans = {"first": [first for first, _ in ranges], "last": [end for _, end in ranges]}
    rows = tx.execute(_LIVING, spans).all()
    firsts: sa.BindParameter[list[int]] = sa.bindparam("firsts", sorted({row.block_first for row in rows}))
    query = select_blocks().where(blocks.c.first_g == sa.any_(firsts))
    found = {block.first: block for block in map(block_of, tx.execute(query))}
    return [
        Living(row.issued_first, Piece(found[row.block_first], row.first_g, row.last_g))
        for row in rows
        if row.block_first in found
    ]


def issued_as(tx: sa.Connection, grams: Sequence[Range]) -> dict[int, tuple[Range, ...]]:
    """Follow grams under any of their numbers back to those of their issue: lot -> ranges, ascending and apart.

    Raises `Invalid` for numbers of which the log does not tell the lot.
    """
    found: dict[int, list[Range]] = {}
    for first, end in grams:
        back = [one for span in _as_given(tx, first, end) for one in origins(tx, *span)]
        if sum(one.last - one.first for one in back) != end - first:
            raise Invalid("Some of these grams lie in no lot that is known here; find their issuance first.")
        for one in back:
            found.setdefault(one.lot_id, []).append((one.first, one.last))
    return {lot: apart(spans) for lot, spans in sorted(found.items())}


def issued_to(tx: sa.Connection, account: int, lot: int | None) -> dict[int, tuple[Range, ...]]:
    """Give what was issued to an account and not corrected yet, of one lot or of all: lot -> ranges."""
    found: dict[int, list[Range]] = {}
    for row in tx.execute(_ISSUED, {"account": account, "lot": lot}):
        found.setdefault(row.lot_id, []).append((row.first_g, row.last_g))
    return {number: _without_corrected(tx, apart(spans)) for number, spans in sorted(found.items())}


def of_activity(tx: sa.Connection, source_id: int, reference: bytes) -> dict[int, tuple[Range, ...]]:
    """Give as many of the grams that were issued to whose an activity is, in its lot, as it is worth.

    Which of a person's grams in a lot are of which activity nobody can say: those that live go first. Raises
    `NotFound` for an activity of which nothing is known, or not whose it is any more.
    """
    row = tx.execute(_ACTIVITY, {"source": source_id, "reference": reference}).one_or_none()
    if row is None or row.account_id is None:
        raise NotFound("Nothing was issued for this activity, or it was of an account that is erased.")
    ranges = issued_to(tx, row.account_id, row.lot_id).get(row.lot_id, ())
    alive = apart([(one.issued_first, one.issued_first + one.piece.quantity_g) for one in living(tx, ranges)])
    wanted, taken = int(row.quantity_g), list[Range]()
    for first, end in (*alive, *_less(ranges, alive)):
        grams = min(wanted, end - first)
        if grams:
            taken.append((first, first + grams))
            wanted -= grams
    return {row.lot_id: apart(taken)}


def apart(spans: Sequence[Range]) -> tuple[Range, ...]:
    """Put ranges in order, with those in one that touch or meet."""
    joined: list[Range] = []
    for first, end in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((first, end))
    return tuple(joined)


def _less(spans: Sequence[Range], others: Sequence[Range]) -> tuple[Range, ...]:
    """Take ranges out of ranges; both in order, and apart."""
    left: list[Range] = []
    for first, end in spans:
        at = first
        for begin, until in others:
            if begin < end and until > at:
                if begin > at:
                    left.append((at, begin))
                at = max(at, until)
        if at < end:
            left.append((at, end))
    return tuple(left)


def _as_given(tx: sa.Connection, first: int, end: int) -> list[Range]:
    """Cut grams at the lots and bundles in which their numbers were given."""
    return [(row.first_g, row.last_g) for row in tx.execute(_GIVEN, {"first": first, "last": end})]


def _without_corrected(tx: sa.Connection, spans: tuple[Range, ...]) -> tuple[Range, ...]:
    values = {"first": [first for first, _ in spans], "last": [end for _, end in spans]}
    others = apart([(row.first_g, row.last_g) for row in tx.execute(_CORRECTED, values)])
    return _less(spans, others)


# A number is gathered once: behind each stretch of numbers stand the GATHERs that took it, with where its grams went.
_LIVING = sa.text("""
    WITH RECURSIVE stretch (issued, first_g, last_g) AS (
        SELECT first, first, last FROM unnest(CAST(:first AS bigint[]), CAST(:last AS bigint[])) s (first, last)
        UNION ALL
        SELECT s.issued + greatest(g.first_g - s.first_g, 0),
            tag_number(g.to_tag, 13) + greatest(s.first_g - g.first_g, 0),
            tag_number(g.to_tag, 13) + least(s.last_g, g.last_g) - g.first_g
        FROM stretch s CROSS JOIN LATERAL (
            (SELECT * FROM movements WHERE kind IN (6, 7, 8, 9) AND first_g <= s.first_g ORDER BY first_g DESC LIMIT 1)
            UNION ALL
            SELECT * FROM movements WHERE kind IN (6, 7, 8, 9) AND first_g > s.first_g AND first_g < s.last_g
        ) g WHERE g.kind = 6 AND g.last_g > s.first_g
    )
    SELECT s.issued + greatest(b.first_g - s.first_g, 0) AS issued_first, b.first_g AS block_first,
        greatest(b.first_g, s.first_g) AS first_g, least(b.last_g, s.last_g) AS last_g
    FROM stretch s CROSS JOIN LATERAL (
        (SELECT * FROM blocks WHERE first_g <= s.first_g ORDER BY first_g DESC LIMIT 1)
        UNION ALL
        SELECT * FROM blocks WHERE first_g > s.first_g AND first_g < s.last_g
    ) b WHERE b.last_g > s.first_g ORDER BY issued_first
""")
_GIVEN = sa.text("""
    SELECT greatest(first_g, :first) AS first_g, least(last_g, :last) AS last_g FROM lots
    WHERE int8range(first_g, last_g) && int8range(:first, :last)
    UNION ALL
    SELECT greatest(m.first_g, :first), least(m.last_g, :last) FROM (
        (SELECT * FROM movements WHERE kind IN (1, 12) AND first_g <= :first ORDER BY first_g DESC LIMIT 1)
        UNION ALL
        SELECT * FROM movements WHERE kind IN (1, 12) AND first_g > :first AND first_g < :last
    ) m WHERE m.kind = 12 AND m.last_g > :first
""")
_ISSUED = sa.text("""
    SELECT l.id AS lot_id, m.first_g, m.last_g FROM movements m
    JOIN lots l ON int8range(l.first_g, l.last_g) @> m.first_g
    WHERE m.account_id = :account AND m.kind = 1 AND (CAST(:lot AS bigint) IS NULL OR l.id = :lot) ORDER BY m.first_g
""")
_CORRECTED = sa.text("""
    SELECT c.first_g, c.last_g FROM unnest(CAST(:first AS bigint[]), CAST(:last AS bigint[])) s (first, last)
    JOIN corrected c ON int8range(c.first_g, c.last_g) && int8range(s.first, s.last)
""")
_ACTIVITY = sa.text("""
    SELECT account_id, lot_id, quantity_g FROM activities WHERE source_id = :source AND reference = :reference
""")
