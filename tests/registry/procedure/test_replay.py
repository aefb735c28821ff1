"""The golden logs: what each rule refuses and lets pass, by leaf and rule."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchoring.leaf import decode
from registry.evidence.public import Document, RecordLeaf, line_of, read_documents
from registry.ledger.movement import Kind
from registry.procedure.clock import Watch
from registry.procedure.replay import Entry, Replay, faults
from registry.procedure.rule import SENTENCES, Fault, Rule
from tests.support.procedure_cases import origins_of

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/procedure.json").read_text())
LOGS = {log["name"]: log for log in VECTORS["logs"]}


def entry(index, number):
    movement, text = decode(bytes.fromhex(VECTORS["entries"][number]["leaf"])), VECTORS["entries"][number]["fields"]
    lines = b"" if text is None else line_of(index, text)
    leaves = [RecordLeaf(index, movement.kind, movement.evidence)] if movement.is_record else []
    read = [document for document in read_documents(lines, leaves) if isinstance(document, Document)]
    return Entry(index, movement, *read)


def entries(log):
    return [entry(index, number) for index, number in enumerate(log["log"])]


@pytest.mark.parametrize("name", LOGS)
def test_the_first_rule_that_each_leaf_breaks(name):
    log = LOGS[name]
    replay = Replay(origins_of(log["origins"]))
    found = list(faults(entries(log), replay, log["watch"] and Watch(*log["watch"])))
    assert [[fault.leaf, fault.rule] for fault in found] == log["faults"], found
    assert [[finding.leaf, finding.name] for finding in replay.findings()] == log["findings"]
    for fault in found:
        assert fault.sentence.startswith(SENTENCES[fault.rule])


def test_every_rule_has_lawful_and_broken_logs():
    broken = {rule for log in LOGS.values() for _, rule in log["faults"]}
    assert broken == set(Rule)
    assert sum(not log["faults"] for log in LOGS.values()) > 20


def test_a_document_of_another_leaf_is_no_document():
    log = LOGS["the rules of a programme"]
    first, second = entries(log)[:2]
    fault = Replay().take(second._replace(document=first.document))
    assert fault == Fault(1, Rule.DOCUMENT, "it is of another leaf")


STORY = entries(LOGS["grams that were corrected"])
TEXTS = st.sampled_from(
    ["none", "P-1", "published", "0", "9" * 30, "\ud7ff", "2026-01-05T01:00:00.000Z", "[]", "a b", "a" * 99]
)
ANYTHING = st.recursive(
    TEXTS | st.text() | st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(STORY) - 1), st.data())
def test_whatever_a_leaf_says_is_a_fault_at_most(at, data):
    replay = Replay()
    for entry in STORY[:at]:
        assert replay.take(entry) is None
    entry = STORY[at]
    if entry.document is None:
        names = st.sampled_from(["first", "last", "at", "until", "flags", "kind"])
        change = data.draw(st.dictionaries(names, st.integers(0, 2**48 - 1), max_size=3))
        replay.take(entry._replace(movement=replace(entry.movement, **change)))
        return
    names = st.sampled_from([*entry.document.fields, "second", "documents", "publicity_from"])
    shown = st.one_of(ANYTHING.map(lambda value: ["A" * 22, value]), st.just("0" * 64))
    fields = entry.document.fields | data.draw(st.dictionaries(names, shown, max_size=3))
    movement = replace(entry.movement, at=data.draw(st.sampled_from([entry.movement.at, 0, 2**48 - 1])))
    replay.take(entry._replace(movement=movement, document=replace(entry.document, fields=fields)))


def test_times_that_no_document_has_are_told_by_their_number():
    decided, issue = STORY[20], next(entry for entry in STORY if entry.movement.kind == Kind.CONVERT)
    replay = Replay()
    for entry in STORY[:20]:
        replay.take(entry)
    fault = replay.take(decided._replace(movement=replace(decided.movement, at=2**48 - 1)))
    assert fault.rule == Rule.DOCUMENT
    assert fault.detail.endswith("its leaf 281474976710655 ms")
    fault = replay.take(issue._replace(movement=replace(issue.movement, at=2**48 - 1)))
    assert (fault.rule, fault.detail) == (Rule.POLICY, "the time lies beyond the year 9999")
