"""Issuance: one lot for one accepted report, one ISSUE for each person in it (R16, R18, R19)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import sqlalchemy as sa

from registry.accounts.vault import tag
from registry.activities.activities import Activity, write_activities
from registry.database.schema import account_keys, accounts, lots
from registry.decisions.recording import By, Officers, Pending, Step
from registry.decisions.returning import number_of
from registry.errors import ActivitiesLost, Invalid, NotOpen
from registry.events.outbox import tell
from registry.events.types import LOT_ISSUED
from registry.evidence.document import Value, seal_each
from registry.issuance.report import Report, inputs_digest, know_lots, lot_of, next_lot, propose
from registry.ledger.child import minute_of
from registry.ledger.frontier import next_numbers
from registry.ledger.ledger import Ledger
from registry.ledger.movement import NO_TAG, Flag, Form, Kind, Movement
from registry.ledger.posting import Line, Written, begin_act, write_lines
from registry.procedure.decision import Lot as LotTerms


@dataclass(frozen=True, slots=True)
class Lot:
    """An issuance as it was written: grams `[first, last)`, one ISSUE movement for each account."""

    id: int
    first: int
    last: int
    movements: tuple[Written, ...]


def issue(tx: sa.Connection, ledger: Ledger, report: Report, officers: Officers) -> Lot:
    """Issue the grams of a report: an issuance that is proposed and decided, and all its ISSUEs.

    Accounts get their grams in random order: places in a lot are public, and whoever knows the platform's order must
    not read people off them.

    Raises `AlreadyIssued` or `Overlapping` for an activity that was issued before or overlaps one of the same subject,
    `DecisionRefused` when a rule forbids it, and `Invalid` for a report without grams; nothing is written then.
    """
    if not report.activities:
        raise Invalid("The report has no activity to issue for.")
    pending = propose(tx, ledger, report, next_lot(tx), officers.proposing)
    return issue_proposed(tx, ledger, report, pending, officers.deciding)


def issue_proposed(tx: sa.Connection, ledger: Ledger, report: Report, pending: Pending, by: By) -> Lot:
    """Issue the grams of a report whose issuance was proposed. Raises what `issue` raises."""
    lot_id = number_of(pending.case)
    grams = _grams_by_account(report.activities, ledger)
    holders = _holders(tx, ledger, grams)
    first, last = next_numbers(tx, sum(grams.values()))
    know_lots(tx, pending, report.source)
    pending.read_clock()
    at, period = pending.at, _period(report.activities)
    _refuse_what_was_lost(tx, report.source.id, period)
    inputs = inputs_digest(report.activities, holders)
    lot = lot_of(pending, report, (first, last), len(grams), period, inputs)
    _write_lot(tx, report, lot_id, lot, at, inputs)
    write_activities(tx, ledger.vault, report.source.id, lot_id, report.activities)
    pending.take(tx, Step("issue", "issued", by, lot))
    act = begin_act(tx, "issue", report.source.applicant_id, at, last - first, len(grams))
    facts = {
        **report.facts,
        "lot": lot_id,
        "lot_first_g": first,
        "lot_end_g": last,
        "source": report.source.id,
        "methodology": report.source.methodology_code,
        "methodology_version": report.source.methodology_version,
        # In whole days, as published: to the minute it would tell each of the others when somebody rode.
        "period_from_ms": lot.period[0],
        "period_until_ms": lot.period[1],
        "inputs_sha256": inputs.hex(),
    }
    marks = pending.standing.lots.open[0].flags
    told = {"lot": lot_id, "source": report.source.id, "quantity_g": last - first, "accounts": len(grams)}
    tell(tx, LOT_ISSUED, report.source.applicant_id, at, told)
    return Lot(lot_id, first, last, write_lines(tx, ledger.vault, act, _lines(grams, holders, first, at, marks, facts)))


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


def _write_lot(tx: sa.Connection, report: Report, lot_id: int, lot: LotTerms, at: int, inputs: bytes) -> None:
    values = {
        "id": lot_id,
        "first_g": lot.first_g,
        "last_g": lot.end_g,
        "source_id": report.source.id,
        "methodology_code": report.source.methodology_code,
        "methodology_version": report.source.methodology_version,
        "period_from_ms": lot.period[0],
        "period_until_ms": lot.period[1],
        "issued_ms": at,
        "inputs_sha256": inputs,
        "activities": len(report.activities),
    }
    tx.execute(sa.insert(lots), values)


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
            ELSE l.source_id = :source AND l.period_from_ms <= :until AND l.period_until_ms > :from END
        AND l.activities = 0 LIMIT 1
""")


def _lines(
    grams: Mapping[int, int],
    holders: Mapping[int, tuple[bytes, bool]],
    first: int,
    at: int,
    marks: int,
    facts: Mapping[str, Value],
) -> list[Line]:
    edges = list(pairwise(accumulate(grams.values(), initial=first)))
    own = [{"first_g": start, "quantity_g": end - start} for start, end in edges]
    lines = []
    for account_id, (start, end), sealed in zip(
        grams, edges, seal_each({"act": "issue", "at_ms": at, **facts}, own), strict=True
    ):
        key, is_individual = holders[account_id]
        movement = Movement(
            kind=Kind.ISSUE,
            form=Form.REDUCTION,
            flags=marks | int(Flag.INDIVIDUAL if is_individual else 0),
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
