"""Corrections: grams that came from abnormal data are voided where they are now, and no others (R20).

One officer proposes which grams of a lot are wrong, by the numbers that they were issued under; another approves. What
lives of them then is followed through every bundle and voided, whoever holds it, locked or of an erased account; the
rest is gone, and is a shortfall of who caused it. Nothing is corrected twice.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from psycopg.types.range import Range as Int8Range
from sqlalchemy.dialects.postgresql import insert

from registry.accounts.accounts import lock_even_erased
from registry.accounts.vault import Vault
from registry.database.personal import Erased, rows_go
from registry.database.schema import corrected, corrected_accounts, corrections
from registry.decisions import motions
from registry.decisions.motions import Choose, Motion, approver
from registry.decisions.recording import By, Step, next_case, prepare
from registry.decisions.returning import Recorded, Returning
from registry.errors import Conflict, DecisionRefused, Invalid, MovedOn, NotFound, TooManyBlocks
from registry.events.outbox import Data, tell
from registry.events.types import CORRECTION_PROPOSED, CORRECTION_SETTLED, EventType
from registry.issuance.living import Living, living
from registry.ledger import child
from registry.ledger.ledger import Ledger, in_time
from registry.ledger.lots import lots_by_number
from registry.ledger.movement import Kind, Purpose
from registry.ledger.posting import Posted, post
from registry.procedure.decision import PREFIXES, Correction, Officer, Record
from registry.procedure.fields import Range
from registry.words import checked_words

MAX_WORDS: Final = 2000
MOST_PIECES: Final = 10_000
"""Of live grams that one correction voids: done while an officer waits. More are ordered in parts."""
MOST_RANGES: Final = 1_000
ORDERS, DISMISSES = "order", "dismiss"
_SEALED: Final = "correction"
_CENTRE: Final = frozenset({"centre"})


@dataclass(frozen=True, slots=True)
class Wrong:
    """Grams `[first, end)` of one lot that are wrong, by the numbers of their issue, ascending and apart."""

    lot_id: int
    ranges: tuple[Range, ...]

    @property
    def quantity_g(self) -> int:
        """How many."""
        return sum(end - first for first, end in self.ranges)


class Told(NamedTuple):
    """Why, for whom it meets: a word that everybody reads, words for those alone, and who caused it (an account).

    Without an account it is the applicant of the source.
    """

    reason: str
    explanation: str
    caused_by: int | None = None


def propose_correction(tx: sa.Connection, ledger: Ledger, wrong: Wrong, told: Told, by: Officer) -> str:
    """Record that a correction is proposed; gives its case.

    Raises `Conflict` when some of it was corrected before, `NotFound` for a lot that is not known, `Invalid`.
    """
    words = checked_words(told.explanation, "The explanation", MAX_WORDS)
    lot = lots_by_number(tx, [wrong.lot_id]).get(wrong.lot_id)
    if lot is None:
        raise NotFound(f"There is no lot {wrong.lot_id}.")
    if not 0 < len(wrong.ranges) <= MOST_RANGES:
        raise Invalid(f"A correction is of 1 to {MOST_RANGES} ranges of one lot; propose others beside it.")
    if tx.execute(_MET, _spans(wrong.ranges)).first() is not None:
        raise Conflict("Some of these grams were corrected before; propose the others alone.")
    case = next_case(tx, Record.CORRECTION)
    pending = prepare(tx, ledger, Record.CORRECTION, case, cases=(_issuance(wrong.lot_id),))
    pending.take(tx, Step("propose", "proposed", By(by, reason=told.reason)))
    row = {
        "case_number": case,
        "lot_id": wrong.lot_id,
        "ranges": [Int8Range(*one) for one in wrong.ranges],
        "reason": told.reason,
        "explanation": ledger.vault.seal_text(_SEALED, words),
        "caused_by": told.caused_by or _applicant(tx, wrong.lot_id),
        "state": "proposed",
        "changed_ms": pending.at,
    }
    tx.execute(sa.insert(corrections).values(row))
    for account, grams in _issued_to(tx, wrong.ranges).items():
        tx.execute(
            sa.insert(corrected_accounts).values(case_number=case, account_id=account, issued_g=grams, voided_g=0)
        )
    said: Data = {"case": case, "lot": wrong.lot_id, "reason": told.reason, "quantity_g": wrong.quantity_g}
    _tell(tx, CORRECTION_PROPOSED, pending.at, said)
    return case


def order_corrections(tx: sa.Connection, ledger: Ledger, cases: Sequence[str], by: By) -> list[Posted]:
    """Order corrections that were proposed, and void what lives of their grams: an act for each who holds some.

    Raises `NotFound`, `Conflict` when some of it was corrected meanwhile, `MovedOn` when grams went to somebody else
    just now, `TooManyBlocks`, and `DecisionRefused` when a rule forbids it.
    """
    proposed = [_proposed(tx, case) for case in cases]
    found = _held_living(tx, [span for row in proposed for span in _ranges(row)])
    for row in proposed:
        _order(tx, ledger, row, found, by)
    by_holder = defaultdict(list)
    for one in found:
        by_holder[one.piece.block.account_id].append(one.piece)
    facts: dict[str, Any] = {"reason": proposed[0].reason, "corrections": list(cases)}
    posted = []
    for account, pieces in sorted(by_holder.items()):
        at, taken = in_time(ledger, lambda _, pieces=pieces: pieces)  # type: ignore[misc]
        step = child.Step(Kind.VOID, at, Purpose.ABNORMAL_DATA)
        posted.append(post(tx, ledger.vault, "void", account, taken, step, facts, tell=ledger.tell))
    return posted


@dataclass(frozen=True, slots=True)
class Met:
    """A correction as it meets an account: what of it was issued to the account, and voided there.

    `shortfall_g` is put down to the account: it caused what is gone. `changed_ms` is Unix milliseconds.
    """

    case: str
    lot_id: int
    state: str
    reason: str
    explanation: str | None
    changed_ms: int
    issued_g: int
    voided_g: int
    shortfall_g: int


def list_corrections(tx: sa.Connection, vault: Vault, account: int) -> list[Met]:
    """List the corrections that meet an account, newest first, a thousand at most."""
    return [
        Met(**{**row, "explanation": vault.open_text(_SEALED, row["explanation"])})
        for row in tx.execute(_OF_ACCOUNT, {"account": account}).mappings()
    ]


def decide_or_move(
    tx: sa.Connection, ledger: Ledger, case: str, decision: str, choose: Choose, reason: str | None
) -> tuple[str | None, int | None]:
    """Dismiss a correction that was proposed, or move it again. Raises `NotFound`, `DecisionRefused`, `Conflict`."""
    row = _proposed(tx, case)
    officer, at = choose(_CENTRE), ledger.clock()
    if decision == ORDERS:
        return None, motions.move(tx, case, ORDERS, officer, at, reason)
    if decision != DISMISSES:
        raise DecisionRefused(f"A correction is decided by {ORDERS} or {DISMISSES}; {decision[:40]!r} is neither.")
    prepare(tx, ledger, Record.CORRECTION, case).take(tx, Step(DISMISSES, "dismissed", By(officer, reason=reason)))
    motions.end_of_case(tx, case, officer, at)
    _settle(tx, row, "dismissed", at)
    return "dismissed", None


def approve_moved(tx: sa.Connection, ledger: Ledger, moved: Motion, choose: Choose) -> tuple[str, Officer]:
    """Approve a correction: it is ordered, and what lives is voided, at once."""
    second = approver(tx, choose, _CENTRE, moved.mover)
    order_corrections(tx, ledger, [moved.case], moved.by(second))
    return "ordered", second


def _order(tx: sa.Connection, ledger: Ledger, row: Any, found: Sequence[Living], by: By) -> None:
    ranges = _ranges(row)
    issuance = _issuance(row.lot_id)
    pending = prepare(tx, ledger, Record.CORRECTION, row.case_number, cases=(issuance,))
    mine = [one for one in found if any(first <= one.issued_first < end for first, end in ranges)]
    voided = sum(one.piece.quantity_g for one in mine)
    shortfall = sum(end - first for first, end in ranges) - voided
    lot = pending.standing.cases.get(issuance)
    content = Correction("" if lot is None else lot.digest, ranges, voided, shortfall)
    pending.take(tx, Step(ORDERS, "ordered", by, content))
    tx.execute(sa.insert(corrected), [{"first_g": a, "last_g": b, "case_number": row.case_number} for a, b in ranges])
    of_holders = Counter[int]()
    for one in mine:
        of_holders[one.piece.block.account_id] += one.piece.quantity_g
    for account, grams in sorted(of_holders.items()):
        tx.execute(_HELD, {"case": row.case_number, "account": account, "grams": grams})
    _settle(tx, row, "ordered", pending.at, voided, shortfall)


def _settle(tx: sa.Connection, row: Any, state: str, at: int, voided_g: int = 0, shortfall_g: int = 0) -> None:
    """Note how a correction ended, and tell the institutions that it meets."""
    case = row.case_number
    tx.execute(_SETTLE, {"case": case, "state": state, "at": at, "voided": voided_g, "shortfall": shortfall_g})
    grams = {"voided_g": voided_g, "shortfall_g": shortfall_g}
    _tell(tx, CORRECTION_SETTLED, at, {"case": case, "lot": row.lot_id, "state": state, **grams})


def _tell(tx: sa.Connection, of: EventType, at: int, said: Data) -> None:
    for account in tx.execute(_TOLD, {"case": said["case"]}).scalars().all():
        tell(tx, of, account, at, said)


def _held_living(tx: sa.Connection, ranges: Sequence[Range]) -> list[Living]:
    """Find what lives of some grams, with those who hold it locked. Raises `MovedOn`, `TooManyBlocks`."""
    holders = {one.piece.block.account_id for one in living(tx, ranges)}
    for account in sorted(holders):
        lock_even_erased(tx, account)
    found = living(tx, ranges)
    if not {one.piece.block.account_id for one in found} <= holders:
        raise MovedOn("Grams of this correction went to somebody else just now. Approve it again.")
    if len(found) > MOST_PIECES:
        grams = sum(one.piece.quantity_g for one in found)
        raise TooManyBlocks(f"These grams lie in more than {MOST_PIECES} blocks. Correct them in parts.", grams)
    return found


def _proposed(tx: sa.Connection, case: str) -> Any:
    row = tx.execute(sa.select(corrections).where(corrections.c.case_number == case).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"Case {case[:40]} is no correction's.")
    if row.state != "proposed":
        raise Conflict(f"Correction {case} is {row.state}.")
    return row


def _ranges(row: Any) -> tuple[Range, ...]:
    return tuple((one.lower, one.upper) for one in row.ranges)


def _issuance(lot_id: int) -> str:
    return f"{PREFIXES[Record.ISSUANCE]}{lot_id}"


def _applicant(tx: sa.Connection, lot_id: int) -> int:
    return int(tx.execute(_CAUSE, {"lot": lot_id}).scalar_one())


def _spans(ranges: Sequence[Range]) -> dict[str, list[int]]:
    return {"first": [first for first, _ in ranges], "last": [end for _, end in ranges]}


def _issued_to(tx: sa.Connection, ranges: Sequence[Range]) -> Mapping[int, int]:
    """Say to which open accounts some grams were issued, and how many."""
    return {row.account_id: int(row.grams) for row in tx.execute(_ISSUED_TO, _spans(ranges))}


def _forget_words(tx: sa.Connection, account: Erased) -> None:
    """Forget what was explained about an account that is erased."""
    tx.execute(_FORGET, {"account": account.number})


ERASING = (_forget_words, rows_go(corrected_accounts))


def _return(tx: sa.Connection, recorded: Recorded) -> None:
    """Know again which grams were corrected by a decision that was lost, so that none is corrected twice."""
    content, case = recorded.decision.content, recorded.decision.case
    if isinstance(content, Correction):
        rows = [{"first_g": first, "last_g": end, "case_number": case} for first, end in content.ranges]
        tx.execute(insert(corrected).on_conflict_do_nothing(), rows)
    state = recorded.decision.to_state
    if state in {"ordered", "dismissed"}:
        grams = (content.voided_g, content.shortfall_g) if isinstance(content, Correction) else (0, 0)
        values = {"state": state, "at": recorded.decision.at, "voided": grams[0], "shortfall": grams[1]}
        tx.execute(_SETTLE, values | {"case": case})


RETURNING: Final[Mapping[Record, Returning]] = {Record.CORRECTION: _return}
_MET = sa.text("""
    SELECT 1 FROM unnest(CAST(:first AS bigint[]), CAST(:last AS bigint[])) s (first, last)
    JOIN corrected c ON int8range(c.first_g, c.last_g) && int8range(s.first, s.last) LIMIT 1
