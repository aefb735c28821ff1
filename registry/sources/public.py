"""Sources as everybody reads them: as far as the published log tells, and what was issued under each (R69, R70)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import sqlalchemy as sa

from registry.errors import Invalid, NotFound
from registry.ledger.queries import MAX_BIGINT, Page, bounded, read_cursor
from registry.procedure.decision import PREFIXES, SOURCE_KINDS, Record
from registry.procedure.fields import Unreadable, code, moment, word
from registry.sources.shares import Share
from registry.sources.sources import checked_district


@dataclass(frozen=True, slots=True)
class Benefit:
    """What a methodology computes beside carbon (R69): its name in Chinese and English, and its unit if it has one."""

    zh: str
    en: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class PublicSource:
    """A source by its last decision in the published log, the leaf `index`; times are Unix milliseconds.

    `valid_from_ms` and `valid_until_ms` are None where that decision does not say them.
    """

    id: int
    index: int
    state: str
    kind: str
    name_zh: str
    name_en: str
    district: str | None
    methodology_code: str
    methodology_version: int
    valid_from_ms: int | None
    valid_until_ms: int | None
    rural: str | None
    shares: Sequence[Share]
    benefits: Sequence[Benefit]
    issued_g: int

    @property
    def case(self) -> str:
        """The number of its case."""
        return f"{PREFIXES[Record.SOURCE]}{self.id}"

    @classmethod
    def of(cls, row: sa.Row[Any], issued_g: int) -> Self:
        """Read it from its row, its methodology's record and its last published decision."""
        said = {name: shown[1] for name, shown in json.loads(row.public).items() if isinstance(shown, list)}
        return cls(
            row.id, row.leaf, said["to"], said["kind"], said["name_zh"], said["name_en"], said.get("district"),
            row.methodology_code, row.methodology_version, _time(said["valid_from"]), _time(said["valid_until"]),
            said.get("rural"), tuple(map(Share.of, said.get("shares", ()))), benefits_of(row.record or {}), issued_g,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sources are asked for; what is None is not asked."""

    kind: str | None = None
    district: str | None = None
    methodology: str | None = None
    state: str | None = None
    is_rural: bool | None = None


ALL = Wanted()


def list_public(tx: sa.Connection, wanted: Wanted, *, cursor: str | None, limit: int) -> Page[PublicSource]:
    """Give a page of sources, newest first. Raises `Invalid` for a cursor, or something wanted, that is none."""
    _check(wanted)
    limit = bounded(limit)
    asked = {
        "kind": wanted.kind, "district": wanted.district, "methodology": wanted.methodology, "state": wanted.state,
        "rural": wanted.is_rural, "before": MAX_BIGINT if cursor is None else read_cursor(cursor), "limit": limit + 1,
    }  # fmt: skip
    rows = tx.execute(_LIST, asked).all()
    items = _with_grams(tx, rows[:limit])
    return Page(items, str(items[-1].id) if len(rows) > limit else None)


def get_public(tx: sa.Connection, number: int) -> PublicSource:
    """Read a source of which a decision is published. Raises `NotFound`."""
    rows = tx.execute(_ONE, {"id": number}).all()
    if not rows:
        raise NotFound(f"There is no source {number} in the published log.")
    return _with_grams(tx, rows)[0]


def benefits_of(record: Mapping[str, Any]) -> tuple[Benefit, ...]:
    """Give what a methodology's record computes beside carbon."""
    computation = record.get("computation", {})
    steps = {step["name"]: step for step in computation.get("steps", ())}
    beside = [steps[one["step"]] for one in computation.get("benefits", ())]
    return tuple(Benefit(one["text"]["zh"], one["text"]["en"], one.get("unit")) for one in beside)


def _check(wanted: Wanted) -> None:
    checked_district(wanted.district)
    if wanted.kind is not None and wanted.kind not in SOURCE_KINDS:
        raise Invalid(f"A source is one of: {', '.join(SOURCE_KINDS)}.")
    for text, read in ((wanted.methodology, code), (wanted.state, word)):
        try:
            read(text or "none")
        except Unreadable as error:
            raise Invalid(f"What is asked for {error}.") from None


def _with_grams(tx: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[PublicSource]:
    issued = {row.source_id: int(row.issued_g) for row in tx.execute(_ISSUED, {"ids": [row.id for row in rows]})}
    return [PublicSource.of(row, issued.get(row.id, 0)) for row in rows]


def _time(said: str) -> int | None:
    return None if said == "none" else moment(said)


_SOURCES = """
    SELECT s.id, s.methodology_code, s.methodology_version, m.record, last.public, last.leaf
    FROM sources s JOIN case_standing c ON c.case_number = 'S-' || s.id
    LEFT JOIN methodologies m ON m.code = s.methodology_code AND m.version = s.methodology_version
    LEFT JOIN log_entries n ON n.movement_id = c.last_id
    CROSS JOIN LATERAL (
        SELECT e.public, l.index AS leaf FROM decisions d
        JOIN movements v ON v.id = d.movement_id JOIN evidence e ON e.digest = v.evidence
        JOIN log_entries l ON l.movement_id = d.movement_id
        WHERE d.case_number = c.case_number AND l.index < (SELECT published_size FROM log_head)
        ORDER BY d.movement_id DESC LIMIT 1
    ) last
"""
# Where the last decision is published the case's own state tells, and no document need be read to leave it out.
_FILTERED = f"""{_SOURCES}
    WHERE s.id < :before AND (CAST(:kind AS text) IS NULL OR s.kind = :kind)
        AND (CAST(:district AS text) IS NULL OR s.district = :district)
        AND (CAST(:methodology AS text) IS NULL OR s.methodology_code = :methodology)
        AND (CAST(:state AS text) IS NULL OR (
            (c.state = :state OR n.index IS NULL OR n.index >= (SELECT published_size FROM log_head))
            AND CAST(last.public AS jsonb) #>> '{{to,1}}' = :state
        ))
        AND (CAST(:rural AS boolean) IS NULL OR (CAST(last.public AS jsonb) ? 'rural') = :rural)
    ORDER BY s.id DESC LIMIT :limit
"""  # noqa: S608 (our own text)
_LIST = sa.text(_FILTERED)
_ONE = sa.text(f"{_SOURCES} WHERE s.id = :id")
_ISSUED = sa.text("""
    SELECT l.source_id, sum(l.last_g - l.first_g) AS issued_g FROM lots l WHERE l.source_id = ANY (:ids) AND EXISTS (
        SELECT FROM movements i JOIN log_entries e ON e.movement_id = i.id
        WHERE i.kind IN (1, 12) AND i.first_g = l.first_g AND e.index < (SELECT published_size FROM log_head)
    ) GROUP BY l.source_id
""")
