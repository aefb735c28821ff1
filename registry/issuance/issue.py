"""Issuance: one lot for one accepted report, one ISSUE for each person in it (R16, R18, R19)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import sqlalchemy as sa

from registry.accounts.vault import Vault, tag
from registry.clock import in_shanghai, rfc3339
from registry.database.schema import account_keys, accounts, activities, lots
from registry.errors import ActivitiesLost, Invalid, NotOpen, Overlapping
from registry.evidence.document import Value, seal
from registry.ledger.child import minute_of
from registry.ledger.frontier import next_numbers
from registry.ledger.ledger import Ledger
from registry.ledger.movement import NO_TAG, Flag, Form, Kind, Movement
from registry.ledger.posting import Facts, Line, Written, begin_act, record, write_lines
from registry.sources.sources import Source


@dataclass(frozen=True, slots=True)
class Activity:
    """One accepted activity of one account: its reference at the platform, its time, and what it saved."""

    reference: str
    account_id: int
    starts_ms: int
    ends_ms: int
    quantity_g: int


@dataclass(frozen=True, slots=True)
class Lot:
    """An issuance as it was written: grams `[first, last)`, one ISSUE movement for each account."""

    id: int
    first: int
    last: int
    movements: tuple[Written, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Accepted activities under one source, and what they rest on."""

    source: Source
    is_class_i: bool
    activities: Sequence[Activity]
    inputs_sha256: bytes
    facts: Mapping[str, Value]
    """Goes into the evidence of every ISSUE beside the lot's own: the methodology's digest and status, the policy."""


def issue(tx: sa.Connection, ledger: Ledger, report: Report) -> Lot:
    """Issue the grams of a report. The source must be locked by the caller.

    Accounts get their grams in random order: places in a lot are public, and whoever knows the platform's order must
    not read people off them.

    Raises `AlreadyIssued` or `Overlapping` for an activity that was issued before or overlaps one of the same account,
    and `Invalid` for a report without grams; nothing is written then.
    """
    if not report.activities:
        raise Invalid("The report has no activity to issue for.")
    grams = _grams_by_account(report.activities, ledger)
    first, last = next_numbers(tx, sum(grams.values()))
    holders = _holders(tx, ledger, grams)
    at = ledger.clock()
    period = _period(report.activities)
    _refuse_what_was_lost(tx, report.source.id, period)
    lot_id = _write_lot(tx, report, first, last, at, period)
    _write_activities(tx, ledger.vault, report, lot_id)
    facts = {
        **report.facts,
        "lot": lot_id,
        "source": report.source.id,
        "methodology": report.source.methodology_code,
        "methodology_version": report.source.methodology_version,
    }
    issued = {**facts, "first_g": first, "quantity_g": last - first, "accounts": len(grams)}
    # When one person's ride began or ended, and what guessed rides could be held against.
    inputs = {
        "period_from_ms": period[0],
        "period_until_ms": period[1],
        "inputs_sha256": report.inputs_sha256.hex(),
    }
    record(tx, ledger.vault, Kind.ISSUANCE, at, Facts(issued | _days(period), inputs))
    act = begin_act(tx, "issue", report.source.applicant_id, at, last - first, len(grams))
    grams_of = {"lot_first_g": first, "lot_end_g": last}
    lines = _lines(report, grams, holders, first, at, facts | inputs | grams_of)
    return Lot(lot_id, first, last, write_lines(tx, ledger.vault, act, lines))


def _grams_by_account(of: Sequence[Activity], ledger: Ledger) -> dict[int, int]:
    account_ids = list(dict.fromkeys(activity.account_id for activity in of))
    ledger.shuffle(account_ids)
    grams = dict.fromkeys(account_ids, 0)
    for activity in of:
        grams[activity.account_id] += activity.quantity_g
    return grams


def _period(of: Sequence[Activity]) -> tuple[int, int]:
    """From the first activity's begin to the last one's end, Unix milliseconds."""
    return min(activity.starts_ms for activity in of), max(activity.ends_ms for activity in of)


def _days(period: tuple[int, int]) -> dict[str, str]:
    """Give the whole days in Shanghai that a period lies in, from midnight to midnight, as the log publishes them."""
    return {"period_from": _midnight(period[0]), "period_until": _midnight(period[1] + _DAY_MS)}


_DAY_MS = 86_400_000


def _midnight(moment_ms: int) -> str:
    """Write when the day began that a moment lies in."""
    begin = in_shanghai(moment_ms).replace(hour=0, minute=0, second=0)
    return rfc3339(int(begin.timestamp()) * 1000)


def _write_lot(tx: sa.Connection, report: Report, first: int, last: int, at: int, period: tuple[int, int]) -> int:
    values = {
        "first_g": first,
        "last_g": last,
        "source_id": report.source.id,
        "methodology_code": report.source.methodology_code,
        "methodology_version": report.source.methodology_version,
        "period_from_ms": period[0],
        "period_until_ms": period[1],
        "issued_ms": at,
        "inputs_sha256": report.inputs_sha256,
        "activities": len(report.activities),
    }
    return int(tx.execute(sa.insert(lots).returning(lots.c.id), values).scalar_one())


