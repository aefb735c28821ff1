"""The golden logs: what each rule refuses and lets pass, by leaf and rule."""

import json
from pathlib import Path

import pytest

from anchoring.leaf import decode
from registry.evidence.public import Document, RecordLeaf, line_of, read_documents
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
