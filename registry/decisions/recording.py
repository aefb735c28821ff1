"""A decision is taken: what it rests on is held, the rules that outsiders replay judge it, and it is recorded.

All of it is in the caller's transaction. Records are logged in the order of their numbers, and the number is drawn when
all locks are there: so whatever a decision rests on stands before it in the log.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from registry.decisions.recalled import case_of, hold, recall, recall_also
from registry.errors import DecisionRefused, Invalid, NotFound
from registry.evidence.document import Value
from registry.evidence.public import Document, RecordLeaf
from registry.ledger.ledger import Ledger
from registry.ledger.movement import Kind
from registry.ledger.posting import Facts, record_line, write_record
from registry.procedure import table
from registry.procedure.cases import Case
from registry.procedure.decision import (
    KINDS,
    PREFIXES,
    Content,
    Decision,
    Mending,
    MethodologyVersion,
    Officer,
    Opinion,
    PolicyText,
    Record,
)
from registry.procedure.document import officer
from registry.procedure.fields import NONE, Range, Unreadable
from registry.procedure.rule import SENTENCES, Broken
from registry.procedure.standing import Standing
from registry.procedure.writing import values_of

_KIND_OF: Final = {record: Kind(kind) for kind, record in KINDS.items()}


@dataclass(frozen=True, slots=True)
class By:
    """Who takes a decision, who approves it if somebody must, and the reason, a word, if one is given."""

    actor: Officer
    second: Officer | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Officers:
    """Who takes a decision that one proposes, one takes and another approves; the first two may be one."""

    proposer: Officer
    actor: Officer
    second: Officer

    @property
    def proposing(self) -> By:
        """The proposal."""
        return By(self.proposer)

    @property
    def deciding(self) -> By:
        """The decision on it."""
        return By(self.actor, self.second)


@dataclass(frozen=True, slots=True)
class Step:
    """Which decision it is, the state it leads to, what else its document says, and what of it is withheld."""

    decision: str
    to_state: str
    by: By
    content: Content = None
    publicity: Range | None = None
    shown: Mapping[str, str | list[str]] = field(default_factory=dict)
    withheld: Mapping[str, Value] = field(default_factory=dict)
    opinions: tuple[Opinion, ...] = ()
    mending: Mending | None = None
    documents: tuple[str, ...] = ()
    """Digests (hex) of what it rests on and the log does not have."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that was recorded: its digest (the leaf's evidence, 32 bytes), and its time, Unix milliseconds."""

    digest: bytes
    at: int


@dataclass(slots=True)
class Pending:
    """A decision that may be taken now: its case is locked, what it rests on is held, and `at` is its time.

    After it the next of the same case may be, a millisecond later: no two decisions of a case are of one time.
    """

    ledger: Ledger
    record: Record
    case: str
    standing: Standing
    at: int

    @property
    def before(self) -> Case | None:
        """How the case stands; None before its first decision."""
        return self.standing.cases.get(self.case)

    def read_clock(self) -> None:
        """Have the time at which all locks of its act are there, when some were taken since."""
        self.at = max(self.at, self.ledger.clock())

    def know(self, tx: sa.Connection, cases: Iterable[str]) -> None:
        """Have more cases that it rests on, held since; its time is not before theirs."""
        cases = list(cases)
        recall_also(tx, self.ledger.vault.sealer, self.standing, cases)
        self.at = max([self.at, self.ledger.clock(), *(one.at for one in map(self.standing.cases.get, cases) if one)])

    def demanded(self, decision: str) -> int:
        """Tell of how many experts the life cycle in force demands opinions for a decision."""
        life_cycle = self.standing.policies.table(self.record, self.at)
        steps = life_cycle.steps if life_cycle else ()
        return max((step.opinions for step in steps if step.decision == decision), default=0)

    def next_step(self, decision: str, kind: str | None = None) -> table.Step:
        """Give the step that a decision is, from where the case stands, in the life cycle in force.

        `kind` is that of the source, where a step may be for some kinds alone. Raises `DecisionRefused` without one.
        """
        life_cycle = self.standing.policies.table(self.record, self.at)
        if life_cycle is None or self.before is None:
            raise DecisionRefused(f"Case {self.case} was not begun, or no life cycle of a {self.record} is in force.")
        state = self.before.state
        for step in life_cycle.steps:
            if step.decision == decision and state in step.from_states and (not step.kinds or kind in step.kinds):
                return step
        raise DecisionRefused(f"The life cycle in force has no {decision} from {state}, where {self.case} stands.")

    def publicity(self) -> Range:
        """Give the shortest publicity that may open now. Raises `DecisionRefused` when no policy says how long."""
        try:
            end = self.standing.policies.publicity_end(self.record, self.at, self.at)
        except Broken as broken:
            raise DecisionRefused(f"No publicity of case {self.case} can open: {broken.detail}.") from broken
        return self.at, max(end, self.at + 1)

    def mend_until(self, working_days: int) -> int:
        """Give when so many working days from now are over. Raises `DecisionRefused` where no calendar says."""
        try:
            return self.standing.policies.end_of_working_days(self.at, working_days, self.at)
        except Broken as broken:
            raise DecisionRefused(f"No time to mend can be set in case {self.case}: {broken.detail}.") from broken

    def take(self, tx: sa.Connection, step: Step) -> Decided:
        """Judge the decision, and record it. Raises `DecisionRefused`, and writes nothing, when a rule forbids it."""
        before = self.before
        decision = Decision(
            record=self.record,
            case=self.case,
            decision=step.decision,
            from_state=NONE if before is None else before.state,
            to_state=step.to_state,
            previous=None if before is None else before.digest,
            at=self.at,
            actor=step.by.actor,
            second=step.by.second,
            reason=step.by.reason,
            documents=step.documents,
            publicity=step.publicity,
            content=step.content,
            opinions=step.opinions,
            mending=step.mending,
        )
        shown = values_of(decision) | dict(step.shown)
        shown.pop("record")  # which every record says of itself
        line = record_line(_KIND_OF[self.record], self.at, Facts(shown, step.withheld))
        leaf = RecordLeaf(-1, line.movement.kind, line.evidence.digest)
        document = Document(leaf, json.loads(line.public or "{}"))
        try:
            self.standing.decide(-1, line.movement, document)
        except Broken as broken:
            raise DecisionRefused(
                f"{step.decision} of case {self.case} breaks {broken.rule}, that {SENTENCES[broken.rule]}: "
                f"{broken.detail}."
            ) from broken
        written = write_record(tx, self.ledger.vault, line)
        tx.execute(_DECIDED, {"movement": written.id, "case": self.case, "state": step.to_state})
        self.at += 1
        return Decided(line.evidence.digest, line.movement.at)


