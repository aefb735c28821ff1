"""Evidence: any field can be shown alone, nothing can be changed, and nothing hostile gets through or raises."""

import base64
import hashlib
import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.evidence.document import MAX_FIELDS, digest, disclose, field_digest, seal, seal_each, seal_texts, verify

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.text(), VALUES, min_size=1, max_size=6)
ASCII = st.text(st.characters(max_codepoint=126, min_codepoint=32))


@given(DOCUMENTS, st.data())
def test_the_digest_does_not_depend_on_what_is_shown(values, data):
    sealed = seal(values)
    shown = data.draw(st.sets(st.sampled_from(sorted(values))))
    disclosed = disclose(sealed.fields, shown)
    assert {name for name, field in disclosed.items() if isinstance(field, list)} == shown
    assert digest(disclosed) == sealed.digest
    assert verify(disclosed, sealed.digest)
    assert verify(json.loads(json.dumps(disclosed)), sealed.digest), "through JSON and back"
    assert disclose(disclosed, values) == disclosed, "what is withheld cannot be had back"


@given(st.dictionaries(ASCII, ASCII | st.integers(-9, 2**53 - 1) | st.lists(ASCII), min_size=1))
def test_the_digest_is_that_of_the_text_of_the_design(values):
    salts = [hashlib.md5(name.encode(), usedforsecurity=False).digest() for name in values]
    sealed = seal(values, lambda size: b"".join(salts)[:size])
    digests = {}
    for (name, value), salt in zip(values.items(), salts, strict=True):
        text = base64.urlsafe_b64encode(salt).decode().rstrip("=")
        assert sealed.fields[name] == [text, value]
        plain = json.dumps([text, name, value], separators=(",", ":"), ensure_ascii=False)
        digests[name] = hashlib.sha256(plain.encode()).hexdigest()
    whole = json.dumps(digests, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    assert sealed.digest == hashlib.sha256(whole.encode()).digest()


def test_every_salt_is_sixteen_fresh_bytes():
    fields = [seal({"a": 1, "b": 1}).fields for _ in range(50)]
    salts = {field[name][0] for field in fields for name in ("a", "b")}
    assert len(salts) == 100
    assert {len(base64.urlsafe_b64decode(salt + "==")) for salt in salts} == {16}


@given(DOCUMENTS, st.lists(VALUES, max_size=4), st.text())
def test_documents_sealed_together_are_each_as_by_itself(shared, own, name):
    if name in shared:
        with pytest.raises(ValueError, match="shared by all"):
            seal_each(shared, [{name: 1}])
        return
    sealed = seal_each(shared, [{name: value} for value in own])
    assert len({one.digest for one in sealed}) == len(own), "all salts are fresh"
    for one, value in zip(sealed, own, strict=True):
        assert {field: shown for field, (_, shown) in one.fields.items()} == {**shared, name: value}
        assert digest(one.fields) == one.digest


@given(DOCUMENTS, st.data())
def test_nothing_can_be_changed(values, data):
    sealed = seal(values)
    name = data.draw(st.sampled_from(sorted(values)))
    salt, value = sealed.fields[name]
    other = data.draw(VALUES.filter(lambda drawn: field_digest("", "", drawn) != field_digest("", "", value)))
    new_name = data.draw(st.text().filter(lambda drawn: drawn not in values))
    rest = {key: field for key, field in sealed.fields.items() if key != name}
    hidden = field_digest(salt, name, value)
    forged = [
        {**rest, name: [salt, other]},
        {**rest, name: [salt + "A", value]},
        {**rest, name: [salt[1:], value]},
        {**rest, new_name: [salt, value]},
        {**rest, new_name: hidden},
        {**rest, name: hidden[1:] + ("0" if hidden[-1] != "0" else "1")},
        {**rest, name: hidden.upper()} if hidden.upper() != hidden else rest,
        {**sealed.fields, new_name: [salt, value]},
        rest,
    ]
    assert [verify(fields, sealed.digest) for fields in forged] == [False] * len(forged)
    position = data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(sealed.digest) ^ 1 << position).to_bytes(32)
    assert not verify(sealed.fields, flipped)


def test_two_hidden_fields_cannot_be_swapped():
    sealed = seal({"payer": "A", "payee": "B"})
    hidden = disclose(sealed.fields, set())
    assert verify(hidden, sealed.digest)
    assert not verify({"payer": hidden["payee"], "payee": hidden["payer"]}, sealed.digest)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def endless():
    value = []
    value.append(value)
    return value


HOSTILE = [
    None, 0, "", "a" * 64, [], {}, b"{}", [["salt", 1]],
    {"a": None}, {"a": 1}, {"a": []}, {"a": ["salt"]}, {"a": ["salt", 1, 2]}, {"a": [1, "value"]},
    {"a": {"0": "salt", "1": 1}}, {"a": ("salt", 1)}, {"a": "f" * 63}, {"a": "F" * 64}, {"a": "é" * 64},
    {"a": "０" * 64}, {1: ["salt", 1]}, {None: ["salt", 1]}, {"a": ["salt", math.nan]},
    {"a": ["salt", math.inf]}, {"a": ["salt", 2**53]}, {"a": ["salt", -(10**400)]}, {"a": ["salt", {1: 2}]},
    {"a": ["salt", "\ud800"]}, {"a": ["\udfff", 1]}, {"\ud800": ["salt", 1]}, {"a": ["salt", {"\ud800": 1}]},
    {"a": ["salt", {1, 2}]}, {"a": ["salt", b"x"]}, {"a": ["salt", object()]},
    {"a": ["salt", nested(100_000)]}, {"a": ["salt", endless()]},
    {str(number): ["salt", 1] for number in range(MAX_FIELDS + 1)},
    {"a": ["salt", 10**5000]},
]  # fmt: skip


@pytest.mark.parametrize("hostile", [pytest.param(shape, id=str(number)) for number, shape in enumerate(HOSTILE)])
def test_hostile_shapes_give_false(hostile):
    assert verify(hostile, bytes(32)) is False


@pytest.mark.parametrize("expected", [b"", None, "", 0, bytes(31)], ids=repr)
def test_a_digest_that_is_none_gives_false(expected):
    assert verify(seal({"a": 1}).fields, expected) is False


def test_as_many_fields_as_allowed_verify():
    sealed = seal({str(number): number for number in range(MAX_FIELDS)})
    assert verify(sealed.fields, sealed.digest)


def test_fields_that_are_written_are_those_that_are_sealed():
    def fixed():
        numbers = itertools.count()
        return lambda size: bytes((next(numbers) * 7 + place) % 256 for place in range(size))

    shared = {"act": "issue", "at_ms": 5, "said": '100% "克"', "list": ["a", "%s"]}
    own = [{"first_g": 1, "quantity_g": 2}, {"first_g": 3, "quantity_g": 9}]
    sealed, (digests, texts) = seal_each(shared, own, fixed()), seal_texts(shared, own, fixed())
    assert [one.digest for one in sealed] == digests
    assert [one.fields for one in sealed] == [json.loads(text) for text in texts]
    with pytest.raises(ValueError, match="shared"):
        seal_texts(shared, [{"act": 1}])
