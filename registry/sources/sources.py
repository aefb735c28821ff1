"""Sources: scenarios (and, later, projects) under a published methodology; and people's consent to them (R4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.accounts.vault import Vault
from registry.database.schema import consents, sources
from registry.errors import NotFound
from registry.ledger.movement import Kind
from registry.ledger.posting import record


@dataclass(frozen=True, slots=True)
class Source:
    """A source of reductions, approved from `valid_from_ms` until before `valid_until_ms`."""

    id: int
    kind: str
    name_zh: str
    name_en: str
    applicant_id: int
    methodology_code: str
    methodology_version: int
    valid_from_ms: int
    valid_until_ms: int


@dataclass(frozen=True, slots=True)
class NewScenario:
    """A scenario to approve."""

    name_zh: str
    name_en: str
    applicant_id: int
    methodology_code: str
    methodology_version: int
    valid_from_ms: int
    valid_until_ms: int


def approve_scenario(tx: sa.Connection, vault: Vault, scenario: NewScenario, at: int) -> Source:
    """Approve a scenario and record the decision in the log."""
    values = {name: getattr(scenario, name) for name in NewScenario.__dataclass_fields__}
    number = tx.execute(sa.insert(sources).values(kind="scenario", **values).returning(sources.c.id)).scalar_one()
    record(tx, vault, Kind.SOURCE, at, {"source": number, "decision": "approved", **values})
    return Source(int(number), "scenario", **values)


def get_source(tx: sa.Connection, number: int, *, lock: bool = False) -> Source:
    """Read a source; with `lock`, keep other issuances under it waiting. Raises `NotFound`."""
    query = sa.select(sources).where(sources.c.id == number)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no source {number}.")
    return Source(**row._mapping)  # noqa: SLF001 (SQLAlchemy's documented way to read a row by names)


_given = insert(consents)
_GIVE = _given.on_conflict_do_update(
    index_elements=["source_id", "platform_user"],
    set_={"given_ms": _given.excluded.given_ms, "revoked_ms": None},
    where=(consents.c.account_id == _given.excluded.account_id) & consents.c.revoked_ms.is_not(None),
)


def give_consent(tx: sa.Connection, source_id: int, accounts: Mapping[str, int], at: int) -> None:
    """Link platform users to accounts, with their consent.

    A user already linked keeps the link there is; consent that was withdrawn stands again when it is given for the
    same account.
    """
    rows = [
        {"source_id": source_id, "platform_user": user, "account_id": account, "given_ms": at}
        for user, account in accounts.items()
    ]
    if rows:
        tx.execute(_GIVE, rows)


def revoke_consent(tx: sa.Connection, source_id: int, account_id: int, at: int) -> None:
    """Withdraw an account's consent to a source: nothing more is issued to it from there."""
    where = (consents.c.source_id == source_id, consents.c.account_id == account_id, consents.c.revoked_ms.is_(None))
    if tx.execute(sa.update(consents).where(*where).values(revoked_ms=at)).rowcount == 0:
        raise NotFound(f"Account {account_id} has given no consent to source {source_id}.")


def consented_users(tx: sa.Connection, source_id: int) -> dict[str, int]:
    """Map platform user -> account for everyone whose consent to this source stands."""
    rows: Iterable[sa.Row[tuple[str, int]]] = tx.execute(
        sa.select(consents.c.platform_user, consents.c.account_id).where(
            consents.c.source_id == source_id, consents.c.revoked_ms.is_(None)
        )
    )
    return {row.platform_user: row.account_id for row in rows}


def linked_users(tx: sa.Connection, source_id: int) -> set[str]:
    """Name every platform user who has an account, also those who withdrew their consent."""
    return set(tx.execute(sa.select(consents.c.platform_user).where(consents.c.source_id == source_id)).scalars())
