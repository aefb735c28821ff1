"""The values that counted when a lot was computed, kept with it in its public document (R41)."""

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

import sqlalchemy as sa

from registry.clock import in_shanghai
from registry.engine.definition import Parameter, Value
from registry.engine.reference import in_force
from registry.engine.resolving import is_dated
from registry.issuance.report import COMPUTED_ON, Report
from registry.methodologies.published import published_record
from registry.procedure.fields import Range

PARAMETERS: Final = "parameters"
MOST: Final = 200
"""Values that are written out: a document has 64 KiB, and what is not written follows from the definition."""
_EPOCH: Final = date(1970, 1, 1)


def counted(tx: sa.Connection, report: Report, period: Range, at: int) -> dict[str, list[str]]:
    """Say which value of each parameter counted, with its unit; of one by the day of the act, all that did.

    `period` is from the first act's begin to the last one's end, and `at` the time of the issuance, Unix milliseconds.
    """
    source = report.source
    methodology = published_record(tx, source.methodology_code, source.methodology_version)
    said = report.facts.get(COMPUTED_ON)
    computed_on = date.fromisoformat(said) if isinstance(said, str) else in_shanghai(at).date()
    first, last = (in_shanghai(one).date() for one in period)
    found = []
    for parameter in methodology.computation.parameters:
        values = dict.fromkeys(value for value in _values(parameter, computed_on, first, last))
        since = len(values) > 1
        for value in values:
            of = f" from {value.in_force}" if since and value.in_force else ""
            found.append(f"{parameter.name} {value.value} {parameter.unit}{of}")
    if len(found) > MOST:
        found = [*found[:MOST], f"and {len(found) - MOST} more, by the definition and {computed_on}"]
    return {PARAMETERS: found} if found else {}


def _values(parameter: Parameter, computed_on: date, first: date, last: date) -> Iterator[Value]:
    if is_dated(parameter):
        changes = {value.in_force for value in parameter.values if value.in_force and first < value.in_force <= last}
        days = [(day - _EPOCH) // timedelta(days=1) for day in (first, *sorted(changes))]
        found = [in_force(parameter, Fraction(day), computed_on) for day in days]
    else:
        found = [in_force(parameter, None, computed_on)]
    yield from (value for value in found if value is not None)
