"""What was decided of some cases, read back under their locks, as far as a next decision needs it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from registry.database.statement import Statement
from registry.errors import NotFound, SetAside, Unavailable
from registry.evidence.document import digest
from registry.ledger.sealing import PACKED, Sealer
from registry.procedure import document as documents
from registry.procedure.decision import KINDS, PREFIXES, Decision, Lot, PolicyText, Record
from registry.procedure.fields import Unreadable
from registry.procedure.standing import Standing
from registry.procedure.values import CALENDAR, PROCEDURE, PUBLICITY

_CALENDARS: Final = CALENDAR.removesuffix("/")
"""All calendars have one lock: which years a waiting time reaches is known when it is counted."""


def hold(tx: sa.Connection, own: str, record: Record, cases: Iterable[str], policies: Iterable[str]) -> None:
    """Lock what a decision is about, `own`, and share the locks of the cases and policies that it rests on.

    A case is named by its number, a policy by its name. Each rests on those of later kinds alone, so nobody waits for
    one who waits for him. All of it holds until the transaction ends.
    """
    shared = {*cases, *map(_lock_of, policies), *(f"{PROCEDURE}{record}", PUBLICITY, _CALENDARS)} - {_lock_of(own)}
    tx.execute(_LOCK, {"own": _lock_of(own)})
    tx.execute(_SHARE, {"names": sorted(shared)})


def hold_parties(tx: sa.Connection, parties: Iterable[str], *, share: bool) -> None:
    """Lock what is found about some who take part, or share that lock; the last lock that a decision takes."""
    tx.execute(_SHARE if share else _LOCK_ALL, {"names": sorted(f"party/{party}" for party in parties)})


def _lock_of(name: str) -> str:
    return _CALENDARS if name.startswith(CALENDAR) else name


def case_of(tx: sa.Connection, record: Record, about: str) -> str | None:
    """Find the case of a policy, by its name, or of a methodology, by its code."""
    row = tx.execute(_ABOUT, {"prefix": PREFIXES[record][0], "about": about}).one_or_none()
    return None if row is None else str(row.number)


def case_deciding(tx: sa.Connection, decision: bytes) -> str | None:
    """Find the case of a decision, by its digest."""
    public = tx.execute(_PUBLIC, {"digest": decision}).scalar_one_or_none()
    return None if public is None else str(json.loads(public)["case"][1])


def recall(
    tx: sa.Connection, sealer: Sealer, record: Record, cases: Iterable[str], policies: Iterable[str] = ()
) -> Standing:
    """Give how these cases stand, and all policies by which a decision on a `record` is judged.

    Raises `SetAside` when one of their decisions was not written by this program as it is there.
    """
    standing = Standing()
    names = {f"{PROCEDURE}{record}", f"{PROCEDURE}{Record.POLICY}", PUBLICITY, *policies}
    _recall(tx, sealer, standing, {"cases": list(cases), "names": list(names), "calendars": f"{CALENDAR}%"})
    return standing


def recall_also(tx: sa.Connection, sealer: Sealer, standing: Standing, cases: Iterable[str]) -> None:
    """Know how some more cases stand. Raises what `recall` raises."""
    _recall(tx, sealer, standing, {"cases": list(cases), "names": [], "calendars": ""})


def _recall(tx: sa.Connection, sealer: Sealer, standing: Standing, wanted: Mapping[str, Any]) -> None:
    for row in tx.execute(_DECISIONS, wanted):
        with _readable(row):
            standing.recall(row.leaf, bytes(row.evidence).hex(), _decision(sealer, row))


def policy_decided(tx: sa.Connection, sealer: Sealer, name: str, decision: bytes) -> PolicyText | None:
    """Give the policy of this name that a decision, by its digest, published; None when it did not.

    Raises `SetAside` when the decision was not written by this program as it is there.
    """
    row = _OF_POLICY(tx, {"name": name, "decision": decision}).fetchone()
    if row is None:
        return None
    with _readable(row):
        found = _seen(sealer, row._replace(macs=tuple(row.macs)))
    return found.content if found.takes_effect and isinstance(found.content, PolicyText) else None


def last_decision(tx: sa.Connection, sealer: Sealer, case: str) -> Decision | None:
    """Give the last decision of a case, with what it says; None before the first. Call it under the case's lock.

    Raises `SetAside` when it was not written by this program as it is there.
    """
    row = tx.execute(_LAST, {"case": case}).one_or_none()
    if row is None:
        return None
    with _readable(row):
        return _decision(sealer, row)


def about(tx: sa.Connection, case: str) -> str | None:
    """Tell what a case is about: a policy's name, a methodology's code, nothing for others. Raises `NotFound`."""
    row = tx.execute(_OF_CASE, {"case": case}).one_or_none()
    if row is None:
        raise NotFound(f"There is no case {case[:40]}.")
    return None if row.about is None else str(row.about)


def recall_periods(tx: sa.Connection, standing: Standing, case: str, source_id: int) -> None:
    """Know for which times a project's lots were issued: no two of them are about one time."""
    source = standing.cases.get(case)
    for public in tx.execute(_ISSUED, {"source": source_id}).scalars():
        lot = documents.parse(Record.ISSUANCE, json.loads(public)).content
        if source is not None and isinstance(lot, Lot):
            source.periods.add(*lot.period)


