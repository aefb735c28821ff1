"""PostgreSQL's binary COPY as numpy arrays, for rows of fields that are never NULL and of fixed size."""

from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from anchoring.errors import Malformed

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"

Rows = npt.NDArray[Any]


def row_dtype(*fields: tuple[str, str]) -> np.dtype[Any]:
    """Describe a row with these fields, by name and type."""
    parts: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in fields:
        parts += [(f"{name}_size", ">i4"), (name, kind)]
    return np.dtype(parts)


def copy_out(tx: sa.Connection, query: str, dtype: np.dtype[Any]) -> Rows:
    """Read what `query` gives. Raises `Malformed` when its rows have another shape."""
    driver: Any = tx.connection.driver_connection
    with driver.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy:
        data = b"".join(copy)
    body = memoryview(data)[len(_HEADER) : -len(_TRAILER)]
    if len(body) % dtype.itemsize:
        raise Malformed("The database's rows have another shape than expected; the log cannot go on.")
    return np.frombuffer(body, dtype)


def copy_in(tx: sa.Connection, table: str, rows: Rows) -> None:
    """Append rows, whose sizes are filled in here, to a table with these columns."""
    names = [name for name in rows.dtype.names or () if f"{name}_size" in (rows.dtype.names or ())]
    rows["fields"] = len(names)
    for name in names:
        rows[f"{name}_size"] = rows.dtype[name].itemsize
    driver: Any = tx.connection.driver_connection
    with driver.cursor().copy(f"COPY {table} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(_HEADER + rows.tobytes() + _TRAILER)
