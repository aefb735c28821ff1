"""Roles that two officers give (R2): one names somebody, another approves, and then the role stands.

Where an account has or had a holder, whoever else is named its holder is approved by the bureau, so that no authority
alone gives what is somebody's into other hands. Ending a role is one officer's to do: it is urgent, and takes power
away. The first officers are the operator's to name (`gram role`). Nobody names or approves themselves.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import rfc8785
import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.database.personal import rows_go
from registry.database.schema import appointments, grants
from registry.decisions.motions import is_one_person
from registry.errors import Conflict, Forbidden, NotFound
from registry.identity.experts import Dossier, check_dossier, enrol
from registry.identity.grants import Grant, check_account, check_grant, give, revoke
from registry.identity.roles import OF_ACCOUNTS, Role
from registry.identity.subjects import Subject
from registry.procedure.decision import Officer

NAMING: Final[Mapping[Role, frozenset[str]]] = {
    Role.CENTRE: frozenset({"centre", "bureau"}),
    Role.EXCHANGE: frozenset({"exchange", "bureau"}),
    Role.BUREAU: frozenset({"bureau"}),
    Role.DISTRICT_BUREAU: frozenset({"bureau"}),
    Role.EXPERT: frozenset({"bureau"}),
    Role.SERVICE_BODY: frozenset({"centre", "bureau"}),
    **{role: frozenset({"centre"}) for role in OF_ACCOUNTS},
}
"""Role -> the authorities whose officers give and end it: each its own; the bureau, which by the measure builds the
expert pool (第八条) and answers for the whole (第五条); the centre for accounts and service bodies (第七、十九条)."""
_OVER_HOLDERS: Final = frozenset({"bureau"})
MOST: Final = 1000
_SEALED: Final = "appointment"


@dataclass(frozen=True, slots=True)
class Appointment:
    """A role that waits for a second officer. `until_ms` is when it would end by itself. Unix milliseconds."""

    id: int
    subject: Subject = field(repr=False)
    grant: Grant
    until_ms: int | None
    dossier: Dossier | None
    proposed_by: str
    proposed_ms: int


@dataclass(frozen=True, slots=True)
class Proposer:
    """Who names or approves: an officer, and the digest (32 bytes) of whose it is."""

    officer: Officer
    digest: bytes


def may_name(authority: str, role: Role) -> bool:
    """Tell whether an authority's officers give and end a role."""
    return authority in NAMING[role]


def propose(tx: sa.Connection, vault: Vault, wanted: Appointment, by: Proposer, at: int) -> int:
    """Name somebody for a role; gives the appointment's number. `wanted` says what; its own number does not matter.

    Raises `Forbidden` where it is not for this officer, or for himself, and what granting raises.
    """
    grant = wanted.grant
    check_grant(grant)
    _check_naming(by, grant.role, wanted.subject, vault)
    check_account(tx, grant)
    check_dossier(grant, wanted.dossier)
    if wanted.until_ms is not None and wanted.until_ms <= at:
        raise Conflict("A role ends after it begins; name a time to come.")
    _check_number(tx, vault, grant, wanted.subject)
    dossier = wanted.dossier or Dossier(())
    row = {
        "role": str(grant.role), "account_id": grant.account, "officer": grant.officer, "district": grant.district,
        "until_ms": wanted.until_ms, "fields": list(dossier.fields) or None, "name": dossier.name,
        "subject": vault.seal_words(_SEALED, rfc8785.dumps([wanted.subject.issuer, wanted.subject.name])),
        "proposed_by": str(by.officer), "proposed_ms": at,
    }  # fmt: skip
    return int(tx.execute(sa.insert(appointments).values(row).returning(appointments.c.id)).scalar_one())


def approve(tx: sa.Connection, vault: Vault, number: int, by: Proposer, at: int) -> int:
    """Approve what another named, and grant it; gives the grant's number. Raises the same, and `Conflict`."""
    found = _take_up(tx, vault, number)
    if by.officer.authority not in approving(tx, vault, found):
        raise Forbidden(_approvers(found, by.officer.authority))
    _refuse_himself(by, found.subject, vault)
    if is_one_person(tx, str(by.officer), found.proposed_by):
        raise Conflict(f"{by.officer} named this one; another officer approves.")
    both = f"{found.proposed_by}, {by.officer}"
    granted = give(tx, vault, found.subject, found.grant, both, at, found.until_ms)
    enrol(tx, found.grant, found.dossier)
    _end(tx, number, by.officer, at, granted)
    return granted


def withdraw(tx: sa.Connection, vault: Vault, number: int, by: Officer, at: int) -> None:
    """Take back what waits: an officer of an authority that could have named it does."""
    found = _take_up(tx, vault, number)
    if not may_name(by.authority, found.grant.role):
        raise Forbidden(_whose(found.grant.role))
    _end(tx, number, by, at, None)


