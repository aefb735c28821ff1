"""Grants: a role for a subject, from a moment until another. What ended is kept; a number is one officer's for good."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.accounts.accounts import INDIVIDUAL, open_row
from registry.accounts.vault import Vault
from registry.database.personal import Erased
from registry.database.schema import grants, officers, sessions, subjects
from registry.errors import Conflict, Invalid, NotFound
from registry.identity.roles import AUTHORITIES, OF_ACCOUNTS, OF_INSTITUTIONS, Role
from registry.identity.subjects import Subject, know_subject
from registry.procedure.decision import Officer

OPERATOR = "operator"
"""Who grants the first officers: whoever runs the registry, by its command."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that stands: of an account, or of an officer with a number; neither for an expert or a service body."""

    role: Role
    account: int | None = None
    officer: int | None = None

    def __str__(self) -> str:
        """Write it for people: `holder of account 2`, `centre:7`, `expert`."""
        if self.account is not None:
            return f"{self.role} of account {self.account}"
        return str(self.role) if self.officer is None else f"{self.role}:{self.officer}"


@dataclass(frozen=True, slots=True)
class Granted:
    """A grant as it is on record; times are Unix milliseconds."""

    id: int
    subject: Subject
    grant: Grant
    granted_ms: int
    granted_by: str
    revoked_ms: int | None
    revoked_by: str | None


def check_grant(wanted: Grant) -> None:
    """Raise `Invalid` for a grant that has not what its role needs."""
    if (wanted.role in OF_ACCOUNTS) != (wanted.account is not None):
        raise Invalid(f"A grant names an account for the roles {_listed(OF_ACCOUNTS)}, and for no other.")
    if (wanted.role in AUTHORITIES) != (wanted.officer is not None):
        raise Invalid(f"A grant names an officer's number for the roles {_listed(AUTHORITIES)}, and for no other.")
    if wanted.officer is not None and not 0 < wanted.officer < 2**31:
        raise Invalid("An officer's number is from 1 to 2147483647.")


def give(tx: sa.Connection, vault: Vault, subject: Subject, wanted: Grant, by: str, at: int) -> int:
    """Grant a role, and give the grant's number; one that stands already is not granted twice.

    Raises `Invalid`, `NotFound` and `AccountErased` for an account that is not open, and `Conflict` for an officer's
    number that is another's, an officer who has another number, or one of another authority.
    """
    check_grant(wanted)
    if wanted.account is not None:
        account = open_row(tx, wanted.account)
        if wanted.role in OF_INSTITUTIONS and account.kind == INDIVIDUAL:
            raise Invalid(f"A person's account has no {wanted.role}; an institution's may.")
    number = know_subject(tx, vault, subject, at)
    if wanted.officer is not None:
        _number(tx, number, wanted)
    row = {"subject_id": number, "role": wanted.role, "account_id": wanted.account, "officer": wanted.officer}
    tx.execute(insert(grants).values({**row, "granted_ms": at, "granted_by": by}).on_conflict_do_nothing())
    return int(tx.execute(_STANDING, {**row, "role": str(wanted.role)}).scalar_one())


def _number(tx: sa.Connection, subject: int, wanted: Grant) -> None:
    row = {"authority": wanted.role, "number": wanted.officer, "subject_id": subject}
    tx.execute(insert(officers).values(row).on_conflict_do_nothing())
    found = sa.select(officers.c.number, officers.c.subject_id).where(officers.c.authority == wanted.role)
    mine = tx.execute(found.where(officers.c.subject_id == subject)).one_or_none()
    if mine is None:
        raise Conflict(f"Officer {wanted} is somebody else: a number stays one officer's for good. Give another.")
    if mine.number != wanted.officer:
        raise Conflict(f"This officer has the number {wanted.role}:{mine.number}, and keeps it.")
    # Powers are separate (R2): what two authorities decide together is decided by two people.
    other = tx.execute(_ELSEWHERE, {"subject_id": subject, "role": wanted.role, "of": list(AUTHORITIES)}).first()
    if other is not None:
        raise Conflict(f"This is {other.role}:{other.officer}, and an officer is of one authority. Revoke that first.")


