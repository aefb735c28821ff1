"""Lots that a recovery knows by their grams alone: what stands for the rest, until evidence gives it back."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter

import sqlalchemy as sa

from registry.ledger.child import minute_of
from registry.ledger.movement import Flag, Kind, Movement

UNKNOWN = "UNKNOWN"
"""Code of the methodology that stands for one that is not known."""


@dataclass(frozen=True, slots=True)
class LotRange:
    """The grams `[first, last)` of an issuance, and when its record says that it was, Unix milliseconds."""

    first: int
    last: int
    issued_ms: int


_first = attrgetter("first")
_Sort = tuple[int, int]
"""What all ISSUEs of one lot have in common: their minute, and the flags that say what they may be used for."""


@dataclass
class LotRanges:
    """The grams of each issuance, as far as the log tells: ISSUEs that adjoin, of one minute and one sort.

    They come in any order. Lots of one sort that were issued one after the other in one minute look like one.
    """

    _ends: dict[_Sort, dict[int, int]] = field(default_factory=dict)
    """Of each stretch so far, by its first gram, one past the last; and the other way round."""
    _begins: dict[_Sort, dict[int, int]] = field(default_factory=dict)
    _recorded: dict[int, list[int]] = field(default_factory=dict)
    """When lots were issued, by the minute, in the order of the log."""
    _ranges: list[LotRange] = field(default_factory=list)

    def add(self, movements: Iterable[Movement]) -> None:
        """Take the next leaves, in order."""
        self._ranges.clear()
        for movement in movements:
            if movement.kind == Kind.ISSUANCE:
                self._recorded.setdefault(minute_of(movement.at), []).append(movement.at)
            elif movement.kind == Kind.ISSUE:
                self._join(movement)

    def _join(self, issue: Movement) -> None:
        sort = issue.at, issue.flags & (Flag.CLASS_I | Flag.SCENARIO)
        ends, begins = self._ends.setdefault(sort, {}), self._begins.setdefault(sort, {})
        first = begins.pop(issue.first, issue.first)
        last = ends.pop(issue.last, issue.last)
        ends[first], begins[last] = last, first

    def of(self, gram: int) -> LotRange:
        """Give the lot that holds `gram`, which was issued in the log."""
        if not self._ranges:
            self._ranges = sorted(self._in_order(), key=_first)
        return self._ranges[bisect_right(self._ranges, gram, key=_first) - 1]

    def _in_order(self) -> Iterator[LotRange]:
        """Go through all by their grams. Records are in the order of their lots' grams: numbers are drawn with them."""
        stretches = sorted((at, first, last) for (at, _), ends in self._ends.items() for first, last in ends.items())
        for minute, of_minute in groupby(stretches, itemgetter(0)):
            grams = [(first, last) for _, first, last in of_minute]
            times = self._recorded.get(minute, [minute])
            if len(times) != len(grams):
                # Reports about what came before a lost lot are refused: rather one too many.
                times = [max(times)] * len(grams)
            for (first, last), issued_ms in zip(grams, times, strict=True):
                yield LotRange(first, last, issued_ms)


def ensure_lot(tx: sa.Connection, ranges: LotRanges, issue: Movement) -> tuple[int, int]:
    """Have a lot for an ISSUE: the one that is there, or one of which no more is known than its grams and time.

    Gives the lot's grams `[first, last)`.
    """
    found = tx.execute(_HOLDING, {"first": issue.first, "last": issue.last}).one_or_none()
    if found is not None:
        return found.first_g, found.last_g
    told = ranges.of(issue.first)
    known = tx.execute(_BESIDE, {"first": issue.first, "last": issue.last}).one()
    first, last = max(told.first, known.before or 0), told.last if known.after is None else min(told.last, known.after)
    values = {"first": first, "last": last, "source": _unknown_source(tx), "code": UNKNOWN, "at": told.issued_ms}
    tx.execute(_INSERT, values | {"inputs": bytes(32)})
    return first, last


def _unknown_source(tx: sa.Connection) -> int:
    """The source that stands for those that are not known; made when it is first needed."""
    found = tx.execute(_UNKNOWN_SOURCE, {"code": UNKNOWN}).scalar_one_or_none()
    if found is not None:
        return int(found)
    tx.execute(_UNKNOWN_METHODOLOGY, {"code": UNKNOWN, "digest": bytes(32)})
    return int(tx.execute(_NEW_SOURCE, {"code": UNKNOWN}).scalar_one())


def return_facts(tx: sa.Connection, issue_first: int, facts: dict[str, object]) -> bool:
    """Give a lost lot what the evidence of one of its ISSUEs says; False when its source is not in the database.

    The lot gets back the number that it was issued under, if nothing else has it. False as well when the evidence is of
    a lot of other grams: the log did not tell two apart.
    """
    row = tx.execute(_LOST, {"gram": issue_first}).one_or_none()
    if row is None:
        return True
    if tx.execute(_CAN_RETURN, facts | {"old": row.id}).scalar_one() is not True:
        return False
    tx.execute(_RETURN, facts | {"old": row.id})
    return True


_HOLDING = sa.text("SELECT first_g, last_g FROM lots WHERE first_g <= :first AND last_g >= :last")
_BESIDE = sa.text("""
    SELECT (SELECT max(last_g) FROM lots WHERE last_g <= :first) AS before,
        (SELECT min(first_g) FROM lots WHERE first_g >= :last) AS after
""")
_INSERT = sa.text("""
    INSERT INTO lots (first_g, last_g, source_id, methodology_code, methodology_version, period_from_ms,
        period_until_ms, issued_ms, inputs_sha256, is_lost)
    VALUES (:first, :last, :source, :code, 1, :at, :at, :at, :inputs, true)
""")
_UNKNOWN_SOURCE = sa.text("SELECT min(id) FROM sources WHERE methodology_code = :code")
_UNKNOWN_METHODOLOGY = sa.text("""
    INSERT INTO methodologies (code, version, class, status, record, digest)
    VALUES (:code, 1, 'II', 'illustrative', '{}', :digest) ON CONFLICT DO NOTHING
""")
_NEW_SOURCE = sa.text("""
    WITH applicant AS (
        INSERT INTO accounts (kind, name, opened_ms, erased_ms) VALUES ('institution', NULL, 0, 0) RETURNING id
    )
    INSERT INTO sources (kind, name_zh, name_en, applicant_id, methodology_code, methodology_version,
        valid_from_ms, valid_until_ms)
    SELECT 'scenario', '因恢复而未知', 'Not known since a recovery', id, :code, 1, 0, 1 FROM applicant RETURNING id
""")
_LOST = sa.text("SELECT id FROM lots WHERE is_lost AND first_g <= :gram AND last_g > :gram")
_CAN_RETURN = sa.text("""
    SELECT EXISTS (SELECT FROM sources WHERE id = :source)
        AND EXISTS (SELECT FROM methodologies WHERE (code, version) = (:methodology, :methodology_version))
        AND NOT EXISTS (SELECT FROM lots WHERE id = :lot AND id <> :old)
        AND EXISTS (SELECT FROM lots WHERE id = :old AND (first_g, last_g) = (:lot_first_g, :lot_end_g))
""")
_RETURN = sa.text("""
    UPDATE lots SET id = :lot, source_id = :source, methodology_code = :methodology,
        methodology_version = :methodology_version, period_from_ms = :period_from_ms,
        period_until_ms = :period_until_ms, inputs_sha256 = decode(:inputs_sha256, 'hex'), is_lost = false
    WHERE id = :old
""")
