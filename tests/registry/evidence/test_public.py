"""Public documents: what a file of them may hold, what is wrong with any other, and under which name."""

import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from registry.evidence.document import digest, disclose, seal
from registry.evidence.public import (
    MAX_BYTES,
    MAX_LONG_BYTES,
    SENTENCES,
    Document,
    Faulty,
    Flaw,
    FlawError,
    RecordLeaf,
    file_limit,
    line_of,
    parse_line,
    read_documents,
    text_of,
)
from registry.ledger.movement import Kind
from tests.support.documents import CASES, DISCLOSED, LEAF, SOURCE

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/documents.json").read_text())
VALUES = st.text() | st.integers(-(2**53) + 1, 2**53 - 1) | st.lists(st.text(), max_size=3) | st.none()
DOCUMENTS = st.dictionaries(st.text(), VALUES, min_size=1, max_size=5)


def record(index, values=SOURCE, disclosed=DISCLOSED, kind=Kind.SOURCE):
    """A record's leaf, and the line of its document."""
    sealed = seal(values)
    return RecordLeaf(index, kind, sealed.digest), line_of(index, text_of(sealed.fields, disclosed, kind))


@pytest.fixture(scope="module")
def three():
    """Three records of one tile, and their lines."""
    return [record(index, SOURCE | {"name": str(index)}) for index in (3, 4, 9)]


def leaves_of(records):
    return [leaf for leaf, _ in records]


def read(lines, leaves):
    return list(read_documents(b"".join(lines), leaves))


def faults(found):
    return [(one.index, one.flaw) for one in found if isinstance(one, Faulty)]


@given(st.lists(DOCUMENTS, max_size=4), st.data())
def test_what_is_written_is_read_and_shows_what_is_disclosed(documents, data):
    indices = sorted(data.draw(st.sets(st.integers(0, 2**53 - 1), min_size=len(documents), max_size=len(documents))))
    records, shown = [], []
    for index, values in zip(indices, documents, strict=True):
        shown.append(data.draw(st.sets(st.sampled_from(sorted(values)))))
        records.append(record(index, values, shown[-1]))
    found = read([line for _, line in records], leaves_of(records))
    assert [one.leaf for one in found] == leaves_of(records)
    assert [set(one.values) for one in found] == shown
    assert [one.values for one in found] == [
        {name: values[name] for name in names} for values, names in zip(documents, shown, strict=True)
    ]


@given(DOCUMENTS, st.integers(0, 2**53 - 1))
def test_a_line_is_the_rfc_8785_form_of_index_and_fields(values, index):
    sealed = seal(values)
    line = line_of(index, text_of(sealed.fields, list(values), Kind.SOURCE))
    assert line == rfc8785.dumps({"index": index, "fields": sealed.fields}) + b"\n"
    assert parse_line(line, Kind.SOURCE) == (index, sealed.fields)


def test_what_is_not_disclosed_stands_there_as_its_digest():
    sealed = seal(SOURCE)
    _, fields = parse_line(line_of(7, text_of(sealed.fields, ["record"], Kind.SOURCE)), Kind.SOURCE)
    assert fields == disclose(sealed.fields, ["record"])
    assert digest(fields) == sealed.digest


def test_a_file_without_records_is_empty(three):
    assert read([], []) == []
    assert read([], leaves_of(three)) == [Faulty(index, Flaw.MISSING) for index in (3, 4, 9)]


def test_a_withheld_line_is_missed_and_no_other(three):
    lines = [line for _, line in three]
    for dropped in range(3):
        found = read(lines[:dropped] + lines[dropped + 1 :], leaves_of(three))
        assert faults(found) == [(three[dropped][0].index, Flaw.MISSING)]
        assert sum(isinstance(one, Document) for one in found) == 2


def test_a_document_of_a_leaf_that_is_no_record_is_one_too_many(three):
    lines = [line for _, line in three]
    _, other = record(5)
    assert faults(read([*lines[:2], other, lines[2]], leaves_of(three))) == [(5, Flaw.EXCESS)]
    assert faults(read([*lines, other], leaves_of(three))) == [(5, Flaw.EXCESS)]
    assert faults(read([other], [])) == [(5, Flaw.EXCESS)]
    assert faults(read([b"\n"], [])) == [(0, Flaw.EXCESS)]


def test_a_document_twice_or_out_of_order_is_one_too_many(three):
    first, second, third = (line for _, line in three)
    assert faults(read([first, first, second, third], leaves_of(three))) == [(3, Flaw.EXCESS)]
    assert faults(read([second, first, third], leaves_of(three))) == [(3, Flaw.MISSING), (3, Flaw.EXCESS)]
    assert faults(read([first, second, third, third], leaves_of(three))) == [(9, Flaw.EXCESS)]


def test_two_documents_that_are_swapped_are_not_what_their_leaves_bind():
    (one, _), (other, _) = record(3), record(4)
    fields, others = seal(SOURCE), seal(SOURCE)
    lines = [line_of(3, text_of(others.fields, DISCLOSED, 66)), line_of(4, text_of(fields.fields, DISCLOSED, 66))]
    assert faults(read(lines, [one, other])) == [(3, Flaw.DIGEST), (4, Flaw.DIGEST)]


