"""The register of experts (专家库) and technical service bodies (技术服务机构): numbers, and what each knows (R2).

From when until when somebody is of it, their grants say. An expert is a number to everybody else; a service body is an
institution, and its name is public.
"""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.accounts.accounts import MAX_NAME_CHARS
from registry.database.schema import experts
from registry.errors import Invalid, NotFound
from registry.identity.grants import Grant
from registry.identity.roles import POOL, Role
from registry.procedure.decision import Officer
from registry.words import checked_words

FIELDS: Final = {
    "travel": "绿色出行",
    "energy-saving": "能源节约",
    "recycling": "资源循环利用",
    "renewable-energy": "可再生能源",
    "carbon-sink": "碳汇",
    "quantification": "减排量核算",
    "metering": "计量与监测",
    "data": "数据质量",
}
"""Fields of expertise: the measure's (第二条), and what a calculation rests on; in Chinese."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """What the register says of an expert or a service body beside the number: fields, and a service body's name."""

    fields: tuple[str, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Expert:
    """An expert or service body as everybody may know them; times are Unix milliseconds."""

    who: Officer
    dossier: Dossier
    since_ms: int
    until_ms: int | None
    """When that ends by itself, or ended."""


def check_dossier(wanted: Grant, dossier: Dossier | None) -> None:
    """Raise `Invalid` where the register would not have what a role needs, or what no other has."""
    if (wanted.role in POOL) != (dossier is not None and bool(dossier.fields)):
        raise Invalid("Fields of expertise are named for an expert or a service body, one at least, and for no other.")
    if dossier is None:
        return
    unknown = set(dossier.fields) - FIELDS.keys()
    if unknown or len(set(dossier.fields)) != len(dossier.fields):
        raise Invalid(f"Fields of expertise are some of: {', '.join(FIELDS)}.")
    if (wanted.role is Role.SERVICE_BODY) != (dossier.name is not None):
        raise Invalid("A name is given of a service body, which is public, and of no expert.")
    if dossier.name is not None:
        checked_words(dossier.name, "A service body's name", MAX_NAME_CHARS)


def enrol(tx: sa.Connection, granted: Grant, dossier: Dossier | None) -> None:
    """Have an expert or service body in the register, under the number that was granted; for others do nothing.

    Who is in it already has these fields from now on. Raises `Invalid`.
    """
    check_dossier(granted, dossier)
    if dossier is None:
        return
    values = {"fields": list(dossier.fields), "name": dossier.name}
    row = insert(experts).values({"role": str(granted.role), "number": granted.officer} | values)
    tx.execute(row.on_conflict_do_update(index_elements=["role", "number"], set_=values))


def list_experts(tx: sa.Connection, at: int) -> list[Expert]:
    """Give who is in the register, and who was, by role and number, with the time of the last grant of each."""
    return [_expert(row) for row in tx.execute(_ALL, {"at": at})]


def standing_expert(tx: sa.Connection, who: Officer, at: int) -> Expert:
    """Find an expert or service body whose grant stands. Raises `NotFound`."""
    row = tx.execute(_ONE, {"role": who.authority, "number": who.number, "at": at}).one_or_none()
    if row is None:
        raise NotFound(f"{who} is nobody in the register of experts and service bodies now.")
    return _expert(row)


def _expert(row: sa.Row[tuple[object, ...]]) -> Expert:
    dossier = Dossier(tuple(row.fields), row.name)
    return Expert(Officer(row.role, row.number), dossier, row.granted_ms, row.ends_ms)


_LAST = """
    SELECT DISTINCT ON (e.role, e.number) e.role, e.number, e.fields, e.name, g.granted_ms,
        least(g.until_ms, g.revoked_ms) AS ends_ms
    FROM experts e JOIN grants g ON (g.role, g.officer) = (e.role, e.number)
"""
_ALL = sa.text(f"{_LAST} ORDER BY e.role, e.number, g.id DESC")
_ONE = sa.text(f"""
    SELECT * FROM ({_LAST} WHERE (e.role, e.number) = (:role, :number) ORDER BY e.role, e.number, g.id DESC) last
    WHERE ends_ms IS NULL OR ends_ms > :at
""")  # noqa: S608 (our own text)
