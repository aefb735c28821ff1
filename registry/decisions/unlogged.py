"""Decisions that are not in the log yet, and which movements rest on them: for whoever says what may be logged."""

import json
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from registry.procedure.values import POINTS

_NAMES: Final = ("previous", "source", "methodology", "lot")
"""Fields that name one other decision by its digest; `policies` names several."""


@dataclass(frozen=True, slots=True)
class Unlogged:
    """A decision that the log has not: the number of its movement, and what rests on it."""

    number: int
    digest: bytes | None
    """Its evidence; None where its movement is gone."""
    names: frozenset[bytes]
    """Digests of the decisions that it rests on itself."""
    issues: tuple[int, int] | None
    """The ISSUEs of these grams `[first, end)`."""
    converts_from: int | None
    """The CONVERTs from this time on, Unix milliseconds."""
    voids: frozenset[int]
    """The VOIDs of these numbers."""


def unlogged(tx: sa.Connection) -> list[Unlogged]:
    """Give the decisions of which the database has no leaf, in the order of their numbers.

    That a decision was taken stays on record when it is hidden.
    """
    rows = tx.execute(_UNLOGGED, {"points": POINTS}).all()
    voids = _voids(tx, {row.case_number: row.movement_id for row in rows if row.case_number.startswith("C-")})
    return [
        Unlogged(
            row.movement_id,
            None if row.digest is None else bytes(row.digest),
            _named(row.public),
            None if row.first_g is None else (row.first_g, row.last_g),
            row.converts_from,
            voids.get(row.case_number, frozenset()),
        )
        for row in rows
    ]


def _named(public: str | None) -> frozenset[bytes]:
    says = {name: shown[1] for name, shown in json.loads(public or "{}").items() if isinstance(shown, list)}
    texts = [*map(says.get, _NAMES), *(says.get("policies") or ())]
    return frozenset(bytes.fromhex(text) for text in texts if isinstance(text, str) and len(text) == 64)


def _voids(tx: sa.Connection, cases: dict[str, int]) -> dict[str, frozenset[int]]:
    """Find the VOIDs that name these corrections in their evidence, by case."""
    if not cases:
        return {}
    found: dict[str, set[int]] = {}
    for row in tx.execute(_VOIDS, {"after": min(cases.values()), "cases": list(cases)}):
        found.setdefault(row.case_number, set()).add(row.id)
    return {case: frozenset(numbers) for case, numbers in found.items()}


_UNLOGGED = sa.text("""
    SELECT d.movement_id, d.case_number, m.evidence AS digest, v.public, l.first_g, l.last_g, p.converts_from
    FROM decisions d JOIN cases c ON c.number = d.case_number
    LEFT JOIN movements m ON m.id = d.movement_id LEFT JOIN evidence v ON v.digest = m.evidence
    LEFT JOIN lots l ON d.case_number = 'I-' || l.id
    LEFT JOIN LATERAL (
        SELECT min(in_force_ms) AS converts_from FROM policies WHERE name = c.about AND NOT EXISTS (
            SELECT FROM decisions o JOIN movements om ON om.id = o.movement_id
            JOIN log_entries oe ON oe.movement_id = om.id
            WHERE o.case_number = c.number AND om.evidence = policies.decision)
    ) p ON c.about = :points
    WHERE NOT EXISTS (SELECT FROM log_entries e WHERE e.movement_id = d.movement_id) ORDER BY d.movement_id
""")
_VOIDS = sa.text("""
    SELECT m.id, c.number AS case_number FROM movements m JOIN evidence v ON v.digest = m.evidence
    JOIN unnest(CAST(:cases AS text[])) c (number) ON v.fields #> '{corrections,1}' @> to_jsonb(c.number)
    WHERE m.id > :after AND m.kind = 9
""")
