"""Quarantine: what a rule against abuse caught of a batch waits here, with why, until somebody decides (R50).

It is caught when its batch is settled, by the rules that the batch was judged by. Whose it is sees why, and may appeal
once, within a term of policy. An officer has it issued, in a lot of its own (`releasing.py`), or refuses it with
reasons; whom nobody released in time lapses. What was caught is caught for good: the same reference again is refused.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.accounts.vault import Vault
from registry.activities.activities import reference_digest
from registry.database.personal import Erased
from registry.database.schema import quarantine, sources
from registry.decisions.motions import is_one_person
from registry.errors import Conflict, Invalid, NotFound
from registry.events.outbox import tell
from registry.events.types import QUARANTINE_CAUGHT, QUARANTINE_ENDED
from registry.ledger.ledger import Ledger
from registry.ledger.queries import MAX_BIGINT, Page, bounded, read_cursor
from registry.policies.activities import Risk
from registry.procedure.decision import Officer
from registry.sources.sources import Source
from registry.words import checked_words

MAX_WORDS: Final = 2000
MOST_NAMED: Final = 1_000
"""By one refusal or release: what the body of a request holds."""
MOST_AT_ONCE: Final = 10_000
"""That one tidying ends, in one transaction."""
DAY_MS: Final = 86_400_000
KEPT_MS: Final = 366 * DAY_MS
"""After its end: a year, in which whose it was can ask what became of it. Then nothing leads to a person any more."""
_SEALED: Final = "quarantine"


class HeldState(StrEnum):
    """How something in quarantine stands."""

    WAITING = "waiting"
    RELEASING = "releasing"
    """It is part of a release that is on its way to its lot."""
    RELEASED = "released"
    REFUSED = "refused"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Held:
    """Something in quarantine; times are Unix milliseconds. What is None of `account_id` on went with its account."""

    id: int
    source_id: int
    batch_id: int
    reason: str
    state: HeldState
    caught_ms: int
    appeal_until_ms: int
    lapses_ms: int
    appealed_ms: int | None
    decided_ms: int | None
    decided_by: str | None
    outcome: str | None
    release_id: int | None
    account_id: int | None
    starts_ms: int | None
    ends_ms: int | None
    quantity_g: int | None
    reference: str | None = field(repr=False)
    zh: str | None
    en: str | None
    things: tuple[str | None, ...] = field(repr=False)
    appeal: str | None = field(repr=False)
    words: str | None = field(repr=False)


def catch(
    tx: sa.Connection, ledger: Ledger, batch_id: int, source: Source, rows: Sequence[Mapping[str, Any]], risk: Risk
) -> int:
    """Keep what was caught of a batch, a row each as `caught_of` gives them; gives how many are new."""
    at = ledger.clock()
    terms = {
        "source_id": source.id, "batch_id": batch_id, "state": HeldState.WAITING, "caught_ms": at,
        "appeal_until_ms": at + risk.appeal_days * DAY_MS, "lapses_ms": at + risk.lapse_days * DAY_MS,
    }  # fmt: skip
    values = [_row(ledger.vault, source.id, row) | terms for row in rows]
    if not values:
        return 0
    done = tx.execute(insert(quarantine).on_conflict_do_nothing(index_elements=["source_id", "reference"]), values)
    told = {"batch": batch_id, "source": source.id, "activities": len(values)}
    tell(tx, QUARANTINE_CAUGHT, source.applicant_id, at, told)
    return done.rowcount


def _row(vault: Vault, source_id: int, row: Mapping[str, Any]) -> dict[str, Any]:
    things = [row[name] for name in sorted(name for name in row if name.startswith("thing_"))]
    said = {"reference": row["reference"], "things": things, "zh": row["zh"], "en": row["en"]}
    return {
        "reference": reference_digest(vault, source_id, row["reference"]),
        "row": row["row"],
        "reason": row["why"],
        "account_id": row["account_id"],
        "starts_ms": row["begins_ms"],
        "ends_ms": row["ends_ms"],
        "quantity_g": row["grams"],
        "sealed": vault.seal_words(_SEALED, json.dumps(said, ensure_ascii=False).encode()),
    }


def find_caught(tx: sa.Connection, vault: Vault, source_id: int, references: Sequence[str]) -> list[str]:
    """Pick the references under which something was caught, whatever became of it."""
    # Of a source much less was caught than a file has rows: nothing is hashed for a source that has nothing here.
    caught = {bytes(one) for one in tx.execute(_OF_SOURCE, {"source": source_id}).scalars()}
    return [one for one in references if reference_digest(vault, source_id, one) in caught] if caught else []


def list_held(
    tx: sa.Connection,
    vault: Vault,
    *,
    of: Collection[int] | None = None,
    account: int | None = None,
    state: HeldState | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Held]:
    """List what is or was in quarantine, newest first: of platforms (by their accounts), or of whom it is."""
    limit = bounded(limit)
    query = sa.select(quarantine).where(quarantine.c.id < (MAX_BIGINT if cursor is None else read_cursor(cursor)))
    if of is not None:
        own = sa.select(sources.c.id).where(sources.c.applicant_id.in_(sorted(of)))
        query = query.where(quarantine.c.source_id.in_(own))
    if account is not None:
        query = query.where(quarantine.c.account_id == account)
    if state is not None:
        query = query.where(quarantine.c.state == state)
    rows = tx.execute(query.order_by(quarantine.c.id.desc()).limit(limit + 1)).all()
    items = [held_of(vault, row) for row in rows[:limit]]
    return Page(items, str(items[-1].id) if len(rows) > limit else None)


def list_appeals(tx: sa.Connection, vault: Vault) -> list[Held]:
    """Give what waits and was appealed for, the oldest appeal first, a thousand at most."""
    waits = (quarantine.c.state == HeldState.WAITING, quarantine.c.appealed_ms.is_not(None))
    query = sa.select(quarantine).where(*waits).order_by(quarantine.c.appealed_ms, quarantine.c.id).limit(1000)
    return [held_of(vault, row) for row in tx.execute(query)]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits of one batch without an appeal: how much, since when, and when the first of it lapses."""

    batch_id: int
    activities: int
    caught_ms: int
    lapses_ms: int


