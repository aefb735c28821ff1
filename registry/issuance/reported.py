"""A source's file of activities: judged against what is known, issued as one lot, and what was refused recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.activities.activities import LONGEST_MS, find_reported
from registry.activities.judged import Judged
from registry.activities.judgement.known import Busy, Known, Link, Met
from registry.activities.judgement.reasons import Reason
from registry.activities.judging import Terms, judge_file
from registry.activities.profiles.profile import By, Profile
from registry.activities.subjects import PERSON, digests_of_kind, names_of_things, occupied_spans
from registry.clock import in_shanghai
from registry.database.schema import methodologies as methodologies_table
from registry.decisions.recording import Officers
from registry.errors import NotOpen, OtherMethodology
from registry.identity.belongings import whose_each
from registry.issuance.issue import Lot, issue
from registry.issuance.quarantine import find_caught
from registry.issuance.report import Report, next_lot, propose, refuse_duplicates, report_of
from registry.ledger.ledger import Ledger
from registry.methodologies.record import Methodology, Window, digest, program
from registry.policies.activities import ACTIVITIES, RISK, FileLimits, Risk
from registry.policies.policies import Policy, in_force
from registry.sources.sources import Source, consented_accounts, find_consenting, get_source, hold_consents, user_digest

Attributes = Mapping[str, Sequence[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class FileIssue:
    """What became of a file of activities; `lot` is None when nothing was issued."""

    judged: Judged
    lot: Lot | None


def issue_file(
    tx: sa.Connection,
    ledger: Ledger,
    source_id: int,
    methodology: Methodology,
    profile: Profile,
    path: Path,
    officers: Officers,
    attributes: Attributes | None = None,
) -> FileIssue:
    """Judge a file of activities and issue what stands as one lot, one ISSUE for each account.

    An activity that was issued before is refused, so the same file twice issues nothing; the refusal is a decision too.
    Raises `OtherMethodology` when `methodology` is not the published record that the source was approved under,
    `Invalid` for a file that is unreadable as a whole; nothing is written then.
    """
    tx.execute(_PATIENT)
    source = get_source(tx, source_id, lock=True)
    terms, policies = terms_of(tx, ledger, source, methodology)
    judged = judge_file(path, profile, terms, known_of(tx, ledger.vault, source, profile, attributes or {}))
    judged = judged.of_platform(source.applicant_id)
    hold_those_in(tx, source, judged)
    report = report_of(source, methodology, judged, policies, terms.issued)
    if not judged.activities:
        _refuse_duplicates(tx, ledger, report, judged, officers)
        return FileIssue(judged, None)
    return FileIssue(judged, issue(tx, ledger, report, officers))


# Judging asks nothing of the database for as long as the file takes; what it locks keeps other reports of the source
# waiting, and nobody else.
_PATIENT = sa.text("SET LOCAL idle_in_transaction_session_timeout = 0")


def terms_of(tx: sa.Connection, ledger: Ledger, source: Source, methodology: Methodology) -> tuple[Terms, list[Policy]]:
    """Give what activities of a source are judged by now, and the policies among it.

    Raises `OtherMethodology`, `NotFound` where a policy is not in force: a kind of activity without rules against abuse
    is not taken.
    """
    _must_be_published(tx, source, methodology)
    at = ledger.clock()
    policies = [in_force(tx, ledger, name, at) for name in (ACTIVITIES, f"{RISK}{methodology.id}")]
    limits, risk = FileLimits.of(policies[0].value), Risk.of(policies[1].value)
    windows = (Window(source.valid_from_ms, source.valid_until_ms), methodology.validity)
    return Terms(program(methodology), windows, limits, risk, in_shanghai(at).date()), policies


def known_of(tx: sa.Connection, vault: Vault, source: Source, profile: Profile, attributes: Attributes) -> Known:
    """Give what the registry knows that can meet a source's file; it is asked while the file is judged."""

    def find_links(names: Sequence[str]) -> list[Link]:
        if profile.who is None or profile.who.by is By.USER:
            return [Link(*one) for one in find_consenting(tx, vault, source.id, names).items()]
        standing = consented_accounts(tx, source.id)
        found = whose_each(tx, vault, str(profile.who.by), names)
        return [Link(*one) for one in found if one.account_id in standing]

    def find_those_reported(references: Sequence[str]) -> list[str]:
        return find_reported(tx, vault, source.id, references)

    def find_busy(met: Met) -> Busy:
        within = met.from_ms, met.until_ms
        persons, things = list(met.accounts), list[tuple[int, str, int, int]]()
        digests = digests_of_kind(vault, PERSON, map(str, persons))
        busy = [(persons[at], *span) for at, span in occupied_spans(tx, digests, within, LONGEST_MS)]
        for place, (thing, names) in enumerate(zip(profile.things, met.things, strict=True)):
            platform, named = None if thing.everywhere else source.applicant_id, list(names)
            digests = digests_of_kind(vault, thing.kind, names_of_things(platform, named))
            spans = occupied_spans(tx, digests, within, LONGEST_MS)
            things += [(place, named[at], *span) for at, span in spans]
        return Busy(busy, things)

    def find_those_caught(references: Sequence[str]) -> list[str]:
        return find_caught(tx, vault, source.id, references)

    return Known(find_links, find_those_reported, find_busy, attributes, find_those_caught)


def links_of(
    tx: sa.Connection, vault: Vault, profile: Profile, names: Sequence[str], consented: Mapping[bytes, int]
) -> list[Link]:
    """Give whose the names in a file are, of those who consented: digests of the platform's users -> accounts."""
    if profile.who is None or profile.who.by is By.USER:
        digests = ((name, user_digest(vault, name)) for name in names)
        return [Link(name, consented[digest]) for name, digest in digests if digest in consented]
    standing = set(consented.values())
    found = whose_each(tx, vault, str(profile.who.by), names)
    return [Link(*one) for one in found if one.account_id in standing]


def hold_those_in(tx: sa.Connection, source: Source, judged: Judged) -> None:
    """Keep those whose activities stand from withdrawing consent until the transaction ends (R4).

    Raises `NotOpen` when somebody withdrew while the file was judged.
    """
    accounts = set(judged.activities.table["account_id"].to_pylist())
    if hold_consents(tx, source.id, accounts) != accounts:
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


def _refuse_duplicates(tx: sa.Connection, ledger: Ledger, report: Report, judged: Judged, officers: Officers) -> None:
    """Refuse to issue a report of which nothing stands, because some of it was issued before."""
    if Reason.ALREADY_ISSUED not in judged.refused_by_reason():
        return
    pending = propose(tx, ledger, report, next_lot(tx), officers.proposing)
    refuse_duplicates(tx, pending, report, judged.input_sha256, officers.deciding)
