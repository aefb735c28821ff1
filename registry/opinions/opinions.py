"""Opinions on a case (第八、十五、十九、二十条): asked, given or declined, and part of its next decision (R7, R74).

An opinion is about the case as its last decision left it, and counts for the next one alone. Who gave it is a number;
its stance and a word stand in that decision's public document beside its digest, its text is for officers. What the
life cycle demands of opinions is a rule that outsiders replay, and that nobody barred gives one; that nobody with an
interest does is the registry's to see.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import rfc8785
import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.clock import rfc3339
from registry.database.schema import opinions
from registry.decisions.recalled import hold, recall
from registry.decisions.recording import Pending
from registry.errors import Conflict, NotFound
from registry.evidence.document import seal
from registry.identity.experts import standing_expert
from registry.integrity.findings import refuse_barred
from registry.integrity.recorded import Party, know_bars
from registry.ledger.ledger import Ledger
from registry.procedure.cases import Case
from registry.procedure.decision import PREFIXES, STANCES, Officer, Opinion, Record
from registry.words import checked_words

MAX_TEXT_CHARS: Final = 8000
MOST_ASKED: Final = 32
"""Of one case as it stands: as many as a decision's document is read with."""
_SEALED: Final = "opinion"
OF_EXPERTS: Final = frozenset({Record.METHODOLOGY, Record.SOURCE})
"""Of which cases experts are asked."""


class State(StrEnum):
    """How a request for an opinion stands."""

    ASKED = "asked"
    GIVEN = "given"
    RECUSED = "recused"
    RELEASED = "released"
    """The centre takes the request back."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request for an opinion, and what came of it; times are Unix milliseconds, digests 32 bytes."""

    id: int
    case: str
    about: bytes
    who: Officer
    state: State
    asked_by: str
    asked_ms: int
    ended_ms: int | None
    stance: str | None
    reason: str | None
    document: Mapping[str, Any] | None = field(repr=False)
    digest: bytes | None

    @property
    def text(self) -> str | None:
        """What the opinion says, for officers and who gave it."""
        return None if self.document is None else str(self.document["text"][1])


@dataclass(frozen=True, slots=True)
class Answer:
    """An opinion as it is given: for, against or on conditions; a public word, and the text."""

    stance: str
    reason: str
    text: str = field(repr=False)


def ask(tx: sa.Connection, ledger: Ledger, case: str, who: Officer, by: Officer) -> int:
    """Ask for an opinion on a case as it stands; gives the request's number, the same when it was asked already.

    Raises `NotFound` for a case or an expert that is not there, `Barred`, and `Conflict` for one with an interest.
    """
    stands, at = _held(tx, ledger, case), ledger.clock()
    standing_expert(tx, who, at)
    refuse_barred(tx, Party(who), at)
    about = bytes.fromhex(stands.digest)
    _refuse_interest(tx, case, who)
    asked = [one for one in list_of_case(tx, ledger.vault, case) if one.about == about]
    for one in asked:
        if one.who == who:
            return one.id
    if len(asked) >= MOST_ASKED:
        raise Conflict(f"{MOST_ASKED} were asked about {case} as it stands already.")
    row = {
        "case_number": case, "about": about, "role": who.authority, "number": who.number, "state": State.ASKED,
        "asked_by": str(by), "asked_ms": at,
    }  # fmt: skip
    return int(tx.execute(sa.insert(opinions).values(row).returning(opinions.c.id)).scalar_one())


def give(tx: sa.Connection, ledger: Ledger, number: int, who: Officer, answer: Answer) -> Request:
    """Give the opinion that was asked for. Raises `NotFound` for another's, `Barred`, `Conflict` when it is late."""
    found = own_request(tx, ledger.vault, number, who)
    stands = _held(tx, ledger, found.case)
    found = _take_up(tx, ledger.vault, number, _is(who))
    if stands.digest != found.about.hex():
        raise Conflict(f"Case {found.case} was decided on meanwhile; an opinion now would be about nothing.")
    at = max(ledger.clock(), found.asked_ms)
    refuse_barred(tx, Party(who), at)
    _refuse_interest(tx, found.case, who)
    said = {
        "expert": str(who), "case": found.case, "about": found.about.hex(), "stance": answer.stance,
        "reason": answer.reason, "interest": "none", "at": rfc3339(at),
        "text": checked_words(answer.text, "An opinion's text", MAX_TEXT_CHARS),
    }  # fmt: skip
    document = seal(said)
    sealed = ledger.vault.seal_words(_SEALED, rfc8785.dumps(document.fields))
    values = {"stance": answer.stance, "reason": answer.reason, "document": sealed, "digest": document.digest}
    _end(tx, number, State.GIVEN, at, values)
    return own_request(tx, ledger.vault, number, who)


def recuse(tx: sa.Connection, ledger: Ledger, number: int, who: Officer, reason: str) -> None:
    """Decline to give an opinion, with a word: an interest, for one. Raises `NotFound`, `Conflict`."""
    found = _take_up(tx, ledger.vault, number, _is(who))
    _end(tx, number, State.RECUSED, max(ledger.clock(), found.asked_ms), {"reason": reason})


def release(tx: sa.Connection, ledger: Ledger, case: str, number: int) -> None:
    """Take a request on a case back that nobody answered. Raises `NotFound`, `Conflict`."""
    found = _take_up(tx, ledger.vault, number, opinions.c.case_number == case)
    _end(tx, number, State.RELEASED, max(ledger.clock(), found.asked_ms), {})


