"""Which overlapping rides are kept: against a model that compares every pair."""

from hypothesis import given
from hypothesis import strategies as st

from registry.activities.judgement.overlap import Span, resolve


def _span(start, row, end, account, bike):
    return Span(start, row, end, (("account_id", account), ("thing_0", bike)))


_rides = st.tuples(st.integers(1, 3), st.sampled_from("xyz"), st.integers(0, 20), st.integers(1, 8))
_spans = st.lists(_rides, max_size=30).map(
    lambda drawn: [
        _span(start, row, start + length, account, bike) for row, (account, bike, start, length) in enumerate(drawn)
    ]
)


def _in_the_way(one, other):
    same = set(one.busy) & set(other.busy)
    return same and one.starts_ms < other.ends_ms and other.starts_ms < one.ends_ms


def _keep_naively(spans):
    kept = []
    for span in sorted(spans):
        if not any(_in_the_way(span, other) for other in kept):
            kept.append(span)
    return {span[1] for span in kept}


@given(_spans)
def test_keeps_what_the_naive_model_keeps(spans):
    assert {span[1] for span in spans} - set(resolve(spans)) == _keep_naively(spans)


@given(_spans)
def test_names_a_kept_ride_of_the_person_or_the_bicycle_that_was_under_way(spans):
    by_row = {span[1]: span for span in spans}
    yields = resolve(spans)
    for row, kept in yields.items():
        assert kept not in yields
        assert _in_the_way(by_row[row], by_row[kept])
        assert by_row[kept] < by_row[row]


@given(_spans, st.randoms())
def test_does_not_depend_on_the_order_of_its_input(spans, random):
    shuffled = list(spans)
    random.shuffle(shuffled)
    assert resolve(shuffled) == resolve(spans)


def test_touching_is_no_overlap_and_a_chain_alternates():
    assert resolve([_span(0, 1, 10, 1, "x"), _span(10, 2, 20, 1, "x")]) == {}
    assert resolve([_span(0, 1, 10, 1, "x"), _span(5, 2, 15, 1, "y"), _span(12, 3, 20, 1, "z")]) == {2: 1}


def test_one_bicycle_carries_one_rider_at_a_time():
    assert resolve([_span(0, 1, 10, 1, "x"), _span(9, 2, 15, 2, "x"), _span(12, 3, 20, 2, "y")]) == {2: 1}
