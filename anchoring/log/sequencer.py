"""The sequencer: gives committed movements their index in the log, in batches, and stages their leaves.

A child is committed after its parent and has the higher number, so taking what is committed in the order of numbers
puts every parent before its children. Rows travel as PostgreSQL's binary COPY and are turned into leaves by numpy,
without touching single movements in Python.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from anchoring.errors import Malformed
from anchoring.leaf import LEAF_DTYPE, LEAF_SIZE, NO_PARENT, VERSION

MAX_BATCH = 65_536
"""Leaves staged in one transaction: bounds memory (about 40 MB), and is whole tiles (256 x 256)."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"

Rows = npt.NDArray[Any]


def _row_dtype(*fields: tuple[str, str]) -> np.dtype[Any]:
    """Describe a row of PostgreSQL's binary COPY whose fields are never NULL and of fixed size."""
    parts: list[tuple[str, str]] = [("count", ">i2")]
    for name, kind in fields:
        parts += [(f"{name}_size", ">i4"), (name, kind)]
    return np.dtype(parts)


_MOVEMENT_ROW = _row_dtype(
    ("id", ">i8"),
    ("kind", ">i2"),
    ("form", ">i2"),
    ("flags", ">i2"),
    ("purpose", ">i4"),
    ("first", ">i8"),
    ("last", ">i8"),
    ("parent_id", ">i8"),
    ("parent_index", ">i8"),
    ("at", ">i8"),
    ("until", ">i8"),
    ("from_tag", "(20,)u1"),
    ("to_tag", "(20,)u1"),
    ("evidence", "(32,)u1"),
)
_ENTRY_ROW = _row_dtype(("index", ">i8"), ("movement_id", ">i8"), ("leaf", f"V{LEAF_SIZE}"))

