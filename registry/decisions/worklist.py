"""What waits for a decision: each case that does not rest, what may be decided of it, by whom, and from when on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from registry.decisions.recalled import recall
from registry.ledger.sealing import Sealer
from registry.procedure.cases import Case
from registry.procedure.decision import EFFECTIVE, LIVE, PREFIXES, Record
from registry.procedure.policies import Policies
from registry.procedure.rule import Broken
from registry.procedure.table import Step, Words

RESTING: Final = {**EFFECTIVE, Record.SOURCE: LIVE}
"""The state at which a case of a record waits for nobody, although it may go on."""
MOST: Final = 200
"""Cases of a record that are listed, the oldest first; who works through them sees the others then."""


@dataclass(frozen=True, slots=True)
class Possible:
    """A decision that may be taken: where it leads, whose it is, who must approve it, and from when on.

    `not_before` is Unix milliseconds; None when nothing says that it will be possible: no publicity was opened, or a
    year has no calendar yet.
    """

    decision: str
    words: Words
    to: Words
    by: frozenset[str]
    second: frozenset[str]
    not_before: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that waits since `since` (Unix milliseconds), what it is about, how it stands, and what may follow."""

    number: str
    record: Record
    about: str | None
    state: Words
    since: int
    steps: tuple[Possible, ...]


@dataclass(frozen=True, slots=True)
class Reminder:
    """What an authority should see to although no case waits for it: what it is about, and by when (Unix ms)."""

    about: str
    words: Words
    by: frozenset[str]
    due: int


def worklist(tx: sa.Connection, sealer: Sealer, at: int) -> list[Waiting]:
    """List what waits, by kind of record and then the oldest first, by the life cycles in force at `at`."""
    return [waiting for record in Record for waiting in _of_record(tx, sealer, record, at)]


def of_authority(every: Iterable[Waiting], authority: str) -> list[Waiting]:
    """Pick what an authority may decide or must approve, and of each case those steps alone."""
    own = (replace(one, steps=tuple(step for step in one.steps if authority in step.by | step.second)) for one in every)
    return [one for one in own if one.steps]


def _of_record(tx: sa.Connection, sealer: Sealer, record: Record, at: int) -> Iterator[Waiting]:
    table = recall(tx, sealer, record, ()).policies.table(record, at)
    if table is None:
        return
    # Where nothing can be decided of a case it waits for nobody; such cases, ever more, would hide those that wait.
    states = {state for step in table.steps for state in step.from_states} - {RESTING[record]}
    asked = {"prefix": PREFIXES[record][0], "states": sorted(states), "most": MOST}
    about = {row.number: row.about for row in tx.execute(_OPEN, asked)}
    if not about:
        return
    standing = recall(tx, sealer, record, about)
    for number, named in about.items():
        case = standing.cases.get(number)
        if case is None or case.state not in table.states:
            continue
        kind = None if case.terms is None else case.terms.kind
        ways = [step for step in table.steps if case.state in step.from_states and _is_for(step, kind)]
        if ways:
            steps = tuple(_possible(step, table.states[step.to_state], case, standing.policies, at) for step in ways)
            yield Waiting(number, record, named, table.states[case.state], case.at, steps)


def _is_for(step: Step, kind: str | None) -> bool:
    return not step.kinds or kind is None or kind in step.kinds


def _possible(step: Step, to: Words, case: Case, policies: Policies, at: int) -> Possible:
    return Possible(step.decision, step.words, to, step.by, step.second, _not_before(step, case, policies, at))


def _not_before(step: Step, case: Case, policies: Policies, at: int) -> int | None:
    until = case.at
    if step.after_publicity:
        if case.publicity_until is None:
            return None
        until = max(until, case.publicity_until)
    if step.after_working_days:
        try:
            until = max(until, policies.end_of_working_days(case.at, step.after_working_days, at))
        except Broken:
            return None
    return until


_OPEN = sa.text("""
    SELECT c.number, c.about FROM case_standing s JOIN cases c ON c.number = s.case_number
    WHERE left(s.case_number, 1) = :prefix AND s.state = ANY (:states) ORDER BY s.last_id LIMIT :most
""")
