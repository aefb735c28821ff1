"""Jobs: acts that take long, asked for like any act and done beside the others, in steps of one transaction each.

An account has one at a time, and until it has ended no other act takes that account's grams: what was there when it
was asked for is there at its last step. A step and what is noted of it are one transaction, so that a job which was
killed goes on where it was. What was asked and answered is sealed under the master key: people's words are in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from psycopg.types.range import Range

from registry.accounts.vault import Vault
from registry.database.engine import BESIDE_JOB
from registry.database.personal import Erased
from registry.database.schema import jobs
from registry.database.statement import Statement
from registry.errors import JobUnderWay, NotFound, RegistryError

MAX_LISTED = 100
_SEALED = "job"
Bundles = Sequence[tuple[int, int]]
"""Grams `[first, end)` of each."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands."""

    id: int
    account_id: int
    kind: str
    asked: Mapping[str, Any] | None
    """The body of the request; None once the job has ended."""
    asked_ms: int
    total_g: int
    """Grams it is about."""
    done_g: int
    """Grams that its steps have taken."""
    made: Bundles
    """Bundles on the way to the one that was asked for."""
    steps: int
    tries: int
    """Turns that it had since its last step was done, this one too."""
    ended_ms: int | None
    answer: Mapping[str, Any] | None
    problem: Mapping[str, Any] | None
    """`type` (the error's code), `title` and `detail` of what kept it from being done."""


def add_job(
    tx: sa.Connection, vault: Vault, account_id: int, kind: str, asked: Mapping[str, Any], total_g: int, asked_ms: int
) -> int:
    """Note a job, and give its number. Raises `JobUnderWay` where the account has one."""
    sealed = vault.seal_json(_SEALED, asked)
    values = {"account_id": account_id, "kind": kind, "asked": sealed, "total_g": total_g, "asked_ms": asked_ms}
    return int(tx.execute(sa.insert(jobs).values(values).returning(jobs.c.id)).scalar_one())


def refuse_beside(tx: sa.Connection, account_id: int) -> None:
    """Raise `JobUnderWay` where the account has a job, for who would lock it: a step may hold it for minutes."""
    if _has_open(tx, account_id):
        raise JobUnderWay(BESIDE_JOB)


def get_job(tx: sa.Connection, vault: Vault, account_id: int, number: int) -> Job:
    """Read a job of an account. Raises `NotFound`."""
    row = tx.execute(sa.select(jobs).where(jobs.c.account_id == account_id, jobs.c.id == number)).one_or_none()
    if row is None:
        raise NotFound(f"Account {account_id} has no job {number}.")
    return _job(vault, row)


def list_jobs(tx: sa.Connection, vault: Vault, account_id: int) -> list[Job]:
    """Read an account's jobs, the newest first, a hundred at most."""
    query = sa.select(jobs).where(jobs.c.account_id == account_id).order_by(jobs.c.id.desc()).limit(MAX_LISTED)
    return [_job(vault, row) for row in tx.execute(query)]


def next_job(tx: sa.Connection, vault: Vault) -> Job | None:
    """Give the job whose turn it is its turn: then it is behind all others, whatever comes of it.

    So nobody waits longer than for a step of each, neither for a long job nor for one that cannot be done now.
    """
    row = tx.execute(_NEXT).one_or_none()
    return None if row is None else _job(vault, row)


def enter(tx: sa.Connection, job: Job) -> None:
    """Let acts of this transaction be the job's own. Raises `JobUnderWay` when this step was done already."""
    tx.execute(_ENTER, {"number": str(job.id)})
    if tx.execute(sa.select(jobs.c.id).where(*_is_at(job))).one_or_none() is None:
        raise JobUnderWay(_DONE)


def tell(tx: sa.Connection, job: Job, done_g: int) -> None:
    """Show how far a step is that is under way in another transaction, in grams taken by now."""
    tx.execute(sa.update(jobs).where(jobs.c.id == job.id, jobs.c.ended_ms.is_(None)).values(done_g=done_g))


def go_on(tx: sa.Connection, job: Job, done_g: int, made: Bundles) -> None:
    """Note a step that was not the last, in its own transaction: the grams taken by now, and the bundles made.

    Raises `JobUnderWay` when somebody else did this step.
    """
    ranges = [Range(first, last) for first, last in made]
    values = {"done_g": done_g, "made": ranges, "steps": job.steps + 1, "tries": 0}
    _only_once(tx.execute(sa.update(jobs).where(*_is_at(job)).values(values)))


def end(tx: sa.Connection, vault: Vault, job: Job, at: int, outcome: Mapping[str, Any] | RegistryError) -> None:
    """Note how a job ended, in the transaction of its last step: by its answer, or by what kept it from being done.

    Raises `JobUnderWay` when somebody else did this step.
    """
    values: dict[str, Any] = {"ended_ms": at, "asked": sa.null()}
    if isinstance(outcome, RegistryError):
        problem = {"type": outcome.code, "title": outcome.title, "detail": str(outcome)}
        values["problem"] = vault.seal_json(_SEALED, problem)
    else:
        values |= {"answer": vault.seal_json(_SEALED, outcome), "done_g": job.total_g, "made": []}
    _only_once(tx.execute(sa.update(jobs).where(*_is_at(job)).values(values)))


def end_all(tx: sa.Connection, vault: Vault, at: int, why: RegistryError) -> None:
    """End every job that is open."""
    for row in tx.execute(sa.select(jobs).where(jobs.c.ended_ms.is_(None))).all():
        end(tx, vault, _job(vault, row), at, why)


def _has_open(tx: sa.Connection, account_id: int) -> bool:
    return _OPEN_OF(tx, {"account": account_id}).fetchone() is not None


def _is_at(job: Job) -> tuple[sa.ColumnElement[bool], ...]:
    return jobs.c.id == job.id, jobs.c.steps == job.steps, jobs.c.ended_ms.is_(None)


def _only_once(done: sa.CursorResult[Any]) -> None:
    if done.rowcount != 1:
        raise JobUnderWay(_DONE)


def _job(vault: Vault, row: sa.Row[Any]) -> Job:
    values = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's public name for it)
    del values["turn"]
    said = {name: vault.open_json(_SEALED, values[name]) for name in ("asked", "answer", "problem")}
    return Job(**values | said | {"made": tuple((one.lower, one.upper) for one in row.made)})


_IS_OPEN = jobs.c.ended_ms.is_(None)
_OPEN_OF = Statement(sa.select(jobs.c.id).where(jobs.c.account_id == sa.bindparam("account"), _IS_OPEN))
_NEXT = (
    sa.update(jobs)
    .where(jobs.c.id == sa.select(jobs.c.id).where(_IS_OPEN).order_by(jobs.c.turn).limit(1).scalar_subquery(), _IS_OPEN)
    .values(turn=sa.text("DEFAULT"), tries=jobs.c.tries + 1)
    .returning(jobs)
)
_DONE = "Another process did this step of the job."
_ENTER = sa.text("SELECT set_config('gramledger.job', :number, true)")


def _forget(tx: sa.Connection, account: Erased) -> None:
    """Forget an account's jobs. Raises `JobUnderWay` while one is open."""
    if _has_open(tx, account.number):
        raise JobUnderWay("A job of this account is under way. Erase the account when it has ended.")
    tx.execute(sa.delete(jobs).where(jobs.c.account_id == account.number))


ERASING = (_forget,)
