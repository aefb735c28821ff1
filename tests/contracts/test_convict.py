"""A registry convicted by two leaves of its own log, on py-evm: the golden vectors' lawful log, and one leaf more."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from anchoring.conviction import Entry, convicting_rule
from anchoring.leaf import decode, encode
from anchoring.merkle import consistency_proof, inclusion_proof, leaf_hash, root
from registry.ledger.movement import Kind
from registry.ledger.rules import Rule

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "leaf.json").read_text())
LAWFUL = [bytes.fromhex(vector["hex"]) for vector in VECTORS["lawful_log"]]
MOVEMENTS = [decode(leaf) for leaf in LAWFUL]
LAST = len(LAWFUL)
REDEEM = 9
BUNDLE = next(index for index, movement in enumerate(MOVEMENTS) if movement.kind == Kind.BUNDLE)
ISSUES = [index for index, movement in enumerate(MOVEMENTS) if movement.kind == Kind.ISSUE]


@dataclass(frozen=True)
class Log:
    """The leaves of a log, anchored whole."""

    anchoring: Any
    leaves: list[bytes]

    def checkpoint(self, leaves: list[bytes] | None = None) -> dict[str, Any]:
        hashes = [leaf_hash(leaf) for leaf in leaves or self.leaves]
        return {"size": len(hashes), "root": root(hashes), "frontier": 2_000_000, "ended": 9_000}

    def entry(self, index: int) -> Entry:
        path = inclusion_proof(index, [leaf_hash(leaf) for leaf in self.leaves])
        return Entry(self.leaves[index], index, path)

    def convict(self, accused: Entry, other: Entry) -> Any:
        """The call, to be made or only tried."""
        entries = [(entry.leaf, entry.index, list(entry.path)) for entry in (accused, other)]
        return self.anchoring.contract.functions.convict(len(self.leaves), *entries)

    def verdict(self) -> list[int]:
        views = self.anchoring.contract.functions
        assert views.broken().call() == any(views.verdict().call())
        return list(views.verdict().call())


@pytest.fixture
def log_of(anchoring):
    """The lawful log and what a dishonest registry appends to it, anchored with its signers' signatures."""

    def anchored(*appended: bytes) -> Log:
        log = Log(anchoring, [*LAWFUL, *appended])
        anchoring.anchor(log.checkpoint(), [])
        return log

    return anchored


def departed(index, **changes):
    return encode(replace(MOVEMENTS[index], **changes))


UNLAWFUL = [
    ("the same grams redeemed twice", departed(REDEEM), REDEEM, Rule.OVERLAP),
    ("the same grams issued twice", departed(ISSUES[0]), ISSUES[0], Rule.ISSUE_OVERLAP),
    ("the same grams bundled that were issued", departed(BUNDLE, first=1_008_999), ISSUES[1], Rule.ISSUE_OVERLAP),
    ("the same grams bundled twice", departed(BUNDLE), BUNDLE, Rule.ISSUE_OVERLAP),
    ("grams that came from nowhere", departed(BUNDLE, first=2_000_000, last=3_000_000), LAST - 1, Rule.GATHERED),
    ("a movement out of an end", departed(REDEEM, parent=15), 15, Rule.PARENT),
    ("a movement out of grams that were gathered", departed(REDEEM, parent=12), 12, Rule.PARENT),
    ("more than there was", departed(REDEEM, last=1_003_001), 8, Rule.WITHIN),
    ("spent by somebody else", departed(REDEEM, from_tag=b"x" * 20), 8, Rule.FROM_TAG),
    ("spent after the expiry", departed(REDEEM, at=MOVEMENTS[8].until + 1), 8, Rule.EXPIRY),
    ("an unlisted kind", departed(REDEEM, kind=13), 0, Rule.KIND),
    ("a parent to come", departed(REDEEM, parent=LAST + 5), 0, Rule.ORDER),
    ("no leaf at all", b"anything", 0, Rule.LEAF),
]


