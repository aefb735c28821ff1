"""Methodologies as everybody may read them: the versions that the published log has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
import sqlalchemy as sa

from registry.errors import NotFound
from registry.methodologies.record import Methodology, parse


@dataclass(frozen=True, slots=True)
class Listed:
    """A version of a methodology: its case, the leaf of the decision that published it, its digest and its record."""

    code: str
    version: int
    case: str
    index: int
    digest: bytes
    record: Mapping[str, Any]

    def methodology(self) -> Methodology:
        """Read the record. Raises `MethodologyUnsound` for one that only another version of this program can read."""
        return parse(rfc8785.dumps(dict(self.record)))


def list_methodologies(tx: sa.Connection) -> list[Listed]:
    """Give the newest version of each, by code."""
    return [Listed(*row) for row in tx.execute(_NEWEST)]


def get_methodology(tx: sa.Connection, code: str, version: int | None = None) -> tuple[Listed, list[int]]:
    """Find a version of a methodology, the newest unless one is named, and which versions there are.

    Raises `NotFound`.
    """
    found = [Listed(*row) for row in tx.execute(_OF, {"code": code})]
    wanted = [of for of in found if version in (None, of.version)]
    if not wanted:
        raise NotFound(f"No methodology {code[:40]!r} is published here in version {version or 'any'}.")
    return wanted[-1], [of.version for of in found]


_VERSION = """
    SELECT p.code, p.version, c.number, l.index, p.digest, p.record FROM methodologies p
    JOIN cases c ON left(c.number, 1) = 'M' AND c.about = p.code JOIN decisions d ON d.case_number = c.number
    JOIN movements m ON m.id = d.movement_id AND m.evidence = p.decision JOIN log_entries l ON l.movement_id = m.id
    WHERE l.index < (SELECT published_size FROM log_head)
"""
_NEWEST = sa.text(f"""
    SELECT DISTINCT ON (code) * FROM ({_VERSION}) v ORDER BY code, version DESC
""")  # noqa: S608 (our own text)
_OF = sa.text(f"{_VERSION} AND p.code = :code ORDER BY p.version")