def _refuse_what_was_lost(tx: sa.Connection, source_id: int, period: tuple[int, int]) -> None:
    """Refuse a report about a time of which a recovery lost the activities: it could issue them a second time (R19)."""
    values = {"source": source_id, "from": period[0], "until": period[1]}
    lot = tx.execute(_LOST, values).scalar_one_or_none()
    if lot is not None:
        raise ActivitiesLost(
            f"The activities of lot {lot} were lost with a database, and this report is about that time: one physical "
            "act is issued once. Report what came after, and see docs/recovery.md for the rest."
        )


_LOST = sa.text("""
    SELECT l.id FROM lots l WHERE EXISTS (SELECT FROM recoveries)
        AND CASE WHEN l.is_lost THEN l.issued_ms > :from
            ELSE l.source_id = :source AND l.period_from_ms <= :until AND l.period_until_ms >= :from END
        AND l.activities = 0 LIMIT 1
""")
_OVERLAPS = sa.text("""
    SELECT b.reference FROM activities a
    JOIN activities b ON b.account_id = a.account_id AND b.lot_id = :lot
        AND (a.starts_ms < b.ends_ms AND b.starts_ms < a.ends_ms OR a.starts_ms = b.starts_ms)
        AND (a.source_id, a.reference) <> (b.source_id, b.reference)
    LIMIT 1
""")


def reference_digest(vault: Vault, source_id: int, reference: str) -> bytes:
    """Hash a platform's reference as it is kept: found again when it is reported again, and read by nobody.

    An account's erasure leaves the row, or the act could be issued again (R19); it must not lead to the platform's
    own record of the person.
    """
    return vault.keyed_digest("activity", source_id.to_bytes(8, "big") + reference.encode())


def _write_activities(tx: sa.Connection, vault: Vault, report: Report, lot_id: int) -> None:
    fixed = {"source_id": report.source.id, "lot_id": lot_id}
    kept = [reference_digest(vault, report.source.id, activity.reference) for activity in report.activities]
    pairs = zip(kept, report.activities, strict=True)
    tx.execute(sa.insert(activities), [fixed | _activity_row(reference, activity) for reference, activity in pairs])
    overlapping = tx.execute(_OVERLAPS, {"lot": lot_id}).scalar_one_or_none()
    if overlapping is not None:
        named = report.activities[kept.index(bytes(overlapping))].reference
        raise Overlapping(f"Activity {named} overlaps another of the same account; one physical act is issued once.")


def _activity_row(reference: bytes, activity: Activity) -> dict[str, object]:
    return {
        "reference": reference,
        "account_id": activity.account_id,
        "starts_ms": activity.starts_ms,
        "ends_ms": activity.ends_ms,
        "quantity_g": activity.quantity_g,
    }


def _lines(
    report: Report,
    grams: Mapping[int, int],
    holders: Mapping[int, tuple[bytes, bool]],
    first: int,
    at: int,
    facts: Mapping[str, Value],
) -> list[Line]:
    edges = pairwise(accumulate(grams.values(), initial=first))
    lines = []
    for account_id, (start, end) in zip(grams, edges, strict=True):
        key, is_individual = holders[account_id]
        sealed = seal({"act": "issue", "at_ms": at, "first_g": start, "quantity_g": end - start, **facts})
        flags = Flag.SCENARIO if report.source.kind == "scenario" else Flag(0)
        flags |= (Flag.CLASS_I if report.is_class_i else Flag(0)) | (Flag.INDIVIDUAL if is_individual else Flag(0))
        movement = Movement(
            kind=Kind.ISSUE,
            form=Form.REDUCTION,
            flags=int(flags),
            purpose=0,
            first=start,
            last=end,
            parent=None,
            at=minute_of(at),
            until=0,
            from_tag=NO_TAG,
            to_tag=tag(key, start, sealed.digest),
            evidence=sealed.digest,
        )
        lines.append(Line(movement, None, account_id, sealed))
    return lines


def _holders(tx: sa.Connection, ledger: Ledger, wanted: Mapping[int, int]) -> dict[int, tuple[bytes, bool]]:
    """Read key and kind of every account that receives. An erased one has no key, and stops the issuance."""
    rows = tx.execute(
        sa.select(accounts.c.id, accounts.c.kind, account_keys.c.sealed)
        .join_from(accounts, account_keys, account_keys.c.account_id == accounts.c.id)
        .where(accounts.c.id == sa.any_(sa.bindparam("numbers")), accounts.c.erased_ms.is_(None))
        .with_for_update(read=True, key_share=True, of=accounts),
        {"numbers": list(wanted)},
    )
    holders = {row.id: (ledger.vault.open(row.id, row.sealed), row.kind == "individual") for row in rows}
    missing = sorted(set(wanted) - set(holders))
    if missing:
        raise NotOpen(f"Accounts {missing[:5]} are not open; report again without their activities.")
    return holders
