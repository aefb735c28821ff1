"""Rows in bulk: columns of numbers and of bytes, handed to PostgreSQL's COPY as it keeps them, without a Python row.

A table's triggers see the whole of it as one statement. Source: PostgreSQL's documentation of COPY, "Binary Format".
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import psycopg
import psycopg.sql
import sqlalchemy as sa

from registry.database.statement import as_sqlalchemy

_BEGIN: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_AT_ONCE: Final = 1 << 15
"""Rows that are made into bytes together."""


def fixed_bytes(values: Sequence[bytes], width: int) -> "np.ndarray[Any, Any]":
    """Make a column of values that all have so many bytes."""
    joined = b"".join(values)
    if len(joined) != width * len(values):
        raise ValueError(f"a value has not {width} bytes")
    return np.frombuffer(joined, f"V{width}")


def copy_columns(tx: sa.Connection, table: str, columns: Mapping[str, "np.ndarray[Any, Any]"]) -> None:
    """Write rows, none of whose values is NULL: integers as wide as the table's, or bytes of one width (`V<n>`).

    Raises what an INSERT would.
    """
    _copy(tx, table, columns, _fixed(columns))


def copy_parts(tx: sa.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[bytes]]) -> None:
    """Write rows of values as PostgreSQL sends them, whatever their lengths; none is NULL. Raises as an INSERT."""
    _copy(tx, table, columns, _each(rows, len(columns)))


def _fixed(columns: Mapping[str, "np.ndarray[Any, Any]"]) -> Iterator[bytes]:
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for place, column in enumerate(columns.values()):
        kind = f"V{column.dtype.itemsize}" if column.dtype.kind == "V" else column.dtype.newbyteorder(">").str
        fields += [(f"l{place}", ">i4"), (f"v{place}", kind)]
    rows = len(next(iter(columns.values())))
    for start in range(0, rows, _AT_ONCE):
        part = np.empty(min(_AT_ONCE, rows - start), np.dtype(fields))
        part["count"] = len(columns)
        for place, column in enumerate(columns.values()):
            part[f"l{place}"] = column.dtype.itemsize
            part[f"v{place}"] = column[start : start + _AT_ONCE]
        yield part.tobytes()


def _each(rows: Iterable[Sequence[bytes]], width: int) -> Iterator[bytes]:
    count, length = struct.pack(">h", width), struct.Struct(">i").pack
    made = bytearray()
    for row in rows:
        made += count
        for value in row:
            made += length(len(value))
            made += value
        if len(made) > 1 << 20:
            yield bytes(made)
            made.clear()
    yield bytes(made)


def _copy(tx: sa.Connection, table: str, columns: Iterable[str], pieces: Iterable[bytes]) -> None:
    names = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, columns))
    query = psycopg.sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(psycopg.sql.Identifier(table), names)
    if not tx.in_transaction():
        tx.begin()
    driver: psycopg.Connection[Any] = tx.connection.driver_connection  # type: ignore[assignment]
    try:
        with driver.cursor() as cursor, cursor.copy(query) as copy:
            copy.write(_BEGIN)
            for piece in pieces:
                copy.write(piece)
            copy.write(_END)
    except psycopg.Error as error:
        raise as_sqlalchemy(error, f"COPY {table}", driver) from error
