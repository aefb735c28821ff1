"""What a decision's document may say, field by field, and the sentence for everything else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.clock import rfc3339
from registry.evidence.document import disclose
from registry.procedure.decision import Officer, Record
from registry.procedure.document import parse
from registry.procedure.fields import Unreadable, moment, number, span
from tests.support.decisions import HEX, sealed

AT = "2026-01-05T01:00:00.250Z"
COMMON = {
    "case": "P-1",
    "decision": "propose",
    "from": "none",
    "to": "proposed",
    "previous": "none",
    "at": AT,
    "actor": "bureau:7",
}
POLICY = COMMON | {
    "record": "policy",
    "name": "points",
    "value": '{"validity_years":2}',
    "in_force": "2026-02-01T00:00:00.000Z",
}
METHODOLOGY = COMMON | {
    "record": "methodology", "case": "M-1", "to": "published", "code": "SHCER02020032024II", "version": "1",
    "class": "II", "kind": "scenario", "definition": '{"a":1}',
}  # fmt: skip
SOURCE = COMMON | {
    "record": "source", "case": "S-1", "kind": "scenario", "methodology": HEX, "valid_from": "none",
    "valid_until": "2027-12-31T16:00:00.000Z", "publicity_from": AT, "publicity_until": "2026-01-12T16:00:00.000Z",
}  # fmt: skip
ISSUANCE = COMMON | {
    "record": "issuance", "case": "I-1", "to": "issued", "previous": HEX, "second": "centre:3", "source": HEX,
    "methodology": HEX, "policies": [HEX], "first_g": "0", "quantity_g": "9223372036854775807", "accounts": "3",
    "period_from": AT, "period_until": "2026-01-06T01:00:00.250Z", "inputs_sha256": HEX, "accepted": "0",
    "refused": ["too_fast 2"],
}  # fmt: skip
CORRECTION = COMMON | {
    "record": "correction", "case": "C-1", "to": "ordered", "lot": HEX, "ranges": ["1 3", "3 9"], "voided_g": "8",
    "shortfall_g": "0",
}  # fmt: skip
PROVIDER = COMMON | {"record": "provider", "case": "B-1", "to": "live", "previous": HEX, "second": "exchange:3"}
FINDING = COMMON | {
    "record": "finding", "case": "F-1", "to": "in-force", "party": "service-body:2", "finding": "false-report",
    "bars": "yes", "until": "2027-01-05T01:00:00.250Z",
}  # fmt: skip
ALL = {
    record: values
    for values in (POLICY, METHODOLOGY, SOURCE, ISSUANCE, CORRECTION, FINDING, PROVIDER)
    for record in [Record(values["record"])]
}


def read(values, withheld=()):
    return parse(Record(values["record"]), disclose(sealed(values).fields, values.keys() - set(withheld)))


def test_what_each_kind_says_is_read():
    policy = read(POLICY | {"second": "centre:3", "reason": "new-law", "documents": [HEX], "text": "free"}, ["text"])
    assert policy.actor == Officer("bureau", 7)
    assert str(policy.second) == "centre:3"
    assert (policy.reason, policy.documents, policy.previous) == ("new-law", (HEX,), None)
    assert rfc3339(policy.at) == AT
    assert rfc3339(policy.content.in_force) == POLICY["in_force"]
    assert read(METHODOLOGY).content.definition == '{"a":1}'
    source = read(SOURCE)
    assert (source.content.methodology, source.content.valid_from) == (HEX, None)
    assert source.publicity[0] == source.at
    lot = read(ISSUANCE).content
    assert (lot.first_g, lot.end_g, lot.accounts, lot.refused) == (0, 2**63 - 1, 3, (("too_fast", 2),))
    assert (read(FINDING).content.party, read(FINDING | {"party": HEX}).content.party) == ("service-body:2", HEX)
    assert (read(FINDING).content.bars, read(FINDING | {"bars": "no"}).content.bars) == (True, False)
    assert read(CORRECTION).content.ranges == ((1, 3), (3, 9))
    assert read(COMMON | {"record": "issuance", "case": "I-1"}).content is None


WRONG = [
    (POLICY, {"record": "source"}, "record is none of policy"),
    (POLICY, {"case": "S-1"}, "case is no case's number such as P-1"),
    (POLICY, {"case": "P-01"}, "case is no case's number"),
    (POLICY, {"case": "1"}, "case is no case's number"),
    (POLICY, {"decision": "Propose"}, "decision is no word"),
    (POLICY, {"to": "a" * 65}, "to is no word"),
    (POLICY, {"from": ["none"]}, "from is a list"),
    (POLICY, {"previous": HEX.upper()}, "previous is no SHA-256"),
    (POLICY, {"at": "2026-01-05T01:00:00.25Z"}, "at is no time"),
    (POLICY, {"at": "2026-02-30T01:00:00.250Z"}, "at is no time"),
    (POLICY, {"at": "2026-01-05T01:00:00.250+00:00"}, "at is no time"),
    (POLICY, {"at": "1969-12-31T23:59:59.999Z"}, "at is no time"),
    (POLICY, {"at": "２０26-01-05T01:00:00.250Z"}, "at is no time"),
    (POLICY, {"actor": "bureau"}, "actor is no authority"),
    (POLICY, {"actor": "Zhang San"}, "actor is no authority"),
    (POLICY, {"second": "bureau:0"}, "second is no authority"),
    (POLICY, {"reason": "因为"}, "reason is no word"),
    (POLICY, {"documents": HEX}, "documents is no list"),
    (POLICY, {"documents": [HEX, HEX]}, "documents has one thing twice"),
    (POLICY, {"documents": ["a"]}, "documents is no SHA-256"),
    (POLICY, {"name": "points/"}, "name is no policy's name"),
    (POLICY, {"value": '{"validity_years": 2}'}, "value is not in RFC 8785 form"),
    (POLICY, {"value": '{"a":1,"a":1}'}, "value is not in RFC 8785 form"),
    (POLICY, {"value": "[" * 100_000}, "value is not in RFC 8785 form"),
    (POLICY, {"value": "NaN"}, "value is not in RFC 8785 form"),
    (POLICY, {"in_force": "2026-02-01T00:00:00.001Z"}, "in_force is no whole minute"),
    (POLICY, {"more": 1}, "'more' is neither a string nor a list of strings"),
    (POLICY, {"more": ["a", 1]}, "'more' is neither a string nor a list of strings"),
    (POLICY, {"publicity_from": AT}, "there is no publicity_until"),
    (SOURCE, {"publicity_until": AT}, "publicity_until is not after publicity_from"),
    (METHODOLOGY, {"version": "0"}, "version is no whole number from 1 on"),
    (METHODOLOGY, {"version": "01"}, "version is no whole number"),
    (METHODOLOGY, {"class": "III"}, "class is none of I, II"),
    (METHODOLOGY, {"kind": "none"}, "kind is none of project, scenario, behaviour"),
    (METHODOLOGY, {"code": "a b"}, "code is no code"),
    (METHODOLOGY, {"definition": "{a}"}, "definition is not in RFC 8785 form"),
    (METHODOLOGY, {"to": "evaluated"}, "'definition' has no place"),
    (SOURCE, {"methodology": "unknown"}, "methodology is no SHA-256"),
    (SOURCE, {"valid_from": "2027-12-31T16:00:00.000Z"}, "valid_until is not after valid_from"),
    (ISSUANCE, {"to": "proposed"}, "has no place in this decision"),
    (ISSUANCE, {"quantity_g": "0"}, "quantity_g is no whole number from 1 on"),
    (ISSUANCE, {"first_g": "1"}, "end above 2^63 - 1"),
    (ISSUANCE, {"first_g": "9223372036854775808"}, "first_g is no whole number"),
    (ISSUANCE, {"first_g": "-1"}, "first_g is no whole number"),
    (ISSUANCE, {"accounts": "0"}, "accounts is no whole number"),
    (ISSUANCE, {"period_until": AT}, "period_until is not after period_from"),
    (ISSUANCE, {"source": "none"}, "source is no SHA-256"),
    (ISSUANCE, {"refused": ["too fast 2"]}, "refused is no reason and count"),
    (ISSUANCE, {"refused": ["too_fast 0"]}, "refused is no reason and count"),
    (CORRECTION, {"to": "proposed"}, "has no place in this decision"),
    (FINDING, {"to": "lifted"}, "has no place in this decision"),
    (FINDING, {"party": "expert:0"}, "party is no expert"),
    (FINDING, {"party": "王"}, "party is no expert"),
    (FINDING, {"bars": "true"}, "bars is none of yes, no"),
    (FINDING, {"until": "none"}, "until is no time"),
    (CORRECTION, {"ranges": []}, "ranges are empty"),
    (CORRECTION, {"ranges": ["3 9", "1 3"]}, "out of order"),
    (CORRECTION, {"ranges": ["1 4", "3 9"]}, "overlap"),
    (CORRECTION, {"ranges": ["3 3"]}, "ranges is no range"),
    (CORRECTION, {"ranges": ["3-9"]}, "ranges is no whole number"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "change", "sentence"), WRONG)
def test_each_field_that_is_wrong_is_named(values, change, sentence):
    with pytest.raises(Unreadable, match=re.escape(sentence)):
        parse(Record(values["record"]), sealed(values | change).fields)


@pytest.mark.parametrize("record", Record)
def test_no_field_of_the_table_is_missing_or_withheld(record):
    fields = sealed(ALL[record]).fields
    for name in fields.keys() - {"second"}:
        with pytest.raises(Unreadable, match=f"there is no {name}"):
            parse(record, {other: field for other, field in fields.items() if other != name})
    for name in fields:
        with pytest.raises(Unreadable, match=f"{name} is withheld"):
            parse(record, disclose(fields, fields.keys() - {name}))


@given(st.integers(0, 253402300799999))
def test_a_time_is_written_in_one_way(ms):
    assert moment(rfc3339(ms)) == ms


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_numbers_and_ranges_are_written_in_one_way(first, end):
    assert number(str(first)) == first
    if first < end:
        assert span(f"{first} {end}") == (first, end)
    for bad in (f"0{first}", f"+{first}", f"{first} ", f"{first}.0"):
        with pytest.raises(Unreadable):
            number(bad)
