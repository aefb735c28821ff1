"""What is noticed of a file beside its reasons: zeros, what is below zero, gaps between readings, overlaps as reported.

None of it refuses a row. It tells whoever reads a dry run how the file is.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Iterable
from typing import Any, Final

import ibis
from ibis import Table

from registry.activities.judgement.rowwise import THING
from registry.activities.profiles.fitting import Fed
from registry.activities.profiles.profile import Profile
from registry.engine.compiling import PREFIX
from registry.engine.definition import InputType

NOTE: Final = "note_"
GAPS: Final = "gaps"
_GAP_MS: Final = "gap_ms"
_ANGLE: Final = "degree"


def noted(rows: Table, profile: Profile, feds: Iterable[Fed]) -> Table:
    """Add `note_<what>` conditions, and `gap_ms`, how long before a reading its meter has none."""
    amounts = [
        rows[PREFIX + fed.input.name] for fed in feds if fed.input.type is InputType.NUMBER and fed.input.unit != _ANGLE
    ]
    notes: dict[str, Any] = {}
    if amounts:
        zero, negative = ibis.literal(False), ibis.literal(False)
        for amount in amounts:
            zero, negative = zero | (amount == 0), negative | (amount < 0)
        notes = {"zeros": zero, "negatives": negative}
    if THING + "0" in rows.columns:
        order = ibis.window(group_by=THING + "0", order_by=["begins_ms", "row"])
        before = rows.ends_ms.lag().over(order)
        notes["overlaps_the_one_before"] = before > rows.begins_ms
        if profile.span.interval_s is not None:
            notes[GAPS] = before < rows.begins_ms
            rows = rows.mutate(**{_GAP_MS: rows.begins_ms - before})
    return rows.mutate(**{NOTE + name: condition.fill_null(False) for name, condition in notes.items()})


def gaps(rows: Table, things: list[str]) -> dict[str, Any]:
    """Give what is asked of gaps: how many meters have one, and the longest, in minutes."""
    longest = rows[_GAP_MS].max()
    return {
        f"{NOTE}meters_with_gaps": rows[things[0]].nullif("").nunique(where=rows[NOTE + GAPS]),
        f"{NOTE}longest_gap_minutes": (longest > 0).ifelse((longest - longest % 60_000) / 60_000, 0),
    }


def said_of(name: str) -> str:
    """Give a note's name as people read it."""
    return name.removeprefix(NOTE).replace("_", "-")