def list_waiting(tx: sa.Connection) -> list[Waiting]:
    """Count what waits without an appeal, by batch, what lapses first before the rest, a thousand at most."""
    return [Waiting(*row) for row in tx.execute(_WAITING)]


def get_held(tx: sa.Connection, vault: Vault, number: int, *, account: int | None = None, lock: bool = False) -> Held:
    """Read one, of an account where it is given. Raises `NotFound`."""
    query = sa.select(quarantine).where(quarantine.c.id == number)
    if account is not None:
        query = query.where(quarantine.c.account_id == account)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is nothing of number {number} in quarantine.")
    return held_of(vault, row)


def appeal(tx: sa.Connection, ledger: Ledger, number: int, account: int, words: str) -> Held:
    """Appeal for what is an account's, once: it waits for an officer, and does not lapse until he decided.

    Raises `NotFound`, `Conflict` when it is too late or was done, `Invalid`.
    """
    held, at = get_held(tx, ledger.vault, number, account=account, lock=True), ledger.clock()
    if held.state not in {HeldState.WAITING, HeldState.REFUSED} or held.appealed_ms is not None:
        raise Conflict(f"This is {held.state}, or was appealed for already: an appeal is made once.")
    if at > held.appeal_until_ms:
        raise Conflict("The time in which this could be appealed for is over.")
    sealed = ledger.vault.seal_words(_SEALED, checked_words(words, "An appeal", MAX_WORDS).encode())
    _change(tx, number, state=HeldState.WAITING, appeal=sealed, appealed_ms=max(at, held.caught_ms))
    return get_held(tx, ledger.vault, number)


def refuse(tx: sa.Connection, ledger: Ledger, numbers: Collection[int], words: str, by: Officer) -> int:
    """Refuse some, with reasons that those whose it is read; gives how many. All or none.

    Whoever refused one before does not decide on its appeal. After the first refusal there is as long again to appeal.
    Raises `NotFound`, `Conflict`, `Invalid`.
    """
    found, at = take_up(tx, ledger.vault, numbers), ledger.clock()
    refuse_who_refused(tx, found, by)
    sealed = ledger.vault.seal_words(_SEALED, checked_words(words, "A reason", MAX_WORDS).encode())
    for held in found:
        term = held.appeal_until_ms - held.caught_ms
        _change(
            tx, held.id, state=HeldState.REFUSED, decided_ms=max(at, held.caught_ms), decided_by=str(by),
            outcome="refused", words=sealed, appeal_until_ms=held.appeal_until_ms if held.appealed_ms else at + term,
        )  # fmt: skip
    tell_ended(tx, HeldState.REFUSED, [(held.source_id, held.batch_id) for held in found], at)
    return len(found)


def take_up(tx: sa.Connection, vault: Vault, numbers: Collection[int]) -> list[Held]:
    """Lock some that wait, in the order of their numbers. Raises `NotFound`, `Conflict`, `Invalid`."""
    wanted = sorted(set(numbers))
    if not 0 < len(wanted) <= MOST_NAMED:
        raise Invalid(f"Name 1 to {MOST_NAMED} at once.")
    query = sa.select(quarantine).where(quarantine.c.id == sa.any_(sa.bindparam("numbers"))).order_by(quarantine.c.id)
    found = [held_of(vault, row) for row in tx.execute(query.with_for_update(), {"numbers": wanted})]
    missing = sorted(set(wanted) - {held.id for held in found})
    if missing:
        raise NotFound(f"There is nothing of numbers {missing[:5]} in quarantine.")
    ended = [held.id for held in found if held.state is not HeldState.WAITING]
    if ended:
        raise Conflict(f"Numbers {ended[:5]} do not wait: they are being released, or were decided.")
    return found


