"""The attack on a small city: its log is lawful, its truth is true, and what is tied is what the formats give away."""

import itertools

import numpy as np

from anchoring.leaf import decode
from anchoring.replaying.history import rows_of
from anchoring.replaying.overlaps import find_overlaps
from registry.ledger.movement import Kind
from tests.linking.attack import FORMATS, attacks, best, score
from tests.linking.city import NOBODY, day
from tests.linking.clues import see
from tests.support.naive_rules import allowed

RIDERS = 134
BEFORE = day(0, RIDERS, FORMATS["before"])


def test_the_citys_log_is_one_that_a_registry_could_publish():
    leaves = [decode(leaf.tobytes()) for leaf in BEFORE.leaves]
    for index, leaf in enumerate(leaves):
        assert leaf.parent is None or leaf.parent < index
        assert allowed(leaf, None if leaf.parent is None else leaves[leaf.parent])
    assert not list(find_overlaps(rows_of(BEFORE.leaves)))
    assert 10 * RIDERS < len(leaves) < 20 * RIDERS


def test_a_seed_makes_one_city():
    assert BEFORE.leaves.tobytes() == day(0, RIDERS, FORMATS["before"]).leaves.tobytes()
    assert BEFORE.leaves.tobytes() != day(1, RIDERS, FORMATS["before"]).leaves.tobytes()


def test_what_is_seen_is_what_persons_did_and_a_tag_is_of_one_of_them():
    seen = see(BEFORE.leaves, BEFORE.sizes)
    index = seen.index
    assert (np.flatnonzero(BEFORE.owner != NOBODY) == index).all()
    issues = index[seen.kind == Kind.ISSUE]
    assert len(issues) == seen.acquisitions
    owner = dict(zip(seen.acquisition[seen.kind == Kind.ISSUE].tolist(), BEFORE.owner[issues].tolist(), strict=True))
    assert [owner[number] for number in seen.acquisition.tolist()] == BEFORE.owner[index].tolist()


def test_pairs_are_counted_as_they_are_by_hand():
    label, owner, moves = np.array([0, 0, 0, 3, 4]), np.array([0, 0, 1, 1, 2]), np.array([2, 1, 3, 1, 5])
    found = score(label, owner, moves)
    pairs = list(itertools.combinations(np.repeat(np.arange(5), moves).tolist(), 2))
    others = [(one, other) for one, other in pairs if one != other]
    named = [pair for pair in others if label[pair[0]] == label[pair[1]]]
    right = [pair for pair in named if owner[pair[0]] == owner[pair[1]]]
    there = [pair for pair in others if owner[pair[0]] == owner[pair[1]]]
    assert (found.named, found.right, found.all) == (len(named), len(right), len(there))
    assert (found.own, found.whole, found.riders) == (len(pairs) - len(others), 0, 2)


def test_milliseconds_in_the_order_recorded_give_most_riders_away():
    _, found = best(list(attacks(BEFORE)))
    assert found.precision > 0.99
    assert found.recall > 0.8
    assert found.whole > found.riders / 2


def test_minutes_in_drawn_order_give_fewer_away():
    """Even of a quiet log; in a city of more people it is far fewer (docs/decisions/0007-what-can-be-linked.md)."""
    log = day(0, RIDERS, FORMATS["after"])
    leaves = [decode(leaf.tobytes()) for leaf in log.leaves]
    assert all(leaf.parent is None or leaf.parent < index for index, leaf in enumerate(leaves))
    assert all(leaf.at % 60_000 == 0 for leaf in leaves if leaf.kind < 64)
    assert sorted(leaf.first for leaf in leaves) == sorted(decode(leaf.tobytes()).first for leaf in BEFORE.leaves)
    _, found = best(list(attacks(log)))
    _, before = best(list(attacks(BEFORE)))
    assert found.worth < 0.8 * before.worth
    assert found.whole < 0.6 * before.whole