@lru_cache(maxsize=64)
def _seen(sealer: Sealer, row: tuple[Any, ...]) -> Decision:
    """Do as `_decision`. Act after act rests on one policy, and is shown the same bytes of it."""
    return _decision(sealer, row)


def _decision(sealer: Sealer, row: Any) -> Decision:
    _refuse_what_others_wrote(sealer, row)
    return documents.parse(KINDS[row.kind], json.loads(row.public))


@contextmanager
def _readable(row: Any) -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        raise Unavailable(
            f"A decision of case {row.case_number} cannot be read by this program ({error}); use a newer one."
        ) from error


def _refuse_what_others_wrote(sealer: Sealer, row: Any) -> None:
    is_own = row.leaf >= 0 or any(sealer.holds(bytes(row.packed), bytes(mac)) for mac in row.macs)
    if row.is_set_aside or not is_own or row.public is None or digest(json.loads(row.public)) != bytes(row.evidence):
        raise SetAside(
            f"Decision {row.id} of case {row.case_number} is not as this program wrote it, so nothing more is decided "
            "of that case. `gram fsck` says what is wrong, docs/recovery.md what to do about it."
        )


_LOCK = sa.text("SELECT pg_advisory_xact_lock(policy_key(:own))")
_SHARE = sa.text("""
    SELECT pg_advisory_xact_lock_shared(policy_key(name))
    FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS of (name, place) ORDER BY place
""")
_LOCK_ALL = sa.text("""
    SELECT pg_advisory_xact_lock(policy_key(name))
    FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS of (name, place) ORDER BY place
""")
_ABOUT = sa.text("SELECT number FROM cases WHERE left(number, 1) = :prefix AND about = :about")
_PUBLIC = sa.text("SELECT public FROM evidence WHERE digest = :digest")
# What is logged was judged when it was staged; what still waits shows its own seal, the only movement under it.
_SAID = f"""
    SELECT m.id, m.kind, m.evidence, d.case_number, e.public, coalesce(l.index, -1) AS leaf,
        s.movement_id IS NOT NULL AND l.index IS NULL AS is_set_aside,
        ARRAY(SELECT mac FROM seals WHERE first_id = m.id AND count = 1) AS macs, {PACKED} AS packed
    FROM decisions d JOIN cases c ON c.number = d.case_number JOIN movements m ON m.id = d.movement_id
    LEFT JOIN evidence e ON e.digest = m.evidence LEFT JOIN log_entries l ON l.movement_id = m.id
    LEFT JOIN set_aside s ON s.movement_id = m.id
"""  # noqa: S608 (our own text)
_DECISIONS = sa.text(f"""{_SAID}
    WHERE d.case_number = ANY (:cases)
        OR left(c.number, 1) = 'P' AND (c.about = ANY (:names) OR c.about LIKE :calendars)
    ORDER BY d.movement_id
""")
_OF_POLICY = Statement(f"{_SAID} WHERE left(c.number, 1) = 'P' AND c.about = :name AND m.evidence = :decision")
_LAST = sa.text(f"{_SAID} WHERE d.case_number = :case ORDER BY d.movement_id DESC LIMIT 1")
_OF_CASE = sa.text("SELECT about FROM cases WHERE number = :case")
_ISSUED = sa.text("""
    SELECT e.public FROM lots l JOIN decisions d ON d.case_number = 'I-' || l.id
    JOIN movements m ON m.id = d.movement_id JOIN evidence e ON e.digest = m.evidence WHERE l.source_id = :source
""")
