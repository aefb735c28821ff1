"""What `child_of` makes is lawful whenever the text gives the kind a way from the parent, and only then."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from registry.ledger.child import Receiver, Step, child_of
from registry.ledger.movement import Kind, Movement, Target
from registry.ledger.rules import broken_rule
from tests.support import naive_rules
from tests.support.pairs import ANN, BOB, PURPOSES, SHOP, UNTIL

PURPOSES_OF = {Kind.TRANSFER: range(1, 5), Kind.CANCEL: range(16, 22), Kind.VOID: (48,), Kind.LOCK: range(32, 35)}
KINDS = [kind for kind in Kind if Kind.TRANSFER <= kind <= Kind.UNLOCK]


@st.composite
def parents(draw):
    """Blocks as the ledger can hold them: reductions or points of a person or an institution, locked or not."""
    form = draw(st.sampled_from([1, 2]))
    flags = draw(st.integers(0, 31)) | (6 if form == 2 else 0)
    kind, purpose = draw(st.sampled_from([(1, 0), (2, 1), (3, 0), (4, 0), (5, 0), (6, 0), (11, 0)]))
    if flags & 16:
        kind, purpose = 10, draw(st.sampled_from([32, 33, 34]))
    until = UNTIL if form == 2 else 0
    return Movement(kind, form, flags, purpose, 10, 20, 1, 1000, until, BOB, ANN, bytes(32))


def possible(parent, kind, purpose, at, until, receiver):
    """Whether any child of that kind, purpose and time is lawful by the text: the naive reading tries them all."""
    receiving = [receiver.tag(12, bytes(32))] if receiver else [ANN, BOB, bytes(20)]
    untils = {until} if kind == Kind.CONVERT else {0, parent.until}
    return any(
        naive_rules.allowed(Movement(kind, form, flags, purpose, 12, 15, 7, at, end, ANN, to, bytes(32)), parent)
        for form, flags, end, to in product(range(3), range(32), untils, receiving)
        if receiver is None or receiver.is_individual == bool(flags & 8)
    )


@given(
    parents(),
    st.sampled_from(KINDS),
    st.sampled_from([500, 1000, 1001, UNTIL, UNTIL + 1]),
    st.sampled_from([0, 1001, UNTIL, UNTIL + 2]),
    st.booleans(),
    st.data(),
)
def test_a_child_is_lawful_if_any_is(parent, kind, at, until, is_individual, data):
    purpose = data.draw(st.sampled_from([*PURPOSES_OF.get(kind, (0,))]) | st.sampled_from(PURPOSES))
    receiver = Receiver(lambda *_: SHOP, is_individual) if kind in {Kind.TRANSFER, Kind.REDEEM} else None
    if kind == Kind.GATHER:
        receiver = Receiver(lambda *_: Target(20, 23).tag, is_individual=False)
    child = child_of(parent, 7, (12, 15), Step(kind, at, purpose, until), receiver, bytes(32))
    assert (child.first, child.last, child.parent) == (12, 15, 7)
    assert (child.at, at - child.at) == (at - at % 60_000, at % 60_000)
    expected = possible(parent, kind, purpose, child.at, until, receiver)
    assert (broken_rule(child, parent) is None) == expected
