"""Rows of PostgreSQL in its binary forms as numpy arrays, for fields that are never NULL and of fixed size."""

from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from anchoring.errors import Malformed

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_ARRAY_HEADER = 20
"""Of an array of one dimension: dimensions, whether it has NULLs, type, length and lower bound, 4 bytes each."""
_OTHER_SHAPE = "The database's rows have another shape than expected; the log cannot go on."

Rows = npt.NDArray[Any]


def row_dtype(*fields: tuple[str, str]) -> np.dtype[Any]:
    """Describe a row with these fields, by name and type."""
    parts: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in fields:
        parts += [(f"{name}_size", ">i4"), (name, kind)]
    return np.dtype(parts)


def copy_out(tx: sa.Connection, query: str, dtype: np.dtype[Any]) -> Rows:
    """Read what `query` gives, in its order. Raises `Malformed` when its rows have another shape.

    As one array for each column: libpq hands a COPY out row by row, which would cost as much as all the hashing.
    """
    names = _names(dtype)
    wanted = ", ".join(f"array_agg(c{place})" for place in range(len(names)))
    columns = ", ".join(f"c{place}" for place in range(len(names)))
    driver: Any = tx.connection.driver_connection
    arrays = _raw(driver, f"SELECT {wanted} FROM ({query}) rows ({columns})")  # noqa: S608  (our own text)
    parts = [_elements(array, dtype[name]) for name, array in zip(names, arrays, strict=True)]
    rows = np.empty(len(parts[0]), dtype)
    for name, part in zip(names, parts, strict=True):
        if len(part) != len(rows):
            raise Malformed(_OTHER_SHAPE)
        rows[name] = part
    return rows


def value_of(tx: sa.Connection, query: str) -> bytes | None:
    """Read the one value that `query` gives, in the binary form that the server sent."""
    return _raw(tx.connection.driver_connection, query)[0]


def _raw(driver: Any, query: str) -> list[bytes | None]:
    """Read the one row that `query` gives, each column as the binary form that the server sent."""
    cursor = driver.cursor(binary=True)
    cursor.execute(query)
    result = cursor.pgresult
    return [result.get_value(0, place) for place in range(result.nfields)]


def _elements(array: bytes | None, dtype: np.dtype[Any]) -> Rows:
    """Read an array of values that are never NULL and of one size, each of them after its size."""
    element = np.dtype([("size", ">i4"), ("value", dtype)])
    if array is None:
        return np.empty(0, dtype)
    if (len(array) - _ARRAY_HEADER) % element.itemsize:
        raise Malformed(_OTHER_SHAPE)
    found = np.frombuffer(array, element, offset=_ARRAY_HEADER)
    if not (found["size"] == dtype.itemsize).all():
        raise Malformed(_OTHER_SHAPE)
    return found["value"]


def copy_in(tx: sa.Connection, table: str, rows: Rows) -> None:
    """Append rows, whose sizes are filled in here, to a table with these columns."""
    names = _names(rows.dtype)
    rows["fields"] = len(names)
    for name in names:
        rows[f"{name}_size"] = rows.dtype[name].itemsize
    driver: Any = tx.connection.driver_connection
    with driver.cursor().copy(f"COPY {table} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)") as copy:
        for part in (_HEADER, rows.view("u1").data, _TRAILER):
            copy.write(part)


def _names(dtype: np.dtype[Any]) -> list[str]:
    return [name for name in dtype.names or () if f"{name}_size" in (dtype.names or ())]
