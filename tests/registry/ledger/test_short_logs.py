"""Every short log that the rules allow: no gram comes from nowhere, is used twice, gets lost, or is another's in kind.

What the rules say of two leaves has to be enough for all of a log. So all logs of a few leaves over a few numbers are
made that the rules allow, two leaves by two, and a child with a card for each gram looks at each. The other way round,
each clause about runs and numbers is taken out of the rules in turn, and then a log is found that the child refuses.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from types import ModuleType

import pytest

from registry.ledger import rules
from registry.ledger.movement import NO_TAG, Movement, Target
from tests.support.pairs import ANN, BOB, BUNDLE, CANCEL, CLASS_I, END, GATHER, ISSUE, REDUCTION, TRANSFER

NUMBERS = LEAVES = 5
"""25,079 logs; of six and six there are 550,569, as good, and too many for every run of the tests."""
CLAUSES = {
    "one time": (" after.at != before.at or", ""),
    "one class": ("(after.flags ^ before.flags) & BUNDLE_FLAGS", "False"),
    "a bundle from its first number": ("(after.first, after.last) == (target.bundle, end)", "after.last == end"),
    "a bundle up to its last piece": (
        "(after.first, after.last) == (target.bundle, end)", "after.first == target.bundle"
    ),
    "pieces of one bundle": (
        "target_of(after) == Target(target.bundle, end)", "(led := target_of(after)) is not None and led.first == end"
    ),
    "pieces end to end": (
        "target_of(after) == Target(target.bundle, end)",
        "(led := target_of(after)) is not None and led.bundle == target.bundle",
    ),
    "something of the run after a GATHER": (
        "if before is not None and before.kind == Kind.GATHER:\n        return True", ""
    ),
    "a GATHER before a BUNDLE": ("return after is not None and after.kind == Kind.BUNDLE", "return False"),
    "a GATHER before one that does not begin": ("return target is not None and not target.begins_run", "return False"),
    "no bundle over an issue": (
        "one.kind in ORIGINS and other.kind in ORIGINS", "one.kind == other.kind and one.kind in ORIGINS"
    ),
    "no bundle over a bundle": (
        "one.kind in ORIGINS and other.kind in ORIGINS",
        "one.kind in ORIGINS and other.kind in ORIGINS and Kind.ISSUE in (one.kind, other.kind)",
    ),
    "no gram taken twice from one parent": (
        "return Rule.OVERLAP if one.parent is not None and one.parent == other.parent else None", "return None"
    ),
    "a new number has a holder": ("        (Rule.HOLDER, child.to_tag == NO_TAG),\n", ""),
    "a gram that is handed on has a holder": (
        "if child.form != Form.END and child.to_tag == NO_TAG:\n        return Rule.HOLDER", ""
    ),
}  # fmt: skip
"""Name of the clause -> its text in the rules, and what stands there without it."""


def without(clause: str) -> ModuleType:
    """The rules but for one clause."""
    text, rest = CLAUSES[clause]
    source = inspect.getsource(rules)
    assert source.count(text) == 1, f"the clause stands in the rules no longer as it is written here: {text}"
    made = ModuleType("registry.ledger.rules_without")
    exec(compile(source.replace(text, rest), "rules", "exec"), made.__dict__)  # noqa: S102 - our own source, cut
    return made


@dataclass(frozen=True)
class Cards:
    """What the child knows: where each card lies, what is in its hand, and which numbers there ever were."""

    lies: tuple[tuple[int, int, int, int], ...] = ()
    """(number, leaf that it lies with, class, time) of each card, by number."""
    hand: tuple[tuple[int, int, int], ...] = ()
    """(number that it is led to, class, time) of each card that was gathered."""
    numbers: frozenset[int] = frozenset()

    def after(self, index: int, leaf: Movement) -> "Cards | str":
        """Do what a leaf says; a sentence when it cannot be."""
        if leaf.form != END and leaf.to_tag == NO_TAG:
            return "nobody's"
        grams = range(leaf.first, leaf.last)
        if leaf.kind in {ISSUE, BUNDLE}:
            return self._numbered(index, leaf, grams)
        taken = [card for card in self.lies if card[0] in grams and card[1] == leaf.parent]
        if len(taken) != len(grams) or any(card[2] != leaf.flags or card[3] > leaf.at for card in taken):
            return "not there to be used"
        rest = tuple(card for card in self.lies if card not in taken)
        if leaf.form != END:
            rest = tuple(sorted((*rest, *((number, index, leaf.flags, leaf.at) for number in grams))))
        if leaf.kind != GATHER:
            return Cards(rest, self.hand, self.numbers)
        to = int.from_bytes(leaf.to_tag[12:]) - leaf.first
        return Cards(rest, (*self.hand, *((number + to, leaf.flags, leaf.at) for number in grams)), self.numbers)

    def _numbered(self, index: int, leaf: Movement, grams: range) -> "Cards | str":
        if self.numbers & set(grams):
            return "a number given twice"
        if leaf.kind == BUNDLE:
            if sorted(card[0] for card in self.hand) != list(grams):
                return "not what was gathered"
            if any(card[1] != leaf.flags for card in self.hand):
                return "another class"
            if any(card[2] > leaf.at for card in self.hand):
                return "before it was gathered"
        made = ((number, index, leaf.flags, leaf.at) for number in grams)
        return Cards(
            tuple(sorted((*self.lies, *made))), () if leaf.kind == BUNDLE else self.hand, self.numbers | set(grams)
        )


def vocabulary(
    numbers: int, leaves: int, flags: tuple[int, ...], times: tuple[int, ...], *, is_wide: bool
) -> list[Movement]:
    """Every leaf that might stand in such a log, lawful or not."""
    ranges = list(combinations(range(numbers + 1), 2))
    tags = (ANN, NO_TAG) if is_wide else (ANN,)
    found = []
    for first, last in ranges:
        for flag in flags:
            for at in times:
                for kind in (ISSUE, BUNDLE):
                    found += [
                        Movement(kind, REDUCTION, flag, 0, first, last, None, at, 0, NO_TAG, tag, bytes(32))
                        for tag in tags
                    ]
                for parent in range(leaves - 1):
                    end = Movement(CANCEL, END, flag, 16, first, last, parent, at, 0, ANN, NO_TAG, bytes(32))
                    found += [end, *_gathers(end, numbers)]
                    if is_wide:
                        found += [_given(end, tag) for tag in (BOB, NO_TAG)]
    return found


def _gathers(end: Movement, numbers: int) -> Iterator[Movement]:
    for bundle in range(numbers):
        for target in range(bundle, numbers - end.quantity_g + 1):
            tag = Target(bundle, target).tag
            yield Movement(
                GATHER, END, end.flags, 0, end.first, end.last, end.parent, end.at, 0, ANN, tag, bytes(32)
            )  # fmt: skip


def _given(end: Movement, tag: bytes) -> Movement:
    return Movement(TRANSFER, REDUCTION, end.flags, 1, end.first, end.last, end.parent, end.at, 0, ANN, tag, bytes(32))


class Search:
    """All logs that these rules allow, two leaves by two. A set of leaves is one number, a bit for each word.

    The rules ask whether two leaves have one parent, and not which; so they are asked once for all words that are alike
    but for their parent.
    """

    def __init__(self, by: ModuleType, words: list[Movement]) -> None:
        self.by, self.words = by, words
        self.shapes = [replace(leaf, parent=None if leaf.parent is None else 0) for leaf in words]
        self.alike: dict[Movement, int] = {}
        self.of_parent: dict[int | None, int] = {}
        for place, leaf in enumerate(words):
            self.alike[self.shapes[place]] = self.alike.get(self.shapes[place], 0) | 1 << place
            self.of_parent[leaf.parent] = self.of_parent.get(leaf.parent, 0) | 1 << place
        self.origins = self._those(lambda leaf: leaf.parent is None and by.broken_rule(leaf, None) is None)
        self.first = self.origins & self._those(lambda leaf: by.broken_run(None, leaf) is None)
        self.children, self.rivals, self.next = cache(self._children), cache(self._rivals), cache(self._next)
        self.is_signed = [by.broken_run(leaf, None) is None for leaf in words]

    def logs(self, leaves: int) -> Iterator[tuple[tuple[int, ...], Cards | str]]:
        """Every log of at most so many leaves that may be signed, as places in the words, with the child's cards."""
        yield from self._longer((), Cards(), self.origins, self.first, leaves)

    def _longer(
        self, log: tuple[int, ...], cards: Cards | str, fitting: int, allowed: int, leaves: int
    ) -> Iterator[tuple[tuple[int, ...], Cards | str]]:
        """`fitting` are the leaves that fit to each of `log`, `allowed` those that may stand right behind it too."""
        while allowed:
            place = (allowed & -allowed).bit_length() - 1
            allowed &= allowed - 1
            longer = (*log, place)
            found = cards if isinstance(cards, str) else cards.after(len(log), self.words[place])
            if self.is_signed[place]:
                yield longer, found if isinstance(found, str) or not found.hand else "lost"
            if len(longer) < leaves:
                more = (fitting | self._below(len(log), place)) & self._beside(place)
                yield from self._longer(longer, found, more, more & self.next(self.shapes[place]), leaves)

    def _below(self, index: int, place: int) -> int:
        return self.children(self.shapes[place]) & self.of_parent.get(index, 0)

    def _beside(self, place: int) -> int:
        return self.rivals(self.shapes[place]) | ~self.of_parent[self.words[place].parent]

    def _children(self, parent: Movement) -> int:
        return self._those(lambda leaf: leaf.parent == 0 and self.by.broken_rule(leaf, parent) is None)

    def _rivals(self, other: Movement) -> int:
        return self._those(lambda leaf: self.by.overlap(other, leaf) is None)

    def _next(self, before: Movement) -> int:
        return self._those(lambda leaf: self.by.broken_run(before, leaf) is None)

    def _those(self, are_meant: Callable[[Movement], bool]) -> int:
        return sum(bits for leaf, bits in self.alike.items() if are_meant(leaf))


def test_no_short_log_makes_loses_or_uses_a_gram_twice():
    words = vocabulary(NUMBERS, LEAVES, (0,), (1,), is_wide=False)
    kinds = Counter()
    for log, cards in Search(rules, words).logs(LEAVES):
        assert not isinstance(cards, str), [words[place] for place in log]
        kinds[tuple(words[place].kind for place in log)] += 1
    assert kinds[ISSUE, GATHER, BUNDLE, GATHER, BUNDLE] > 10
    assert kinds[ISSUE, ISSUE, GATHER, GATHER, BUNDLE] > 10
    assert not kinds[ISSUE, BUNDLE]


def test_no_short_log_of_two_classes_times_and_holders_does_either():
    words = vocabulary(3, 4, (0, CLASS_I), (1, 2), is_wide=True)
    refused = [cards for _, cards in Search(rules, words).logs(4) if isinstance(cards, str)]
    assert refused == []


@pytest.mark.parametrize("clause", CLAUSES)
def test_without_any_one_clause_there_is_such_a_log(clause):
    search = Search(without(clause), vocabulary(3, 5, (0, CLASS_I), (1, 2), is_wide=True))
    assert any(isinstance(cards, str) for _, cards in search.logs(5))
