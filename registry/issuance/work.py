"""What is done with batches beside everything else: judged, judged anew and proposed, issued.

A work ends in one transaction, which also says that it is done: whoever is killed before that did nothing, and the work
is done again from its begin. Files are replaced whole, and what they say is looked at again when it counts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from registry.database.engine import PATIENT, Database
from registry.decisions import motions
from registry.decisions.recording import By, Pending, Step, prepare, read_officer
from registry.errors import (
    AlreadyIssued,
    BatchClosed,
    DigestDiffers,
    Invalid,
    JobBroken,
    Outdated,
    Overlapping,
    RegistryError,
)
from registry.issuance import batch as batches
from registry.issuance import duplicates, quarantine
from registry.issuance.batch import Batch, State, Work, as_problem
from registry.issuance.caught import caught_of, keep_table, of_accounts, read_caught
from registry.issuance.issue import issue_proposed
from registry.issuance.listing import write_listing
from registry.issuance.meeting import issued_meanwhile
from registry.issuance.parts import Place
from registry.issuance.quarantine import catch
from registry.issuance.recognition import recognise, recognising
from registry.issuance.releasing import end_release, judge_release, refuse_dropped
from registry.issuance.report import ISSUED_BEFORE, NOT_CONSENTED, Report, next_lot, propose, refuse_duplicates, take_up
from registry.issuance.verdict import Verdict, judge, judged_before, read_standing
from registry.ledger.ledger import Ledger
from registry.policies.activities import RISK, Risk
from registry.policies.policies import Policy, in_force
from registry.procedure.decision import Record
from registry.procedure.values import Switches
from registry.sources.sources import Source, get_source, hold_consents

MAX_TRIES: Final = 5
"""Of one work: a turn is counted before it, so that what kills the process is counted too."""
AGAIN: Final = (AlreadyIssued, Overlapping)
"""What another issuance brought about that came first: tried again, without what it took."""
UNAVAILABLE: Final = 503
_DEFECT: Final = "Something is wrong on our side; it was logged. Nothing of this was done."
_GIVEN_UP: Final = "This was tried again and again, and could not be done. Nothing of it was. Ask the operator."


class WorkBroken(Exception):
    """A work ended by a defect, which is its cause; the batch says so, and others can go on."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a work needs: the database, the ledger, and where the files of batches lie."""

    database: Database
    ledger: Ledger
    place: Place

    def tell(self, batch: Batch, stage: str, rows: int | None = None) -> None:
        """Show how far it is, while it is in a transaction of its own."""
        with self.database.transaction() as tx:
            batches.tell(tx, batch.id, stage, rows)


def do_next(bench: Bench) -> bool:
    """Do the work of the batch whose turn it is, and say whether there was one.

    Raises `Unavailable`; then it is done another time. Raises `WorkBroken` for a defect, of which the batch says so.
    """
    with bench.database.transaction() as tx:
        batch = batches.next_work(tx)
    if batch is None:
        return False
    if batch.tries > MAX_TRIES:
        _fail(bench, batch, JobBroken(_GIVEN_UP))
        return True
    try:
        _WORKS[batch.work](bench, batch)  # type: ignore[index]  # it has one
    except AGAIN:
        return True
    except RegistryError as refused:
        if refused.status == UNAVAILABLE:
            raise
        _fail(bench, batch, refused)
    except Exception as error:
        # What is no refusal is a defect, or the end of the machine's memory: the same again would end the same way.
        _fail(bench, batch, JobBroken(_DEFECT))
        raise WorkBroken(str(batch.id)) from error
    return True


def tidy(bench: Bench) -> None:
    """Withdraw what nobody went on with, and remove the files of what is settled."""
    with bench.database.transaction() as tx:
        batches.lapse(tx, bench.ledger.clock())
        quarantine.tidy(tx, bench.ledger.clock())
    there = bench.place.folders()
    with bench.database.transaction() as tx:
        needed = batches.open_batches(tx)
    bench.place.remove_all_but(there, needed)