def revoke(tx: sa.Connection, number: int, by: str, at: int) -> None:
    """End a grant. What was revoked stays so. Raises `NotFound`."""
    ended = sa.update(grants).where(grants.c.id == number, grants.c.revoked_ms.is_(None))
    if tx.execute(ended.values(revoked_ms=sa.func.greatest(at, grants.c.granted_ms), revoked_by=by)).rowcount == 0:
        there = sa.select(grants.c.id).where(grants.c.id == number)
        if tx.execute(there).one_or_none() is None:
            raise NotFound(f"There is no grant {number}.")


def standing(tx: sa.Connection, digest: bytes, at: int) -> tuple[Grant, ...]:
    """Give what a subject may at `at`, by its digest (32 bytes); nothing for one that is not known.

    A trader may also trade for the accounts whose holders gave a mandate to the trader's own.
    """
    rows = tx.execute(_MAY, {"digest": digest, "at": at})
    return tuple(Grant(Role(row.role), row.account_id, row.officer) for row in rows)


def list_grants(tx: sa.Connection, vault: Vault, roles: Sequence[Role]) -> Iterator[Granted]:
    """Give every grant of these roles, ended ones too, oldest first."""
    for row in tx.execute(_ALL, {"roles": [str(role) for role in roles]}):
        grant = Grant(Role(row.role), row.account_id, row.officer)
        issuer, name = json.loads(vault.open_words("subject", bytes(row.sealed)))
        said = (row.granted_ms, row.granted_by, row.revoked_ms, row.revoked_by)
        yield Granted(row.id, Subject(issuer, name), grant, *said)


def officer_of(grants_of: Sequence[Grant], authority: str) -> Officer | None:
    """Give the officer of an authority that somebody is."""
    numbers = [one.officer for one in grants_of if one.role == authority and one.officer is not None]
    return Officer(authority, numbers[0]) if numbers else None


def _listed(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(roles))


def _leave(tx: sa.Connection, account: Erased) -> None:
    """Take away who acted for an account, and of whom nothing else is known here, that he was."""
    gone: list[Any] = list(tx.execute(_OF_ACCOUNT, {"account": account.number}).scalars())
    tx.execute(sa.delete(grants).where(grants.c.account_id == account.number))
    alone = sa.select(subjects.c.id, subjects.c.digest).where(
        subjects.c.id.in_(gone),
        ~sa.exists().where(grants.c.subject_id == subjects.c.id),
        ~sa.exists().where(officers.c.subject_id == subjects.c.id),
    )
    rows = tx.execute(alone).all()
    tx.execute(sa.delete(sessions).where(sessions.c.subject_digest.in_([bytes(row.digest) for row in rows])))
    tx.execute(sa.delete(subjects).where(subjects.c.id.in_([row.id for row in rows])))


_MAY = sa.text("""
    WITH own AS (
        SELECT g.role, g.account_id, g.officer, g.id FROM grants g JOIN subjects s ON s.id = g.subject_id
        WHERE s.digest = :digest AND g.revoked_ms IS NULL
    )
    SELECT role, account_id, officer, id FROM own
    UNION ALL
    SELECT 'trader', m.account_id, NULL, m.id FROM own JOIN mandates m ON m.agent_id = own.account_id
    WHERE own.role = 'trader' AND m.ended_ms IS NULL AND (m.until_ms IS NULL OR m.until_ms > :at)
    ORDER BY id
""")
_STANDING = sa.text("""
    SELECT id FROM grants WHERE subject_id = :subject_id AND role = :role
        AND account_id IS NOT DISTINCT FROM :account_id AND revoked_ms IS NULL
""")
_ELSEWHERE = sa.text("""
    SELECT role, officer FROM grants
    WHERE subject_id = :subject_id AND role <> :role AND role = ANY (:of) AND revoked_ms IS NULL
""")
_ALL = sa.text("""
    SELECT g.*, s.sealed FROM grants g JOIN subjects s ON s.id = g.subject_id WHERE g.role = ANY (:roles) ORDER BY g.id
""")
_OF_ACCOUNT = sa.text("SELECT DISTINCT subject_id FROM grants WHERE account_id = :account")
ERASING = (_leave,)
