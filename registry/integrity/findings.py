"""Findings about experts, service bodies, and who holds, applies or runs a platform (第三十七条, R74).

One officer of the centre opens a finding, another of the centre or the bureau approves it, which puts it on record, and
it holds until its term ends by itself. Whoever it is about may appeal once, and the bureau answers on record: by an
officer who had no part in it. A finding that bars keeps its party from being asked, from giving opinions that count,
from applying, from linking people and from being linked. Institutions stand in the public list by name, experts by
number, persons as nobody. An institution that has its account erased stands there until the term ends all the same;
of an erased person the record alone is left, which leads to nobody.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.accounts import INSTITUTION, get_account, open_row
from registry.accounts.vault import Vault
from registry.database.personal import Erased
from registry.database.schema import integrity
from registry.decisions.motions import is_one_person
from registry.decisions.recording import By, read_officer
from registry.errors import Barred, Conflict, Forbidden, Invalid, NotFound
from registry.identity.experts import standing_expert
from registry.integrity import recorded
from registry.integrity.recorded import Found, Party
from registry.ledger.ledger import Ledger
from registry.procedure.decision import Officer
from registry.words import checked_words

MAX_WORDS_CHARS: Final = 4000
MAX_TERM_MS: Final = 10 * 366 * 86_400_000
"""Ten years: a mistyped year bars nobody for a century."""
MOST_LISTED: Final = 1000
_SEALED: Final = "integrity"


class State(StrEnum):
    """How a finding stands; one that is in force ends by itself at `until_ms`."""

    OPENED = "opened"
    IN_FORCE = "in-force"
    WITHDRAWN = "withdrawn"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class New:
    """A finding that is to be opened: a word, its reasons, whether it bars, and until when it holds (Unix ms)."""

    party: Party
    finding: str
    reasons: str = field(repr=False)
    bars: bool
    until_ms: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding; times are Unix milliseconds. The words of reasons, appeal and answer are its parties' to read."""

    id: int
    party: Party
    name: str | None
    finding: str
    bars: bool
    state: State
    opened_by: str
    opened_ms: int
    approved_by: str | None
    approved_ms: int | None
    until_ms: int
    reasons: str = field(repr=False)
    appeal: str | None = field(repr=False)
    appealed_ms: int | None
    answered_by: str | None
    answer: str | None = field(repr=False)
    answered_ms: int | None
    case: str | None
    salt: str | None = field(repr=False)
    """Under which the log has the digests of reasons, appeal and answer."""


def open_finding(tx: sa.Connection, vault: Vault, new: New, by: Officer, at: int) -> int:
    """Open a finding, which waits for another officer; gives its number.

    Raises `Invalid`, and `NotFound` for a party that is not there.
    """
    if not at < new.until_ms <= at + MAX_TERM_MS:
        raise Invalid("A finding holds until a time to come, within ten years.")
    if (new.party.expert is None) == (new.party.account is None):
        raise Invalid("A finding is about an expert or service body, or about an account.")
    row = {
        "name": _name(tx, vault, new.party, at), "finding": new.finding, "bars": new.bars, "until_ms": new.until_ms,
        "reasons": _seal(vault, new.reasons, "Reasons"), "state": State.OPENED, "opened_by": str(by), "opened_ms": at,
    } | _keys(new.party)  # fmt: skip
    return int(tx.execute(sa.insert(integrity).values(row).returning(integrity.c.id)).scalar_one())


def approve(tx: sa.Connection, ledger: Ledger, number: int, by: Officer) -> None:
    """Approve a finding that another officer opened: it is on record, and in force.

    Raises `NotFound`, `Conflict`, `DecisionRefused`, and what reading an account raises.
    """
    vault = ledger.vault
    found = get_finding(tx, vault, number, lock=True)
    _must_be(found, State.OPENED)
    if is_one_person(tx, str(by), found.opened_by):
        raise Conflict(f"{by} opened this; another officer approves it.")
    if found.until_ms <= ledger.clock():
        raise Conflict("Its term is over before it began; withdraw it, and open another.")
    salted = recorded.salt()
    what = Found(found.party, found.finding, found.bars, found.until_ms, found.reasons)
    case, decided = recorded.find(tx, ledger, what, salted, By(read_officer(found.opened_by), by))
    _change(
        tx, number, state=State.IN_FORCE, approved_by=str(by), approved_ms=max(decided.at, found.opened_ms),
        case_number=case, salt=vault.seal_text(_SEALED, salted),
    )  # fmt: skip


def withdraw(tx: sa.Connection, vault: Vault, number: int) -> None:
    """Take back a finding that waits. Raises `NotFound`, `Conflict`."""
    _must_be(get_finding(tx, vault, number, lock=True), State.OPENED)
    _change(tx, number, state=State.WITHDRAWN)


def appeal(tx: sa.Connection, vault: Vault, found: Finding, words: str, at: int) -> None:
    """Appeal against a finding in force, once. Raises `Conflict`, `Invalid`."""
    _must_be(found, State.IN_FORCE)
    if found.appeal is not None or found.until_ms <= at:
        raise Conflict(f"Finding {found.id} was appealed against already, or is over.")
    _change(tx, found.id, appeal=_seal(vault, words, "An appeal"), appealed_ms=sa.func.greatest(at, found.approved_ms))