@pytest.mark.parametrize(("leaf", "other", "rule"), [case[1:] for case in UNLAWFUL], ids=[case[0] for case in UNLAWFUL])
def test_a_registry_is_convicted_once_and_for_good(anchoring, log_of, leaf, other, rule):
    log = log_of(leaf)
    accused, beside = log.entry(LAST), log.entry(other)
    assert convicting_rule(accused, beside) is rule
    log.convict(accused, beside).transact({"from": anchoring.web3.eth.accounts[1]})

    assert log.verdict() == [LAST + 1, LAST, other, rule]
    (event,) = anchoring.contract.events.Convicted().get_logs(from_block=0)
    assert dict(event["args"]) == {"size": LAST + 1, "index": LAST, "other": other, "rule": rule}

    longer = [*log.leaves, LAWFUL[0]]
    proof = consistency_proof(len(log.leaves), [leaf_hash(leaf) for leaf in longer])
    assert anchoring.refusal(anchoring.prepare(log.checkpoint(longer), proof)) == ("ContractBroken",)
    change = anchoring.contract.functions.changeSigners([anchoring.keys[0].address], 1, 2**40, [])
    assert anchoring.refusal(change) == ("ContractBroken",)
    assert anchoring.refusal(log.convict(beside, accused)) == ("ContractBroken",)
    assert log.verdict() == [LAST + 1, LAST, other, rule]


def test_no_two_leaves_of_a_lawful_log_convict(anchoring, log_of):
    """Every movement with its parent, its neighbour, the first ISSUE and a record: lawful or unrelated."""
    log = log_of()
    refusals = set()
    for index, movement in enumerate(MOVEMENTS):
        for other in {movement.parent, index - 1, ISSUES[0], 0} - {None, index, -1}:
            assert convicting_rule(log.entry(index), log.entry(other)) is None
            name, *places = anchoring.refusal(log.convict(log.entry(index), log.entry(other)))
            assert places == [index, other]
            assert name == "Lawful" or (movement.parent != other and not is_in_run(MOVEMENTS, index, other))
            refusals.add(name)
    assert refusals == {"Lawful", "Unrelated"}
    assert log.verdict() == [0, 0, 0, 0]


def is_in_run(movements, index, other):
    return abs(index - other) == 1 and movements[min(index, other)].kind == Kind.GATHER


FIRST = BUNDLE - 2
BROKEN_RUNS = {
    "grams of nobody": (BUNDLE, {"last": MOVEMENTS[BUNDLE].last + 1}),
    "grams that vanish": (BUNDLE, {"last": MOVEMENTS[BUNDLE].last - 1}),
    "another time": (BUNDLE, {"at": MOVEMENTS[BUNDLE].at + 1}),
    "another class": (BUNDLE, {"flags": MOVEMENTS[BUNDLE].flags ^ 1}),
    "a piece too many": (FIRST + 1, {"to_tag": MOVEMENTS[FIRST].to_tag}),
    "another leaf in between": (FIRST + 1, {"kind": Kind.VOID, "purpose": 48, "to_tag": bytes(20)}),
}


@pytest.mark.parametrize("case", BROKEN_RUNS)
@pytest.mark.parametrize("is_first_accused", [True, False])
def test_neighbours_of_a_broken_run_convict_in_either_order(anchoring, case, is_first_accused):
    changed, changes = BROKEN_RUNS[case]
    log = Log(anchoring, [departed(i, **changes) if i == changed else leaf for i, leaf in enumerate(LAWFUL)])
    anchoring.anchor(log.checkpoint(), [])
    before, after = (log.entry(changed - 1), log.entry(changed))
    accused, other = (before, after) if is_first_accused else (after, before)
    assert convicting_rule(accused, other) is Rule.GATHERED
    log.convict(accused, other).transact({"from": anchoring.web3.eth.accounts[1]})
    assert log.verdict() == [LAST, accused.index, other.index, Rule.GATHERED]


def test_refusals_by_name(anchoring, log_of):
    log = log_of(departed(REDEEM))
    size, accused, other = LAST + 1, log.entry(LAST), log.entry(REDEEM)
    moved, altered = replace(accused, index=LAST - 1), replace(accused, leaf=departed(REDEEM, last=1_000_999))
    assert anchoring.refusal(log.convict(accused, accused)) == ("SameLeaf", LAST)
    assert anchoring.refusal(log.convict(moved, other)) == ("NotIncluded", size, LAST - 1)
    assert anchoring.refusal(log.convict(altered, other)) == ("NotIncluded", size, LAST)
    assert anchoring.refusal(log.convict(accused, replace(other, path=other.path[:-1]))) == (
        "NotIncluded",
        size,
        REDEEM,
    )
    elsewhere = Log(anchoring, log.leaves[:-1])
    assert anchoring.refusal(elsewhere.convict(accused, other)) == ("NotAnchored", LAST)
    assert log.verdict() == [0, 0, 0, 0]
