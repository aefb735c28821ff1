"""Objections to a source in publicity, by anybody, and what became of each (第三十九条, R36).

The log has a digest of each, in the decision that records it, and of its answer; the words are for officers, and for
whoever has the receipt. While one waits for its answer nothing is published.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import rfc8785
import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.clock import rfc3339
from registry.database.schema import objections
from registry.decisions.recording import prepare
from registry.errors import Conflict, NotFound, TooMany
from registry.evidence.document import Evidence, seal
from registry.ledger.ledger import Ledger
from registry.procedure.decision import PREFIXES, Officer, Record
from registry.words import checked_words

MAX_TEXT_CHARS: Final = 8000
MOST_OF_CASE: Final = 1000
"""That wait in one case; who has more to say than so many others says it to the centre."""
MOST_OF_ADDRESS: Final = 20
"""Of one address within a day, in all cases."""
DAY_MS: Final = 86_400_000
MOST_DOCUMENTS: Final = 200
"""Digests that one decision names; what is left the next one does."""
_SEALED, _RECEIPT, _FROM = "objection", "objection/receipt", "objection/from"


@dataclass(frozen=True, slots=True)
class Objection:
    """An objection; times are Unix milliseconds. `recorded` is whether a decision of its case names it."""

    id: int
    case: str
    made_ms: int
    digest: bytes
    text: str = field(repr=False)
    recorded: bool
    answered_ms: int | None
    answered_by: str | None
    answer: str | None = field(repr=False)

    @property
    def state(self) -> str:
        """How it stands."""
        return "answered" if self.answered_ms is not None else "recorded" if self.recorded else "received"


def object_to(tx: sa.Connection, ledger: Ledger, source_id: int, text: str, address: str) -> tuple[Objection, str]:
    """Keep an objection while its source is in publicity; gives it with its receipt.

    The same words to the same source from the same address are one objection. Raises `NotFound`, `Invalid`, `Conflict`
    out of publicity, `TooMany`.
    """
    words = checked_words(text, "An objection", MAX_TEXT_CHARS)
    pending = prepare(tx, ledger, Record.SOURCE, case := f"{PREFIXES[Record.SOURCE]}{source_id}")
    if pending.before is None:
        raise NotFound(f"There is no case {case}.")
    until = pending.before.publicity_until
    if pending.before.state not in OPEN_STATES or until is None or pending.at >= until:
        raise Conflict(f"{case} is not in publicity now, so nothing is taken in. Write to the centre.")
    at, vault = pending.at, ledger.vault
    origin = vault.keyed_digest(_FROM, address.encode())
    same = vault.keyed_digest(_SEALED, f"{case}\0{address}\0{words}".encode())
    known = tx.execute(sa.select(objections.c.id).where(objections.c.same == same)).scalar_one_or_none()
    if known is None:
        _refuse_many(tx, case, origin, at)
        document = seal({"case": case, "text": words, "at": rfc3339(at)})
        row = {
            "case_number": case, "made_ms": at, "origin": origin, "same": same, "digest": document.digest,
            "document": _kept(vault, document),
        }  # fmt: skip
        known = tx.execute(sa.insert(objections).values(row).returning(objections.c.id)).scalar_one()
    found = _one(tx, vault, objections.c.id == known)
    return found, _receipt(vault, found.id)


def by_receipt(tx: sa.Connection, vault: Vault, number: int, receipt: str) -> Objection:
    """Read an objection as who made it. Raises `NotFound` for another receipt too."""
    if receipt != _receipt(vault, number):
        raise NotFound("There is no objection of this number and receipt.")
    return _one(tx, vault, objections.c.id == number)


def list_objections(tx: sa.Connection, vault: Vault, case: str) -> list[Objection]:
    """Give the objections in a case, oldest first."""
    query = sa.select(objections).where(objections.c.case_number == case).order_by(objections.c.id)
    return [_read(vault, row) for row in tx.execute(query.limit(MOST_OF_CASE))]


def list_waiting(tx: sa.Connection, vault: Vault) -> list[Objection]:
    """Give what waits for an answer, oldest first."""
    query = sa.select(objections).where(objections.c.answered_ms.is_(None)).order_by(objections.c.id)
    return [_read(vault, row) for row in tx.execute(query.limit(MOST_OF_CASE))]


def answer(tx: sa.Connection, ledger: Ledger, case: str, number: int, text: str, by: Officer) -> Objection:
    """Answer an objection, once. Raises `NotFound`, `Invalid`, `Conflict` when it was answered."""
    prepare(tx, ledger, Record.SOURCE, case)
    found = _one(tx, ledger.vault, sa.and_(objections.c.id == number, objections.c.case_number == case))
    if found.answered_ms is not None:
        raise Conflict(f"Objection {number} was answered by {found.answered_by}.")
    words, at = checked_words(text, "An answer", MAX_TEXT_CHARS), max(ledger.clock(), found.made_ms)
    document = seal({"objection": found.digest.hex(), "text": words, "at": rfc3339(at), "by": str(by)})
    values = {"answered_ms": at, "answered_by": str(by), "answer_digest": document.digest}
    values |= {"answer": _kept(ledger.vault, document)}
    tx.execute(sa.update(objections).where(objections.c.id == number).values(values))
    return _one(tx, ledger.vault, objections.c.id == number)


def named_by(tx: sa.Connection, case: str, decision: str) -> tuple[str, ...]:
    """Give the digests (hex) that a decision of a case names, and note that it does: `object` names objections.

    `answer` names answers. Call it in the decision's transaction, under the case's lock. Raises `Conflict` when an
    objection waits that `answer` or `publish` must not pass over.
    """
    if decision == OBJECT:
        return _hexes(tx.execute(_RECORD, {"case": case, "most": MOST_DOCUMENTS}).scalars())
    if decision not in {ANSWER, PUBLISH}:
        return ()
    waiting = tx.execute(_WAITING, {"case": case}).one()
    if waiting.unanswered or (decision == PUBLISH and waiting.unnamed):
        raise Conflict(
            f"Of the objections in {case}, {waiting.unanswered} wait for an answer. Answer each (POST "
            f"/v1/cases/{case}/objections/N/answer), and take the decisions {OBJECT} and {ANSWER}, which name them."
        )
    return _hexes(tx.execute(_RECORD_ANSWERS, {"case": case, "most": MOST_DOCUMENTS}).scalars())


def _hexes(digests: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(sorted(bytes(one).hex() for one in digests))


def _refuse_many(tx: sa.Connection, case: str, origin: bytes, at: int) -> None:
    tx.execute(_ONE_ADDRESS, {"origin": origin.hex()})
    counted = tx.execute(_COUNT, {"case": case, "origin": origin, "since": at - DAY_MS}).one()
    if counted.of_address >= MOST_OF_ADDRESS:
        raise TooMany(f"From your address came {MOST_OF_ADDRESS} objections within a day. Go on tomorrow.")
    if counted.of_case >= MOST_OF_CASE:
        raise TooMany(f"{MOST_OF_CASE} objections wait in {case}. Write to the centre.")


def _receipt(vault: Vault, number: int) -> str:
    return vault.keyed_digest(_RECEIPT, number.to_bytes(8, "big"))[:20].hex()


def _kept(vault: Vault, document: Evidence) -> bytes:
    return vault.seal_words(_SEALED, rfc8785.dumps(document.fields))


def _words(vault: Vault, sealed: bytes) -> str:
    return str(json.loads(vault.open_words(_SEALED, sealed))["text"][1])


def _one(tx: sa.Connection, vault: Vault, which: sa.ColumnElement[bool]) -> Objection:
    row = tx.execute(sa.select(objections).where(which)).one_or_none()
    if row is None:
        raise NotFound("There is no such objection in this case.")
    return _read(vault, row)


def _read(vault: Vault, row: sa.Row[Any]) -> Objection:
    answer = None if row.answer is None else _words(vault, bytes(row.answer))
    return Objection(
        row.id, row.case_number, row.made_ms, bytes(row.digest), _words(vault, bytes(row.document)), row.named,
        row.answered_ms, row.answered_by, answer,
    )  # fmt: skip


OBJECT, ANSWER, PUBLISH = "object", "answer", "publish"
OPEN_STATES: Final = frozenset({"publicity", "objected"})
_ONE_ADDRESS = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/objections/' || :origin, 0))")
_COUNT = sa.text("""
    SELECT count(*) FILTER (WHERE origin = :origin AND made_ms > :since) AS of_address,
        count(*) FILTER (WHERE case_number = :case AND answered_ms IS NULL) AS of_case
    FROM objections WHERE made_ms > :since OR case_number = :case
""")
_WAITING = sa.text("""
    SELECT count(*) FILTER (WHERE answered_ms IS NULL) AS unanswered,
        count(*) FILTER (WHERE NOT named OR NOT answer_named) AS unnamed
    FROM objections WHERE case_number = :case
""")
_RECORD = sa.text("""
    UPDATE objections SET named = true WHERE id IN (
        SELECT id FROM objections WHERE case_number = :case AND NOT named ORDER BY id LIMIT :most
    ) RETURNING digest
""")
_RECORD_ANSWERS = sa.text("""
    UPDATE objections SET answer_named = true WHERE id IN (
        SELECT id FROM objections WHERE case_number = :case AND named AND NOT answer_named ORDER BY id LIMIT :most
    ) RETURNING answer_digest
""")