@pytest.mark.parametrize(("line", "flaw"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_altered_document_is_named(line, flaw):
    before, after = record(6), record(8)
    found = read([before[1], line, after[1]], [before[0], LEAF, after[0]])
    if flaw == Flaw.CUT:  # what follows stands on the same line
        found = read([before[1], line], [before[0], LEAF])
    assert faults(found) == [(7, flaw)]
    (faulty,) = (one for one in found if isinstance(one, Faulty))
    assert faulty.sentence == f"{SENTENCES[flaw]} ({flaw})"


def test_every_flaw_has_its_sentence_and_keeps_its_name():
    assert set(SENTENCES) == set(Flaw)
    assert [str(flaw) for flaw in Flaw] == [
        "document-missing", "document-excess", "document-cut", "document-size", "document-form", "document-field",
        "document-field-twice", "document-salt", "document-salt-twice", "document-digest",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "most"),
    [(Kind.SOURCE, MAX_BYTES), (Kind.POLICY, MAX_LONG_BYTES), (Kind.METHODOLOGY, MAX_LONG_BYTES)],
)
def test_a_document_is_as_long_as_its_kind_allows_and_not_a_byte_longer(kind, most):
    room = most - len(line_of(2**53 - 1, text_of(seal({"value": ""}).fields, ["value"], kind))) + 1
    longest = seal({"value": "x" * room})
    line = line_of(2**53 - 1, text_of(longest.fields, ["value"], kind))
    leaf = RecordLeaf(2**53 - 1, kind, longest.digest)
    assert len(line) == most + 1
    assert faults(read([line], [leaf])) == []
    too_long = seal({"value": "x" * (room + 1)})
    with pytest.raises(FlawError, match=SENTENCES[Flaw.SIZE]):
        text_of(too_long.fields, ["value"], kind)
    line = rfc8785.dumps({"index": 2**53 - 1, "fields": too_long.fields}) + b"\n"
    assert faults(read([line], [RecordLeaf(2**53 - 1, kind, too_long.digest)])) == [(2**53 - 1, Flaw.SIZE)]
    assert file_limit([kind, kind]) == 2 * (most + 1)


def test_a_long_document_does_not_pass_for_one_of_a_short_kind():
    policy = record(9, {"value": "x" * MAX_BYTES}, ["value"], Kind.POLICY)
    leaf = RecordLeaf(9, Kind.SOURCE, policy[0].evidence)
    first = record(3, kind=Kind.POLICY)
    assert faults(read([policy[1]], [first[0], leaf])) == [(3, Flaw.MISSING), (9, Flaw.SIZE)]


def test_a_salt_that_two_documents_share_is_refused():
    salts = iter([b"s" * 16 + b"t" * 16, b"u" * 16 + b"s" * 16])
    pair = [seal({"a": 1, "b": 2}, lambda _: next(salts)) for _ in range(2)]
    lines = [line_of(at, text_of(one.fields, ["a", "b"], 66)) for at, one in enumerate(pair)]
    leaves = [RecordLeaf(at, 66, one.digest) for at, one in enumerate(pair)]
    assert faults(read(lines, leaves)) == [(1, Flaw.SALT_TWICE)]


def test_no_document_is_written_with_a_salt_twice_even_for_a_field_that_is_withheld():
    sealed = seal({"a": 1, "b": 2}, bytes)
    with pytest.raises(FlawError, match=SENTENCES[Flaw.SALT_TWICE]):
        text_of(sealed.fields, ["a"], Kind.SOURCE)


def test_a_file_of_line_feeds_costs_what_it_is_long(three):
    found = read([b"\n" * 1_000_000], leaves_of(three))
    assert faults(found) == [(3, Flaw.FORM), (4, Flaw.FORM), (9, Flaw.FORM), (0, Flaw.EXCESS)]


@given(st.binary(max_size=300))
def test_whatever_bytes_are_there_each_leaf_is_answered_for(data):
    leaves = [RecordLeaf(index, Kind.SOURCE, bytes(32)) for index in (1, 2)]
    found = list(read_documents(data, leaves))
    assert {1, 2} <= {one.index for one in found if isinstance(one, Faulty)}


def as_leaf(said):
    return RecordLeaf(said["index"], said["kind"], bytes.fromhex(said["evidence"]))


def test_the_golden_files_are_read_as_they_say():
    for case in VECTORS["files"]:
        found = list(read_documents(case["file"].encode(), [as_leaf(leaf) for leaf in case["leaves"]]))
        assert [one.values for one in found] == case["values"]
        assert [sorted(set(one.fields) - set(one.values)) for one in found] == case["withheld"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in VECTORS["bad"]])
def test_the_golden_flaws_are_named(case):
    found = read([bytes.fromhex(case["line"])], [as_leaf(VECTORS["leaf"][0])])
    assert faults(found) == [(7, case["flaw"])]