""")
_ISSUED_TO = sa.text("""
    SELECT m.account_id, sum(least(m.last_g, s.last) - greatest(m.first_g, s.first)) AS grams
    FROM unnest(CAST(:first AS bigint[]), CAST(:last AS bigint[])) s (first, last) CROSS JOIN LATERAL (
        (SELECT * FROM movements WHERE kind IN (1, 12) AND first_g <= s.first ORDER BY first_g DESC LIMIT 1)
        UNION ALL
        SELECT * FROM movements WHERE kind IN (1, 12) AND first_g > s.first AND first_g < s.last
    ) m JOIN accounts a ON a.id = m.account_id AND a.erased_ms IS NULL
    WHERE m.kind = 1 AND m.last_g > s.first GROUP BY m.account_id
""")
_CAUSE = sa.text("SELECT s.applicant_id FROM lots l JOIN sources s ON s.id = l.source_id WHERE l.id = :lot")
_SETTLE = sa.text("""
    UPDATE corrections SET state = :state, changed_ms = greatest(changed_ms, :at), voided_g = :voided,
        shortfall_g = :shortfall WHERE case_number = :case
""")
_HELD = sa.text("""
    INSERT INTO corrected_accounts (case_number, account_id, issued_g, voided_g)
    SELECT :case, id, 0, :grams FROM accounts WHERE id = :account AND erased_ms IS NULL
    ON CONFLICT (case_number, account_id) DO UPDATE SET voided_g = excluded.voided_g
