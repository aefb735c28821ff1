"""Movements as they wait for the log: read out of the database as the bytes that a seal is over, whatever is there.

The server packs a batch into one value: a row for each movement, or a value for each column, would cost more than all
the hashing. What a constraint no longer keeps out of a column is read as something that no seal is over.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from anchoring.errors import Malformed
from anchoring.publishing.copying import Rows, copy_out, row_dtype, value_of

Numbers = npt.NDArray[np.int64]
"""Numbers of movements. Where they name rows to read or to delete, they rise and none is there twice."""

MOVEMENT: Final = np.dtype([
    ("id", ">i8"), ("act", ">i8"), ("giver", ">i8"), ("account", ">i8"), ("kind", ">i2"), ("form", ">i2"),
    ("flags", ">i2"), ("purpose", ">i4"), ("first", ">i8"), ("last", ">i8"), ("parent", ">i8"), ("at", ">i8"),
    ("until", ">i8"), ("from_tag", "V20"), ("to_tag", "V20"), ("evidence", "V32"),
])  # fmt: skip
"""A movement as `registry.ledger.sealing.ROW` packs it."""
_SMALL, _INT, _BIG = ("smallint", "int2send", 2**15), ("integer", "int4send", 2**31), ("bigint", "int8send", 2**63)


def _number(column: str, kind: tuple[str, str, int], absent: str | None = None) -> str:
    """Send a column as what it is meant to be; what does not fit, as a number that no seal is over."""
    name, send, bound = kind
    value = column if absent is None else f"coalesce({column}, {absent})"
    fits = f"{value} BETWEEN {-bound} AND {bound - 1}"
    return f"{send}(CASE WHEN {fits} THEN CAST({value} AS {name}) ELSE {-bound} END::{name})"


def bytes_of(column: str, size: int) -> str:
    """Read a column of so many bytes; one of another size, as bytes that no hash gives."""
    return f"CASE WHEN length({column}) = {size} THEN {column} ELSE '\\x{'ff' * size}'::bytea END"


# The shape of a row is held up by constraints, and whoever owns the tables can drop them.
_PACKED: Final = " || ".join((
    _number("m.id", _BIG), _number("m.act_id", _BIG), _number("m.giver_id", _BIG, "0"),
    _number("m.account_id", _BIG, "0"), _number("m.kind", _SMALL), _number("m.form", _SMALL),
    _number("m.flags", _SMALL), _number("m.purpose", _INT), _number("m.first_g", _BIG), _number("m.last_g", _BIG),
    _number("m.parent_id", _BIG, "0"), _number("m.at_ms", _BIG), _number("m.until_ms", _BIG),
    bytes_of("m.from_tag", 20), bytes_of("m.to_tag", 20), bytes_of("m.evidence", 32),
))  # fmt: skip
_MOVEMENTS: Final = f"SELECT string_agg({_PACKED}, '' ORDER BY m.id) FROM movements m WHERE {{wanted}}"  # noqa: S608
_INDEX: Final = row_dtype(("movement_id", ">i8"), ("index", ">i8"))
_INDICES: Final = "SELECT movement_id, coalesce(index, -1) FROM log_entries WHERE {wanted} ORDER BY movement_id"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Movements, read in the order of their numbers: `rows` (`MOVEMENT`), and the index of each parent in the log.

    The index is what `log_entries` says, -1 where it says nothing.
    """

    rows: Rows
    parent_index: Numbers

    def __len__(self) -> int:
        """Count them."""
        return len(self.rows)

    @property
    def ids(self) -> Numbers:
        """Give their numbers; where the database's own rule for it was dropped, one may be there twice."""
        ids: Numbers = self.rows["id"].astype(np.int64)
        return ids

    def only(self, which: npt.NDArray[np.intp]) -> Self:
        """Give some of them: those at these places, in this order."""
        return type(self)(self.rows.take(which), self.parent_index.take(which))


def read_waiting(tx: sa.Connection, ids: Numbers) -> Waiting:
    """Read the movements of these numbers that are there. Raises `Malformed` when rows have another shape."""
    rows = packed(tx, ids)
    parents = rows["parent"].astype(np.int64)
    wanted = np.unique(parents[parents != 0])
    found = copy_out(tx, _INDICES.format(wanted=among("movement_id", wanted)), _INDEX)
    place, is_found = places(found["movement_id"].astype(np.int64), parents)
    index = np.full(len(rows), -1, np.int64)
    index[is_found] = found["index"][place[is_found]]
    return Waiting(rows, index)


def packed(tx: sa.Connection, ids: Numbers) -> Rows:
    """Read movements (`MOVEMENT`) in the order of their numbers. Raises `Malformed` when they have another shape."""
    data = value_of(tx, _MOVEMENTS.format(wanted=among("m.id", ids))) or b""
    if len(data) % MOVEMENT.itemsize:
        raise Malformed("The database's movements have another shape than expected; the log cannot go on.")
    return np.frombuffer(data, MOVEMENT)


def among(column: str, ids: Numbers) -> str:
    """Say in SQL that a column has one of these numbers: as a range, where none is left out."""
    if len(ids) and int(ids[-1]) - int(ids[0]) + 1 == len(ids):
        return f"{column} BETWEEN {ids[0]:d} AND {ids[-1]:d}"
    return f"{column} = ANY ('{{{','.join(map(str, ids.tolist()))}}}'::bigint[])"


def places(ordered: Numbers, wanted: Numbers) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Look numbers up among others in rising order: give the place of each, and whether it is there."""
    place = np.searchsorted(ordered, wanted)
    is_found = place < len(ordered)
    is_found[is_found] = ordered[place[is_found]] == wanted[is_found]
    return place, is_found


def numbers(tx: sa.Connection, query: str) -> Numbers:
    """Read a query's one column of `bigint`, in its order."""
    found: Numbers = copy_out(tx, query, _NUMBER)["number"].astype(np.int64)
    return found


_NUMBER: Final = row_dtype(("number", ">i8"))
