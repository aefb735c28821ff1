"""The records that ship: complete, honest about what is known, and bound by a digest to each of their numbers."""

import json
from decimal import Decimal
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Invalid, NotFound
from registry.methodologies.code import MethodologyClass, MethodologyCode, SourceKind, parse_code
from registry.methodologies.formula import reduction_g
from registry.methodologies.record import digest, parse, to_document
from registry.methodologies.shelf import find, shipped

RATES = {
    "bus": "0.052",
    "metro": "0.071",
    "shared-bicycle": "0.097",
    "battery-electric-car": "0.125",
    "distributed-pv": "0.42",
}


def test_six_ship_and_every_one_says_that_it_is_illustrative():
    assert {record.id for record in shipped()} == {*RATES, "residential-electricity"}
    assert {record.status for record in shipped()} == {"illustrative"}


@pytest.mark.parametrize("key", RATES)
def test_formulas_give_grams_for_each_unit_of_activity(key):
    assert find(key).grams_per_unit() == Decimal(RATES[key])


def test_what_is_not_known_is_not_made_up():
    pv = find("distributed-pv")
    assert (pv.code, pv.methodology_class, pv.kind, pv.key) == (None, None, "project", "distributed-pv")
    with pytest.raises(Invalid, match="unpublished"):
        find("residential-electricity").grams_per_unit()


def test_records_are_found_by_code_and_version():
    bicycle = find("SHCER02020032024II")
    assert bicycle == find("shared-bicycle", 1)
    for key, version in (("shared-bicycle", 2), ("SHCER02020992024II", None)):
        with pytest.raises(NotFound):
            find(key, version)


def test_the_bicycle_record_says_in_both_languages_how_it_takes_the_distance():
    rule = find("shared-bicycle").activity_rule
    assert rule is not None
    for number in ("0.000501", "110500", "94200"):
        assert number in rule.text.zh
        assert number in rule.text.en


@pytest.mark.parametrize("record", shipped(), ids=lambda record: record.id)
def test_a_record_survives_its_document_and_its_digest_is_of_the_canonical_form(record):
    document = to_document(record)
    assert parse(json.dumps(document).encode()) == record
    assert digest(record) == sha256(rfc8785.dumps(document)).digest()


def test_any_changed_number_changes_the_digest():
    document = to_document(find("bus"))
    document["parameters"][0]["value"] = "0.1060"
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
        {"parameters": []},
        {"name": {"zh": "地面公交"}},
    ],
    ids=str,
)
def test_a_record_that_is_not_one_is_refused(change):
    document = to_document(find("bus")) | change
    with pytest.raises(Invalid, match="no methodology record"):
        parse(json.dumps(document).encode())


@pytest.mark.parametrize("value", ["0,1", "1e-3", "-1", "NaN", "", "01", "0." + "1" * 19, 0.106])
def test_a_number_that_is_no_plain_decimal_string_is_refused(value):
    document = to_document(find("bus"))
    document["parameters"][0]["value"] = value
    with pytest.raises(Invalid):
        parse(json.dumps(document).encode())


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_junk_is_refused_with_our_own_error(junk):
    with pytest.raises(Invalid):
        parse(junk)


def test_a_factor_in_another_unit_is_refused():
    document = to_document(find("bus"))
    document["parameters"][0]["unit"] = "kgCO2e/km"
    with pytest.raises(Invalid, match="passenger-km"):
        parse(json.dumps(document).encode()).grams_per_unit()


@given(st.integers(0, 10**9), st.decimals(0, 1, places=6))
def test_grams_are_rounded_down_once_and_exactly(activity, rate):
    grams = reduction_g(rate, activity)
    assert 0 <= activity * rate - grams < 1


_codes = st.builds(
    MethodologyCode,
    st.sampled_from(SourceKind),
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
