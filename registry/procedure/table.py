"""A life cycle as data: the value of the policy `procedure/<record>` (docs/design.md, section 11)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from registry.procedure import fields as read
from registry.procedure.decision import EFFECTIVE, LIFTED, LIVE, MAX_OPINIONS, SOURCE_KINDS, Record
from registry.procedure.fields import HASHED, NONE, Unreadable

MAX_STEPS: Final = 256
MAX_WORKING_DAYS: Final = 250
"""A year has about as many."""
REFERENCES: Final[dict[Record, frozenset[Record]]] = {
    Record.POLICY: frozenset(),
    Record.METHODOLOGY: frozenset(),
    Record.SOURCE: frozenset({Record.METHODOLOGY}),
    Record.ISSUANCE: frozenset({Record.SOURCE, Record.METHODOLOGY}),
    Record.CORRECTION: frozenset({Record.ISSUANCE}),
    Record.PROVIDER: frozenset(),
    Record.FINDING: frozenset(),
}
"""Which other cases the decisions of a case name, and so can need."""


OF_A_KIND: Final = frozenset({Record.METHODOLOGY, Record.SOURCE})
"""Whose decisions say what kind of source they are for, so that a step can be for some kinds alone."""


@dataclass(frozen=True, slots=True)
class Words:
    """What people read, in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one decision needs, and where it leads. `kinds` is empty where the kind of source does not matter."""

    decision: str
    kinds: frozenset[str]
    from_states: tuple[str, ...]
    to_state: str
    by: frozenset[str]
    second: frozenset[str]
    """Authorities of which another officer must approve; empty where none must."""
    opens_publicity: bool
    after_publicity: bool
    after_working_days: int
    """Working days that lie between the decision before and this one."""
    needs: Mapping[Record, frozenset[str]]
    """Which other case must be in one of which states."""
    opinions: int
    """Of how many experts or service bodies it names opinions, at least."""
    sets_deadline: int
    """After how many working days, at least, what it finds is to be mended; 0 where it finds nothing."""
    meets_deadline: bool
    """It says that what was found is mended."""
    in_deadline: bool
    """It may be taken until then alone."""
    in_last_months: int
    """It renews, in so many months before the approval ends; 0 where it renews nothing."""
    gives_reason: bool
    says: tuple[str, ...]
    """Fields of its document that are each a SHA-256: of a contract, a list of devices, a test run."""
    words: Words
    rule: str
    """The text that says so."""


@dataclass(frozen=True, slots=True)
class Table:
    """A record's life cycle."""

    record: Record
    states: Mapping[str, Words]
    steps: tuple[Step, ...]

    def step(self, decision: str, from_state: str, to_state: str, kind: str | None) -> Step | None:
        """Find the step that a decision takes, of which there is one at most."""
        for step in self.steps:
            is_way = (step.decision, step.to_state) == (decision, to_state) and from_state in step.from_states
            if is_way and (not step.kinds or kind in step.kinds):
                return step
        return None


@cache
def shipped_value(record: Record) -> Mapping[str, Any]:
    """Read the life cycle that ships with the project, as the value of its policy."""
    text = (files("registry.procedure") / "tables" / f"{record}.json").read_text(encoding="utf-8")
    value: Mapping[str, Any] = json.loads(text)
    return value


@cache
def shipped(record: Record) -> Table:
    """Read the life cycle that ships with the project."""
    return parse(record, shipped_value(record))


def parse(record: Record, value: Any) -> Table:
    """Read a life cycle from JSON values. Raises `Unreadable`, with a sentence that says what is wrong and where."""
    members = _members(value, "the table", {"record", "states", "steps"})
    if members["record"] != record:
        raise Unreadable(f"the table is not of {record}: its record says {str(members['record'])[: read.MAX_WORD]!r}")
    states, steps = members["states"], members["steps"]
    if not isinstance(states, dict) or NONE in states:
        raise Unreadable(f"states is no object of states, of which {NONE!r} is none")
    if not isinstance(steps, list) or not 0 < len(steps) <= MAX_STEPS:
        raise Unreadable(f"steps is no list of 1 to {MAX_STEPS} steps")
    words = {read_word(state, "a state"): _words(said, f"state {state}") for state, said in states.items()}
    table = Table(record, words, tuple(_step(record, step, words, place) for place, step in enumerate(steps, 1)))
    _check_whole(table)
    return table


def read_word(text: Any, what: str) -> str:
    """Read a state, a decision or an authority."""
    try:
        return read.word(text if isinstance(text, str) else "")
    except Unreadable as error:
        raise Unreadable(f"{what} {error}") from None


_REQUIRED: Final = {"decision", "from", "to", "by", "zh", "en", "rule"}
_OPTIONAL: Final = {
    "kinds", "second", "opens_publicity", "after_publicity", "after_working_days", "needs", "opinions", "gives_reason",
    "says",
}  # fmt: skip
_OF_SOURCES: Final = {"sets_deadline", "meets_deadline", "in_deadline", "in_last_months"}
MAX_MONTHS: Final = 36
MAX_SAID: Final = 8
"""Hashes that a step may ask for."""