def answer(tx: sa.Connection, ledger: Ledger, number: int, words: str, by: Officer, *, upheld: bool) -> None:
    """Answer an appeal on record: the finding is upheld, or lifted at once.

    Raises `NotFound`, `Conflict`, `Forbidden`, `DecisionRefused`.
    """
    vault = ledger.vault
    found = get_finding(tx, vault, number, lock=True)
    _must_be(found, State.IN_FORCE)
    if found.appeal is None or found.answered_ms is not None or found.case is None:
        raise Conflict(f"Nobody appealed against finding {number}, or it was answered.")
    if any(is_one_person(tx, str(by), one) for one in (found.opened_by, found.approved_by) if one is not None):
        raise Forbidden("An appeal is answered by an officer who had no part in the finding.")
    sealed = _seal(vault, words, "An answer")
    salted = found.salt or recorded.salt()  # none of a finding that a recovery brought back
    said = {"appeal": found.appeal, "answer": checked_words(words, "An answer", MAX_WORDS_CHARS)}
    decided = recorded.settle(tx, ledger, found.case, found.party, salted, said, By(by), upheld=upheld)
    _change(
        tx, number, state=State.IN_FORCE if upheld else State.LIFTED, answered_by=str(by), answer=sealed,
        answered_ms=max(decided.at, found.appealed_ms or 0), salt=vault.seal_text(_SEALED, salted),
    )  # fmt: skip


def get_finding(tx: sa.Connection, vault: Vault, number: int, *, lock: bool = False) -> Finding:
    """Read a finding. Raises `NotFound`."""
    query = sa.select(integrity).where(integrity.c.id == number)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no finding {number}.")
    return _finding(vault, row)


def list_in_force(tx: sa.Connection, vault: Vault, at: int) -> list[Finding]:
    """Give the findings that hold at `at`, newest first."""
    holds = integrity.c.state == State.IN_FORCE, integrity.c.until_ms > at
    query = sa.select(integrity).where(*holds).order_by(integrity.c.id.desc()).limit(MOST_LISTED)
    return [_finding(vault, row) for row in tx.execute(query)]


def list_waiting(tx: sa.Connection, vault: Vault, at: int) -> list[Finding]:
    """Give what waits for an officer, oldest first: findings to approve, appeals to answer."""
    is_appeal = sa.and_(
        integrity.c.state == State.IN_FORCE, integrity.c.appeal.is_not(None), integrity.c.answered_ms.is_(None),
        integrity.c.until_ms > at,
    )  # fmt: skip
    waits = sa.or_(integrity.c.state == State.OPENED, is_appeal)
    query = sa.select(integrity).where(waits).order_by(integrity.c.id).limit(MOST_LISTED)
    return [_finding(vault, row) for row in tx.execute(query)]


def list_about(tx: sa.Connection, vault: Vault, account: int) -> list[Finding]:
    """Give what was found about an account and was on record ever, newest first."""
    told = integrity.c.state.in_([State.IN_FORCE, State.LIFTED])
    query = sa.select(integrity).where(integrity.c.account_id == account, told)
    return [_finding(vault, row) for row in tx.execute(query.order_by(integrity.c.id.desc()).limit(MOST_LISTED))]


def is_barred(tx: sa.Connection, party: Party, at: int) -> bool:
    """Tell whether a finding in force bars somebody at `at`."""
    asked = {"role": None, "number": None, "account_id": None} | _keys(party) | {"at": at}
    return bool(tx.execute(_BARRED, asked).scalar_one())


def refuse_barred(tx: sa.Connection, party: Party, at: int) -> None:
    """Raise `Barred` for who is barred at `at`."""
    if is_barred(tx, party, at):
        who = party.expert or f"Account {party.account}"
        raise Barred(f"{who} is barred by a finding of the integrity record, which says until when: GET /v1/integrity.")


def _forget_person(tx: sa.Connection, account: Erased) -> None:
    """Forget what was found about a person who is erased; an institution's record ends with its term."""
    if account.is_individual:
        tx.execute(sa.delete(integrity).where(integrity.c.account_id == account.number))


ERASING = (_forget_person,)


def _keys(party: Party) -> dict[str, object]:
    if party.expert is not None:
        return {"role": party.expert.authority, "number": party.expert.number}
    return {"account_id": party.account}


def _name(tx: sa.Connection, vault: Vault, party: Party, at: int) -> str | None:
    """Find what the public list calls an institution, or a service body; nobody is called anything in it."""
    if party.expert is not None:
        return standing_expert(tx, party.expert, at).dossier.name
    number = party.account or 0
    return get_account(tx, vault, number).name if open_row(tx, number).kind == INSTITUTION else None


def _must_be(found: Finding, state: State) -> None:
    if found.state is not state:
        raise Conflict(f"Finding {found.id} is {found.state}; this is for one that is {state}.")


def _change(tx: sa.Connection, number: int, **values: object) -> None:
    tx.execute(sa.update(integrity).where(integrity.c.id == number).values(values))


def _seal(vault: Vault, words: str, what: str) -> bytes:
    return vault.seal_words(_SEALED, checked_words(words, what, MAX_WORDS_CHARS).encode())


def _finding(vault: Vault, row: sa.Row[Any]) -> Finding:
    reasons, told, answered, salted = (
        None if sealed is None else vault.open_words(_SEALED, bytes(sealed)).decode()
        for sealed in (row.reasons, row.appeal, row.answer, row.salt)
    )
    party = Party(account=row.account_id) if row.role is None else Party(Officer(row.role, row.number))
    return Finding(
        row.id, party, row.name, row.finding, row.bars, State(row.state), row.opened_by, row.opened_ms, row.approved_by,
        row.approved_ms, row.until_ms, reasons or "", told, row.appealed_ms, row.answered_by, answered, row.answered_ms,
        row.case_number, salted,
    )  # fmt: skip


_BARRED = sa.text("""
    SELECT EXISTS (
        SELECT FROM integrity WHERE state = 'in-force' AND bars AND approved_ms <= :at AND until_ms > :at
            AND ((role = :role AND number = :number) OR account_id = :account_id)
    )
""")
