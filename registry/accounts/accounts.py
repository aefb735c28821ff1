"""Accounts: opened, and locked while they act. One kind each, individual or institution (R1)."""

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from registry.accounts.vault import Vault, open_name, seal_name
from registry.database.personal import columns_go, rows_go
from registry.database.schema import account_keys, accounts
from registry.database.statement import Statement
from registry.errors import AccountErased, HolderUnknown, Invalid, NotFound
from registry.words import checked_words

INDIVIDUAL, INSTITUTION = "individual", "institution"
MAX_NAME_CHARS = 200
"""Longer is no name; it would break certificates."""


@dataclass(frozen=True, slots=True)
class Account:
    """An open account with its secret key and, under it, its name; neither shows in its repr."""

    id: int
    kind: str
    sealed_name: bytes | None = field(repr=False)
    key: bytes = field(repr=False)

    @property
    def name(self) -> str | None:
        """What the account's holder is called; None where that was lost."""
        return None if self.sealed_name is None else open_name(self.key, self.sealed_name)

    @property
    def is_individual(self) -> bool:
        """Whether a person holds it."""
        return self.kind == INDIVIDUAL


def open_account(tx: sa.Connection, vault: Vault, *, kind: str, name: str, at: int) -> int:
    """Open an account and return its number. Raises `Invalid` for a kind or a name that is none."""
    if kind not in {INDIVIDUAL, INSTITUTION}:
        raise Invalid("An account is of kind individual or institution.")
    name = checked_name(name)
    number = int(tx.execute(sa.insert(accounts).values(kind=kind, opened_ms=at).returning(accounts.c.id)).scalar_one())
    key = vault.new_key(number)
    tx.execute(sa.insert(account_keys).values(account_id=number, sealed=key))
    mine = sa.update(accounts).where(accounts.c.id == number)
    tx.execute(mine.values(name=seal_name(vault.open(number, key), name)))
    return number


def checked_name(name: str) -> str:
    """Give a name back that is one. Raises `Invalid` otherwise."""
    return checked_words(name, "A name", MAX_NAME_CHARS)


_ACCOUNT = (
    sa.select(accounts.c.kind, accounts.c.name, accounts.c.erased_ms, account_keys.c.sealed)
    .outerjoin_from(accounts, account_keys, account_keys.c.account_id == accounts.c.id)
    .where(accounts.c.id == sa.bindparam("number"))
)
_OPEN_ACCOUNT = Statement(_ACCOUNT)
_ROW = Statement(
    sa.select(accounts, account_keys.c.sealed)
    .outerjoin_from(accounts, account_keys, account_keys.c.account_id == accounts.c.id)
    .where(accounts.c.id == sa.bindparam("number"))
)
# Acts of one account wait for each other here; acts of others, and grams arriving, do not (KEY SHARE passes).
_LOCKED_ACCOUNT = Statement(_ACCOUNT.with_for_update(key_share=True, of=accounts))
_LOCKED_NUMBER = sa.select(accounts.c.id).where(accounts.c.id == sa.bindparam("number")).with_for_update(key_share=True)
_OF_KIND = (
    sa.select(accounts.c.id, accounts.c.name, account_keys.c.sealed)
    .join_from(accounts, account_keys, account_keys.c.account_id == accounts.c.id)
    .where(accounts.c.kind == sa.bindparam("kind"), accounts.c.name.is_not(None))
    .order_by(accounts.c.id)
)
# Erasure alone waits for this, and this for it: otherwise grams could still arrive where nobody can move them.
_RECEIVING_ACCOUNT = Statement(_ACCOUNT.with_for_update(read=True, key_share=True, of=accounts))


def get_account(tx: sa.Connection, vault: Vault, number: int) -> Account:
    """Read an open account. Raises `NotFound`, or `AccountErased`, or `HolderUnknown` since a recovery."""
    return _account(tx, vault, number, _OPEN_ACCOUNT)


def lock_account(tx: sa.Connection, vault: Vault, number: int) -> Account:
    """Read an open account and keep every other act of it waiting until this transaction ends."""
    return _account(tx, vault, number, _LOCKED_ACCOUNT)


def lock_even_erased(tx: sa.Connection, number: int) -> None:
    """Keep every other act of an account waiting, be it erased or not: for acts that need no key.

    Grams of an erased account still expire, are unlocked and are voided; nothing else can happen to them. Raises
    `NotFound`.
    """
    if tx.execute(_LOCKED_NUMBER, {"number": number}).scalar_one_or_none() is None:
        raise NotFound(f"There is no account {number}.")


def account_row(tx: sa.Connection, number: int) -> sa.Row[Any]:
    """Read what is written of an account, be it erased or not. Raises `NotFound`."""
    row: sa.Row[Any] | None = _ROW(tx, {"number": number}).fetchone()
    if row is None:
        raise NotFound(f"There is no account {number}.")
    return row


def name_in(vault: Vault, row: Any) -> str | None:
    """Read out of an account's row what its holder is called; None where that was erased or lost."""
    if row.name is None or row.sealed is None:
        return None
    return open_name(vault.open(row.id, row.sealed), bytes(row.name))


def named(tx: sa.Connection, vault: Vault, kind: str, name: str) -> int | None:
    """Find an open account by its kind and name, the first of that name; reads all names of that kind."""
    rows = tx.execute(_OF_KIND, {"kind": kind})
    return next((row.id for row in rows if name_in(vault, row) == name), None)


def open_row(tx: sa.Connection, number: int) -> sa.Row[Any]:
    """Read what is written of an account that is open. Raises `NotFound`, or `AccountErased`."""
    row = account_row(tx, number)
    if row.erased_ms is not None:
        raise _erased(number)
    return row


def refuse_erased(tx: sa.Connection, number: int) -> None:
    """Raise `AccountErased` for an account that was erased; one that never was is not told from an open one."""
    row = _ROW(tx, {"number": number}).fetchone()
    if row is not None and row.erased_ms is not None:
        raise _erased(number)


def _erased(number: int) -> AccountErased:
    return AccountErased(f"Account {number} was erased: nothing is shown of it, and nothing moves to it or from it.")


def receiving_account(tx: sa.Connection, vault: Vault, number: int) -> Account:
    """Read an open account and keep it from being erased until this transaction ends."""
    return _account(tx, vault, number, _RECEIVING_ACCOUNT)


def _account(tx: sa.Connection, vault: Vault, number: int, query: Statement) -> Account:
    row = query(tx, {"number": number}).fetchone()
    if row is None:
        raise NotFound(f"There is no account {number}.")
    if row.erased_ms is not None:
        raise _erased(number)
    if row.sealed is None:
        raise HolderUnknown(
            f"The holder of account {number} is unknown since a recovery; nothing moves until a claim is proven."
        )
    return Account(number, row.kind, None if row.name is None else bytes(row.name), vault.open(number, row.sealed))


ERASING = (columns_go(accounts, "name", account="id"), rows_go(account_keys))
