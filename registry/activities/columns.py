"""Activities as columns: a lot is issued for millions, and no step makes an object of each.

Whoever and whatever was at them stands once for each, with the places of its activities.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from registry.activities.activities import Activity
from registry.activities.judged import THING, Activities
from registry.activities.subjects import PERSON, names_of_things

Numbers = np.ndarray[Any, np.dtype[np.int64]]


class Beings(NamedTuple):
    """Subjects of a kind, by their names, each once: at the activity in place `rows[n]` was `names[of[n]]`."""

    kind: str
    names: Sequence[str]
    rows: Numbers
    of: Numbers


@dataclass(frozen=True, slots=True)
class Columns:
    """Activities in the order of the report: references, accounts, times (Unix milliseconds), grams, and subjects."""

    references: Sequence[str]
    account_ids: Numbers
    starts_ms: Numbers
    ends_ms: Numbers
    grams: Numbers
    beings: Sequence[Beings]

    def __len__(self) -> int:
        """How many."""
        return len(self.references)

    @property
    def period(self) -> tuple[int, int]:
        """From the first one's begin to the last one's end."""
        return int(self.starts_ms.min()), int(self.ends_ms.max())


def columns_of(of: Sequence[Activity]) -> Columns:
    """Put activities into columns; those that were judged are in some already."""
    return _of_table(of) if isinstance(of, Activities) else _of_each(of)


def _of_table(of: Activities) -> Columns:
    table = of.table
    accounts, starts, ends, grams = (
        _numbers(table[name].to_numpy()) for name in ("account_id", "begins_ms", "ends_ms", "grams")
    )
    beings = [_persons(accounts)] if of.in_person else []
    for place, thing in enumerate(of.things):
        platform = None if thing.everywhere else of.platform
        beings.append(_named(table[f"{THING}{place}"], thing.kind, platform))
    return Columns(table["reference"].to_pylist(), accounts, starts, ends, grams, beings)


def _of_each(of: Sequence[Activity]) -> Columns:
    columns = zip(*((one.account_id, one.starts_ms, one.ends_ms, one.quantity_g) for one in of), strict=True)
    accounts, starts, ends, grams = (_numbers(column) for column in columns)
    there = _numbers([place for place, one in enumerate(of) if one.in_person])
    beings = [_persons(accounts, there)] if len(there) else []
    named: dict[str, tuple[list[str], list[int]]] = {}
    for place, one in enumerate(of):
        for subject in one.subjects:
            names, rows = named.setdefault(subject.kind, ([], []))
            names.append(subject.name)
            rows.append(place)
    for kind, (names, rows) in named.items():
        each = pa.array(names).dictionary_encode()
        beings.append(Beings(kind, each.dictionary.to_pylist(), _numbers(rows), _numbers(each.indices.to_numpy())))
    return Columns([one.reference for one in of], accounts, starts, ends, grams, beings)


def _persons(accounts: Numbers, rows: Numbers | None = None) -> Beings:
    there = np.arange(len(accounts)) if rows is None else rows
    each, of = np.unique(accounts[there], return_inverse=True)
    return Beings(PERSON, list(map(str, each.tolist())), there, of)


def _named(column: Any, kind: str, platform: int | None) -> Beings:
    rows = np.flatnonzero(column.is_valid().to_numpy())
    each = pc.drop_null(column).combine_chunks().dictionary_encode()
    names = names_of_things(platform, each.dictionary.to_pylist())
    return Beings(kind, names, rows, _numbers(each.indices.to_numpy()))


def _numbers(values: Any) -> Numbers:
    return np.asarray(values, np.int64)
