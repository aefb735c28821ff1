"""What waits for somebody beside the cases: motions, submissions, opinions, findings, quarantine, and the like."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.decisions import motions
from registry.decisions.worklist import Waiting
from registry.identity import appointments
from registry.identity.roles import Role
from registry.integrity import findings
from registry.issuance import duplicates, quarantine
from registry.opinions import opinions
from registry.procedure.decision import Officer
from registry.sources import objections
from registry.submissions import submissions
from registry.supports import supports


@dataclass(frozen=True, slots=True)
class Errand:
    """Something that waits since `since_ms` (Unix milliseconds), for an authority or for one expert.

    `not_by` are officers who had a part in it, so that it is another's.
    """

    what: str
    number: int
    about: str
    by: frozenset[str]
    not_by: frozenset[str]
    since_ms: int
    url: str

    def is_for(self, officer: Officer) -> bool:
        """Tell whether an officer, expert or service body may do it."""
        return bool({officer.authority, str(officer)} & self.by) and str(officer) not in self.not_by


def errands(tx: sa.Connection, vault: Vault, at: int, cases: Iterable[Waiting]) -> list[Errand]:
    """Give everything that waits beside the cases, which say who approves a motion; the oldest of each kind first."""
    return [
        *_motions(tx, list(cases)), *_submissions(tx, vault), *_opinions(tx, vault), *_appointments(tx, vault),
        *_findings(tx, vault, at), *_objections(tx, vault), *_quarantine(tx, vault),
        *_duplicates(tx), *_supports(tx),
    ]  # fmt: skip


def _motions(tx: sa.Connection, cases: list[Waiting]) -> Iterator[Errand]:
    second = {(case.number, step.decision): step.second for case in cases for step in case.steps}
    for one in motions.list_open(tx):
        by = second.get((one.case, one.decision), frozenset())
        mover, where = frozenset({str(one.mover)}), f"/v1/motions/{one.id}/approval"
        yield Errand("motion", one.id, f"{one.case} {one.decision}", by, mover, one.moved_ms, where)


def _submissions(tx: sa.Connection, vault: Vault) -> Iterator[Errand]:
    by = frozenset({str(Role.CENTRE)})
    for one in submissions.list_waiting(tx, vault):
        where = f"/v1/incoming/{one.id}"
        yield Errand("submission", one.id, str(one.record), by, frozenset(), one.changed_ms, where)


def _opinions(tx: sa.Connection, vault: Vault) -> Iterator[Errand]:
    for one in opinions.list_waiting(tx, vault):
        by, where = frozenset({str(one.who)}), f"/v1/opinions/{one.id}"
        yield Errand("opinion", one.id, one.case, by, frozenset(), one.asked_ms, where)


def _appointments(tx: sa.Connection, vault: Vault) -> Iterator[Errand]:
    for one in appointments.list_waiting(tx, vault):
        by, proposer = appointments.approving(tx, vault, one), frozenset({one.proposed_by})
        where = f"/v1/appointments/{one.id}/approval"
        yield Errand("appointment", one.id, str(one.grant), by, proposer, one.proposed_ms, where)


def _objections(tx: sa.Connection, vault: Vault) -> Iterator[Errand]:
    by = frozenset({str(Role.CENTRE)})
    for one in objections.list_waiting(tx, vault):
        where = f"/v1/cases/{one.case}/objections"
        yield Errand("objection", one.id, one.case, by, frozenset(), one.made_ms, where)


def _findings(tx: sa.Connection, vault: Vault, at: int) -> Iterator[Errand]:
    for one in findings.list_waiting(tx, vault, at):
        about, where = f"{one.finding} of {one.party.expert or one.name or 'a person'}", f"/v1/integrity/{one.id}"
        if one.state is findings.State.OPENED:
            by = frozenset({str(Role.CENTRE), str(Role.BUREAU)})
            yield Errand("finding", one.id, about, by, frozenset({one.opened_by}), one.opened_ms, where)
        else:
            parts, since = frozenset({one.opened_by, one.approved_by or ""}), one.appealed_ms or one.opened_ms
            yield Errand("appeal", one.id, about, frozenset({str(Role.BUREAU)}), parts, since, where)


def _quarantine(tx: sa.Connection, vault: Vault) -> Iterator[Errand]:
    by = frozenset({str(Role.CENTRE)})
    for one in quarantine.list_appeals(tx, vault):
        before, since = frozenset({one.decided_by or ""}), one.appealed_ms or one.caught_ms
        yield Errand("quarantine-appeal", one.id, one.reason, by, before, since, f"/v1/quarantine/{one.id}")
    for batch in quarantine.list_waiting(tx):
        about, where = f"{batch.activities} of batch {batch.batch_id}", "/v1/quarantine?state=waiting"
        yield Errand("quarantine", batch.batch_id, about, by, frozenset(), batch.caught_ms, where)


def _duplicates(tx: sa.Connection) -> Iterator[Errand]:
    by = frozenset({str(Role.CENTRE)})
    for one in duplicates.list_open(tx):
        about, where = f"{one.activities} of source {one.source_id}", f"/v1/duplicates/{one.id}/settlement"
        yield Errand("duplicate", one.id, about, by, frozenset(), one.at_ms, where)


def _supports(tx: sa.Connection) -> Iterator[Errand]:
    by = frozenset({str(Role.CENTRE)})
    for one in supports.list_waiting(tx):
        where = f"/v1/supports/{one.id}/approval"
        yield Errand("support", one.id, one.by_name or one.what, by, frozenset(), one.entered_ms, where)


def of_authority(every: Iterable[Errand], authority: str) -> list[Errand]:
    """Pick what an authority's officers may do, or its experts."""
    return [one for one in every if authority in {who.partition(":")[0] for who in one.by}]
