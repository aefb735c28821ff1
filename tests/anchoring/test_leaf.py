"""The leaf's 114 bytes: there and back, what is refused, and the same bytes seen through numpy."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring import leaf
from anchoring.errors import Malformed
from registry.ledger.movement import NO_TAG, Movement

U64 = st.integers(0, 2**64 - 1)
MOVEMENTS = st.builds(
    Movement,
    kind=st.integers(0, 255),
    form=st.integers(0, 255),
    flags=st.integers(0, 255),
    purpose=st.integers(0, 2**16 - 1),
    first=U64,
    last=U64,
    parent=st.none() | st.integers(0, 2**64 - 2),
    at=st.integers(0, 2**48 - 1),
    until=st.integers(0, 2**48 - 1),
    from_tag=st.binary(min_size=20, max_size=20),
    to_tag=st.binary(min_size=20, max_size=20),
    evidence=st.binary(min_size=32, max_size=32),
)
ISSUE = Movement(1, 1, 10, 0, 5, 9, None, 1, 0, NO_TAG, bytes([7]) * 20, bytes(32))


@given(MOVEMENTS)
def test_every_movement_comes_back_from_its_bytes(movement):
    data = leaf.encode(movement)
    assert len(data) == leaf.LEAF_SIZE
    assert leaf.decode(data) == movement


@given(st.binary(min_size=113, max_size=113))
def test_any_bytes_of_version_1_are_one_movement_and_no_other(rest):
    data = b"\x01" + rest
    assert leaf.encode(leaf.decode(data)) == data


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_malformed(data):
    if len(data) == leaf.LEAF_SIZE and data[0] == leaf.VERSION:
        assert leaf.encode(leaf.decode(data)) == data
    else:
        with pytest.raises(Malformed):
            leaf.decode(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", 256),
        ("kind", -1),
        ("form", 256),
        ("flags", 256),
        ("purpose", 2**16),
        ("first", 2**64),
        ("first", -1),
        ("last", 2**64),
        ("last", 1.0),
        ("parent", 2**64 - 1),
        ("parent", -1),
        ("at", 2**48),
        ("until", 2**48),
        ("until", None),
        ("from_tag", bytes(19)),
        ("to_tag", bytes(21)),
        ("to_tag", "0" * 20),
        ("evidence", bytes(31)),
    ],
)
def test_what_does_not_fit_its_field_is_refused_by_the_fields_name(field, value):
    with pytest.raises(ValueError, match=f"^{field} must be"):
        leaf.encode(replace(ISSUE, **{field: value}))


@given(st.lists(MOVEMENTS, max_size=5))
def test_numpy_sees_the_same_fields(movements):
    table = np.frombuffer(b"".join(map(leaf.encode, movements)), dtype=leaf.LEAF_DTYPE)
    assert leaf.LEAF_DTYPE.itemsize == leaf.LEAF_SIZE
    for name in ("kind", "form", "flags", "purpose", "first", "last"):
        assert table[name].tolist() == [getattr(movement, name) for movement in movements]
    parents = [leaf.NO_PARENT if movement.parent is None else movement.parent for movement in movements]
    assert table["parent"].tolist() == parents
    assert leaf.milliseconds(table["at"]).tolist() == [movement.at for movement in movements]
    assert leaf.milliseconds(table["until"]).tolist() == [movement.until for movement in movements]
    for name in ("from_tag", "to_tag", "evidence"):
        assert [row.tobytes() for row in table[name]] == [getattr(movement, name) for movement in movements]
