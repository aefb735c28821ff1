"""Policies as everybody may read them: which version of each holds when, by the published log."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.errors import NotFound
from registry.ledger.queries import MAX_BIGINT, Page, bounded, read_cursor


@dataclass(frozen=True, slots=True)
class Version:
    """A policy as one decision published it: its case, since when it holds (Unix milliseconds), the decision's leaf."""

    name: str
    case: str
    in_force_ms: int
    value: Mapping[str, Any]
    index: int


def in_force_at(tx: sa.Connection, at_ms: int) -> list[Version]:
    """Give the version of each policy that holds at a time, by name."""
    return [Version(*row) for row in tx.execute(_IN_FORCE, {"at": at_ms})]


def versions_of(tx: sa.Connection, case: str, *, cursor: str | None = None, limit: int = 50) -> Page[Version]:
    """List the versions of the policy that a case is about, newest first. Raises `NotFound`."""
    limit = bounded(limit)
    before = MAX_BIGINT if cursor is None else read_cursor(cursor)
    rows = tx.execute(_VERSIONS, {"case": case, "before": before, "limit": limit + 1}).all()
    if not rows and cursor is None:
        raise NotFound(f"No policy is published in a case {case[:40]!r}.")
    items = [Version(*row) for row in rows[:limit]]
    return Page(items, str(items[-1].in_force_ms) if len(rows) > limit else None)


def all_versions(tx: sa.Connection, name: str) -> list[Version]:
    """Give the versions of the policy of a name, oldest first. Raises `NotFound` when none is published."""
    found = [Version(*row) for row in tx.execute(_ALL, {"name": name})]
    if not found:
        raise NotFound(f"No policy {name[:80]!r} is published. `gram policy show` lists those that are.")
    return found


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Give what changed from one value to the next: each place (members joined by dots) with what it was and is.

    What was not there, or is not any more, is None. A list is one value.
    """
    for name in sorted({*(before or {}), *after}):
        was, now = (before or {}).get(name), after.get(name)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from ((f"{name}.{place}", old, new) for place, old, new in changes(was, now))
        elif was != now:
            yield name, was, now


_VERSION = """
    SELECT p.name, c.number, p.in_force_ms, p.value, l.index FROM policies p
    JOIN cases c ON left(c.number, 1) = 'P' AND c.about = p.name JOIN decisions d ON d.case_number = c.number
    JOIN movements m ON m.id = d.movement_id AND m.evidence = p.decision JOIN log_entries l ON l.movement_id = m.id
    WHERE l.index < (SELECT published_size FROM log_head)
"""
_IN_FORCE = sa.text(f"""
    SELECT DISTINCT ON (name) * FROM ({_VERSION} AND p.in_force_ms <= :at) v ORDER BY name, in_force_ms DESC
""")  # noqa: S608 (our own text)
_ALL = sa.text(f"{_VERSION} AND p.name = :name ORDER BY p.in_force_ms")
_VERSIONS = sa.text(f"""
    {_VERSION} AND c.number = :case AND p.in_force_ms < :before ORDER BY p.in_force_ms DESC LIMIT :limit
""")
