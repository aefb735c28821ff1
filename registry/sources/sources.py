"""Sources: scenarios and projects under a published methodology; and people's consent to them (R4)."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from registry.accounts.accounts import MAX_NAME_CHARS
from registry.accounts.vault import Vault
from registry.database.personal import rows_go
from registry.database.schema import consents, sharings, sources
from registry.errors import Invalid, NotFound
from registry.events.outbox import PLATFORM_USER, Person, tell
from registry.events.types import CONSENT_WITHDRAWN
from registry.procedure.decision import SOURCE_KINDS
from registry.words import checked_words

DECLARED: Final = "declared"
REVIEWED: Final = "reviewed"
_DISTRICT: Final = re.compile("[0-9]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewSource:
    """A `project`, a `scenario` or a `behaviour` that is applied for, valid in [`valid_from_ms`, `valid_until_ms`)."""

    kind: str
    name_zh: str
    name_en: str
    applicant_id: int
    methodology_code: str
    methodology_version: int
    valid_from_ms: int
    valid_until_ms: int
    district: str | None = None
    """Six digits (GB/T 2260); None for one of the whole city."""
    developer_id: int | None = None
    """The account for which the applicant applies, by its mandate (R3)."""
    rural: str | None = None
    """Whether it serves rural revitalisation (乡村振兴): as its applicant `declared`, or as its review says."""
    shares: Sequence[str] | None = None
    """Who shares its benefits, as `registry.sources.shares` writes it; None where it is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(NewSource):
    """A source of reductions, by its number."""

    id: int


def checked_district(code: str | None) -> str | None:
    """Give a district's code back that is one. Raises `Invalid`."""
    if code is not None and _DISTRICT.fullmatch(code) is None:
        raise Invalid("A district is named by its six digits (GB/T 2260), such as 310104.")
    return code


def checked_source(new: NewSource) -> NewSource:
    """Give what is applied for back, where people may read it as it is. Raises `Invalid`."""
    if new.kind not in SOURCE_KINDS:
        raise Invalid(f"A source is one of: {', '.join(SOURCE_KINDS)}.")
    for name in (new.name_zh, new.name_en):
        checked_words(name, "A source's name", MAX_NAME_CHARS)
    if new.valid_from_ms >= new.valid_until_ms:
        raise Invalid("A source is valid from a time until a later one.")
    checked_district(new.district)
    if new.developer_id is not None and not new.shares:
        raise Invalid("Who applies for a developer says in `shares` who shares the benefits: it is public before.")
    return new


def get_source(tx: sa.Connection, number: int, *, lock: bool = False) -> Source:
    """Read a source; with `lock`, keep other issuances under it waiting, and no consent. Raises `NotFound`."""
    query = sa.select(sources).where(sources.c.id == number)
    row = tx.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no source {number}.")
    return Source(**row._mapping)  # noqa: SLF001 (SQLAlchemy's documented way to read a row by names)


def user_digest(vault: Vault, user: str) -> bytes:
    """Give the digest by which a platform's name for a person is known again: 32 bytes, under the master key."""
    return user_digests(vault, [user])[0]


def user_digests(vault: Vault, users: Iterable[str]) -> list[bytes]:
    """Give the digests of many as `user_digest` gives one's."""
    return vault.keyed_digests(PLATFORM_USER, (user.encode("utf-8", "surrogatepass") for user in users))


def seal_user(vault: Vault, user: str) -> bytes:
    """Seal a platform's name for a person."""
    return vault.seal_words(PLATFORM_USER, user.encode())


def open_user(vault: Vault, sealed: bytes) -> str:
    """Read what a platform calls a person. Raises `Unavailable` when it was not sealed under this master key."""
    return vault.open_words(PLATFORM_USER, bytes(sealed)).decode()


_GIVE = sa.text("""
    INSERT INTO consents (source_id, user_digest, sealed_user, account_id, given_ms, others)
    SELECT :source_id, :digest, :sealed, :account_id, CAST(:given_ms AS bigint), CAST(:others AS bigint[])
    WHERE NOT EXISTS (
        SELECT FROM consents
        WHERE source_id = :source_id AND user_digest = :digest AND account_id <> :account_id
    ) ON CONFLICT (source_id, user_digest) WHERE revoked_ms IS NULL DO NOTHING
""")