def refuse_who_refused(tx: sa.Connection, found: Iterable[Held], by: Officer) -> None:
    """Raise `Conflict` when an officer is to decide on an appeal against what he decided."""
    for held in found:
        if held.decided_by is not None and is_one_person(tx, str(by), held.decided_by):
            raise Conflict(f"{by} refused number {held.id}: another officer decides on its appeal.")


def tidy(tx: sa.Connection, at: int) -> None:
    """End what nobody released in time, and forget whose that was which ended long ago; some at a time."""
    rows = tx.execute(_LAPSE, {"at": at, "most": MOST_AT_ONCE}).all()
    tell_ended(tx, HeldState.LAPSED, [(row.source_id, row.batch_id) for row in rows], at)
    tx.execute(_FORGET, {"before": at - KEPT_MS, "most": MOST_AT_ONCE})


def tell_ended(tx: sa.Connection, state: HeldState, of: Iterable[tuple[int, int]], at: int) -> None:
    """Tell platforms what ended of their batches; `of` has source and batch of each."""
    for (source, batch), count in sorted(Counter(of).items()):
        applicant = tx.execute(sa.select(sources.c.applicant_id).where(sources.c.id == source)).scalar_one()
        told: dict[str, str | int] = {"batch": batch, "source": source, "state": str(state), "activities": count}
        tell(tx, QUARANTINE_ENDED, applicant, at, told)


def _change(tx: sa.Connection, number: int, **values: object) -> None:
    tx.execute(sa.update(quarantine).where(quarantine.c.id == number).values(values))


def held_of(vault: Vault, row: sa.Row[Any]) -> Held:
    """Read a row, and open what is sealed in it."""
    sealed, told, words = (
        None if of is None else vault.open_words(_SEALED, bytes(of)).decode()
        for of in (row.sealed, row.appeal, row.words)
    )
    said = {"reference": None, "zh": None, "en": None, "things": []} if sealed is None else json.loads(sealed)
    return Held(
        row.id, row.source_id, row.batch_id, row.reason, HeldState(row.state), row.caught_ms, row.appeal_until_ms,
        row.lapses_ms, row.appealed_ms, row.decided_ms, row.decided_by, row.outcome, row.release_id, row.account_id,
        row.starts_ms, row.ends_ms, row.quantity_g, said["reference"], said["zh"], said["en"], tuple(said["things"]),
        told, words,
    )  # fmt: skip


def _erase(tx: sa.Connection, account: Erased) -> None:
    """That it was caught stays; what waits lapses, since nobody is left to have it."""
    tx.execute(_ERASE, {"account": account.number})


_OF_SOURCE = sa.select(quarantine.c.reference).where(quarantine.c.source_id == sa.bindparam("source"))
_WAITING = sa.text("""
    SELECT batch_id, count(*), min(caught_ms), min(lapses_ms) FROM quarantine
    WHERE state = 'waiting' AND appealed_ms IS NULL GROUP BY batch_id ORDER BY min(lapses_ms), batch_id LIMIT 1000
""")
_LAPSE = sa.text("""
    UPDATE quarantine SET state = 'lapsed', decided_ms = greatest(:at, caught_ms), outcome = 'lapsed'
    WHERE id IN (
        SELECT id FROM quarantine WHERE state = 'waiting' AND appealed_ms IS NULL AND lapses_ms <= :at
        ORDER BY lapses_ms LIMIT :most FOR UPDATE SKIP LOCKED
    ) RETURNING source_id, batch_id
""")
_GONE: Final = dict.fromkeys(
    ("account_id", "starts_ms", "ends_ms", "quantity_g", "sealed", "appeal", "words"), sa.null()
)
_WAITS = quarantine.c.state == HeldState.WAITING
_LONG_ENDED = (
    sa.select(quarantine.c.id)
    .where(
        quarantine.c.state.in_([HeldState.RELEASED, HeldState.REFUSED, HeldState.LAPSED]),
        quarantine.c.decided_ms < sa.bindparam("before"),
        quarantine.c.account_id.is_not(None),
    )
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
_FORGET = sa.update(quarantine).where(quarantine.c.id.in_(_LONG_ENDED)).values(_GONE)
_ERASE = (
    sa.update(quarantine)
    .where(quarantine.c.account_id == sa.bindparam("account"))
    .values(
        decided_ms=sa.case((_WAITS, quarantine.c.caught_ms), else_=quarantine.c.decided_ms),
        outcome=sa.case((_WAITS, "lapsed"), else_=quarantine.c.outcome),
        state=sa.case((_WAITS, HeldState.LAPSED), else_=quarantine.c.state),
        **_GONE,
    )
)
ERASING = (_erase,)
