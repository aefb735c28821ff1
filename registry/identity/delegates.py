"""Who acts for an account, named by its holder: each for one thing, and never as its holder (R2, R3)."""

from typing import Final

import sqlalchemy as sa

from registry.accounts.accounts import open_row
from registry.accounts.vault import Vault
from registry.errors import Conflict, Invalid, NotFound
from registry.identity.grants import Grant, Standing, give, revoke
from registry.identity.roles import OF_ACCOUNTS, Role
from registry.identity.subjects import Subject

DELEGATED: Final = OF_ACCOUNTS - {Role.HOLDER}
"""What a holder lets others be. Who is a holder the centre's officers say: it is the account itself."""
MOST: Final = 50
"""That stand for one account at once: each makes a subject known here."""


def name_delegate(
    tx: sa.Connection, vault: Vault, subject: Subject, wanted: Grant, at: int, until: int | None = None
) -> int:
    """Let somebody act for an account, and give the grant's number; the same again is the same grant.

    Raises what `give` raises, `Invalid` for a role that is not the holder's to give, `Conflict` when too many stand.
    """
    if wanted.role not in DELEGATED or wanted.account is None:
        raise Invalid(f"A holder lets others be one of: {', '.join(sorted(DELEGATED))}.")
    tx.execute(_ONE_AT_A_TIME, {"account": wanted.account})
    open_row(tx, wanted.account)
    if len(list_delegates(tx, wanted.account, at)) >= MOST:
        raise Conflict(f"{MOST} act for this account already. End one of these roles first.")
    return give(tx, vault, subject, wanted, f"account:{wanted.account}", at, until)


def list_delegates(tx: sa.Connection, account: int, at: int) -> list[Standing]:
    """Give the roles of an account that stand at `at`, newest first, whoever gave them; whose they are is not shown."""
    rows = tx.execute(_OF_ACCOUNT, {"account": account, "roles": sorted(DELEGATED), "at": at})
    return [
        Standing(row.id, Grant(Role(row.role), account), row.granted_ms, row.granted_by, row.until_ms) for row in rows
    ]


def end_delegate(tx: sa.Connection, account: int, number: int, at: int) -> None:
    """End a role that stands for an account. Raises `NotFound`, for another account's too."""
    if number not in {one.id for one in list_delegates(tx, account, at)}:
        raise NotFound(f"No role {number} stands for this account.")
    revoke(tx, number, f"account:{account}", at)


_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/delegates/' || :account, 0))")
_OF_ACCOUNT = sa.text("""
    SELECT id, role, granted_ms, granted_by, until_ms FROM grants
    WHERE account_id = :account AND role = ANY (:roles) AND revoked_ms IS NULL AND (until_ms IS NULL OR until_ms > :at)
    ORDER BY id DESC LIMIT 1000
""")
