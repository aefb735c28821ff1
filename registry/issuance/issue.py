"""Issuance: one lot for one accepted report, one ISSUE for each person in it (R16, R18, R19)."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import sqlalchemy as sa

from registry.activities.columns import Columns, columns_of
from registry.activities.writing import refuse_meeting_since, write_activities
from registry.database.schema import account_keys, accounts, lots
from registry.decisions.recording import By, Officers, Pending, Step
from registry.decisions.returning import number_of
from registry.errors import ActivitiesLost, Invalid, NotOpen
from registry.events.outbox import tell
from registry.events.types import LOT_ISSUED
from registry.issuance.parameters import counted
from registry.issuance.report import Report, inputs_digest, know_lots, lot_of, next_lot, propose
from registry.ledger.frontier import frontier_now, next_numbers
from registry.ledger.issuing import Shares, write_issues
from registry.ledger.ledger import Ledger
from registry.ledger.posting import Written, begin_act
from registry.procedure.decision import Lot as LotTerms


@dataclass(frozen=True, slots=True)
class Lot:
    """An issuance as it was written: grams `[first, last)`, one ISSUE movement for each account."""

    id: int
    first: int
    last: int
    movements: Sequence[Written]


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
    lot_id, vault, of = number_of(pending.case), ledger.vault, columns_of(report.activities)
    grams = _grams_by_account(of, ledger)
    holders = _holders(tx, ledger, grams)
    since_g = frontier_now(tx)
    with ThreadPoolExecutor(1) as other:  # hashed while the database writes
        hashed = other.submit(inputs_digest, of, {account: key for account, (key, _) in holders.items()})
        write_activities(tx, vault, report.source.id, lot_id, of)
    inputs = hashed.result()
    # From here on whoever takes numbers waits.
    first, last = next_numbers(tx, sum(grams.values()))
    know_lots(tx, pending, report.source)
    pending.read_clock()
    at = pending.at
    _refuse_what_was_lost(tx, report.source.id, of.period)
    lot = lot_of(pending, report, (first, last), len(grams), of.period, inputs)
    _write_lot(tx, report, lot_id, lot, at, inputs)
    refuse_meeting_since(tx, vault, lot_id, of, since_g)
    pending.take(tx, Step("issue", "issued", by, lot, shown=counted(tx, report, of.period, at)))
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
    keys, individual = zip(*(holders[account] for account in grams), strict=True)
    shares = Shares(first, list(grams), list(grams.values()), keys, individual)
    return Lot(lot_id, first, last, write_issues(tx, vault, act, at, marks, shares, facts))


def _grams_by_account(of: Columns, ledger: Ledger) -> dict[int, int]:
    each = of.account_ids.tolist()
    account_ids = list(dict.fromkeys(each))
    ledger.shuffle(account_ids)
    grams = dict.fromkeys(account_ids, 0)
    for account, quantity_g in zip(each, of.grams.tolist(), strict=True):
        grams[account] += quantity_g
    return grams


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
