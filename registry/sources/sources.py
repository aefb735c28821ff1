"""Sources: scenarios (and, later, projects) under a published methodology; and people's consent to them (R4)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.accounts.vault import Vault
from registry.database.schema import consents, sources
from registry.errors import NotFound
from registry.ledger.movement import Kind
from registry.ledger.posting import Facts, record


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
    # The account's number is its holder's to know.
    applicant = {"applicant_id": values.pop("applicant_id")}
    record(tx, vault, Kind.SOURCE, at, Facts({"source": number, "decision": "approved", **values}, applicant))
    return Source(int(number), "scenario", **applicant, **values)


def return_source(tx: sa.Connection, facts: Mapping[str, object]) -> bool:
    """Have a source again as its evidence has it, under its old number; False when it is there, or lacks something.

    One whose applicant alone was lost has its applicant again. `lacking` says what it lacks.
    """
    if facts["decision"] != "approved":
        return False
    return tx.execute(_RETURN, dict(facts)).rowcount == 1


def return_public_source(tx: sa.Connection, facts: Mapping[str, object]) -> None:
    """Have a source again as the log has it, under its old number; its applicant is not known until `return_source`.

    Nothing happens when it is there, or its methodology is not.
    """
    if tx.execute(_IS_LOST, dict(facts)).scalar_one():
        applicant = tx.execute(_NOBODY).scalar_one()
        tx.execute(_RETURN, {**facts, "applicant_id": applicant})


def lacking(tx: sa.Connection, facts: Mapping[str, object]) -> str | None:
    """Say what is not there without which a source cannot come back: its applicant, its methodology, or nothing."""
    there = tx.execute(_NEEDED, dict(facts)).one()
    if facts["decision"] != "approved" or all(there):
        return None
    if not there.applicant:
        return f"account {facts['applicant_id']}, which applied for source {facts['source']}"
    return f"methodology {facts['methodology_code']}, version {facts['methodology_version']}"


_NEEDED = sa.text("""
    SELECT EXISTS (SELECT FROM accounts WHERE id = :applicant_id) AS applicant, EXISTS (
        SELECT FROM methodologies WHERE (code, version) = (:methodology_code, :methodology_version)
    ) AS methodology
""")
_RETURN = sa.text("""
    INSERT INTO sources (id, kind, name_zh, name_en, applicant_id, methodology_code, methodology_version,
        valid_from_ms, valid_until_ms)
    OVERRIDING SYSTEM VALUE
    SELECT :source, 'scenario', :name_zh, :name_en, :applicant_id, :methodology_code, :methodology_version,
        :valid_from_ms, :valid_until_ms
    WHERE EXISTS (SELECT FROM accounts WHERE id = :applicant_id)
        AND EXISTS (SELECT FROM methodologies WHERE (code, version) = (:methodology_code, :methodology_version))
    ON CONFLICT (id) DO UPDATE SET applicant_id = excluded.applicant_id
        WHERE sources.applicant_id IN (SELECT id FROM accounts WHERE opened_ms = 0 AND erased_ms = 0)
""")
_IS_LOST = sa.text("""
    SELECT EXISTS (SELECT FROM methodologies WHERE (code, version) = (:methodology_code, :methodology_version))
        AND NOT EXISTS (SELECT FROM sources WHERE id = :source)
""")
_NOBODY = sa.text("""
    INSERT INTO accounts (kind, name, opened_ms, erased_ms) VALUES ('institution', NULL, 0, 0) RETURNING id
""")


def get_source(tx: sa.Connection, number: int, *, lock: bool = False) -> Source:
    """Read a source; with `lock`, keep other issuances under it waiting, and no consent. Raises `NotFound`."""
    query = sa.select(sources).where(sources.c.id == number)
    row = tx.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
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


def hold_consents(tx: sa.Connection, source_id: int, users: Collection[str]) -> dict[str, int]:
    """Map those of some users whose consent stands, and keep them from withdrawing it until the transaction ends."""
    found: dict[str, int] = {}
    wanted = sorted(users)
    for start in range(0, len(wanted), _BATCH):
        rows = tx.execute(_HELD, {"source": source_id, "users": wanted[start : start + _BATCH]})
        found |= {row.platform_user: row.account_id for row in rows}
    return found


_BATCH = 10_000
_HELD = (
    sa.select(consents.c.platform_user, consents.c.account_id)
    .where(
        consents.c.source_id == sa.bindparam("source"),
        consents.c.platform_user == sa.any_(sa.bindparam("users")),
        consents.c.revoked_ms.is_(None),
    )
    .order_by(consents.c.platform_user)
    .with_for_update(read=True)
)


def linked_users(tx: sa.Connection, source_id: int) -> set[str]:
    """Name every platform user who has an account, also those who withdrew their consent."""
    return set(tx.execute(sa.select(consents.c.platform_user).where(consents.c.source_id == source_id)).scalars())
