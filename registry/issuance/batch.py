"""A batch: a file of activities that a platform reports, from its upload to the lot that it becomes, or to its end.

Its rows are nobody's here: the file, and what is judged of it, lie in the data folder until the batch is settled
(`parts.py`, `listing.py`); the table says how it stands, and how many of what there is.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.database.schema import batch_parts, batches, sources
from registry.decisions.returning import Recorded, Returning
from registry.errors import BatchClosed, BatchQuota, BatchReported, Invalid, NotFound, RegistryError, VersionStale
from registry.events.outbox import tell as tell_event
from registry.events.types import BATCH_JUDGED, BATCH_PROPOSED, BATCH_SETTLED
from registry.ledger.ledger import Ledger
from registry.ledger.queries import MAX_BIGINT, Page, bounded, read_cursor
from registry.procedure.decision import Record
from registry.sources.sources import Source

MOST_OPEN: Final = 16
"""Batches of a platform that are under way at once: a day's of each of its scenarios, and some that wait."""
MOST_OPEN_BYTES: Final = 4 * 2**30
"""Of them together: what a platform may take of the disk."""
MOST_BYTES: Final = 2**30
"""Of one, as the policy of intake has it too."""
LONGEST_PERIOD_MS: Final = 366 * 86_400_000
LAPSE_MS: Final = 30 * 86_400_000
"""After so long without a change a batch that nobody decided about is withdrawn, and its files go."""


class State(StrEnum):
    """How a batch stands."""

    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    JUDGED = "judged"
    PROPOSED = "proposed"
    ISSUED = "issued"
    RECOGNISED = "recognised"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Work(StrEnum):
    """What is to be done with a batch beside everything else."""

    JUDGE = "judge"
    PROPOSE = "propose"
    ISSUE = "issue"