def approving(tx: sa.Connection, vault: Vault, of: Appointment) -> frozenset[str]:
    """Give the authorities whose officers approve an appointment: those that name, or the bureau over a holder."""
    if of.grant.role is Role.HOLDER:
        other = {"account": of.grant.account, "digest": of.subject.digest(vault)}
        if tx.execute(_HAD_ANOTHER, other).scalar_one():
            return _OVER_HOLDERS
    return NAMING[of.grant.role]


def end_role(tx: sa.Connection, number: int, by: Officer, at: int) -> None:
    """End a grant at once. Raises `NotFound`, and `Forbidden` where that is not for this officer."""
    role = tx.execute(sa.select(grants.c.role).where(grants.c.id == number)).scalar_one_or_none()
    if role is None or not may_name(by.authority, Role(role)):
        raise NotFound(f"There is no grant {number} that an officer of {by.authority} could end.")
    revoke(tx, number, str(by), at)


def role_of(tx: sa.Connection, number: int) -> Role:
    """Tell for which role somebody was named. Raises `NotFound`."""
    role = tx.execute(sa.select(appointments.c.role).where(appointments.c.id == number)).scalar_one_or_none()
    if role is None:
        raise NotFound(f"There is no appointment {number}.")
    return Role(role)


def list_waiting(tx: sa.Connection, vault: Vault, authority: str | None = None) -> list[Appointment]:
    """Give what waits for another officer, of an authority if one is named, oldest first."""
    query = sa.select(appointments).where(appointments.c.ended_ms.is_(None)).order_by(appointments.c.id).limit(MOST)
    found = [_appointment(vault, row) for row in tx.execute(query).all()]
    if authority is None:
        return found
    return [one for one in found if authority in NAMING[one.grant.role] | approving(tx, vault, one)]


def _take_up(tx: sa.Connection, vault: Vault, number: int) -> Appointment:
    row = tx.execute(sa.select(appointments).where(appointments.c.id == number).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no appointment {number}.")
    if row.ended_ms is not None:
        how = "withdrawn" if row.grant_id is None else "approved"
        raise Conflict(f"Appointment {number} was {how} by {row.ended_by}.")
    return _appointment(vault, row)


def _end(tx: sa.Connection, number: int, by: Officer, at: int, granted: int | None) -> None:
    ended = {"ended_ms": sa.func.greatest(at, appointments.c.proposed_ms), "ended_by": str(by), "grant_id": granted}
    tx.execute(sa.update(appointments).where(appointments.c.id == number).values({**ended, "subject": None}))


def _check_naming(by: Proposer, role: Role, subject: Subject, vault: Vault) -> None:
    if not may_name(by.officer.authority, role):
        raise Forbidden(_whose(role))
    _refuse_himself(by, subject, vault)


def _refuse_himself(by: Proposer, subject: Subject, vault: Vault) -> None:
    if subject.digest(vault) == by.digest:
        raise Forbidden("Nobody names or approves themselves for a role.")


def _check_number(tx: sa.Connection, vault: Vault, wanted: Grant, subject: Subject) -> None:
    """Refuse a number that is somebody else's at once, and not first when it is approved."""
    if wanted.officer is None:
        return
    owner = tx.execute(_OWNER, {"authority": str(wanted.role), "number": wanted.officer}).scalar_one_or_none()
    if owner is not None and bytes(owner) != subject.digest(vault):
        raise Conflict(f"The number {wanted.role}:{wanted.officer} is somebody else's, for good. Give another.")


def _approvers(of: Appointment, authority: str) -> str:
    if may_name(authority, of.grant.role):
        return f"Account {of.grant.account} has or had another holder: an officer of the bureau approves this one."
    return _whose(of.grant.role)


def _whose(role: Role) -> str:
    return f"A {role} is named by officers of: {', '.join(sorted(NAMING[role]))}."


def _appointment(vault: Vault, row: sa.Row[tuple[object, ...]]) -> Appointment:
    issuer, name = json.loads(vault.open_words(_SEALED, bytes(row.subject)))
    dossier = None if row.fields is None else Dossier(tuple(row.fields), row.name)
    grant = Grant(Role(row.role), row.account_id, row.officer, row.district)
    said = (row.until_ms, dossier, row.proposed_by, row.proposed_ms)
    return Appointment(row.id, Subject(issuer, name), grant, *said)


_OWNER = sa.text("""
        SELECT s.digest FROM officers o JOIN subjects s ON s.id = o.subject_id
        WHERE o.authority = :authority AND o.number = :number
    """)
_HAD_ANOTHER = sa.text("""
        SELECT EXISTS (
            SELECT FROM grants g JOIN subjects s ON s.id = g.subject_id
            WHERE g.account_id = :account AND g.role = 'holder' AND s.digest <> :digest
        )
    """)
ERASING = (rows_go(appointments),)
