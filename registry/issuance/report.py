"""What is to be issued, and its issuance as a case (`I-` and the number of its lot): proposed, decided, or refused."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import sqlalchemy as sa

from registry.activities.activities import Activity
from registry.activities.columns import Columns
from registry.activities.judged import Judged
from registry.activities.profiles.profile import Profile
from registry.clock import whole_days
from registry.decisions.recalled import case_deciding, recall_periods
from registry.decisions.recording import By, Pending, Step, open_case, prepare
from registry.errors import NotFound
from registry.evidence.document import Value
from registry.ledger.ledger import Ledger
from registry.methodologies.published import decision_publishing
from registry.methodologies.record import Methodology, digest
from registry.policies.policies import Policy
from registry.procedure.decision import BEHAVIOUR, PREFIXES, Lot, Record, SourceTerms
from registry.procedure.fields import Range
from registry.procedure.values import BEHAVIOURS
from registry.sources.sources import Source

ISSUED_BEFORE: Final = "already-issued"
"""Why an activity does not stand that was issued for, or whose person or vehicle was at another one that was."""

NOT_CONSENTED: Final = "not-consented"

COMPUTED_ON: Final = "computed_on"
"""The day in Shanghai as whose issuance the acts were computed, in the evidence of each ISSUE: such as 2026-11-28."""


@dataclass(frozen=True, slots=True)
class Report:
    """Accepted activities under one source, and what they rest on."""

    source: Source
    activities: Sequence[Activity]
    facts: Mapping[str, Value] = field(default_factory=dict)
    """Goes into the evidence of every ISSUE beside the lot's own: the methodology's digest and status, the policy."""
    policies: Sequence[Policy] = ()
    """Those that were used, in force now."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Why how many were not accepted; a reason is a word."""


def report_of(
    source: Source, methodology: Methodology, judged: Judged, policies: Sequence[Policy], computed_on: date
) -> Report:
    """Report what stands of a file that was judged, whatever kind of activity it is of.

    `judged` is of the source's platform (`of_platform`). What is in quarantine counts as refused: it is not issued now.
    """
    facts = facts_of(methodology, judged.profile, policies, computed_on)
    refused = judged.refused_by_reason() | judged.quarantined_by_reason()
    return Report(source, judged.activities, facts, policies, refused)


def facts_of(
    methodology: Methodology, profile: Profile, policies: Sequence[Policy], computed_on: date
) -> dict[str, Value]:
    """Say what activities were judged by, as the evidence of every ISSUE has it."""
    return {
        "methodology_sha256": digest(methodology).hex(),
        "status": str(methodology.status),
        "policies_sha256": [policy.digest.hex() for policy in policies],
        "profile": f"{profile.id} {profile.version}",
        COMPUTED_ON: str(computed_on),
    }


def next_lot(tx: sa.Connection) -> int:
    """Take the number of the next lot; that of its issuance's case."""
    return int(tx.execute(_NEXT_LOT).scalar_one())


def propose(tx: sa.Connection, ledger: Ledger, report: Report, lot_id: int, by: By) -> Pending:
    """Record the proposal of an issuance; gives the decision that is to be taken on it."""
    pending = take_up(tx, ledger, report, open_case(tx, Record.ISSUANCE, lot_id))
    pending.take(tx, Step("propose", "proposed", by))
    return pending


def take_up(tx: sa.Connection, ledger: Ledger, report: Report, case: str) -> Pending:
    """Hold an issuance's case with what it rests on; gives the decision that is to be taken on it."""
    names = [policy.name for policy in report.policies] + _letting_issue(report.source.kind)
    return prepare(tx, ledger, Record.ISSUANCE, case, cases=_rests_on(tx, report.source), policies=names)


def refuse_duplicates(tx: sa.Connection, pending: Pending, report: Report, input_sha256: bytes, by: By) -> None:
    """Record that nothing is issued of a report, because some of it was issued before (R18, R19)."""
    shown = {"rejected": [f"{reason} {count}" for reason, count in report.refused.items()]}
    # Whoever guessed a file of few rides could hold it against its digest.
    file = {"input_sha256": input_sha256.hex()}
    said = By(by.actor, reason=ISSUED_BEFORE)
    pending.take(tx, Step("refuse", "refused", said, shown=shown, withheld=file))