SETTLED: Final = frozenset({State.ISSUED, State.RECOGNISED, State.REFUSED, State.WITHDRAWN})
UNDECIDED: Final = frozenset({State.UPLOADING, State.UPLOADED, State.JUDGED})
"""A platform may still take it back: no officer has proposed anything."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What a platform declares: its profile, its size and SHA-256 (32 bytes), and of which time it is (half open)."""

    profile: str
    size_bytes: int
    sha256: bytes
    period: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stands; times are Unix milliseconds, officers as documents write them."""

    id: int
    source_id: int
    profile: str
    size_bytes: int
    sha256: bytes | None
    """None once it is settled."""
    period: tuple[int, int]
    begun_ms: int
    state: State
    version: int
    changed_ms: int
    work: Work | None
    tries: int
    progress: Mapping[str, Any] | None
    proposer: str | None
    approver: str | None
    case: str | None
    summary: Mapping[str, Any] | None
    """`rows`, `accepted`, `accounts`, `quantity_g`, `refused` and `held` (reason -> count)."""
    problem: Mapping[str, str] | None
    """`type`, `title` and `detail` of what kept the last work from being done, or the batch from being issued."""
    lot_id: int | None
    is_release: bool
    """It is of what was released from quarantine, and of no file: its `size_bytes` are 0."""


def begin_batch(tx: sa.Connection, ledger: Ledger, source: Source, new: NewBatch) -> Batch:
    """Have a batch of a source, of which the parts may come.

    Raises `BatchReported` for a file that is here already, `BatchQuota`, and `Invalid` for bounds that are none.
    """
    if not 0 < new.size_bytes <= MOST_BYTES:
        raise Invalid(f"A batch has 1 to {MOST_BYTES} bytes; send more as several batches.")
    begin, end = new.period
    if not 0 <= begin < end <= begin + LONGEST_PERIOD_MS:
        raise Invalid("A batch is of a time from a moment until a later one, a year at most.")
    tx.execute(_ONE_BEGINS, {"platform": source.applicant_id})
    digest = _digest(ledger.vault, source.id, new.sha256)
    earlier = tx.execute(_EARLIER, {"digest": digest}).one_or_none()
    if earlier is not None:
        told = f"was issued as lot {earlier.lot_id}" if earlier.lot_id else f"is {earlier.state}"
        raise BatchReported(f"This file is batch {earlier.id}, which {told}. One physical act is issued once.")
    under_way = tx.execute(_UNDER_WAY, {"platform": source.applicant_id}).one()
    if under_way.batches >= MOST_OPEN or under_way.size_bytes + new.size_bytes > MOST_OPEN_BYTES:
        raise BatchQuota(
            f"{under_way.batches} batches of {under_way.size_bytes} bytes are under way; a platform has at most "
            f"{MOST_OPEN}, of {MOST_OPEN_BYTES} bytes together. Withdraw one, or wait until one is settled."
        )
    at = ledger.clock()
    row = {
        "source_id": source.id,
        "profile": new.profile,
        "bytes": new.size_bytes,
        "sha256": new.sha256,
        "digest": digest,
        "period_from_ms": begin,
        "period_until_ms": end,
        "begun_ms": at,
        "state": State.UPLOADING,
        "changed_ms": at,
    }
    return _batch(tx.execute(sa.insert(batches).values(row).returning(batches)).one())


def _digest(vault: Vault, source_id: int, sha256: bytes) -> bytes:
    return vault.keyed_digest("batch", source_id.to_bytes(8, "big") + sha256)


def get_batch(tx: sa.Connection, number: int, *, lock: bool = False) -> Batch:
    """Read a batch; with `lock`, keep others from changing it. Raises `NotFound`."""
    query = sa.select(batches).where(batches.c.id == number)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no batch {number}.")
    return _batch(row)


def batch_of_case(tx: sa.Connection, case: str) -> Batch:
    """Read and lock the batch whose issuance a case is. Raises `NotFound`."""
    row = tx.execute(sa.select(batches).where(batches.c.case_number == case).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"Case {case[:40]} is no batch's.")
    return _batch(row)


def list_batches(
    tx: sa.Connection, of: Collection[int] | None, state: State | None, *, cursor: str | None = None, limit: int = 50
) -> Page[Batch]:
    """List batches, newest first: of platforms (by their accounts), or of all where `of` is None."""
    limit = bounded(limit)
    query = sa.select(batches).where(batches.c.id < (MAX_BIGINT if cursor is None else read_cursor(cursor)))
    if of is not None:
        own = sa.select(sources.c.id).where(sources.c.applicant_id.in_(sorted(of)))
        query = query.where(batches.c.source_id.in_(own))
    if state is not None:
        query = query.where(batches.c.state == state)
    rows = tx.execute(query.order_by(batches.c.id.desc()).limit(limit + 1)).all()
    items = [_batch(row) for row in rows[:limit]]
    return Page(items, str(items[-1].id) if len(rows) > limit else None)


def refuse_other_version(batch: Batch, seen: int) -> None:
    """Raise `VersionStale` when a batch is not as it was seen."""
    if batch.version != seen:
        raise VersionStale(f"Batch {batch.id} is at version {batch.version} now, and you saw {seen}. Read it again.")


def require_state(batch: Batch, *states: State) -> None:
    """Raise `BatchClosed` when a batch does not stand in one of some states, or is being worked on."""
    if batch.state not in states or batch.work is not None:
        doing = "" if batch.work is None else f" and waits for work ({batch.work})"
        raise BatchClosed(f"Batch {batch.id} is {batch.state}{doing}; this needs one that is {' or '.join(states)}.")


def change(tx: sa.Connection, batch: Batch, at: int, **values: Any) -> Batch:
    """Change a batch that is locked, and tell its platform; a settled one forgets its file's SHA-256.

    Gives it as it is then.
    """
    if values.get("state") in SETTLED:
        values |= {"sha256": None, "work": None, "progress": sa.null()}
        tx.execute(sa.delete(batch_parts).where(batch_parts.c.batch_id == batch.id))
        tx.execute(_WAIT_AGAIN, {"batch": batch.id})
    values |= {"version": batches.c.version + 1, "changed_ms": sa.func.greatest(at, batches.c.changed_ms)}
    query = sa.update(batches).where(batches.c.id == batch.id).values(values).returning(batches)
    now = _batch(tx.execute(query).one())
    if "state" in values:
        _tell_platform(tx, now)
    return now


def _tell_platform(tx: sa.Connection, now: Batch) -> None:
    """Tell what became of a batch, once it is judged; that its parts came the platform knows."""
    of = BATCH_SETTLED if now.state in SETTLED else _TOLD.get(now.state)
    if of is None:
        return
    said: dict[str, Any] = {
        "batch": now.id,
        "source": now.source_id,
        "case": now.case,
        "state": now.state,
        **(now.summary or {}),
    }
    platform = tx.execute(sa.select(sources.c.applicant_id).where(sources.c.id == now.source_id)).scalar_one()
    tell_event(tx, of, platform, now.changed_ms, {name: said[name] for name in of.fields})


def ask_for(tx: sa.Connection, batch: Batch, at: int, work: Work, **values: Any) -> Batch:
    """Have a work done with a batch that is locked, when its turn comes."""
    fresh = {"work": work, "tries": 0, "progress": sa.null(), "problem": sa.null()}
    return change(tx, batch, at, **fresh, turn=sa.text("DEFAULT"), **values)


def withdraw(tx: sa.Connection, batch: Batch, at: int) -> Batch:
    """Take a batch back that nobody decided about. Raises `BatchClosed`."""
    if batch.is_release or batch.state not in UNDECIDED or batch.work == Work.PROPOSE:
        raise BatchClosed(f"Batch {batch.id} is {batch.state}: ask the centre to refuse what it proposed.")
    return change(tx, batch, at, state=State.WITHDRAWN)


def lapse(tx: sa.Connection, at: int) -> int:
    """Withdraw the batches that nobody touched for `LAPSE_MS`; give how many."""
    stale = sa.select(batches).where(
        batches.c.state.in_(sorted(UNDECIDED)), batches.c.work.is_(None), batches.c.changed_ms < at - LAPSE_MS
    )
    rows = tx.execute(stale.with_for_update(skip_locked=True)).all()
    for row in rows:
        change(tx, _batch(row), at, state=State.WITHDRAWN, problem=_LAPSED)
    return len(rows)


def next_work(tx: sa.Connection) -> Batch | None:
    """Give the batch whose turn it is its turn: then it is behind all others, whatever comes of it."""
    row = tx.execute(_NEXT).one_or_none()
    return None if row is None else _batch(row)


def next_waits(tx: sa.Connection) -> bool:
    """Whether there is work."""
    return tx.execute(sa.select(batches.c.id).where(_HAS_WORK).limit(1)).one_or_none() is not None


def tell(tx: sa.Connection, number: int, stage: str, rows: int | None = None) -> None:
    """Show how far a work is."""
    progress = {"stage": stage} if rows is None else {"stage": stage, "rows": rows}
    tx.execute(sa.update(batches).where(batches.c.id == number, batches.c.work.is_not(None)).values(progress=progress))


def as_problem(why: RegistryError) -> dict[str, str]:
    """Write what kept a work from being done."""
    return {"type": why.code, "title": why.title, "detail": str(why)}


def open_batches(tx: sa.Connection) -> set[int]:
    """Give the numbers of those whose files are needed."""
    return set(tx.execute(sa.select(batches.c.id).where(batches.c.sha256.is_not(None))).scalars())


def _batch(row: sa.Row[Any]) -> Batch:
    return Batch(
        row.id,
        row.source_id,
        row.profile,
        row.bytes,
        None if row.sha256 is None else bytes(row.sha256),
        (row.period_from_ms, row.period_until_ms),
        row.begun_ms,
        State(row.state),
        row.version,
        row.changed_ms,
        None if row.work is None else Work(row.work),
        row.tries,
        row.progress,
        row.proposer,
        row.approver,
        row.case_number,
        row.summary,
        row.problem,
        row.lot_id,
        row.is_release,
    )


_TOLD: Final = {State.JUDGED: BATCH_JUDGED, State.PROPOSED: BATCH_PROPOSED}
_LAPSED: Final = {
    "type": "batch-state",
    "title": "It lapsed",
    "detail": "Nobody went on with this batch for thirty days. Report it again.",
}
_RECOVERED: Final = {
    "type": "batch-state",
    "title": "It was settled before a loss",
    "detail": "The registry was restored from a backup that has this batch as open. Its case says what became of it.",
}


def _return(tx: sa.Connection, recorded: Recorded) -> None:
    """Settle the batch of an issuance that was decided, and lost: the log has its lot, and nothing more is done."""
    case, state = recorded.decision.case, recorded.decision.to_state
    row = tx.execute(
        sa.select(batches).where(batches.c.case_number == case, batches.c.sha256.is_not(None))
    ).one_or_none()
    if row is not None and state in {State.ISSUED, State.REFUSED}:
        change(tx, _batch(row), recorded.decision.at, state=State.WITHDRAWN, problem=_RECOVERED)


RETURNING: Final[Mapping[Record, Returning]] = {Record.ISSUANCE: _return}
_ONE_BEGINS = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/batches/' || :platform, 0))")
_EARLIER = sa.text("""
    SELECT id, state, lot_id FROM batches WHERE digest = :digest AND state NOT IN ('refused', 'withdrawn')
    ORDER BY id LIMIT 1
""")
_UNDER_WAY = sa.text("""
    SELECT count(*) AS batches, CAST(coalesce(sum(b.bytes), 0) AS bigint) AS size_bytes
    FROM batches b JOIN sources s ON s.id = b.source_id WHERE s.applicant_id = :platform AND b.sha256 IS NOT NULL
        AND NOT b.is_release
""")
# What was to be released by a batch that came to nothing waits as before; what it settled by itself is settled.
_WAIT_AGAIN = sa.text(
    "UPDATE quarantine SET state = 'waiting', release_id = NULL WHERE release_id = :batch AND state = 'releasing'"
)
_HAS_WORK = batches.c.work.is_not(None)
_NEXT = (
    sa.update(batches)
    .where(
        batches.c.id == sa.select(batches.c.id).where(_HAS_WORK).order_by(batches.c.turn).limit(1).scalar_subquery(),
        _HAS_WORK,
    )
    .values(turn=sa.text("DEFAULT"), tries=batches.c.tries + 1)
    .returning(batches)
)
