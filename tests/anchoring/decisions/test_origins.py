"""Grams are followed back through bundles of bundles to the numbers that they were issued under, as in a model."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anchoring.decisions import origins
from anchoring.decisions.origins import Bundles
from anchoring.replaying.history import ROW

ISSUED = 40


@st.composite
def gathered(draw):
    """Rows of runs and their bundles, and for each number given the gram that was issued: number -> number."""
    rows, bundles, gram_of, alive, frontier = [(0, ISSUED)], [], {n: n for n in range(ISSUED)}, [(0, ISSUED)], ISSUED
    for _ in range(draw(st.integers(0, 5))):
        pieces = []
        for _ in range(draw(st.integers(1, 4))):
            first, end = alive.pop(draw(st.integers(0, len(alive) - 1)))
            cuts = sorted({first, end, *draw(st.lists(st.integers(first, end), max_size=2))})
            parts = list(pairwise(cuts))
            taken = parts.pop(draw(st.integers(0, len(parts) - 1)))
            pieces.append(taken)
            alive += parts
            if not alive:
                break
        numbers = [number for first, end in pieces for number in range(first, end)]
        gram_of |= {frontier + at: gram_of[number] for at, number in enumerate(numbers)}
        rows += [*pieces, (frontier, frontier + len(numbers))]
        bundles.append((frontier, frontier + len(numbers), len(rows) - 1))
        alive.append((frontier, frontier + len(numbers)))
        frontier += len(numbers)
    made = np.zeros(len(rows), ROW)
    made["first"], made["last"] = zip(*rows, strict=True)
    return made, bundles, gram_of


@settings(max_examples=200, deadline=None)
@given(gathered(), st.data(), st.sampled_from([1, 2, 4096]))
def test_every_gram_has_the_number_that_it_was_issued_under(log, data, run):
    rows, listed, gram_of = log
    bundles = Bundles(run)
    bundles.reach(rows)
    several = data.draw(st.integers(0, len(listed)))
    bundles.add(*np.array(listed[:several], np.uint64).reshape(-1, 3).T)
    for bundle in listed[several:]:
        bundles.add(*np.array([bundle], np.uint64).T)
    first = data.draw(st.integers(0, max(gram_of)))
    end = data.draw(st.integers(first + 1, max(gram_of) + 1))
    spans = bundles.origins(first, end)
    found = [number for low, high in spans for number in range(low, high)]
    assert sorted(found) == sorted(gram_of[number] for number in range(first, end))
    assert all(low < high for low, high in spans)


def test_a_bundle_is_known_by_what_stands_before_it_alone():
    """Numbers that a later bundle claims are not followed there, whatever a log says, so that this ends."""
    rows = np.zeros(2, ROW)
    rows["first"], rows["last"] = [10, 10], [20, 20]
    bundles = Bundles()
    bundles.reach(rows)
    bundles.add(*np.array([[10, 20, 1]], np.uint64).T)
    assert bundles.origins(10, 20) == [(10, 20)]
    assert origins.RUN >= 4096
