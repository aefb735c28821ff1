"""State proofs against a child's model: one card for each gram, and the number of the movement that had it last."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchoring.errors import Malformed, Refuted
from anchoring.merkle import EMPTY_ROOT
from anchoring.state import proof as proofs
from anchoring.state.proof import Entry, Node
from anchoring.state.segments import NO_INDEX
from anchoring.state.tree import CHUNK, Segments, entry_hash, hash_map, inner_hash, level_sizes
from anchoring.state.verify import verify_state
from anchoring.trust.policy import k_of
from anchoring.verify import Outcome
from tests.support.histories import History, histories, issue_of
from tests.support.states import COSIGNERS, VKEY, Proven, leaf_hashes_of, leaves_of, segments_from, with_record
from tests.support.synthetic_log import lawful_leaves


def proven(history: History, folder: str) -> Proven:
    return Proven.of(leaves_of(history.movements), Path(folder))


def check(data: bytes, asked=None):
    return verify_state(data, VKEY, k_of(COSIGNERS), asked=asked)


def naive_root(entries) -> tuple[int, bytes]:
    """The map's definition, by recursion."""
    if len(entries) == 1:
        first, last, index, own = entries[0]
        return last - first, entry_hash(first, last, index, own)
    split = 1 << (len(entries) - 1).bit_length() - 1
    left, right = naive_root(entries[:split]), naive_root(entries[split:])
    return left[0] + right[0], inner_hash(*left, *right)


few = settings(max_examples=60)


@given(histories())
@few
def test_segments_are_the_cards(history: History):
    segments = segments_from(leaves_of(history.movements))
    found = {}
    for first, last, index in zip(
        segments.first.tolist(), segments.last.tolist(), segments.index.tolist(), strict=True
    ):
        assert first < last
        found |= dict.fromkeys(range(first, last), index)
    assert segments.frontier_g == history.frontier
    assert found == {gram: history.cards.get(gram, NO_INDEX) for gram in range(history.frontier)}


@given(histories())
@few
def test_every_grams_proof_says_the_models_state(history: History):
    with tempfile.TemporaryDirectory() as folder:
        state = proven(history, folder)
        for gram in range(history.frontier + 2):
            found = check(state.proof(gram, gram + 1).encode(), (gram, gram + 1))
            assert found.outcome is Outcome.HOLDS, found.steps
            (part,) = found.parts
            assert (part.first, part.last) == (gram, gram + 1)
            assert part.index == history.cards.get(gram)
            own = None if part.index is None else history.movements[part.index]
            assert part.movement == own
            assert part.state == state_of(history, gram, own)
            assert part.into == ((on, on + 1) if (on := history.goes_on.get(gram)) is not None else None)


def state_of(history: History, gram: int, own) -> str:
    if own is None:
        return "not issued"
    return "gathered" if gram in history.goes_on else "live" if own.form else "ended"


@given(histories(), st.data())
@few
def test_a_range_is_proven_with_one_proof(history: History, data: st.DataObject):
    first = data.draw(st.integers(0, history.frontier + 1))
    last = data.draw(st.integers(first + 1, history.frontier + 3))
    with tempfile.TemporaryDirectory() as folder:
        found = check(proven(history, folder).proof(first, last).encode(), (first, last))
        assert found.outcome is Outcome.HOLDS, found.steps
        said = {gram: part.index for part in found.parts for gram in range(part.first, part.last)}
        assert said == {gram: history.cards.get(gram) for gram in range(first, last)}


