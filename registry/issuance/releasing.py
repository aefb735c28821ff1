"""What becomes of a release on its way to a lot of its own (R50); `release.py` has how it begins.

It goes the way of every batch: proposed by one officer, approved by another, then issued. What it may meet is looked at
again, for much may have been issued since it was caught: whatever meets that is refused, and whose it is sees why.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.activities.profiles.shelf import find
from registry.database.schema import quarantine
from registry.issuance.batch import Batch
from registry.issuance.meeting import issued_meanwhile, meeting_each_other
from registry.issuance.quarantine import Held, HeldState, tell_ended
from registry.issuance.quarantine import held_of as held
from registry.issuance.report import ISSUED_BEFORE, NOT_CONSENTED, Report, facts_of
from registry.issuance.reported import terms_of
from registry.issuance.verdict import Standing
from registry.ledger.ledger import Ledger
from registry.methodologies.published import published_record
from registry.sources.sources import consented_accounts, get_source

OVERLAPPING: Final = "overlapping"
ERASED: Final = "erased"


@dataclass(frozen=True, slots=True)
class Release:
    """What of a release stands, a row for each whose `row` is its number in quarantine; why the others do not."""

    standing: Standing
    report: Report
    dropped: Mapping[int, str]

    @property
    def summary(self) -> dict[str, Any]:
        """Count, as of a file that was judged."""
        table, report = self.standing.table, self.report
        return {
            "rows": table.num_rows + len(self.dropped),
            "accepted": table.num_rows,
            "accounts": len(self.standing.accounts),
            "quantity_g": sum(table["grams"].to_pylist()),
            "refused": dict(report.refused),
            "held": {},
            "met": {},
            "rests_on": {
                "policies": {policy.name: policy.decision.hex() for policy in report.policies},
                "facts": dict(report.facts),
            },
        }


def judge_release(tx: sa.Connection, ledger: Ledger, batch: Batch) -> Release:
    """Look at what is released against what is known now."""
    source = get_source(tx, batch.source_id)
    methodology = published_record(tx, source.methodology_code, source.methodology_version)
    terms, policies = terms_of(tx, ledger, source, methodology)
    found = _of_release(tx, ledger.vault, batch)
    consenting = consented_accounts(tx, source.id)
    dropped = {one.id: ERASED if one.account_id is None else NOT_CONSENTED for one in found
               if one.account_id not in consenting}  # fmt: skip
    standing = Standing(_table([one for one in found if one.id not in dropped]), batch.profile)
    for reason, places in (
        (ISSUED_BEFORE, lambda of: issued_meanwhile(tx, ledger, source, of)), (OVERLAPPING, meeting_each_other),
    ):  # fmt: skip
        met = places(standing.activities(source.applicant_id))
        dropped |= {standing.table["row"][place].as_py(): reason for place in met}
        standing = standing.without(met)
    facts = facts_of(methodology, find(batch.profile), policies, terms.issued)
    counts: dict[str, int] = {}
    for reason in dropped.values():
        counts[reason] = counts.get(reason, 0) + 1
    report = Report(source, standing.activities(source.applicant_id), facts, policies, counts)
    return Release(standing, report, dropped)


def refuse_dropped(tx: sa.Connection, ledger: Ledger, batch: Batch, dropped: Mapping[int, str]) -> None:
    """End those of a release that do not stand any more, each with its reason."""
    at = ledger.clock()
    for reason in sorted(set(dropped.values())):
        numbers = [number for number, why in dropped.items() if why == reason]
        _end(tx, batch, HeldState.REFUSED, numbers, at, reason)


def end_release(tx: sa.Connection, ledger: Ledger, batch: Batch, issued: Iterable[int], consenting: set[int]) -> None:
    """End what a release was issued for; the rest of it was met by others, or its holder withdrew."""
    at, done = ledger.clock(), set(issued)
    left = [one for one in _of_release(tx, ledger.vault, batch) if one.id not in done]
    refuse_dropped(
        tx, ledger, batch, {one.id: ISSUED_BEFORE if one.account_id in consenting else NOT_CONSENTED for one in left}
    )
    _end(tx, batch, HeldState.RELEASED, sorted(done), at, None)


def _end(tx: sa.Connection, batch: Batch, state: HeldState, numbers: list[int], at: int, why: str | None) -> None:
    if not numbers:
        return
    decided = {"at": at, "state": state, "why": why, "by": f"batch {batch.id}", "numbers": numbers}
    of = [(row.source_id, row.batch_id) for row in tx.execute(_END, decided)]
    tell_ended(tx, state, of, at)


def _of_release(tx: sa.Connection, vault: Vault, batch: Batch) -> list[Held]:
    query = sa.select(quarantine).where(quarantine.c.release_id == batch.id, quarantine.c.state == HeldState.RELEASING)
    return [held(vault, row) for row in tx.execute(query.order_by(quarantine.c.id).with_for_update())]


def _table(of: list[Held]) -> pa.Table:
    columns: dict[str, pa.Array] = {
        "row": pa.array([one.id for one in of], pa.int64()),
        "reference": pa.array([one.reference for one in of], pa.string()),
        "account_id": pa.array([one.account_id for one in of], pa.int64()),
        "begins_ms": pa.array([one.starts_ms for one in of], pa.int64()),
        "ends_ms": pa.array([one.ends_ms for one in of], pa.int64()),
        "grams": pa.array([one.quantity_g for one in of], pa.int64()),
    }
    things = max((len(one.things) for one in of), default=0)
    columns |= {f"thing_{place}": pa.array([one.things[place] for one in of], pa.string()) for place in range(things)}
    return pa.table(columns)


_END = sa.text("""
    UPDATE quarantine SET state = :state, decided_ms = greatest(:at, caught_ms), outcome = :why,
        decided_by = coalesce(decided_by, :by)
    WHERE id = ANY (:numbers) RETURNING source_id, batch_id
""")
