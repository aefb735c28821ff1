"""The fast writer of RFC 8785 against the library that it stands in for."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from registry.evidence.canonical import canonical
from registry.ledger.movement import Kind
from registry.procedure.decision import Record

TEXT = (
    st.text()
    | st.text(st.characters(max_codepoint=0x7F))
    | st.sampled_from(["\ud800", "\U0001f6b2", "\ufb33", "\x7f", "\u2028"])
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


def written(write, value):
    try:
        return write(value)
    except ValueError:
        return None


@given(VALUES)
def test_writes_what_the_library_writes_and_refuses_what_it_refuses(value):
    assert written(canonical, value) == written(rfc8785.dumps, value)


@pytest.mark.parametrize("value", [Record.SOURCE, [Kind.SOURCE, (1, "a")], {"a": {Record.POLICY: [Record.SOURCE]}}])
def test_what_is_more_than_a_plain_value_is_written_alike(value):
    assert canonical(value) == rfc8785.dumps(value)


def test_what_has_no_json_is_refused():
    with pytest.raises(ValueError, match="unsupported type"):
        canonical({"a": [object()]})
    with pytest.raises(RecursionError):
        canonical(nested(100_000))


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value
