"""Random lawful histories of a few grams, and what a child with one card for each number knows of them."""

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from registry.ledger.movement import NO_TAG, Flag, Form, Kind, Movement, Target
from registry.ledger.rules import COURSES, broken_rule

BEGIN_MS = 1_790_000_000_000
RECORD = Movement(Kind.POLICY, 0, 0, 0, 0, 0, None, BEGIN_MS, 0, NO_TAG, NO_TAG, bytes(32))


@dataclass
class History:
    """Movements by index, for each number that was issued or bundled the index of its last one.

    And under which number each gram that was gathered goes on.
    """

    movements: list[Movement] = field(default_factory=list)
    cards: dict[int, int] = field(default_factory=dict)
    goes_on: dict[int, int] = field(default_factory=dict)

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
    """Every lawful movement of these grams but a GATHER, one for each kind, purpose and kind of holder."""
    found = []
    for kind, course in COURSES.items():
        if kind == Kind.GATHER:
            continue  # one alone is not lawful
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
    """Issues and bundles, some behind a gap and some into one, movements of any kind, and records between them."""
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
        elif choice <= 4 and (pieces := _gatherable(history)):
            _gather(draw, history, pieces, at)
        else:
            history.add(_moved(draw, history, draw(st.sampled_from(live)), at))
    return history


def _gatherable(history: History) -> list[tuple[int, int, int]]:
    """What may be gathered: (index, first, last) of all grams side by side that lie with one movement."""
    found: list[tuple[int, int, int]] = []
    for gram, index in sorted(history.cards.items()):
        of = history.movements[index]
        if of.form == Form.END or of.flags & (Flag.INDIVIDUAL | Flag.LOCKED):
            continue
        if found and found[-1][0] == index and found[-1][2] == gram:
            found[-1] = (index, found[-1][1], gram + 1)
        else:
            found.append((index, gram, gram + 1))
    return found


def _gather(draw: st.DrawFn, history: History, pieces: list[tuple[int, int, int]], at: int) -> None:
    """Gather some pieces of one class into a bundle, of which one may be bundled already."""
    kept = draw(st.sampled_from(sorted({history.movements[index].flags & 7 for index, _, _ in pieces})))
    alike = [piece for piece in pieces if history.movements[piece[0]].flags & 7 == kept]
    taken = draw(st.lists(st.sampled_from(alike), min_size=1, max_size=3, unique=True))
    begin = target = draw(st.sampled_from([history.frontier, history.frontier + 2]))
    for index, first, last in taken:
        tag = history.movements[index].to_tag
        led = Target(begin, target).tag
        history.add(Movement(Kind.GATHER, Form.END, kept, 0, first, last, index, at, 0, tag, led, bytes(32)))
        history.goes_on |= {gram: target + gram - first for gram in range(first, last)}
        target += last - first
    held = bytes([100 + len(history.movements) % 50]) * 20
    history.add(Movement(Kind.BUNDLE, Form.REDUCTION, kept, 0, begin, target, None, at, 0, NO_TAG, held, bytes(32)))


def _free(history: History) -> list[int]:
    return [gram for gram in range(history.frontier) if gram not in history.cards]


def _moved(draw: st.DrawFn, history: History, gram: int, at: int) -> Movement:
    index = history.cards[gram]
    run = [gram]
    while history.cards.get(run[-1] + 1) == index:
        run.append(run[-1] + 1)
    last = run[draw(st.integers(0, len(run) - 1))] + 1
    return draw(st.sampled_from(lawful_children(history.movements[index], index, gram, last, at)))
