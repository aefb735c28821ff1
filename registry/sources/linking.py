"""A person and a platform link a scene: the code shows whose the account is, the platform whose the user is (R4).

Neither can do it alone. The platform's name for a person is one account's at that platform, and the other way round.
"""

import secrets
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from registry.accounts.accounts import INDIVIDUAL, open_row
from registry.accounts.vault import Vault
from registry.database.personal import rows_go
from registry.database.schema import link_codes
from registry.database.statement import Statement
from registry.errors import Conflict, Invalid, NotFound
from registry.events.outbox import Data, Person, tell
from registry.events.types import CONSENT_GIVEN, EventType
from registry.integrity.findings import refuse_barred
from registry.integrity.recorded import Party
from registry.ledger.ledger import Ledger
from registry.sources.sources import Source, get_source, give_consent, named_with, open_user, seal_user, user_digest
from registry.words import checked_words

CODE_LIFE_MS: Final = 600_000
CODE_CHARS: Final = 10
"""Fifty bits: nobody guesses one within its ten minutes through an interface that asks who he is."""
MAX_USER_CHARS: Final = 200
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Code:
    """What a person enters at the platform, and until when it is good (Unix milliseconds)."""

    text: str
    ends_ms: int


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent as it is on record; `seen_ms` is when the last activity under it ended. Unix milliseconds.

    `named` are the sources of other platforms that it names, `since_named` those that the contract names since.
    """

    source: Source
    platform_user: str
    given_ms: int
    revoked_ms: int | None
    seen_ms: int | None
    named: tuple[Source, ...] = ()
    since_named: tuple[Source, ...] = ()


def make_code(tx: sa.Connection, ledger: Ledger, account: int, source_id: int) -> Code:
    """Give a person's code for linking a source; it ends the one before.

    Raises `NotFound`, `Invalid` for no person, `Barred`.
    """
    if open_row(tx, account).kind != INDIVIDUAL:
        raise Invalid("A scene is linked to a person's account.")
    refuse_barred(tx, Party(account=account), ledger.clock())
    get_source(tx, source_id)
    at = ledger.clock()
    before = sa.and_(link_codes.c.account_id == account, link_codes.c.source_id == source_id)
    tx.execute(sa.delete(link_codes).where(before | (link_codes.c.ends_ms <= at)))
    code = Code("".join(secrets.choice(_ALPHABET) for _ in range(CODE_CHARS)), at + CODE_LIFE_MS)
    row = {"digest": _digest(ledger.vault, code.text), "account_id": account, "source_id": source_id}
    tx.execute(sa.insert(link_codes).values(row | {"ends_ms": code.ends_ms}))
    return code


def take_code(tx: sa.Connection, ledger: Ledger, source: Source, code: str, platform_user: str) -> int:
    """Link a platform's user to the account whose code this is, with its consent; gives the account.

    Raises `NotFound` for a code that is none, or none any more, `Conflict` when either is linked otherwise already, and
    `Barred` for a platform that is.
    """
    refuse_barred(tx, Party(account=source.applicant_id), ledger.clock())
    user = checked_words(platform_user, "The platform's name for a person", MAX_USER_CHARS)
    tx.execute(_ONE, {"platform": source.applicant_id})
    is_it = link_codes.c.digest == _digest(ledger.vault, code), link_codes.c.source_id == source.id
    taken = sa.delete(link_codes).where(*is_it, link_codes.c.ends_ms > ledger.clock())
    account = tx.execute(taken.returning(link_codes.c.account_id)).scalar_one_or_none()
    if account is None:
        raise NotFound("This code is none, used, or older than ten minutes. The person makes a new one.")
    at_platform = {"platform": source.applicant_id, "user": user_digest(ledger.vault, user), "account": account}
    if tx.execute(_OTHERWISE, at_platform).scalar_one():
        raise Conflict("At this platform, this user or this account is linked otherwise already. Nothing was linked.")
    at = ledger.clock()
    give_consent(tx, ledger.vault, source.id, {user: int(account)}, at)
    tell(
        tx,
        CONSENT_GIVEN,
        source.applicant_id,
        at,
        {"source": source.id},
        Person(int(account), seal_user(ledger.vault, user)),
    )
    return int(account)


def tell_platforms(tx: sa.Connection, account: int, at: int, of: EventType, data: Data | None = None) -> None:
    """Tell the platforms to which a person consents what became of the points, as `data` beside each one's source.

    That a balance is another they are told, and not which (R21).
    """
    for row in _PLATFORMS(tx, {"account": account}):
        person = Person(account, row.sealed_user)
        tell(tx, of, row.applicant_id, at, {"source": row.source_id, **(data or {})}, person)


def account_of(tx: sa.Connection, vault: Vault, source_id: int, platform_user: str) -> tuple[int, int]:
    """Give the account of a platform's user whose consent stands, and since when. Raises `NotFound`."""
    row = tx.execute(_STANDING, {"source": source_id, "user": user_digest(vault, platform_user)}).one_or_none()
    if row is None:
        raise NotFound("Nobody of that name consents to this source now.")
    return int(row.account_id), int(row.given_ms)


def list_consents(tx: sa.Connection, vault: Vault, account: int) -> list[Consent]:
    """Give an account's consents, newest first, also those that were taken back."""
    rows = tx.execute(_OF_ACCOUNT, {"account": account}).all()
    return [
        Consent(
            get_source(tx, row.source_id),
            open_user(vault, row.sealed_user),
            row.given_ms,
            row.revoked_ms,
            row.seen_ms,
            tuple(get_source(tx, other) for other in row.others),
            tuple(one for one in named_with(tx, row.source_id) if one.id not in row.others),
        )
        for row in rows
    ]


def _digest(vault: Vault, code: str) -> bytes:
    return vault.keyed_digest("link-code", code.strip().upper().encode("utf-8", "surrogatepass"))


_ONE = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/platform/' || :platform, 0))")
_OTHERWISE = sa.text("""
    SELECT EXISTS (
        SELECT FROM consents c JOIN sources s ON s.id = c.source_id WHERE s.applicant_id = :platform
            AND (c.user_digest = :user) <> (c.account_id = :account)
    )
""")
_STANDING = sa.text("""
    SELECT account_id, given_ms FROM consents WHERE source_id = :source AND user_digest = :user AND revoked_ms IS NULL
""")
_PLATFORMS = Statement("""
    SELECT c.source_id, c.sealed_user, s.applicant_id FROM consents c JOIN sources s ON s.id = c.source_id
    WHERE c.account_id = :account AND c.revoked_ms IS NULL ORDER BY c.id
""")
_OF_ACCOUNT = sa.text("""
    SELECT c.source_id, c.sealed_user, c.given_ms, c.revoked_ms, c.others,
        greatest(
            (SELECT max(a.ends_ms) FROM activities a
                WHERE a.account_id = c.account_id AND a.source_id = c.source_id),
            (SELECT max(r.ends_ms) FROM recognised r
                WHERE r.account_id = c.account_id AND r.source_id = c.source_id)
        ) AS seen_ms
    FROM consents c WHERE c.account_id = :account ORDER BY c.id DESC LIMIT 1000
""")
ERASING = (rows_go(link_codes),)
