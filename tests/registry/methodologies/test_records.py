"""The records that ship: complete, honest about what is known, and bound by a digest to each of their numbers."""

import json
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Invalid, MethodologyUnsound, NotFound
from registry.methodologies.code import MethodologyClass, MethodologyCode, SourceKind, parse_code
from registry.methodologies.record import digest, parse, to_document
from registry.methodologies.shelf import find, shipped

PUBLISHED = {
    "bus": "SHCER02020012024II",
    "metro": "SHCER02020022024II",
    "shared-bicycle": "SHCER02020032024II",
    "battery-electric-car": "SHCER02020042024II",
    "residential-electricity": "SHCER02010022024II",
}
OTHERS = {
    *("distributed-pv", "car-charging", "shenzhen-electricity", "low-carbon-travel", "city-travel", "public-bicycle"),
    *("car-pooling", "metro-by-trip"),
}
DEMONSTRATED = {"distributed-pv", "car-charging", "public-bicycle"}
"""No class of theirs is public; their records have one of their own, and say so, for the demonstration to issue by."""


def test_what_ships_is_illustrative_and_has_a_code_where_one_was_published():
    assert {record.id: record.code for record in shipped()} == PUBLISHED | dict.fromkeys(OTHERS)
    assert {record.status for record in shipped()} == {"illustrative"}
    unclassified = {record.id for record in shipped() if record.methodology_class is None}
    assert unclassified == OTHERS - DEMONSTRATED
    for record in shipped():
        said = " ".join(condition.en for condition in record.conditions)
        assert ("class is this record's own" in said) == (record.id in DEMONSTRATED)


@pytest.mark.parametrize("record", shipped(), ids=lambda record: record.id)
def test_every_parameter_says_where_it_is_from_and_some_contradict_each_other(record):
    for parameter in record.computation.parameters:
        assert all(value.source for value in (*parameter.values, *parameter.beside))
    if record.id in {"bus", "metro"}:
        baseline, project = record.computation.parameters[:2]
        assert [value.value for value in baseline.beside] == ["0.130"]
        assert project.beside


def test_records_are_found_by_code_and_version():
    bicycle = find("SHCER02020032024II")
    assert bicycle == find("shared-bicycle", 1)
    for key, version in (("shared-bicycle", 2), ("SHCER02020992024II", None)):
        with pytest.raises(NotFound):
            find(key, version)


def test_the_bicycle_record_says_in_both_languages_how_it_takes_the_distance():
    (distance,) = (step for step in find("shared-bicycle").computation.steps if step.name == "distance")
    for number in ("0.000501", "110500", "94200"):
        assert number in distance.text.zh
        assert number in distance.text.en


@pytest.mark.parametrize("record", shipped(), ids=lambda record: record.id)
def test_a_record_survives_its_document_and_its_digest_is_of_the_canonical_form(record):
    document = to_document(record)
    assert parse(json.dumps(document).encode()) == record
    assert digest(record) == sha256(rfc8785.dumps(document)).digest()


def test_any_changed_number_changes_the_digest():
    document = to_document(find("bus"))
    document["computation"]["parameters"][0]["values"][0]["value"] = "0.1060"
    assert digest(parse(json.dumps(document).encode())) != digest(find("bus"))


def test_validity_is_days_in_beijing_the_last_one_included():
    document = to_document(find("bus")) | {"valid_from": "2024-04-01", "valid_until": "2024-04-01"}
    window = parse(json.dumps(document).encode()).validity
    assert (window.from_ms, window.until_ms) == (1711900800000, 1711900800000 + 86_400_000)


@pytest.mark.parametrize(
    "change",
    [
        {"unknown": 1},
        {"version": "1"},
        {"version": 0},
        {"id": "Bus"},
        {"status": "approved"},
        {"methodology_class": "I"},
        {"kind": "project"},
        {"code": "SHCER2"},
        {"valid_until": "2000-01-01"},
        {"valid_from": "soon"},
        {"name": {"zh": "地面公交"}},
    ],
    ids=str,
)
def test_a_record_that_is_not_one_is_refused(change):
    document = to_document(find("bus")) | change
    with pytest.raises(MethodologyUnsound, match="form"):
        parse(json.dumps(document).encode())


@pytest.mark.parametrize("value", ["0,1", "1e-3", "NaN", "", "01", "0." + "1" * 19, 0.106])
def test_a_number_that_is_no_plain_decimal_string_is_refused(value):
    document = to_document(find("bus"))
    document["computation"]["parameters"][0]["values"][0]["value"] = value
    with pytest.raises(MethodologyUnsound, match="float" if isinstance(value, float) else "number"):
        parse(json.dumps(document).encode())


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_junk_is_refused_with_our_own_error(junk):
    with pytest.raises(MethodologyUnsound):
        parse(junk)


def test_a_factor_in_another_unit_is_refused_where_it_is_used():
    document = to_document(find("bus"))
    document["computation"]["parameters"][0]["unit"] = "kgCO2e/km"
    with pytest.raises(MethodologyUnsound, match="unit-differs"):
        parse(json.dumps(document).encode())


_codes = st.builds(
    MethodologyCode,
    st.sampled_from([SourceKind.PROJECT, SourceKind.SCENARIO]),
    st.integers(0, 99),
    st.integers(0, 999),
    st.integers(2000, 2099),
    st.sampled_from(MethodologyClass),
)


@given(_codes)
def test_a_code_reads_back(code):
    assert parse_code(str(code)) == code


@pytest.mark.parametrize(
    "text", ["", "SHCER", "SHCER03020032024II", "SHCER02020032024III", "SHCER02020032024II\n", "shcer"]
)
def test_a_code_outside_the_grammar_is_refused(text):
    with pytest.raises(Invalid):
        parse_code(text)