def _step(record: Record, value: Any, states: Mapping[str, Words], place: int) -> Step:
    where = f"step {place}"
    members = _members(value, where, _REQUIRED, _OPTIONAL | (_OF_SOURCES if record is Record.SOURCE else set()))
    known = {NONE, *states}
    step = Step(
        decision=read_word(members["decision"], f"{where}: decision"),
        kinds=_set(members.get("kinds", []), f"{where}: kinds", SOURCE_KINDS if record in OF_A_KIND else ()),
        from_states=tuple(_list(members["from"], f"{where}: from", known)),
        to_state=read_word(members["to"], f"{where}: to"),
        by=_set(members["by"], f"{where}: by"),
        second=_set(members.get("second", []), f"{where}: second"),
        opens_publicity=_flag(members.get("opens_publicity", False), f"{where}: opens_publicity"),
        after_publicity=_flag(members.get("after_publicity", False), f"{where}: after_publicity"),
        after_working_days=working_days(members.get("after_working_days", 0), f"{where}: after_working_days", 0),
        needs=_needs(record, members.get("needs", {}), where),
        opinions=_number(members.get("opinions", 0), f"{where}: opinions", MAX_OPINIONS),
        sets_deadline=working_days(members.get("sets_deadline", 0), f"{where}: sets_deadline", 0),
        meets_deadline=_flag(members.get("meets_deadline", False), f"{where}: meets_deadline"),
        in_deadline=_flag(members.get("in_deadline", False), f"{where}: in_deadline"),
        in_last_months=_number(members.get("in_last_months", 0), f"{where}: in_last_months", MAX_MONTHS),
        gives_reason=_flag(members.get("gives_reason", False), f"{where}: gives_reason"),
        says=tuple(_list(members.get("says", []), f"{where}: says")),
        words=_words({"zh": members["zh"], "en": members["en"]}, where),
        rule=_text(members["rule"], f"{where}: rule"),
    )
    if step.to_state not in states:
        raise Unreadable(f"{where}: to is no state of the table: {step.to_state}")
    if not step.from_states or not step.by:
        raise Unreadable(f"{where}: from and by name at least one")
    if step.opinions and NONE in step.from_states:
        raise Unreadable(f"{where}: before a first decision there is no case to have an opinion on")
    if NONE in step.from_states and (step.after_working_days or step.in_deadline or step.in_last_months):
        raise Unreadable(f"{where}: a first decision has none before it to wait after")
    if step.sets_deadline and step.meets_deadline:
        raise Unreadable(f"{where}: it finds what is to be mended, or says that it is mended, not both")
    if len(step.says) > MAX_SAID or not all(name.endswith(HASHED) for name in step.says):
        raise Unreadable(f"{where}: says has {MAX_SAID} names at most, each with {HASHED} at its end")
    return step


_ALSO: Final = {Record.SOURCE: {LIVE}, Record.FINDING: {LIFTED}}
"""States beside the one at which a record takes effect that rules read."""


def _check_whole(table: Table) -> None:
    """Hold the steps against each other: each decision finds one step, each state is reached."""
    taken = set()
    for step in table.steps:
        for way in _ways(step):
            if way in taken:
                raise Unreadable(f"two steps say what {step.decision} does from {way[1]}")
            taken.add(way)
    reached = {step.to_state for step in table.steps}
    for state in table.states:
        if state not in reached:
            raise Unreadable(f"no step leads to the state {state}")
    if not any(NONE in step.from_states for step in table.steps):
        raise Unreadable(f"no step begins a case: from {NONE}")
    needed = {EFFECTIVE[table.record], *_ALSO.get(table.record, ())}
    if needed - reached:
        raise Unreadable(f"no step leads to {', '.join(sorted(needed - reached))}, at which a {table.record} counts")
    if any(step.after_publicity for step in table.steps) and not any(step.opens_publicity for step in table.steps):
        raise Unreadable("a step waits for publicity, and none opens it")


def _ways(step: Step) -> Iterator[tuple[str, str, str]]:
    for state in step.from_states:
        for kind in step.kinds or SOURCE_KINDS:
            yield step.decision, state, kind


def _needs(record: Record, value: Any, where: str) -> dict[Record, frozenset[str]]:
    if not isinstance(value, dict):
        raise Unreadable(f"{where}: needs is no object")
    for name in value:
        if name not in REFERENCES[record]:
            raise Unreadable(f"{where}: needs names {name[: read.MAX_WORD]!r}, which no {record} refers to")
    return {Record(name): _set(states, f"{where}: needs {name}") for name, states in value.items()}


def _number(value: Any, what: str, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise Unreadable(f"{what} is no number from 0 to {most}")
    return value


def working_days(value: Any, what: str, least: int) -> int:
    """Read a number of working days. Raises `Unreadable`."""
    if type(value) is not int or not least <= value <= MAX_WORKING_DAYS:
        raise Unreadable(f"{what} is no number of working days from {least} to {MAX_WORKING_DAYS}")
    return value


def _members(value: Any, where: str, required: set[str], optional: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"{where} is no object")
    missing, unknown = required - value.keys(), value.keys() - required - (optional or set())
    if missing or unknown:
        what, names = ("lacks", missing) if missing else ("has what is unknown:", unknown)
        raise Unreadable(f"{where} {what} {', '.join(sorted(names))[: read.MAX_WORD]}")
    return value


def _list(value: Any, what: str, known: set[str] | tuple[str, ...] | None = None) -> list[str]:
    if not isinstance(value, list):
        raise Unreadable(f"{what} is no list")
    words = [read_word(one, what) for one in value]
    if len(set(words)) != len(words):
        raise Unreadable(f"{what} has one thing twice")
    for word in words:
        if known is not None and word not in known:
            raise Unreadable(f"{what} has {word}, which is none of {', '.join(sorted(known)) or 'nothing'}")
    return words


def _set(value: Any, what: str, known: set[str] | tuple[str, ...] | None = None) -> frozenset[str]:
    return frozenset(_list(value, what, known))


def _flag(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise Unreadable(f"{what} is neither true nor false")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Unreadable(f"{what} is no text")
    return value


def _words(value: Any, where: str) -> Words:
    members = _members(value, where, {"zh", "en"})
    return Words(_text(members["zh"], f"{where}: zh"), _text(members["en"], f"{where}: en"))