def _judge(bench: Bench, batch: Batch) -> None:
    verdict = _judged(bench, batch)
    with suppress(Invalid):  # of too much that was caught: whoever proposes is told
        _keep(bench, batch, verdict)
    with bench.database.transaction() as tx:
        now = _still(tx, batch)
        batches.change(tx, now, bench.ledger.clock(), state=State.JUDGED, summary=verdict.summary, **_DONE)


def _judged(bench: Bench, batch: Batch) -> Verdict:
    """Judge a batch's file against what is known now, and list what does not stand."""
    bench.tell(batch, "judging")
    verdict = judge(bench.database, bench.ledger, batch, bench.place.file(batch.id))
    if verdict.judged.input_sha256 != batch.sha256:
        raise DigestDiffers("The parts do not make the file whose SHA-256 was declared. Report it as another batch.")
    bench.tell(batch, "listing", verdict.judged.rows)
    write_listing(bench.ledger.vault, bench.place.listing(batch.id), verdict.abnormal())
    return verdict


def _keep(bench: Bench, batch: Batch, verdict: Verdict) -> None:
    """Keep what was caught and what stands; the latter last, for where it is all is. Raises `Invalid`."""
    bench.place.standing(batch.id).unlink(missing_ok=True)
    keep_table(bench.ledger.vault, caught_of(verdict.judged), bench.place.caught(batch.id))
    if verdict.report.activities:
        keep_table(bench.ledger.vault, verdict.judged.activities.table, bench.place.standing(batch.id))


def _propose(bench: Bench, batch: Batch) -> None:
    """Propose what stands now: judged anew, unless nothing has changed that the judgement rests on."""
    if batch.is_release:
        _propose_release(bench, batch)
        return
    by, ledger = By(read_officer(batch.proposer or "")), bench.ledger
    with bench.database.transaction() as tx:
        report, summary = judged_before(tx, ledger, batch, bench.place.standing(batch.id)), batch.summary
    verdict = None if report is not None else _judged(bench, batch)
    if verdict is not None:
        bench.place.make(batch.id)
        _keep(bench, batch, verdict)
        report, summary = verdict.report, verdict.summary
    with bench.database.transaction() as tx:
        now = _still(tx, batch)
        if verdict is not None and not verdict.report.activities:
            _settle_empty(tx, bench, now, verdict, by)
            return
        if report is not None:
            source = get_source(tx, batch.source_id, lock=True)
            switches = None if now.case else recognising(tx, ledger, source)
            if switches is not None:
                _recognise(tx, bench, now, summary or {}, source, switches)
                return
            _have_proposed(tx, bench, now, report, summary or {}, by)


def _have_proposed(
    tx: sa.Connection, bench: Bench, batch: Batch, report: Report, summary: Mapping[str, Any], by: By
) -> None:
    ledger, case = bench.ledger, batch.case
    if case is None:
        case = propose(tx, ledger, report, next_lot(tx), by).case
    motions.move(tx, case, "issue", by.actor, ledger.clock())
    done = _DONE | {"state": State.PROPOSED, "case_number": case, "summary": summary}
    batches.change(tx, batch, ledger.clock(), **done)


def _propose_release(bench: Bench, batch: Batch) -> None:
    by, ledger = By(read_officer(batch.proposer or "")), bench.ledger
    with bench.database.transaction() as tx:
        now = _still(tx, batch)
        release = judge_release(tx, ledger, now)
        refuse_dropped(tx, ledger, now, release.dropped)
        if not release.report.activities:
            why = AlreadyIssued("Of this release nothing stands any more: quarantine says why of each.")
            _end_without_lot(tx, bench, now, release.summary, by, why)
            return
        bench.place.make(batch.id)
        keep_table(bench.ledger.vault, release.standing.table, bench.place.standing(batch.id))
        _have_proposed(tx, bench, now, release.report, release.summary, by)


