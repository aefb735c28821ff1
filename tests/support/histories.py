"""Random lawful histories of a few grams, and what a child with one card for each gram knows of them."""

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from registry.ledger.movement import NO_TAG, Flag, Form, Kind, Movement
from registry.ledger.rules import COURSES, broken_rule

BEGIN_MS = 1_790_000_000_000
RECORD = Movement(Kind.POLICY, 0, 0, 0, 0, 0, None, BEGIN_MS, 0, NO_TAG, NO_TAG, bytes(32))


@dataclass
class History:
    """Movements by index, and for each gram that was issued the index of its last one."""

    movements: list[Movement] = field(default_factory=list)
    cards: dict[int, int] = field(default_factory=dict)

    @property
    def frontier(self) -> int:
        return max(self.cards, default=-1) + 1

    def add(self, movement: Movement) -> None:
        evidence = len(self.movements).to_bytes(32)
        self.cards |= dict.fromkeys(range(movement.first, movement.last), len(self.movements))
        self.movements.append(replace(movement, evidence=evidence))


def issue_of(first: int, last: int, flags: int, at: int, tag: int) -> Movement:
    return Movement(
        Kind.ISSUE, Form.REDUCTION, flags, 0, first, last, None, at, 0, NO_TAG, bytes([tag]) * 20, bytes(32)
    )


def lawful_children(parent: Movement, index: int, first: int, last: int, at: int) -> list[Movement]:
    """Every lawful movement of these grams, one for each kind, purpose and kind of holder."""
    found = []
    for kind, course in COURSES.items():
        for purpose in course.purposes.get(parent.form, ()):
            for flags in _flags_after(parent, kind):
                for to_tag in (NO_TAG, parent.to_tag, parent.from_tag, bytes([200 + index % 50]) * 20):
                    form = course.forms.get(parent.form, 0)
                    until = at + 500 if kind == Kind.CONVERT else parent.until if form == Form.POINTS else 0
                    child = Movement(
                        kind, form, flags, purpose, first, last, index, at, until, parent.to_tag, to_tag, bytes(32)
                    )
                    if broken_rule(child, parent) is None:
                        found.append(child)
    return found


def _flags_after(parent: Movement, kind: int) -> list[int]:
    """The flags that a child of this kind could have; which of them are lawful, the rules say."""
    kept = parent.flags & ~(Flag.INDIVIDUAL | Flag.LOCKED) | (Flag.CONVERTED if kind == Kind.CONVERT else 0)
    kept |= Flag.LOCKED if kind == Kind.LOCK else 0
    return [int(kept), int(kept | Flag.INDIVIDUAL)]


@st.composite
def histories(draw: st.DrawFn, steps: int = 12) -> History:
    """Issues, some behind a gap and some into one, movements of any kind, and records between them."""
    history = History()
    for step in range(draw(st.integers(0, steps))):
        at = BEGIN_MS + 100 * step
        choice = draw(st.integers(0, 9))
        live = [gram for gram, index in history.cards.items() if history.movements[index].form != Form.END]
        if choice == 0:
            history.add(RECORD)
        elif choice <= 2 or not live:
            first = draw(st.sampled_from([history.frontier, history.frontier + 3, *_free(history)]))
            room = next((g for g in range(first, first + 6) if g in history.cards), first + 6) - first
            flags = draw(st.sampled_from([0, int(Flag.SCENARIO | Flag.INDIVIDUAL), int(Flag.CLASS_I)]))
            history.add(issue_of(first, first + draw(st.integers(1, room)), flags, at, 1 + step))
        else:
            history.add(_moved(draw, history, draw(st.sampled_from(live)), at))
    return history


def _free(history: History) -> list[int]:
    return [gram for gram in range(history.frontier) if gram not in history.cards]


def _moved(draw: st.DrawFn, history: History, gram: int, at: int) -> Movement:
    index = history.cards[gram]
    run = [gram]
    while history.cards.get(run[-1] + 1) == index:
        run.append(run[-1] + 1)
    last = run[draw(st.integers(0, len(run) - 1))] + 1
    return draw(st.sampled_from(lawful_children(history.movements[index], index, gram, last, at)))