""")
_OF_ACCOUNT = sa.text("""
    SELECT c.case_number AS case, c.lot_id, c.state, c.reason, c.explanation, c.changed_ms,
        coalesce(a.issued_g, 0) AS issued_g, coalesce(a.voided_g, 0) AS voided_g,
        CASE WHEN c.caused_by = :account THEN coalesce(c.shortfall_g, 0) ELSE 0 END AS shortfall_g
    FROM corrections c LEFT JOIN corrected_accounts a ON a.case_number = c.case_number AND a.account_id = :account
    WHERE a.account_id IS NOT NULL OR c.caused_by = :account ORDER BY c.changed_ms DESC, c.case_number DESC LIMIT 1000
""")
_TOLD = sa.text("""
    SELECT a.id FROM accounts a WHERE a.kind = 'institution' AND a.id IN (
        SELECT account_id FROM corrected_accounts WHERE case_number = :case
        UNION SELECT unnest(ARRAY[c.caused_by, s.applicant_id]) FROM corrections c
            JOIN lots l ON l.id = c.lot_id JOIN sources s ON s.id = l.source_id WHERE c.case_number = :case
    ) ORDER BY a.id
""")
_FORGET = sa.text("""
    UPDATE corrections SET explanation = NULL WHERE case_number IN (
        SELECT case_number FROM corrected_accounts WHERE account_id = :account)
""")
