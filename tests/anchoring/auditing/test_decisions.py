"""The audit replays decisions, and names the leaf and the rule that one breaks."""

import json
from base64 import urlsafe_b64encode

import pytest

from anchoring.auditing.audit import Means, audit
from anchoring.auditing.salts import Salts
from anchoring.errors import Unreachable
from anchoring.tree.sources import DirectorySource
from registry.evidence.public import Document, RecordLeaf
from registry.ledger.movement import Kind
from registry.procedure.rule import SENTENCES, Rule
from tests.support import procedure_cases
from tests.support.decided import write_book
from tests.support.decisions import Book, to_issued, to_live
from tests.support.rewriting import placed, with_salts_of
from tests.support.synthetic_log import VKEY

LAWFUL_BUT_FOR_DECISIONS = {
    "a scenario that issues and a conversion", "grams that were corrected", "a project of class one",
    "a fork", "an officer who approved what he proposed", "publicity that is not over", "nobody who approved",
    "an authority that may not", "an issuance of a source that is not live", "points that are valid too long",
    "grams of no issuance", "grams that no correction names", "a lot that is not issued to its end",
    "each faulty leaf is named", "a decision that is earlier than the one before",
}  # fmt: skip


def found(folder, **how):
    report = audit(DirectorySource(folder), VKEY, **how)
    faults = [[fault.leaf, fault.code] for fault in report.faults]
    return report, faults, [[finding.leaf, finding.name] for finding in report.findings]


@pytest.mark.parametrize("name", sorted(LAWFUL_BUT_FOR_DECISIONS))
def test_each_faulty_leaf_is_named_by_its_rule(tmp_path, name):
    case = procedure_cases.named(name)
    write_book(tmp_path, case.book)
    report, faults, findings = found(tmp_path)
    assert (faults, findings) == ([list(one) for one in case.faults], [list(one) for one in case.findings])
    assert report.holds == (not case.faults)
    for fault in report.faults:
        assert fault.sentence.startswith(SENTENCES[Rule(fault.code)])
    assert json.loads(json.dumps(report.to_json()))["findings"] == [
        {"leaf": finding.leaf, "name": finding.name, "sentence": finding.sentence} for finding in report.findings
    ]


def test_a_kept_audit_goes_on_and_judges_by_what_was_decided_before(tmp_path):
    book = to_issued()
    while len(book.entries) < 300:
        book.find(book.terms, actor="exchange:3")
        book.clear(book.terms)
    write_book(tmp_path / "log", book)
    how = {"means": Means(state=tmp_path / "state", segment=256)}
    assert found(tmp_path / "log", **how)[1:] == ([], [])
    book.clear(book.terms)
    write_book(tmp_path / "log", book)
    report, faults, _ = found(tmp_path / "log", **how)
    assert faults == [[len(book.entries) - 1, "STATE_OF_CASE"]]
    assert report.to_json() == found(tmp_path / "log")[0].to_json()


def test_a_salt_that_stands_twice_in_the_log_is_found_across_its_files(tmp_path):
    book = to_issued()
    while len(book.entries) < 300:
        book.find(book.terms, actor="exchange:3")
        book.clear(book.terms)
    last, other = len(book.entries) - 1, 7
    book.entries[last] = with_salts_of(book.entries[last], book.entries[other], ["actor"])
    write_book(tmp_path, book)
    report, faults, _ = found(tmp_path)
    assert faults == [[last, "DOCUMENT"]]
    assert "document-salt-twice" in report.faults[0].sentence
    assert report.faults[0].sentence.endswith(f"leaf {other}")


def test_salts_are_compared_part_by_part():
    """Some end in zero bytes, some stand thrice, and none is missed for where a part begins."""
    made = [
        bytes([first, second, *bytes(13), last]) for first in (0, 1, 128, 255) for second in (0, 7) for last in (0, 9)
    ]
    for part in (1, 2, 5, 100):
        with Salts(part) as salts:
            for leaf, salt in enumerate([*made, *made[::-1], made[3]]):
                text = urlsafe_b64encode(salt).rstrip(b"=").decode()
                salts.add(Document(RecordLeaf(leaf, 64, bytes(32)), {"a": [text, 1], "b": "0" * 64}))
            repeated = {(2 * len(made) - 1 - leaf, leaf) for leaf in range(len(made))}
            assert set(salts.repeated()) == repeated | {(2 * len(made), 2 * len(made) - 4)}


class Reluctant(DirectorySource):
    """A server that gives documents once, and the second time what `change` makes of them."""

    def __init__(self, folder, change) -> None:
        super().__init__(folder)
        self.asked, self.change = set(), change

    def read(self, path, limit):
        data, again = super().read(path, limit), path in self.asked
        self.asked.add(path)
        return self.change(data) if again and path.startswith("document/") else data


def gone(_):
    raise Unreachable("it is not there")


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (gone, range(28)),
        (lambda _: b"", range(28)),
        (lambda data: b"".join(data.splitlines(keepends=True)[:20]), range(20, 28)),
        (lambda data: b"".join(data.splitlines(keepends=True)[5:]), range(5)),
        (lambda data: data.replace(b'"index":7}', b'"index":8}'), [7, 8]),
    ],
    ids=["gone", "empty", "the last", "the first", "another's"],
)
def test_who_serves_documents_does_not_choose_which_decisions_are_asked(tmp_path, change, missing):
    write_book(tmp_path, to_live())
    assert audit(DirectorySource(tmp_path), VKEY).holds
    report = audit(Reluctant(tmp_path, change), VKEY)
    assert {fault.leaf for fault in report.faults if "second time" in fault.sentence} == set(missing)
    assert not report.holds


def test_a_log_is_asked_from_its_first_leaf_on(tmp_path):
    """Whoever never decides is not asked nothing: his grams lie in no issuance."""
    book = Book()
    book.move(Kind.ISSUE, 5_000, 6_000)
    write_book(tmp_path, book)
    assert found(tmp_path)[1] == [[0, "LOT"]]
    book.entries += [placed(entry, entry.leaf + 1) for entry in to_live().entries]
    write_book(tmp_path, book)
    assert found(tmp_path)[1] == [[0, "LOT"]]