def read_officer(text: str) -> Officer:
    """Read an authority and its officer's number, `centre:7`. Raises `Invalid`."""
    try:
        return officer(text)
    except Unreadable as error:
        raise Invalid(f"{text[:80]!r} {error}.") from None


def prepare(
    tx: sa.Connection,
    ledger: Ledger,
    record: Record,
    case: str,
    *,
    cases: Iterable[str] = (),
    policies: Iterable[str] = (),
    lock: str | None = None,
) -> Pending:
    """Lock a case and hold the cases and policies (by name) that a decision of it rests on; give how all stand.

    `lock` names the lock when it is not the case's number: a policy's is its name, which acts share. Its time is not
    before that of a case that it rests on: where a clock that was ahead dated that one, both wait for it in the log.
    """
    cases, policies = set(cases), set(policies)
    hold(tx, lock or case, record, cases, policies)
    standing = recall(tx, ledger.vault.sealer, record, {case, *cases}, policies)
    before = standing.cases.get(case)
    others = [other.at for other in map(standing.cases.get, cases) if other is not None]
    return Pending(ledger, record, case, standing, max(ledger.clock(), before.at + 1 if before else 0, *others))


def number_of(case: str, record: Record) -> int:
    """Give the number in a case's, such as 7 in `S-7`. Raises `NotFound` for a case of another record."""
    prefix, number = case[: len(PREFIXES[record])], case[len(PREFIXES[record]) :]
    if prefix != PREFIXES[record] or not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise NotFound(f"There is no case {case[:40]} of a {record}.")
    return int(number)


def open_case(tx: sa.Connection, record: Record, number: int) -> str:
    """Have a case of a source, an issuance or a correction under this number."""
    case = f"{PREFIXES[record]}{number}"
    tx.execute(_OPEN, {"number": case, "about": None})
    return case


def case_about(tx: sa.Connection, record: Record, about: str) -> str:
    """Have the one case about a policy's name or a methodology's code."""
    tx.execute(_ONE_OPENS, {"record": str(record)})
    case = case_of(tx, record, about)
    if case is None:
        case = f"{PREFIXES[record]}{tx.execute(_NEXT, {'prefix': PREFIXES[record][0]}).scalar_one()}"
        tx.execute(_OPEN, {"number": case, "about": about})
    return case


def next_case(tx: sa.Connection, record: Record) -> str:
    """Have a new case of a correction or a finding."""
    tx.execute(_ONE_OPENS, {"record": str(record)})
    return open_case(tx, record, tx.execute(_NEXT, {"prefix": PREFIXES[record][0]}).scalar_one())


def return_decision(tx: sa.Connection, decision: Decision, number: int) -> None:
    """Know again a decision on record that was lost, the movement `number`, and its case."""
    content = decision.content
    about = content.name if isinstance(content, PolicyText) else None
    about = content.code if isinstance(content, MethodologyVersion) else about
    tx.execute(_OPEN, {"number": decision.case, "about": about})
    tx.execute(_DECIDED, {"movement": number, "case": decision.case, "state": decision.to_state})


_DECIDED = sa.text("""
    WITH decided AS (INSERT INTO decisions (movement_id, case_number) VALUES (:movement, :case))
    INSERT INTO case_standing AS s (case_number, last_id, state) VALUES (:case, :movement, :state)
    ON CONFLICT (case_number) DO UPDATE SET last_id = excluded.last_id, state = excluded.state
        WHERE s.last_id < excluded.last_id
""")
_OPEN = sa.text("INSERT INTO cases (number, about) VALUES (:number, :about) ON CONFLICT DO NOTHING")
_ONE_OPENS = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/case/' || :record, 0))")
_NEXT = sa.text("""
    SELECT coalesce(max(CAST(substr(number, 3) AS bigint)), 0) + 1 FROM cases WHERE left(number, 1) = :prefix
""")
