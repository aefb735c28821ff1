"""The sequencer: gives committed movements their index in the log, in batches, and stages their leaves.

A child is committed after its parent and has the higher number, so taking what is committed in the order of numbers
takes no child before its parent. In which order a batch is logged is `order`'s to say. Rows travel in PostgreSQL's
binary forms and are turned into leaves by numpy, without touching single movements in Python. Who gets an index at all
is `admission`'s to say; the others are set aside, with all that descends from them, and nobody waits for them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg
import sqlalchemy as sa

from anchoring.errors import Malformed
from anchoring.leaf import LEAF_DTYPE, LEAF_SIZE
from anchoring.publishing.admission import AHEAD, Admission, Codes, fill_in_parents, is_refused
from anchoring.publishing.copying import Rows, copy_in, row_dtype
from anchoring.publishing.doubts import Doubt, reason_of
from anchoring.publishing.leaving import leave, leave_indexed, set_aside, without_logged
from anchoring.publishing.order import Draw, drawn_order, without_bundle
from anchoring.publishing.published import Published
from anchoring.publishing.recorded import documents_in_database
from anchoring.publishing.waiting import Numbers, Waiting, numbers, read_waiting
from anchoring.replaying.history import rows_of
from anchoring.replaying.runs import broken_runs, ends_in_run
from registry.ledger.movement import RECORDS_FROM, Kind

MAX_BATCH = 65_536
"""Leaves staged in one transaction: bounds memory (about 60 MB), and is whole tiles (256 x 256)."""

Begin = Callable[[Rows, Mapping[int, bytes]], None]
"""Is handed leaves (`LEAF_DTYPE`), and the lines of the records among them by index."""
_ENTRY = row_dtype(("index", ">i8"), ("movement_id", ">i8"), ("leaf", f"V{LEAF_SIZE}"))
# By index alone, row for row: then a batch costs the same however long the log is, whatever the planner expects.
_BY_INDEX = sa.text(
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "
    "SET LOCAL work_mem = '32MB'"
)
_PENDING = """
    SELECT movement_id FROM unsequenced u WHERE movement_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM movements m WHERE {is_passed_over} AND m.id = u.movement_id AND m.at_ms > {latest:d}
    ) ORDER BY movement_id LIMIT {limit:d}
"""
_STAGED = "SELECT movement_id FROM log_entries WHERE index >= {start:d} AND index < {end:d} ORDER BY index"
# In one value: a row for each leaf would cost more than hashing it.
_LEAVES = """
    SELECT coalesce(string_agg(leaf, '' ORDER BY index), '') FROM log_entries WHERE index >= %s AND index < %s
"""
_STATES = sa.text("""
    SELECT m.id, e.fields -> 'size' ->> 1 AS size FROM movements m JOIN evidence e ON e.digest = m.evidence
    WHERE m.id = ANY (:ids)
""")
_BUNDLED = sa.text("""
    SELECT m.act_id FROM movements m JOIN unsequenced u ON u.movement_id = m.id
    WHERE m.act_id = ANY (:acts) AND m.kind = 12 AND m.id > :last
""")
_REQUEUE = sa.text("""
    INSERT INTO unsequenced SELECT e.movement_id FROM log_entries e JOIN movements m ON m.id = e.movement_id
    WHERE e.index >= :start ON CONFLICT DO NOTHING
