"""Any movement at all, over few numbers, codes and tags, so that two of them often have something in common."""

from hypothesis import strategies as st

from registry.ledger.movement import NO_TAG, Movement, Target
from tests.support import pairs
from tests.support.pairs import ANN, BOB

numbers = st.integers(0, 12)
targets = st.builds(lambda bundle, first: Target(bundle, first).tag, numbers, numbers)
anything = st.builds(
    Movement,
    kind=st.sampled_from([*range(14), 64, 255]),
    form=st.integers(0, 3),
    flags=st.integers(0, 255),
    purpose=st.sampled_from(pairs.PURPOSES),
    first=numbers,
    last=numbers,
    parent=st.none() | st.integers(0, 2),
    at=st.integers(0, 3),
    until=st.integers(0, 3),
    from_tag=st.sampled_from([NO_TAG, ANN, BOB]),
    to_tag=st.sampled_from([NO_TAG, ANN, BOB]) | targets,
    evidence=st.just(bytes(32)),
)
