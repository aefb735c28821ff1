"""The procedure behind a lot: every decision that its issuance rests on, as the public log has them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.procedure.decision import PREFIXES, Record


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision: its leaf, its digest (32 bytes), and what its public document discloses, name -> value."""

    index: int
    digest: bytes
    says: Mapping[str, Any]


def behind_lot(tx: sa.Connection, lot_id: int) -> list[Taken]:
    """Give the decisions behind a lot, in the order of the log; none while its issuance is not in the published log.

    They are its issuance's own, and of the source, the methodology and the policies that it names all up to the one
    that it names.
    """
    own = _of_cases(tx, [f"{PREFIXES[Record.ISSUANCE]}{lot_id}"])
    issued = next((one.says for one in own if "source" in one.says), None)
    if issued is None:
        return own
    named = {bytes.fromhex(text) for text in (issued["source"], issued["methodology"], *issued["policies"])}
    cases = tx.execute(_CASES, {"digests": list(named)}).scalars().all()
    others = _of_cases(tx, cases)
    last = {one.says["case"]: one.index for one in others if one.digest in named}
    return sorted([*own, *(one for one in others if one.index <= last[one.says["case"]])], key=lambda one: one.index)


def _of_cases(tx: sa.Connection, cases: Iterable[str]) -> list[Taken]:
    rows = tx.execute(_DECISIONS, {"cases": list(cases)})
    return [Taken(row.leaf, bytes(row.digest), _disclosed(json.loads(row.public))) for row in rows]


def _disclosed(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: shown[1] for name, shown in fields.items() if isinstance(shown, list)}


_DECISIONS = sa.text("""
    SELECT l.index AS leaf, v.digest, v.public FROM decisions d JOIN movements m ON m.id = d.movement_id
    JOIN evidence v ON v.digest = m.evidence JOIN log_entries l ON l.movement_id = m.id
    WHERE d.case_number = ANY (:cases) AND l.index < (SELECT published_size FROM log_head) ORDER BY l.index
""")
# By their documents: of movements the evidence has no index.
_CASES = sa.text("""
    SELECT DISTINCT CAST(public AS jsonb) #>> '{case,1}' FROM evidence WHERE digest = ANY (CAST(:digests AS bytea[]))
""")