""")
_UNSTAGE = sa.text("DELETE FROM log_entries WHERE index >= :start")


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
    refused: Mapping[int, str] = field(default_factory=dict)
    """Movements that were set aside instead, by number, and why."""
    is_over: bool = True
    """Whether there was nothing else to do: nothing was taken out of the queue, and nothing put back."""

    @property
    def size(self) -> int:
        """Size of the log with them."""
        return self.start + len(self.leaves)


@dataclass(frozen=True, slots=True)
class Times:
    """The time, and the latest that a leaf may have now; Unix milliseconds."""

    now: int
    latest: int


def lock_head(tx: sa.Connection) -> Standing:
    """Keep other sequencers waiting; return what is signed, and what others are known to hold."""
    row = tx.execute(sa.text("SELECT size, known_size FROM log_head FOR UPDATE")).one()
    return Standing(row.size, row.known_size)


def staged_size(tx: sa.Connection) -> int:
    """Count the leaves that have an index. Indices are never skipped, so the highest tells."""
    return int(tx.execute(sa.text("SELECT coalesce(max(index) + 1, 0) FROM log_entries")).scalar_one())


def stage(tx: sa.Connection, admission: Admission, log: Published, times: Times, draw: Draw, begin: Begin) -> Staged:
    """Give up to `MAX_BATCH` committed movements their index and write their leaves; set aside what does not stand.

    `draw` draws their order. `begin` is handed the leaves before the database is, so that other work on them need not
    wait for it. What is of a later time than a leaf may have stays in the queue.

    The head must be locked, and nothing staged after it. If we crash before the transaction commits, nothing was given
    an index. If we crash after, the leaves stay where they are and the next run signs them.
    """
    tx.execute(_BY_INDEX)
    queued, waiting = _next(tx, times.latest)
    refused = _gone(queued, waiting.ids)
    waiting = _without_cut_runs(tx, waiting)
    ids = waiting.ids
    leaves, codes = admission.judge(tx, waiting, log, times.latest)
    # A state has its index from the moment it is recorded; later it is of other leaves than those before it.
    codes[(codes == 0) & (waiting.rows["kind"] == Kind.STATE)] = Doubt.STATE
    admitted, leaves, documents = _rehearsed(tx, admission, waiting, leaves, codes, log, draw)
    refused |= {int(ids[place]): reason_of(int(codes[place])) for place in np.flatnonzero(is_refused(codes))}
    refused = without_logged(tx, refused)
    set_aside(tx, refused, times.now)
    if len(leaves):
        begin(leaves, documents)
        try:
            with tx.begin_nested():
                _write_entries(tx, log.size, admitted.ids, leaves)
        except psycopg.errors.UniqueViolation:
            refused |= leave_indexed(tx, admitted.ids.tolist(), times.now)
            return Staged(log.size, np.empty(0, LEAF_DTYPE), refused, is_over=False)
        leave(tx, np.sort(admitted.ids))
    return Staged(log.size, leaves, refused, is_over=not len(leaves) and not refused)


def _rehearsed(
    tx: sa.Connection, admission: Admission, waiting: Waiting, leaves: Rows, codes: Codes, log: Published, draw: Draw
) -> tuple[Waiting, Rows, Mapping[int, bytes]]:
    """Put in order what is admitted, and refuse, in `codes`, what no witness would cosign; give what is left.

    With its leaves come the lines of its records, by index. Refused ones are gone before the order is drawn anew.
    """
    while True:
        places = np.flatnonzero(codes == 0)
        places = places[drawn_order(waiting.rows.take(places), draw)]
        admitted, made = waiting.only(places), leaves.take(places)
        fill_in_parents(made, admitted, log.size)
        documents = documents_in_database(tx, made, log.size)
        faults = admission.rehearse(log, made, documents)
        if not faults:
            return admitted, made, documents
        # Where decisions wait for their time, what rests on one waits with it.
        codes[places[list(faults)]] = AHEAD if (codes == AHEAD).any() else list(faults.values())
        admission.spread(waiting, leaves, log, codes)


def _next(tx: sa.Connection, latest: int) -> tuple[Numbers, Waiting]:
    """Read the movements that wait longest; where they fill a batch, without those of a time that is still to come."""

    def read(is_passed_over: str) -> tuple[Numbers, Waiting]:
        query = _PENDING.format(is_passed_over=is_passed_over, latest=latest, limit=MAX_BATCH)
        queued = np.unique(numbers(tx, query))
        return queued, read_waiting(tx, queued)

    queued, waiting = read("false")
    is_full = len(queued) == MAX_BATCH and (waiting.rows["at"].astype(np.int64) > latest).any()
    return read("true") if is_full else (queued, waiting)


def take_up(tx: sa.Connection, admission: Admission, log: Published, latest: int, begin: Begin) -> Staged:
    """Take up leaves that a run before us staged and did not sign, if they stand as any other.

    They are made anew from their movements, nothing is taken from what was staged. If one is not what it should be,
    all of them are waiting movements again: nobody outside has seen their indices. `begin` as in `stage`; none may be
    later than `latest`, Unix milliseconds.
    """
    end = min(staged_size(tx), log.size + MAX_BATCH)
    tx.execute(_BY_INDEX)
    ids = numbers(tx, _STAGED.format(start=log.size, end=end))
    waiting = read_waiting(tx, np.unique(ids))
    if len(ids) == end - log.size and np.array_equal(waiting.ids, np.sort(ids)):
        leaves, codes = admission.judge(tx, waiting, log, latest)
        order = np.searchsorted(waiting.ids, ids)
        waiting, leaves = waiting.only(order), leaves.take(order)
        fill_in_parents(leaves, waiting, log.size)
        is_in_order = not codes.any() and _are_in_order(leaves, waiting.rows, log.size)
        if is_in_order and _are_in_place(tx, waiting.rows, log.size) and _raw(tx, log.size, end) == leaves.tobytes():
            documents = documents_in_database(tx, leaves, log.size)
            if not admission.rehearse(log, leaves, documents):
                begin(leaves, documents)
                return Staged(log.size, leaves, is_over=False)
    tx.execute(_REQUEUE, {"start": log.size})
    tx.execute(_UNSTAGE, {"start": log.size})
    return Staged(log.size, np.empty(0, LEAF_DTYPE), is_over=False)


def _are_in_order(leaves: Rows, rows: Rows, start: int) -> bool:
    """Whether records come first, in the order recorded, and no child before its parent, and runs whole."""
    is_record = np.asarray(rows["kind"] >= RECORDS_FROM)
    are_first = not is_record[int(is_record.sum()) :].any() and bool((np.diff(rows["id"][is_record]) > 0).all())
    is_behind = leaves["parent"] < np.arange(start, start + len(leaves), dtype=np.uint64)
    in_order = rows_of(leaves)
    is_whole = not len(broken_runs(in_order, 0)) and not ends_in_run(in_order)
    return are_first and is_whole and bool(is_behind[rows["parent"] != 0].all())


def _without_cut_runs(tx: sa.Connection, waiting: Waiting) -> Waiting:
    """Leave the GATHERs of a run waiting whose BUNDLE waits behind a full batch."""
    rows = waiting.rows
    is_alone = without_bundle(rows) if len(rows) == MAX_BATCH else np.zeros(len(rows), bool)
    if not is_alone.any():
        return waiting
    values = {"acts": np.unique(rows["act"][is_alone]).tolist(), "last": int(rows["id"][-1])}
    acts = list(tx.execute(_BUNDLED, values).scalars())
    return waiting.only(np.flatnonzero(~(is_alone & np.isin(rows["act"], acts))))


def _are_in_place(tx: sa.Connection, rows: Rows, start: int) -> bool:
    """Whether each record of a state has the index that its evidence names: it is of the leaves before it."""
    places = np.flatnonzero(rows["kind"] == Kind.STATE).tolist()
    said = {row.id: row.size for row in tx.execute(_STATES, {"ids": [int(rows["id"][place]) for place in places]})}
    return all(said.get(int(rows["id"][place])) == str(start + place) for place in places)


def _gone(queued: Numbers, found: Numbers) -> dict[int, str]:
    """Name what waits and is not there."""
    if np.array_equal(queued, found):
        return {}
    return dict.fromkeys(np.setdiff1d(queued, found).tolist(), reason_of(Doubt.GONE))


def read_staged(tx: sa.Connection, start: int, end: int) -> Rows:
    """Read leaves `[start, end)` back from the database, as `LEAF_DTYPE`. Raises `Malformed` when one is missing."""
    data = _raw(tx, start, end)
    if len(data) != (end - start) * LEAF_SIZE:
        held = len(data) // LEAF_SIZE
        raise Malformed(f"The database holds {held} of the leaves {start} to {end - 1}; the log cannot go on.")
    return np.frombuffer(data, LEAF_DTYPE)


def _raw(tx: sa.Connection, start: int, end: int) -> bytes:
    driver: Any = tx.connection.driver_connection
    data: bytes = driver.execute(_LEAVES, (start, end), binary=True).fetchone()[0]
    return data


def _write_entries(tx: sa.Connection, start: int, ids: Rows, leaves: Rows) -> None:
    rows = np.zeros(len(leaves), _ENTRY)
    rows["index"] = np.arange(start, start + len(leaves))
    rows["movement_id"] = ids
    rows["leaf"] = leaves.view(f"V{LEAF_SIZE}")
    copy_in(tx, "log_entries", rows)