def _end_without_lot(
    tx: sa.Connection, bench: Bench, batch: Batch, summary: Mapping[str, Any], by: By, why: RegistryError
) -> None:
    """Refuse a batch that comes to nothing, and its case where it has one."""
    if batch.case is not None:
        said = By(by.actor, reason=ISSUED_BEFORE)
        prepare(tx, bench.ledger, Record.ISSUANCE, batch.case).take(tx, Step("refuse", "refused", said))
        motions.end_of_case(tx, batch.case, by.actor, bench.ledger.clock())
    done = _DONE | {"state": State.REFUSED, "summary": summary, "problem": as_problem(why)}
    batches.change(tx, batch, bench.ledger.clock(), **done)


def _recognise(
    tx: sa.Connection, bench: Bench, batch: Batch, judged: Mapping[str, Any], source: Source, switches: Switches
) -> None:
    """Settle a batch of a behaviour that issues nothing: what stands of it is recognised, of who consents (R52)."""
    stands = read_standing(bench.ledger.vault, bench.place.standing(batch.id), batch.profile)
    kept = stands.of(hold_consents(tx, source.id, stands.accounts))
    done = kept.activities(source.applicant_id)
    acts, accounts, grams = recognise(tx, bench.ledger, source, batch.id, done, switches)
    summary = {**judged, "accepted": acts, "accounts": accounts, "quantity_g": grams}
    refused = Counter(judged["refused"])
    refused[NOT_CONSENTED] += stands.table.num_rows - kept.table.num_rows
    refused[ISSUED_BEFORE] += kept.table.num_rows - acts
    summary["refused"] = {reason: count for reason, count in refused.items() if count}
    batches.change(tx, batch, bench.ledger.clock(), state=State.RECOGNISED, summary=summary, problem=sa.null())


def _settle_empty(tx: sa.Connection, bench: Bench, batch: Batch, verdict: Verdict, by: By) -> None:
    """End a batch of which nothing stands; that some of it was issued before is a decision too."""
    refused = verdict.report.refused
    duplicates.record(tx, batch.id, verdict.report.source, verdict.met, bench.ledger.clock())
    caught = _catch(tx, bench, batch, verdict.report.source, verdict.report.policies)
    if caught and ISSUED_BEFORE not in refused:
        waits = Outdated("All that this batch has is refused or waits in quarantine, where it is decided.")
        _end_without_lot(tx, bench, batch, verdict.summary, by, waits)
        return
    if batch.case is None and ISSUED_BEFORE not in refused:
        raise Invalid("Of this batch nothing stands, so nothing is proposed. Its rows say why.")
    report = verdict.report
    is_new = batch.case is None
    pending = propose(tx, bench.ledger, report, next_lot(tx), by) if is_new else _held(tx, bench, batch, report)
    refuse_duplicates(tx, pending, report, verdict.judged.input_sha256, by)
    why = AlreadyIssued("Of this batch nothing stands any more: what did was issued before. Its rows said which.")
    at, case = bench.ledger.clock(), pending.case
    motions.end_of_case(tx, case, by.actor, at)
    batches.change(
        tx, batch, at, state=State.REFUSED, case_number=case, summary=verdict.summary, problem=as_problem(why)
    )


def _held(tx: sa.Connection, bench: Bench, batch: Batch, report: Report) -> Pending:
    return take_up(tx, bench.ledger, report, batch.case or "")


