"""What a source's owner lets a financier see: one source, one financier, from a day until it is taken back.

Each reading is noted, and told to who allowed it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.vault import Vault, open_name
from registry.database.personal import Erased
from registry.database.schema import disclosure_reads, disclosures, lots, sources
from registry.errors import Conflict, Invalid, NotFound
from registry.sources.sources import Source, get_source
from registry.supports.supports import is_financier

MOST_LISTED: Final = 1_000
MOST_READS: Final = 100
"""The newest readings of one disclosure that its owner is shown."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What was allowed; times are Unix milliseconds. `read_ms` are the newest readings, newest first."""

    id: int
    source: int
    financier: int
    given_ms: int
    ended_ms: int | None
    read_ms: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class IssuedLot:
    """A lot that was issued under a source; times are Unix milliseconds."""

    id: int
    period_from_ms: int
    period_until_ms: int
    issued_ms: int
    quantity_g: int


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What a financier sees of a source beside what is public: who applied, how it stands as recorded, its lots."""

    source: Source
    state: str
    applicant: str | None
    lots: Sequence[IssuedLot]


def allow(tx: sa.Connection, account: int, source: int, financier: int, at: int) -> int:
    """Let a financier see a source. Raises `NotFound` for another's source, `Invalid`, `Conflict` beside the same."""
    _must_own(tx, account, source)
    if financier == account or not is_financier(tx, financier, at):
        raise Invalid(f"Account {financier} has no financial support that stands: it is no financier.")
    row = {"source_id": source, "account_id": account, "financier_id": financier, "given_ms": at}
    made = tx.execute(_ALLOW, row).scalar_one_or_none()
    if made is None:
        raise Conflict(f"Account {financier} sees source {source} already.")
    return int(made)


def take_back(tx: sa.Connection, account: int, number: int, at: int) -> None:
    """Take it back: nothing is read by it any more. One that was taken back stays so. Raises `NotFound`."""
    mine = disclosures.c.id == number, disclosures.c.account_id == account
    if tx.execute(sa.select(disclosures.c.id).where(*mine)).first() is None:
        raise NotFound(f"There is no disclosure {number} of account {account}.")
    ended = {"ended_ms": sa.func.greatest(at, disclosures.c.given_ms)}
    tx.execute(sa.update(disclosures).where(*mine, disclosures.c.ended_ms.is_(None)).values(ended))


def list_given(tx: sa.Connection, account: int) -> list[Disclosure]:
    """Give what an account allowed, newest first, also what was taken back, with who read when."""
    of = disclosures.c.account_id == account
    rows = tx.execute(sa.select(disclosures).where(of).order_by(disclosures.c.id.desc()).limit(MOST_LISTED)).all()
    return [_disclosure(row, tx.execute(_READS, {"id": row.id}).scalars().all()) for row in rows]


def list_had(tx: sa.Connection, financier: int) -> list[Disclosure]:
    """Give what a financier may see now, newest first."""
    of = disclosures.c.financier_id == financier, disclosures.c.ended_ms.is_(None)
    query = sa.select(disclosures).where(*of).order_by(disclosures.c.id.desc()).limit(MOST_LISTED)
    return [_disclosure(row) for row in tx.execute(query)]


def read(tx: sa.Connection, vault: Vault, financier: int, source: int, at: int) -> Disclosed:
    """Note that a financier reads a source, and give it.

    Raises `NotFound` where nothing is allowed, or no more, and for who has no support that stands any more.
    """
    of = (
        disclosures.c.source_id == source, disclosures.c.financier_id == financier, disclosures.c.ended_ms.is_(None),
    )  # fmt: skip
    # Held until the note is committed: what is taken back is read no more, and no reading is left out.
    row = tx.execute(sa.select(disclosures).where(*of).with_for_update(read=True)).one_or_none()
    if row is None or not is_financier(tx, financier, at):
        raise NotFound(f"No owner lets account {financier} see source {source}.")
    tx.execute(sa.insert(disclosure_reads).values(disclosure_id=row.id, at_ms=max(at, row.given_ms)))
    found = tx.execute(_SOURCE, {"id": source}).one()
    name = None
    if found.sealed is not None and found.name is not None:
        name = open_name(vault.open(found.applicant_id, bytes(found.sealed)), bytes(found.name))
    query = sa.select(lots).where(lots.c.source_id == source).order_by(lots.c.id.desc()).limit(MOST_LISTED)
    issued = [
        IssuedLot(one.id, one.period_from_ms, one.period_until_ms, one.issued_ms, one.last_g - one.first_g)
        for one in tx.execute(query)
    ]
    return Disclosed(get_source(tx, source), found.state, name, issued)


def _must_own(tx: sa.Connection, account: int, source: int) -> None:
    owned = sa.or_(sources.c.applicant_id == account, sources.c.developer_id == account)
    if tx.execute(sa.select(sources.c.id).where(sources.c.id == source, owned)).first() is None:
        raise NotFound(f"There is no source {source} of account {account}.")


def _disclosure(row: sa.Row[Any], reads: Sequence[int] = ()) -> Disclosure:
    return Disclosure(row.id, row.source_id, row.financier_id, row.given_ms, row.ended_ms, reads)


def _leave(tx: sa.Connection, account: Erased) -> None:
    """Take away what an account allowed and what it was allowed, with the readings."""
    tx.execute(_LEAVE, {"account": account.number})


_ALLOW = sa.text("""
    INSERT INTO disclosures (source_id, account_id, financier_id, given_ms)
    VALUES (:source_id, :account_id, :financier_id, :given_ms)
    ON CONFLICT (source_id, financier_id) WHERE ended_ms IS NULL DO NOTHING RETURNING id
""")
_READS = sa.text(f"""
    SELECT at_ms FROM disclosure_reads WHERE disclosure_id = :id ORDER BY at_ms DESC LIMIT {MOST_READS}
""")  # noqa: S608 (a number of ours)
_SOURCE = sa.text("""
    SELECT c.state, s.applicant_id, a.name, k.sealed FROM sources s
    JOIN case_standing c ON c.case_number = 'S-' || s.id
    JOIN accounts a ON a.id = s.applicant_id LEFT JOIN account_keys k ON k.account_id = a.id WHERE s.id = :id
""")
_LEAVE = sa.text("DELETE FROM disclosures WHERE account_id = :account OR financier_id = :account")
ERASING = (_leave,)
