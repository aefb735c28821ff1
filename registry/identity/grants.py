"""Grants: a role for a subject, from a moment until another. What ended is kept; a number is one officer's for good."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.accounts.accounts import INDIVIDUAL, open_row
from registry.accounts.vault import Vault
from registry.database.personal import Erased
from registry.database.schema import grants, officers, sessions, subjects
from registry.database.statement import Statement
from registry.errors import Conflict, Invalid, NotFound
from registry.identity.roles import NUMBERED, OF_ACCOUNTS, OF_INSTITUTIONS, Role
from registry.identity.subjects import Subject, know_subject
from registry.ledger.queries import MAX_BIGINT, Page, bounded, read_cursor
from registry.procedure.decision import Officer

OPERATOR = "operator"
"""Who grants the first officers: whoever runs the registry, by its command."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that stands: of an account, or of an officer, expert or service body with a number.

    `district` is a district bureau's, by the city's code of it (GB/T 2260).
    """

    role: Role
    account: int | None = None
    officer: int | None = None
    district: str | None = None

    def __str__(self) -> str:
        """Write it for people: `holder of account 2`, `centre:7`, `district-bureau:1 of 310104`."""
        if self.account is not None:
            return f"{self.role} of account {self.account}"
        of = "" if self.district is None else f" of {self.district}"
        return f"{self.role}:{self.officer}{of}"


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
    until_ms: int | None


_DISTRICT: Final = re.compile("[0-9]{6}", re.ASCII)


def check_grant(wanted: Grant) -> None:
    """Raise `Invalid` for a grant that has not what its role needs."""
    if (wanted.role in OF_ACCOUNTS) != (wanted.account is not None):
        raise Invalid(f"A grant names an account for the roles {_listed(OF_ACCOUNTS)}, and for no other.")
    if (wanted.role in NUMBERED) != (wanted.officer is not None):
        raise Invalid(f"A grant names a number for the roles {_listed(NUMBERED)}, and for no other.")
    if wanted.officer is not None and not 0 < wanted.officer < 2**31:
        raise Invalid("An officer's number is from 1 to 2147483647.")
    if (wanted.role is Role.DISTRICT_BUREAU) != (wanted.district is not None):
        raise Invalid("A grant names a district for an officer of a district bureau, and for no other.")
    if wanted.district is not None and _DISTRICT.fullmatch(wanted.district) is None:
        raise Invalid("A district is named by its six digits (GB/T 2260), such as 310104.")


def check_account(tx: sa.Connection, wanted: Grant) -> None:
    """Raise `Invalid`, `NotFound` or `AccountErased` where the account of a grant gives no such role."""
    if wanted.account is None:
        return
    account = open_row(tx, wanted.account)
    if wanted.role in OF_INSTITUTIONS and account.kind == INDIVIDUAL:
        raise Invalid(f"A person's account has no {wanted.role}; an institution's may.")


def give(
    tx: sa.Connection, vault: Vault, subject: Subject, wanted: Grant, by: str, at: int, until: int | None = None
) -> int:
    """Grant a role, and give the grant's number; one that stands already is not granted twice.

    It ends by itself at `until` (Unix milliseconds), if that is given. Raises `Invalid`, `NotFound` and `AccountErased`
    for an account that is not open, and `Conflict` for a number that is another's, an officer who has another number,
    one of another authority, or a role that stands until another time.
    """
    check_grant(wanted)
    check_account(tx, wanted)
    if until is not None and until <= at:
        raise Invalid("A role ends after it begins.")
    number = know_subject(tx, vault, subject, at)
    if wanted.officer is not None:
        _number(tx, number, wanted, at)
    row = {"subject_id": number, "role": wanted.role, "account_id": wanted.account, "officer": wanted.officer}
    tx.execute(_OVER, {"subject_id": number, "at": at})
    new = {**row, "district": wanted.district, "granted_ms": at, "granted_by": by, "until_ms": until}
    tx.execute(insert(grants).values(new).on_conflict_do_nothing())
    stands = tx.execute(_STANDING, {**row, "role": str(wanted.role)}).one()
    if stands.district != wanted.district:
        raise Conflict(f"This officer is of district {stands.district}. Revoke that first.")
    if stands.until_ms != until:
        raise Conflict("This role stands already, until another time than this. End it first.")
    return int(stands.id)


def _number(tx: sa.Connection, subject: int, wanted: Grant, at: int) -> None:
    row = {"authority": wanted.role, "number": wanted.officer, "subject_id": subject}
    tx.execute(insert(officers).values(row).on_conflict_do_nothing())
    found = sa.select(officers.c.number, officers.c.subject_id).where(officers.c.authority == wanted.role)
    mine = tx.execute(found.where(officers.c.subject_id == subject)).one_or_none()
    if mine is None:
        raise Conflict(f"Officer {wanted} is somebody else: a number stays one officer's for good. Give another.")
    if mine.number != wanted.officer:
        raise Conflict(f"This officer has the number {wanted.role}:{mine.number}, and keeps it.")
    # Powers are separate (R2): what two authorities decide together is decided by two people, and no officer decides on
    # an opinion of his own.
    elsewhere = {"subject_id": subject, "role": wanted.role, "of": list(NUMBERED), "at": at}
    other = tx.execute(_ELSEWHERE, elsewhere).first()
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
    """Give what a subject may at `at`, by its digest (32 bytes); nothing for one that is not known."""
    return standing_of(tx, [digest], at).get(digest, ())


def standing_of(tx: sa.Connection, digests: Collection[bytes], at: int) -> dict[bytes, tuple[Grant, ...]]:
    """Give what each of some subjects may at `at`, by its digest; those are left out that may nothing.

    A trader may also trade for the accounts whose holders gave a mandate to the trader's own.
    """
    found: dict[bytes, list[Grant]] = {}
    for row in _MAY(tx, {"digests": list(digests), "at": at}):
        found.setdefault(row.digest, []).append(Grant(Role(row.role), row.account_id, row.officer, row.district))
    return {digest: tuple(grants) for digest, grants in found.items()}


def list_grants(tx: sa.Connection, vault: Vault, roles: Sequence[Role]) -> Iterator[Granted]:
    """Give every grant of these roles, ended ones too, oldest first."""
    for row in tx.execute(_ALL, {"roles": [str(role) for role in roles]}):
        grant = Grant(Role(row.role), row.account_id, row.officer, row.district)
        issuer, name = json.loads(vault.open_words("subject", bytes(row.sealed)))
        said = (row.granted_ms, row.granted_by, row.revoked_ms, row.revoked_by, row.until_ms)
        yield Granted(row.id, Subject(issuer, name), grant, *said)


@dataclass(frozen=True, slots=True)
class Standing:
    """A grant that stands, without whose it is; times are Unix milliseconds."""

    id: int
    grant: Grant
    granted_ms: int
    granted_by: str
    until_ms: int | None


def list_standing(
    tx: sa.Connection, roles: Collection[Role], at: int, *, cursor: str | None, limit: int
) -> Page[Standing]:
    """Give a page of the grants of some roles that stand at `at`, newest first."""
    before = MAX_BIGINT if cursor is None else read_cursor(cursor)
    asked = {"roles": [str(role) for role in roles], "at": at, "before": before, "limit": bounded(limit) + 1}
    rows = tx.execute(_STAND, asked).all()
    items = [
        Standing(
            row.id, Grant(Role(row.role), row.account_id, row.officer, row.district), row.granted_ms, row.granted_by,
            row.until_ms,
        )
        for row in rows[:limit]
    ]  # fmt: skip
    return Page(items, str(items[-1].id) if len(rows) > limit else None)


def officer_of(grants_of: Sequence[Grant], authority: str) -> Officer | None:
    """Give the officer of an authority that somebody is."""
    numbers = [one.officer for one in grants_of if one.role == authority and one.officer is not None]
    return Officer(authority, numbers[0]) if numbers else None


def roles_of(grants_of: Sequence[Grant], account: int) -> frozenset[Role]:
    """Give the roles that somebody has of an account."""
    return frozenset(one.role for one in grants_of if one.account == account)


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


_MAY = Statement("""
    WITH own AS (
        SELECT s.digest, g.role, g.account_id, g.officer, g.district, g.id
        FROM subjects s JOIN grants g ON g.subject_id = s.id
        WHERE s.digest = ANY (:digests) AND g.revoked_ms IS NULL AND (g.until_ms IS NULL OR g.until_ms > :at)
    )
    SELECT digest, role, account_id, officer, district, id FROM own
    UNION ALL
    SELECT own.digest, 'trader', m.account_id, NULL, NULL, m.id FROM own JOIN mandates m ON m.agent_id = own.account_id
    WHERE own.role = 'trader' AND m.kind = 'trade' AND m.ended_ms IS NULL AND (m.until_ms IS NULL OR m.until_ms > :at)
    ORDER BY id
