"""Which overlapping rides are kept: against a model that compares every pair."""

from hypothesis import given
from hypothesis import strategies as st

from registry.issuance.overlap import resolve

_spans = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 20), st.integers(1, 8)), max_size=30).map(
    lambda drawn: [(account, start, row, start + length) for row, (account, start, length) in enumerate(drawn)]
)


def _keep_naively(spans):
    kept = []
    for span in sorted(spans, key=lambda s: (s[1], s[2])):
        if not any(k[0] == span[0] and k[1] < span[3] and span[1] < k[3] for k in kept):
            kept.append(span)
    return {span[2] for span in kept}


@given(_spans)
def test_keeps_what_the_naive_model_keeps(spans):
    assert {span[2] for span in spans} - set(resolve(spans)) == _keep_naively(spans)


@given(_spans)
def test_names_a_kept_ride_of_the_same_account_that_was_under_way(spans):
    by_row = {span[2]: span for span in spans}
    yields = resolve(spans)
    for row, kept in yields.items():
        mine, other = by_row[row], by_row[kept]
        assert kept not in yields
        assert (other[0], other[1] <= mine[1] < other[3]) == (mine[0], True)


@given(_spans, st.randoms())
def test_does_not_depend_on_the_order_of_its_input(spans, random):
    shuffled = list(spans)
    random.shuffle(shuffled)
    assert resolve(shuffled) == resolve(spans)


def test_touching_is_no_overlap_and_a_chain_alternates():
    assert resolve([(1, 0, 1, 10), (1, 10, 2, 20)]) == {}
    assert resolve([(1, 0, 1, 10), (1, 5, 2, 15), (1, 12, 3, 20)]) == {2: 1}