_COPY_MOVEMENTS = """
COPY (
    SELECT m.id, m.kind, m.form, m.flags, m.purpose, m.first_g, m.last_g, coalesce(m.parent_id, 0),
        coalesce(p.index, -1), m.at_ms, m.until_ms, m.from_tag, m.to_tag, m.evidence
    FROM ({wanted}) w
    JOIN movements m ON m.id = w.movement_id
    LEFT JOIN log_entries p ON p.movement_id = m.parent_id
    ORDER BY w.place
) TO STDOUT (FORMAT BINARY)
"""
# By index alone, row for row: then a batch costs the same however long the log is, whatever the planner expects.
_BY_INDEX = sa.text(
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "
    "SET LOCAL work_mem = '32MB'"
)
_PENDING = "SELECT movement_id, movement_id AS place FROM unsequenced ORDER BY movement_id LIMIT {limit:d}"
_STAGED = "SELECT movement_id, index AS place FROM log_entries WHERE index >= {start:d} AND index < {end:d}"
# In one value: a row for each leaf would cost more than hashing it.
_LEAVES = """
    SELECT coalesce(string_agg(leaf, '' ORDER BY index), '') FROM log_entries WHERE index >= %s AND index < %s
"""
_DEQUEUE = sa.text(
    "DELETE FROM unsequenced u USING log_entries e WHERE e.movement_id = u.movement_id AND e.index >= :start"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """`size` leaves are signed here; `known_size` is the most that anybody was ever seen to hold."""

    size: int
    known_size: int

    @property
    def is_behind(self) -> bool:
        """Whether the database was set back."""
        return self.known_size > self.size


@dataclass(frozen=True, slots=True)
class Staged:
    """Leaves that have their index: `leaves` (numpy, `LEAF_DTYPE`) begin at index `start`."""

    start: int
    leaves: Rows

    @property
    def size(self) -> int:
        """Size of the log with them."""
        return self.start + len(self.leaves)


def lock_head(tx: sa.Connection) -> Standing:
    """Keep other sequencers waiting; return what is signed, and what others are known to hold."""
    row = tx.execute(sa.text("SELECT size, known_size FROM log_head FOR UPDATE")).one()
    return Standing(row.size, row.known_size)


def staged_size(tx: sa.Connection) -> int:
    """Count the leaves that have an index. Indices are never skipped, so the highest tells."""
    return int(tx.execute(sa.text("SELECT coalesce(max(index) + 1, 0) FROM log_entries")).scalar_one())


def stage(tx: sa.Connection) -> Staged:
    """Give up to `MAX_BATCH` committed movements their index and write their leaves. The head must be locked.

    If we crash before the transaction commits, nothing was given an index. If we crash after, the leaves stay where
    they are and the next run signs them.
    """
    start = staged_size(tx)
    tx.execute(_BY_INDEX)
    rows = _copy_out(tx, _COPY_MOVEMENTS.format(wanted=_PENDING.format(limit=MAX_BATCH)), _MOVEMENT_ROW)
    leaves = _leaves(rows, start)
    if len(leaves):
        _copy_in(tx, start, rows["id"], leaves)
        tx.execute(_DEQUEUE, {"start": start})
    return Staged(start, leaves)


def read_staged(tx: sa.Connection, start: int, end: int) -> Rows:
    """Read leaves `[start, end)` back from the database, as `LEAF_DTYPE`. Raises `Malformed` when one is missing."""
    driver: Any = tx.connection.driver_connection
    data: bytes = driver.execute(_LEAVES, (start, end), binary=True).fetchone()[0]
    if len(data) != (end - start) * LEAF_SIZE:
        held = len(data) // LEAF_SIZE
        raise Malformed(f"The database holds {held} of the leaves {start} to {end - 1}; the log cannot go on.")
    return np.frombuffer(data, LEAF_DTYPE)


def rederive(tx: sa.Connection, start: int, end: int) -> Rows:
    """Make leaves `[start, end)` anew from their movements, as `LEAF_DTYPE`; nothing is taken from what was staged."""
    wanted = _STAGED.format(start=start, end=end)
    tx.execute(_BY_INDEX)
    rows = _copy_out(tx, _COPY_MOVEMENTS.format(wanted=wanted), _MOVEMENT_ROW)
    if len(rows) != end - start:
        raise Malformed(f"Some movement of the leaves {start} to {end - 1} is missing; the log cannot go on.")
    return _leaves(rows, start)


def _leaves(rows: Rows, start: int) -> Rows:
    leaves = np.zeros(len(rows), LEAF_DTYPE)
    leaves["version"] = VERSION
    for name in ("kind", "form", "flags", "purpose", "first", "last"):
        leaves[name] = rows[name]
    leaves["parent"] = _parent_indices(rows, start)
    for name in ("at", "until"):
        # The six low bytes of a big-endian 64-bit number.
        leaves[name] = np.ascontiguousarray(rows[name]).view("u1").reshape(-1, 8)[:, 2:]
    for name in ("from_tag", "to_tag", "evidence"):
        leaves[name] = rows[name]
    return leaves


def _parent_indices(rows: Rows, start: int) -> npt.NDArray[np.uint64]:
    """Resolve parents: from the log, or from this batch, where a parent stands before its child."""
    ids, parent_ids = rows["id"].astype(np.int64), rows["parent_id"].astype(np.int64)
    indices = rows["parent_index"].astype(np.int64)
    here = (parent_ids > 0) & (indices < 0)
    places = np.searchsorted(ids, parent_ids[here])
    if not np.array_equal(ids[np.minimum(places, len(ids) - 1)], parent_ids[here]):
        raise Malformed("A movement's parent is neither in the log nor in the queue before it; the log cannot go on.")
    indices[here] = start + places
    return np.where(parent_ids > 0, indices.astype(np.uint64), np.uint64(NO_PARENT))


def _copy_out(tx: sa.Connection, query: str, dtype: np.dtype[Any]) -> Rows:
    driver: Any = tx.connection.driver_connection
    with driver.cursor().copy(query) as copy:
        data = b"".join(copy)
    body = memoryview(data)[len(_HEADER) : -len(_TRAILER)]
    if len(body) % dtype.itemsize:
        raise Malformed("The database's rows have another shape than expected; the log cannot go on.")
    return np.frombuffer(body, dtype)


def _copy_in(tx: sa.Connection, start: int, ids: Rows, leaves: Rows) -> None:
    rows = np.zeros(len(leaves), _ENTRY_ROW)
    rows["count"] = 3
    rows["index_size"], rows["movement_id_size"], rows["leaf_size"] = 8, 8, LEAF_SIZE
    rows["index"] = np.arange(start, start + len(leaves))
    rows["movement_id"] = ids
    rows["leaf"] = leaves.view(f"V{LEAF_SIZE}")
    driver: Any = tx.connection.driver_connection
    with driver.cursor().copy("COPY log_entries (index, movement_id, leaf) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(_HEADER + rows.tobytes() + _TRAILER)
