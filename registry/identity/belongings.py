"""Cards, plates and meters of people (R48): each is one account's at a time, from a moment until another."""

import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import rfc8785
import sqlalchemy as sa

from registry.accounts.accounts import open_row
from registry.accounts.vault import Vault
from registry.database.personal import rows_go
from registry.database.schema import belongings
from registry.errors import Conflict, Invalid, NotFound
from registry.words import checked_words

KINDS: Final = ("card", "plate", "meter")
MAX_NUMBER_CHARS: Final = 100
_BOUND: Final = "belonging"
_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Belonging:
    """A card, plate or meter, and whose it was; times are Unix milliseconds. The number never shows in its repr."""

    id: int
    kind: str
    number: str = field(repr=False)
    linked_by: str
    from_ms: int
    until_ms: int | None


def link(tx: sa.Connection, vault: Vault, account: int, kind: str, number: str, by: str, at: int) -> int:
    """Say that something is an account's from now on; asked twice it is linked once.

    Raises `Invalid`, and `Conflict` while it is another's: the link of who had it before ends first.
    """
    if kind not in KINDS:
        raise Invalid(f"What is linked is one of: {', '.join(KINDS)}.")
    open_row(tx, account)
    written = _written(number)
    digest = vault.keyed_digest(_BOUND, rfc8785.dumps([kind, written]))
    tx.execute(_ONE, {"digest": digest.hex()})
    standing = sa.select(belongings.c.id, belongings.c.account_id).where(
        belongings.c.digest == digest, belongings.c.until_ms.is_(None)
    )
    row = tx.execute(standing).one_or_none()
    if row is not None and row.account_id != account:
        raise Conflict(f"This {kind} is linked to another account. Whoever had it ends that link first, or the centre.")
    if row is not None:
        return int(row.id)
    values = {
        "kind": kind,
        "digest": digest,
        "sealed": vault.seal_words(_BOUND, written.encode()),
        "account_id": account,
        "linked_by": by,
        "from_ms": at,
    }
    return int(tx.execute(sa.insert(belongings).values(values).returning(belongings.c.id)).scalar_one())


def unlink(tx: sa.Connection, account: int, number: int, at: int) -> None:
    """End a link, as when a card changes hands; one that has ended stays as it is. Raises `NotFound`."""
    mine = belongings.c.id == number, belongings.c.account_id == account
    if tx.execute(sa.select(belongings.c.id).where(*mine)).first() is None:
        raise NotFound(f"There is no link {number} of account {account}.")
    ended = {"until_ms": sa.func.greatest(at, belongings.c.from_ms)}
    tx.execute(sa.update(belongings).where(*mine, belongings.c.until_ms.is_(None)).values(ended))


def whose(tx: sa.Connection, vault: Vault, kind: str, number: str, at: int) -> int | None:
    """Tell whose something was at a time (Unix milliseconds), by its account; None for nobody's."""
    digest = vault.keyed_digest(_BOUND, rfc8785.dumps([kind, _written(number)]))
    found = tx.execute(_WHOSE, {"digest": digest, "at": at}).scalar_one_or_none()
    return None if found is None else int(found)


class Held(NamedTuple):
    """Whose something was, `[from_ms, until_ms)`, under the number that was asked for."""

    number: str
    account_id: int
    from_ms: int
    until_ms: int


def whose_each(tx: sa.Connection, vault: Vault, kind: str, numbers: Sequence[str]) -> list[Held]:
    """Tell whose each of many things was, and when; an open end is far away. What is no number is nobody's."""
    digests: dict[bytes, list[str]] = {}
    for number in numbers:
        with suppress(Invalid):
            digests.setdefault(vault.keyed_digest(_BOUND, rfc8785.dumps([kind, _written(number)])), []).append(number)
    wanted, found = list(digests), []
    for start in range(0, len(wanted), _AT_ONCE):
        for row in tx.execute(_WHOSE_EACH, {"digests": wanted[start : start + _AT_ONCE]}):
            spelled = digests[bytes(row.digest)]
            found += [Held(number, row.account_id, row.from_ms, row.until_ms) for number in spelled]
    return found


def list_belongings(tx: sa.Connection, vault: Vault, account: int) -> list[Belonging]:
    """Give what is linked to an account, newest first, also what was."""
    query = sa.select(belongings).where(belongings.c.account_id == account).order_by(belongings.c.id.desc()).limit(1000)
    return [
        Belonging(
            row.id, row.kind, vault.open_words(_BOUND, bytes(row.sealed)).decode(), row.linked_by, row.from_ms,
            row.until_ms,
        )
        for row in tx.execute(query)
    ]  # fmt: skip


def _written(number: str) -> str:
    """Write a number one way: compatibility forms and case apart, without spaces and hyphens."""
    plain = unicodedata.normalize("NFKC", checked_words(number, "A number", MAX_NUMBER_CHARS)).upper()
    written = "".join(mark for mark in plain if not mark.isspace() and mark not in "-‐‑‒–—·.")
    return checked_words(written, "A number", MAX_NUMBER_CHARS)


_ONE = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/belonging/' || :digest, 0))")
_WHOSE = sa.text("""
    SELECT account_id FROM belongings WHERE digest = :digest AND from_ms <= :at AND (until_ms IS NULL OR until_ms > :at)
    ORDER BY id DESC LIMIT 1
""")
_WHOSE_EACH = sa.text("""
    SELECT digest, account_id, from_ms, coalesce(until_ms, 4503599627370496) AS until_ms FROM belongings
    WHERE digest = ANY (:digests) ORDER BY digest, from_ms
""")
ERASING = (rows_go(belongings),)