""")
_STANDING = sa.text("""
    SELECT id, district, until_ms FROM grants WHERE subject_id = :subject_id AND role = :role
        AND account_id IS NOT DISTINCT FROM :account_id AND revoked_ms IS NULL
""")
_ELSEWHERE = sa.text("""
    SELECT role, officer FROM grants
    WHERE subject_id = :subject_id AND role <> :role AND role = ANY (:of) AND revoked_ms IS NULL
        AND (until_ms IS NULL OR until_ms > :at)
""")
_OVER = sa.text("""
    UPDATE grants SET revoked_ms = until_ms, revoked_by = granted_by
    WHERE subject_id = :subject_id AND revoked_ms IS NULL AND until_ms <= :at
""")
_ALL = sa.text("""
    SELECT g.*, s.sealed FROM grants g JOIN subjects s ON s.id = g.subject_id WHERE g.role = ANY (:roles) ORDER BY g.id
""")
_STAND = sa.text("""
    SELECT * FROM grants WHERE role = ANY (:roles) AND revoked_ms IS NULL AND (until_ms IS NULL OR until_ms > :at)
        AND id < :before ORDER BY id DESC LIMIT :limit
""")
_OF_ACCOUNT = sa.text("SELECT DISTINCT subject_id FROM grants WHERE account_id = :account")
ERASING = (_leave,)