def counted(tx: sa.Connection, pending: Pending) -> tuple[Opinion, ...]:
    """Give the opinions that count for the next decision of a case, given on how it stands.

    One of who is barred by now counts for nothing, and whoever would bar another waits until this is decided.
    """
    if pending.before is None:
        return ()
    rows = tx.execute(_GIVEN, {"case": pending.case, "about": bytes.fromhex(pending.before.digest)}).all()
    given = [Opinion(Officer(row.role, row.number), row.stance, row.reason, bytes(row.digest).hex()) for row in rows]
    know_bars(tx, pending, {one.who for one in given})
    return tuple(one for one in given if pending.standing.bars.until(str(one.who), pending.at) is None)


def illustrative(count: int) -> tuple[Opinion, ...]:
    """Make opinions of a demonstration, by experts who are numbers and nobody else, as its officers are."""
    made = []
    for number in range(1, count + 1):
        who = Officer("expert", number)
        said = {"expert": str(who), "stance": STANCES[0], "reason": "illustrative"}
        made.append(Opinion(who, STANCES[0], "illustrative", seal(said).digest.hex()))
    return tuple(made)


def own_request(tx: sa.Connection, vault: Vault, number: int, who: Officer) -> Request:
    """Read a request to an expert or service body. Raises `NotFound` for another's too."""
    return _one(tx, vault, sa.select(opinions).where(opinions.c.id == number, _is(who)), number)


def list_asked(tx: sa.Connection, vault: Vault, who: Officer) -> list[Request]:
    """Give what was asked of an expert or service body, what waits first and then the newest."""
    order = (opinions.c.state != State.ASKED, opinions.c.id.desc())
    query = sa.select(opinions).where(_is(who)).order_by(*order).limit(1000)
    return [_request(vault, row) for row in tx.execute(query)]


def list_waiting(tx: sa.Connection, vault: Vault) -> list[Request]:
    """Give what was asked and waits for an answer, oldest first."""
    query = sa.select(opinions).where(opinions.c.state == State.ASKED).order_by(opinions.c.id).limit(1000)
    return [_request(vault, row) for row in tx.execute(query)]


def list_of_case(tx: sa.Connection, vault: Vault, case: str) -> list[Request]:
    """Give what was asked on a case, oldest first."""
    query = sa.select(opinions).where(opinions.c.case_number == case).order_by(opinions.c.id).limit(1000)
    return [_request(vault, row) for row in tx.execute(query)]


def _held(tx: sa.Connection, ledger: Ledger, case: str) -> Case:
    """Lock a case and give how it stands. Raises `NotFound`."""
    record = next((one for one in OF_EXPERTS if case.startswith(PREFIXES[one])), None)
    if record is None:
        raise NotFound(f"There is no case {case[:40]} of a methodology or a source.")
    hold(tx, case, record, (), ())
    found = recall(tx, ledger.vault.sealer, record, {case}).cases.get(case)
    if found is None:
        raise NotFound(f"There is no case {case[:40]} of a methodology or a source.")
    return found


def _refuse_interest(tx: sa.Connection, case: str, who: Officer) -> None:
    """Refuse who acts for the applicant or the developer of a source, or submitted what the case is about."""
    prefix, _, number = case.partition("-")
    source = int(number) if f"{prefix}-" == PREFIXES[Record.SOURCE] else None
    asked = {"role": who.authority, "number": who.number, "case": case, "source": source}
    if tx.execute(_INTERESTED, asked).scalar_one():
        raise Conflict(f"{who} has an interest in case {case}, and gives no opinion on it.")


def _take_up(tx: sa.Connection, vault: Vault, number: int, whose: sa.ColumnElement[bool]) -> Request:
    found = _one(tx, vault, sa.select(opinions).where(opinions.c.id == number, whose).with_for_update(), number)
    if found.state is not State.ASKED:
        raise Conflict(f"Request {number} is {found.state}.")
    return found


def _end(tx: sa.Connection, number: int, state: State, at: int, values: Mapping[str, Any]) -> None:
    tx.execute(sa.update(opinions).where(opinions.c.id == number).values({"state": state, "ended_ms": at, **values}))


def _is(who: Officer) -> sa.ColumnElement[bool]:
    return sa.and_(opinions.c.role == who.authority, opinions.c.number == who.number)


def _one(tx: sa.Connection, vault: Vault, query: sa.Select[Any], number: int) -> Request:
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no request {number} for an opinion of yours.")
    return _request(vault, row)


def _request(vault: Vault, row: sa.Row[Any]) -> Request:
    document = None if row.document is None else json.loads(vault.open_words(_SEALED, bytes(row.document)))
    digest = None if row.digest is None else bytes(row.digest)
    return Request(
        row.id, row.case_number, bytes(row.about), Officer(row.role, row.number), State(row.state), row.asked_by,
        row.asked_ms, row.ended_ms, row.stance, row.reason, document, digest,
    )  # fmt: skip


_GIVEN = sa.text("""
    SELECT role, number, stance, reason, digest FROM opinions
    WHERE case_number = :case AND about = :about AND state = 'given' ORDER BY role, number
""")
_INTERESTED = sa.text("""
    WITH them AS (
        SELECT s.id, s.digest FROM officers o JOIN subjects s ON s.id = o.subject_id
        WHERE o.authority = :role AND o.number = :number
    )
    SELECT EXISTS (
        SELECT FROM them JOIN grants g ON g.subject_id = them.id JOIN sources s
            ON g.account_id IN (s.applicant_id, s.developer_id) WHERE s.id = CAST(:source AS bigint)
    ) OR EXISTS (
        SELECT FROM them JOIN submissions b ON b.submitter = them.digest WHERE b.case_number = :case
    )
""")