def know_lots(tx: sa.Connection, pending: Pending, source: Source) -> None:
    """Know for which times a project has lots. Call it when the numbers of the next are taken: then there is no other.

    Issuances of one source may be proposed at once, and wait for each other's numbers.
    """
    if source.kind == "project":
        recall_periods(tx, pending.standing, f"{PREFIXES[Record.SOURCE]}{source.id}", source.id)


def _letting_issue(kind: str) -> list[str]:
    """Name the policy without which a source of a kind issues nothing."""
    return [BEHAVIOURS] if kind == BEHAVIOUR else []


def _rests_on(tx: sa.Connection, source: Source) -> tuple[str, str]:
    decision = decision_publishing(tx, source.methodology_code, source.methodology_version)
    methodology = None if decision is None else case_deciding(tx, decision)
    if methodology is None:
        raise NotFound(f"Methodology {source.methodology_code} was not published here.")
    return f"{PREFIXES[Record.SOURCE]}{source.id}", methodology


def lot_of(pending: Pending, report: Report, grams: Range, accounts: int, period: Range, inputs: bytes) -> Lot:
    """Say what an issuance issues: grams `[first, end)` to so many accounts, for a period in Unix milliseconds."""
    source = pending.standing.cases.get(f"{PREFIXES[Record.SOURCE]}{report.source.id}")
    if source is None or source.terms is None:
        raise NotFound(f"There is no decision about source {report.source.id}.")
    return Lot(
        source=source.digest,
        methodology=source.terms.methodology or "",
        policies=_used(pending, report),
        first_g=grams[0],
        end_g=grams[1],
        accounts=accounts,
        period=_days(period, source.terms),
        inputs_sha256=inputs.hex(),
        accepted=len(report.activities),
        refused=tuple(report.refused.items()),
    )


def _used(pending: Pending, report: Report) -> tuple[str, ...]:
    """Name the decisions that published the policies in use, each once."""
    policies = pending.standing.policies
    letting = (policies.in_force(name, pending.at) for name in _letting_issue(report.source.kind))
    named = [policy.decision.hex() for policy in report.policies]
    return tuple(dict.fromkeys([*named, *(version.digest for version in letting if version is not None)]))


def _days(period: Range, terms: SourceTerms) -> Range:
    """Give the whole days in Shanghai that a period lies in, as far as its source is approved: what is published."""
    begin, end = whole_days(*period)
    return max(begin, terms.valid_from or begin), min(end, terms.valid_until or end)


def inputs_digest(of: Columns, keys: Mapping[int, bytes]) -> bytes:
    """Hash the activities that stand, in the order of the report: 32 bytes, SHA-256 over `input_lines`."""
    sha256 = hashlib.sha256()
    for lines in input_lines(of, keys):
        sha256.update(lines)
    return sha256.digest()


def input_lines(of: Columns, keys: Mapping[int, bytes]) -> Iterator[bytes]:
    """Write the activities that stand, many lines at a time; `keys` has that of each account, 32 bytes.

    A line is `salt,reference,starts_ms,ends_ms,quantity_g` and a line feed. Its salt follows from the activity by the
    key of its account: the first 16 bytes, in hex, of HMAC-SHA256 over the rest of the line. So nobody can hold guessed
    activities against it, and what can be shown of a person goes with the person's key.
    """
    mac = hmac.digest
    for start in range(0, len(of), _LINES_AT_ONCE):
        part = slice(start, start + _LINES_AT_ONCE)
        columns = (of.account_ids, of.starts_ms, of.ends_ms, of.grams)
        each = zip(of.references[part], *(column[part].tolist() for column in columns), strict=True)
        lines = []
        for reference, account, starts, ends, grams in each:
            line = b"%b,%d,%d,%d\n" % (reference.encode(), starts, ends, grams)
            lines.append(b"%b,%b" % (mac(keys[account], _INPUT_LABEL + line, "sha256")[:16].hex().encode(), line))
        yield b"".join(lines)


_LINES_AT_ONCE: Final = 10_000
_INPUT_LABEL = b"gramledger/input/v1"
_NEXT_LOT = sa.text("SELECT nextval(pg_get_serial_sequence('lots', 'id'))")
