"""What the public documents of records give back to a database that was set back: policies, methodologies, sources.

Of a lot they give its number, source and methodology, and the days that it is about. What is withheld comes back with
the whole document (`registry.recovery.evidence`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from registry.errors import Invalid
from registry.ledger.movement import Kind
from registry.methodologies.published import return_methodology
from registry.policies.policies import return_policy
from registry.sources.sources import return_public_source

Values = Mapping[str, Any]
"""Name -> value of the fields that a document discloses."""


@dataclass(frozen=True, slots=True)
class LotFacts:
    """What the log says of the lot of grams `[first_g, end_g)`; the period is in whole days, Unix milliseconds."""

    first_g: int
    end_g: int
    issued_ms: int
    lot: int
    source: int
    methodology: str
    methodology_version: int
    period_from_ms: int
    period_until_ms: int


def take_facts(tx: sa.Connection, kind: int, values: Values) -> None:
    """Have a policy, a methodology or a source again as its record says; nothing for others, or where that is lacking.

    What is there already stays as it is.
    """
    if kind == Kind.POLICY and (policy := _typed(values, _POLICY)):
        return_policy(tx, policy)
    elif kind == Kind.METHODOLOGY and (definition := _typed(values, _METHODOLOGY)):
        try:
            return_methodology(tx, definition["definition"].encode(), definition["sha256"])
        except Invalid:
            return  # of a record that only a later program can read; `gram recover` counts it as lost
    elif kind == Kind.SOURCE and values.get("decision") == "approved" and (source := _typed(values, _SOURCE)):
        return_public_source(tx, source)


def lot_facts(values: Values, at: int) -> LotFacts | None:
    """Read what the record of an issuance at Unix milliseconds `at` says of its lot; None when it does not say all."""
    said = _typed(values, _ISSUANCE)
    if said is None:
        return None
    try:
        period = [_milliseconds(said.pop(name)) for name in ("period_from", "period_until")]
    except ValueError:
        return None
    end_g = said["first_g"] + said.pop("quantity_g")
    return LotFacts(end_g=end_g, issued_ms=at, period_from_ms=period[0], period_until_ms=period[1], **said)


def _milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


def _typed(values: Values, types: Mapping[str, type]) -> dict[str, Any] | None:
    """Give these values if each is of its type; a document may say anything."""
    if any(type(values.get(name)) is not kind for name, kind in types.items()):
        return None
    found = {name: values[name] for name in types}
    return found if all(abs(value) < 2**63 for value in found.values() if isinstance(value, int)) else None


_POLICY = {"name": str, "in_force_ms": int, "value": dict}
_METHODOLOGY = {"definition": str, "sha256": str}
_SOURCE = {
    "source": int, "name_zh": str, "name_en": str, "methodology_code": str, "methodology_version": int,
    "valid_from_ms": int, "valid_until_ms": int,
}  # fmt: skip
_ISSUANCE = {
    "first_g": int, "quantity_g": int, "lot": int, "source": int, "methodology": str, "methodology_version": int,
    "period_from": str, "period_until": str,
}  # fmt: skip