@pytest.mark.parametrize("entries", [1, 2, 3, 7, 8, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_the_tree_in_chunks_is_the_tree_by_its_definition(entries: int):
    widths = np.arange(1, entries + 1, dtype=np.uint64) % 7 + 1
    last = np.cumsum(widths)
    segments = Segments(
        np.concatenate(([0], last[:-1])).astype(np.uint64), np.arange(entries, dtype=np.uint64)[::-1], int(last[-1])
    )
    hashes = np.frombuffer(b"".join(number.to_bytes(32) for number in range(entries)), "V32")
    levels: dict[int, dict[int, bytes]] = {}

    def sink(level, start, made):
        for place, one in enumerate(made, start):
            assert place not in levels.setdefault(level, {})
            levels[level][place] = one.tobytes()

    root = hash_map(segments, hashes, sink)
    listed = zip(segments.first.tolist(), segments.last.tolist(), segments.index.tolist(), strict=True)
    assert root == naive_root([(first, last, index, index.to_bytes(32)) for first, last, index in listed])[1]
    assert [len(levels[level]) for level in sorted(levels)] == list(level_sizes(entries))
    assert levels[max(levels)][0] == root


def test_a_map_of_nothing_has_the_empty_root(tmp_path: Path):
    state = Proven.of(leaves_of([]), tmp_path)
    assert state.map.record.root == EMPTY_ROOT
    found = check(state.proof(5, 9).encode(), (5, 9))
    assert found.outcome is Outcome.HOLDS
    assert [(part.first, part.last, part.state) for part in found.parts] == [(5, 9, "not issued")]


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Proven:
    """Two hundred leaves of every kind."""
    return Proven.of(lawful_leaves(200, cohort=9), tmp_path_factory.mktemp("state"))


def test_any_altered_byte_is_refused(some: Proven):
    data = some.proof(*middle(some)).encode()
    assert check(data).outcome is Outcome.HOLDS
    for at in range(len(data)):
        for bit in (1, 128) if at % 7 else (1, 2, 4, 8, 16, 32, 64, 128):
            altered = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
            assert check(altered).outcome is not Outcome.HOLDS, (at, bit)


def middle(some: Proven) -> tuple[int, int]:
    first = some.map.first
    return int(first[len(first) // 2]), int(first[len(first) // 2 + 4])


def test_any_cut_is_refused(some: Proven):
    data = some.proof(*middle(some)).encode()
    assert all(check(data[:end]).outcome is not Outcome.HOLDS for end in range(len(data)))
    assert check(data + b"\n").outcome is not Outcome.HOLDS


def alterations(good: proofs.StateProof):
    """Every way to say something else with the same parts."""
    shown, nodes = good.shown, good.nodes
    for at in range(len(shown)):
        yield "dropped", replace(good, shown=shown[:at] + shown[at + 1 :])
        yield "twice", replace(good, shown=shown[: at + 1] + shown[at:])
        yield "hollow", replace(good, shown=(*shown[:at], replace(shown[at], index=None, leaf=None), *shown[at + 1 :]))
        yield "elsewhere", replace(good, shown=(*shown[:at], replace(shown[at], index=7), *shown[at + 1 :]))
    for at in range(len(shown) - 1):
        one, other = shown[at], shown[at + 1]
        yield "swapped", replace(good, shown=(*shown[:at], other, one, *shown[at + 2 :]))
        moved = (replace(one, last=one.last + 1), replace(other, first=other.first + 1))
        yield "same sum", replace(good, shown=(*shown[:at], *moved, *shown[at + 2 :]))
        joined = replace(one, last=other.last)
        yield "joined", replace(good, shown=(*shown[:at], joined, *shown[at + 2 :]))
    for at in range(len(nodes)):
        yield "node dropped", replace(good, nodes=nodes[:at] + nodes[at + 1 :])
        yield "node twice", replace(good, nodes=nodes[: at + 1] + nodes[at:])
        for span in (0, nodes[at].span + 1, nodes[at].span - 1, 2**64 - 1, 2**63):
            yield "node span", replace(good, nodes=(*nodes[:at], Node(span, nodes[at].hash), *nodes[at + 1 :]))
    for at in range(len(nodes) - 1):
        yield "nodes swapped", replace(good, nodes=(*nodes[:at], nodes[at + 1], nodes[at], *nodes[at + 2 :]))
        one, other = nodes[at], nodes[at + 1]
        spans = (Node(one.span + 1, one.hash), Node(other.span - 1, other.hash))
        yield "spans of one sum", replace(good, nodes=(*nodes[:at], *spans, *nodes[at + 2 :]))
    for name in ("entries", "frontier_g", "start"):
        for value in (0, getattr(good, name) + 1, getattr(good, name) - 1, 2**63, 2**64 - 2, 2**64 - 1):
            yield name, replace(good, **{name: value})
    yield "nothing shown", replace(good, shown=(), nodes=(), start=0, root=bytes(32))
    yield "shown beyond", replace(good, shown=(*shown, Entry(good.frontier_g, good.frontier_g + 5, None, None)))


def test_every_other_telling_is_refused(some: Proven):
    good = some.proof(*middle(some))
    told = set()
    for what, altered in alterations(good):
        told.add(what)
        try:
            data = altered.encode()
        except ValueError:
            continue  # not even the format says it
        assert check(data).outcome is not Outcome.HOLDS, what
    assert len(told) == 17


def test_a_range_that_is_not_shown_is_not_proven(some: Proven):
    first, last = middle(some)
    data = some.proof(first, last).encode()
    shown = some.proof(first, last).shown
    low, high = shown[0].first, shown[-1].last
    assert check(data, (low, high)).outcome is Outcome.HOLDS
    for asked in (
        (low - 1, high),
        (low, high + 1),
        (0, 1),
        (0, 2**64 - 1),
        (some.map.record.frontier_g - 1, 2**64 - 1),
    ):
        assert check(data, asked).outcome is Outcome.UNCHECKED, asked
        assert check(data, asked).parts == ()


def test_a_proof_under_another_record_is_refused(some: Proven, tmp_path: Path):
    other = Proven.of(lawful_leaves(201, cohort=9, seed=1), tmp_path)
    moved = replace(some.proof(*middle(some)), receipt=other.receipt)
    assert check(moved.encode()).outcome is Outcome.REFUTED


def test_a_leaf_that_is_no_record_is_refused(some: Proven):
    from tests.support.states import receipt_for

    lie = replace(some.proof(*middle(some)), receipt=receipt_for(with_record(some.leaves), 3))
    found = check(lie.encode())
    assert (found.steps[6].outcome, found.outcome) == (Outcome.REFUTED, Outcome.REFUTED)


def test_a_long_range_is_bounded(some: Proven):
    proof = some.proof(0, some.map.record.frontier_g, limit=5)
    assert len(proof.shown) == 5
    assert check(proof.encode(), (0, proof.shown[-1].last)).outcome is Outcome.HOLDS
    with pytest.raises(Malformed):
        proofs.parse(b"x" * (proofs.MAX_STATE_PROOF + 1))
    many = b"\n".join([proofs.HEADER.encode(), b"map 1 1 " + b"A" * 43 + b"=", b"from 0", *[b"entry 0 1 -"] * 1200])
    with pytest.raises(Malformed):
        proofs.parse(many + b"\n\n")


@pytest.mark.parametrize(
    "rival",
    [
        issue_of(5, 15, 0, 1, 9),
        replace(issue_of(0, 4, 0, 1, 9), kind=2, parent=0),
        replace(issue_of(0, 30, 0, 1, 9), kind=2, parent=0),
        replace(issue_of(0, 4, 0, 1, 9), kind=2, parent=77),
        replace(issue_of(0, 4, 0, 1, 9), kind=2, parent=2**64 - 2),
        replace(issue_of(4, 4, 0, 1, 9), kind=2, parent=0),
    ],
)
def test_a_log_that_breaks_a_rule_has_no_state(rival):
    taken = replace(issue_of(2, 6, 0, 1, 8), kind=2, parent=0)
    with pytest.raises(Refuted):
        segments_from(leaves_of([issue_of(0, 10, 0, 1, 7), taken, rival]))


def test_leaves_far_apart_on_the_number_line():
    top = 2**64 - 1
    segments = segments_from(leaves_of([issue_of(top - 2, top, 0, 1, 7), issue_of(1, 2, 0, 1, 8)]))
    assert segments.first.tolist() == [0, 1, 2, top - 2]
    assert segments.index.tolist() == [NO_INDEX, 1, NO_INDEX, 0]
    assert segments.frontier_g == top
    assert len(hash_map(segments, leaf_hashes_of(leaves_of([issue_of(1, 2, 0, 1, 8)] * 2)))) == 32