def give_consent(tx: sa.Connection, vault: Vault, source_id: int, accounts: Mapping[str, int], at: int) -> None:
    """Link platform users to accounts, with their consent.

    A user already linked keeps the link there is; consent that was withdrawn stands again when it is given for the
    same account. It names the sources of other platforms that the contract names now (R51).
    """
    others = [other.id for other in named_with(tx, source_id)]
    rows = [
        {
            "source_id": source_id, "digest": user_digest(vault, user), "sealed": seal_user(vault, user),
            "account_id": account, "given_ms": at, "others": others,
        }
        for user, account in accounts.items()
    ]  # fmt: skip
    if rows:
        tx.execute(_GIVE, rows)


def named_with(tx: sa.Connection, source_id: int) -> list[Source]:
    """Give the sources of other platforms that a source's contract names: they get the same acts (R51)."""
    named = sa.select(sharings.c.other_id).where(sharings.c.source_id == source_id, sharings.c.ended_ms.is_(None))
    query = sa.select(sources).where(sources.c.id.in_(named)).order_by(sources.c.id)
    return [Source(**row._mapping) for row in tx.execute(query)]  # noqa: SLF001


def revoke_consent(tx: sa.Connection, source_id: int, account_id: int, at: int) -> None:
    """Withdraw an account's consent to a source: nothing more is issued to it from there."""
    where = (consents.c.source_id == source_id, consents.c.account_id == account_id, consents.c.revoked_ms.is_(None))
    withdrawn = sa.update(consents).where(*where).values(revoked_ms=sa.func.greatest(at, consents.c.given_ms))
    users = tx.execute(withdrawn.returning(consents.c.sealed_user)).scalars().all()
    if not users:
        raise NotFound(f"Account {account_id} has given no consent to source {source_id}.")
    platform = get_source(tx, source_id).applicant_id
    for user in users:
        tell(tx, CONSENT_WITHDRAWN, platform, at, {"source": source_id}, Person(account_id, bytes(user)))


def consented_accounts(tx: sa.Connection, source_id: int) -> set[int]:
    """Give the accounts whose consent to this source stands."""
    return set(tx.execute(sa.select(consents.c.account_id).where(*_standing(source_id))).scalars())


def standing_consents(tx: sa.Connection, source_id: int) -> list[tuple[bytes, int]]:
    """Give the digest of each platform user whose consent to this source stands, with the account, in one order."""
    rows = tx.execute(sa.select(consents.c.user_digest, consents.c.account_id).where(*_standing(source_id)))
    return sorted((bytes(row.user_digest), row.account_id) for row in rows)


def find_consenting(tx: sa.Connection, vault: Vault, source_id: int, users: Sequence[str]) -> dict[str, int]:
    """Map those of some platform users whose consent to this source stands to their accounts."""
    found: dict[str, int] = {}
    for start in range(0, len(users), _BATCH):
        some = users[start : start + _BATCH]
        digests = dict(zip(user_digests(vault, some), some, strict=True))
        rows = tx.execute(_FOUND, {"source": source_id, "digests": list(digests)})
        found |= {digests[bytes(row.user_digest)]: row.account_id for row in rows}
    return found


def hold_consents(tx: sa.Connection, source_id: int, accounts: Collection[int]) -> set[int]:
    """Pick the accounts whose consent stands, and keep them from withdrawing it until the transaction ends (R4)."""
    return set(tx.execute(_HELD, {"source": source_id, "accounts": list(accounts)}).scalars())


def linked_users(tx: sa.Connection, vault: Vault, source_id: int) -> set[str]:
    """Name every platform user who has an account, also those who withdrew their consent."""
    rows = tx.execute(sa.select(consents.c.sealed_user).where(consents.c.source_id == source_id)).scalars()
    return {open_user(vault, sealed) for sealed in rows}


def _standing(source_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return consents.c.source_id == source_id, consents.c.revoked_ms.is_(None)


_BATCH = 10_000
_FOUND = sa.select(consents.c.user_digest, consents.c.account_id).where(
    consents.c.source_id == sa.bindparam("source"),
    consents.c.user_digest == sa.any_(sa.bindparam("digests")),
    consents.c.revoked_ms.is_(None),
)
# Each account is looked up by itself, whatever the planner thinks of; then their consents are locked in one order.
_HELD = sa.text("""
    SELECT account_id FROM consents WHERE revoked_ms IS NULL AND id = ANY (ARRAY(
        SELECT c.id FROM unnest(CAST(:accounts AS bigint[])) a (account) CROSS JOIN LATERAL (
            SELECT id FROM consents WHERE account_id = a.account AND source_id = :source AND revoked_ms IS NULL OFFSET 0
        ) c
    )) ORDER BY id FOR SHARE
""")
ERASING = (rows_go(consents),)
