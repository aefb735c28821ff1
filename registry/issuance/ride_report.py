"""A scenario's report of rides: judged against what is known, issued as one lot, and what was refused recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.activities.activities import LONGEST_MS, Activity, find_reported, rider
from registry.activities.rides.reasons import Reason
from registry.activities.rides.rides import Batch, Issued, Met, Spans, read_rides
from registry.activities.subjects import find_occupied, vehicle_of
from registry.clock import in_shanghai
from registry.database.schema import methodologies as methodologies_table
from registry.decisions.recording import By, Officers, Step
from registry.errors import NotOpen, OtherMethodology
from registry.issuance.issue import Lot, issue
from registry.issuance.report import Report, next_lot, propose
from registry.ledger.ledger import Ledger
from registry.methodologies.record import Methodology, Window, digest
from registry.policies.policies import in_force
from registry.policies.rides import RIDES, RidePolicy
from registry.sources.sources import Source, consented_users, get_source, hold_consents


@dataclass(frozen=True, slots=True)
class RideIssue:
    """What became of a file of rides; `lot` is None when nothing was issued."""

    batch: Batch
    lot: Lot | None


def issue_rides(
    tx: sa.Connection, ledger: Ledger, source_id: int, methodology: Methodology, path: Path, officers: Officers
) -> RideIssue:
    """Judge a file of rides and issue what stands as one lot, one ISSUE for each rider.

    A ride that was issued before is refused, so the same file twice issues nothing; the refusal is a decision too.
    Raises `OtherMethodology` when `methodology` is not the published record that the source was approved under,
    `Invalid` for a file that is unreadable as a whole; nothing is written then.
    """
    tx.execute(_PATIENT)
    source = get_source(tx, source_id, lock=True)
    _must_be_published(tx, source, methodology)
    policy = in_force(tx, ledger, RIDES, ledger.clock())
    batch = read_rides(
        path,
        methodology,
        Window(source.valid_from_ms, source.valid_until_ms),
        RidePolicy.of(policy.value),
        consented=consented_users(tx, source_id),
        issued=in_shanghai(ledger.clock()).date(),
        known=_issued(tx, ledger.vault, source),
    )
    _hold_consents(tx, source_id, batch)
    facts = {
        "methodology_sha256": digest(methodology).hex(),
        "status": str(methodology.status),
        "policy_sha256": policy.digest.hex(),
    }
    done = [
        Activity(
            ride.order_id,
            ride.account_id,
            ride.starts_at_ms,
            ride.ends_at_ms,
            ride.quantity_g,
            (vehicle_of(source.applicant_id, ride.bike_id),),
        )
        for ride in batch.accepted
    ]
    refused = {str(reason): count for reason, count in batch.rejected_by_reason().items()}
    report = Report(source, done, facts, [policy], refused)
    if not batch.accepted:
        _refuse_duplicates(tx, ledger, report, batch, officers)
        return RideIssue(batch, None)
    return RideIssue(batch, issue(tx, ledger, report, officers))


# Judging asks nothing of the database for as long as the file takes; what it locks keeps other reports of the source
# waiting, and nobody else.
_PATIENT = sa.text("SET LOCAL idle_in_transaction_session_timeout = 0")


def _hold_consents(tx: sa.Connection, source_id: int, batch: Batch) -> None:
    """Refuse to issue to whoever withdrew while the file was judged (R4), and keep the others from it until the end."""
    riders = {ride.user_id: ride.account_id for ride in batch.accepted}
    standing = hold_consents(tx, source_id, riders)
    if standing != riders:
        raise NotOpen("While the file was judged, somebody in it withdrew their consent. Report it again.")


_PUBLISHED = sa.select(methodologies_table.c.digest).where(
    methodologies_table.c.code == sa.bindparam("code"), methodologies_table.c.version == sa.bindparam("version")
)


def _must_be_published(tx: sa.Connection, source: Source, methodology: Methodology) -> None:
    code, version = source.methodology_code, source.methodology_version
    published = tx.execute(_PUBLISHED, {"code": code, "version": version}).scalar_one()
    named = (methodology.key, methodology.version) == (code, version)
    if not named or digest(methodology) != bytes(published):
        raise OtherMethodology(
            f"Source {source.id} was approved under methodology {code} version {version} as published."
        )


def _issued(tx: sa.Connection, vault: Vault, source: Source) -> Issued:
    def find_orders(orders: Sequence[str]) -> list[str]:
        return find_reported(tx, vault, source.id, orders)

    def find_spans(met: Met) -> Spans:
        riders = {rider(account_id): account_id for account_id in met.accounts}
        bicycles = {vehicle_of(source.applicant_id, name): name for name in met.bicycles}
        found = find_occupied(tx, vault, [*riders, *bicycles], met.from_ms, met.until_ms, LONGEST_MS)
        return Spans(
            [(riders[who], *span) for who, spans in found.items() if who in riders for span in spans],
            [(bicycles[what], *span) for what, spans in found.items() if what in bicycles for span in spans],
        )

    return Issued(find_orders, find_spans)


def _refuse_duplicates(tx: sa.Connection, ledger: Ledger, report: Report, batch: Batch, officers: Officers) -> None:
    """Refuse to issue a report of which nothing stands, because some of it was issued before."""
    if Reason.ALREADY_ISSUED not in batch.rejected_by_reason():
        return
    pending = propose(tx, ledger, report, next_lot(tx), officers.proposing)
    shown = {"rejected": [f"{reason} {count}" for reason, count in report.refused.items()]}
    # Whoever guessed a file of few rides could hold it against its digest.
    file = {"input_sha256": batch.input_sha256.hex()}
    by = By(officers.actor, reason=str(Reason.ALREADY_ISSUED))
    pending.take(tx, Step("refuse", "refused", by, shown=shown, withheld=file))