def _issue(bench: Bench, batch: Batch) -> None:
    bench.tell(batch, "reading")
    proposed = read_standing(bench.ledger.vault, bench.place.standing(batch.id), batch.profile)
    ledger, by = bench.ledger, By(read_officer(batch.proposer or ""), read_officer(batch.approver or ""))
    with bench.database.transaction() as tx:
        tx.execute(sa.text(PATIENT))
        source = get_source(tx, batch.source_id, lock=True)
        policies, facts = _used(tx, bench, batch)
        refused = Counter(batch.summary["refused"] if batch.summary else {})
        consenting = hold_consents(tx, source.id, proposed.accounts)
        kept = proposed.of(consenting)
        refused[NOT_CONSENTED] += proposed.table.num_rows - kept.table.num_rows
        if batch.tries > 1:
            met = issued_meanwhile(tx, ledger, source, kept.activities(source.applicant_id))
            kept = kept.without(met)
            refused[ISSUED_BEFORE] += len(met)
        done = kept.activities(source.applicant_id)
        if not done:
            raise Outdated("Of what was proposed nothing stands any more. Judge it anew, or refuse it.")
        report = Report(source, done, facts, policies, {reason: count for reason, count in refused.items() if count})
        bench.tell(batch, "writing", len(done))
        lot = issue_proposed(tx, ledger, report, _held(tx, bench, batch, report), by)
        now = _still(tx, batch)
        counts = {"accepted": len(done), "quantity_g": lot.last - lot.first, "accounts": len(lot.movements)}
        summary = {**(batch.summary or {}), **counts, "refused": dict(report.refused)}
        if batch.is_release:
            end_release(tx, ledger, now, done.table["row"].to_pylist(), consenting)
        else:
            _catch(tx, bench, now, source, policies)
            duplicates.record(tx, batch.id, source, (batch.summary or {}).get("met", {}), ledger.clock())
        batches.change(tx, now, ledger.clock(), state=State.ISSUED, lot_id=lot.id, summary=summary, problem=sa.null())


def _catch(tx: sa.Connection, bench: Bench, batch: Batch, source: Source, policies: Sequence[Policy]) -> int:
    """Put what was caught of a batch into quarantine, of those who consent still; gives how many."""
    caught = read_caught(bench.ledger.vault, bench.place.caught(batch.id))
    if caught is None or not caught.num_rows:
        return 0
    consenting = hold_consents(tx, source.id, caught["account_id"].unique().to_pylist())
    risk = next(Risk.of(policy.value) for policy in policies if policy.name.startswith(RISK))
    return catch(tx, bench.ledger, batch.id, source, of_accounts(caught, consenting).to_pylist(), risk)


def _used(tx: sa.Connection, bench: Bench, batch: Batch) -> tuple[list[Policy], dict[str, str]]:
    """Have the policies and facts of the proposal, if they hold still. Raises `Outdated`."""
    rests_on = dict(batch.summary or {}).get("rests_on", {})
    policies = [in_force(tx, bench.ledger, name, bench.ledger.clock()) for name in rests_on.get("policies", {})]
    if any(policy.decision.hex() != rests_on["policies"][policy.name] for policy in policies):
        raise Outdated("A policy that this was judged by has changed since. Move it again: it is judged anew then.")
    return policies, dict(rests_on.get("facts", {}))


def _still(tx: sa.Connection, batch: Batch) -> Batch:
    """Lock a batch whose work is done. Raises `BatchClosed` when it is not wanted any more, or somebody else did it."""
    now = batches.get_batch(tx, batch.id, lock=True)
    if (now.work, now.version, now.tries) != (batch.work, batch.version, batch.tries):
        raise BatchClosed(f"Batch {batch.id} was changed meanwhile; nothing was done with it.")
    return now


def _fail(bench: Bench, batch: Batch, why: RegistryError) -> None:
    """Note what kept a work from being done; a file that cannot be judged at all is refused with it."""
    with bench.database.transaction() as tx:
        now = batches.get_batch(tx, batch.id, lock=True)
        if (now.work, now.version) != (batch.work, batch.version):
            return
        ends_it = batch.work == Work.JUDGE or (batch.work == Work.PROPOSE and batch.is_release and batch.case is None)
        ends = {"state": State.REFUSED} if ends_it else {}
        batches.change(tx, now, bench.ledger.clock(), **_DONE, **ends, problem=as_problem(why))


_DONE: Final = {"work": None, "progress": sa.null()}
_WORKS: Final = {Work.JUDGE: _judge, Work.PROPOSE: _propose, Work.ISSUE: _issue}
