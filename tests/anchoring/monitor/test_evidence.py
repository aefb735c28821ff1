"""Evidence is a stranger's file: it proves what it says to anybody with the log's key, or it is refused."""

import json

import pytest

from anchoring.errors import AnchoringError, Malformed, Refuted, Unreachable
from anchoring.monitor.evidence import MAX_EVIDENCE, verify_evidence
from tests.anchoring.auditing.test_unlawful_leaf import what_its_sibling_took
from tests.support.monitoring import evidence, publish, watching
from tests.support.states import with_record
from tests.support.synthetic_log import FIRST_LIFE, LIFE, VKEY, lawful_leaves
from tests.support.witnessing import Grown, signed

LEAVES = lawful_leaves(FIRST_LIFE + LIFE * 10, cohort=10)
OTHERS = lawful_leaves(FIRST_LIFE + LIFE * 10, seed=1, cohort=10)
SIZE = len(LEAVES)


def kept(tmp_path, kind: str, leaves, then=None) -> bytes:
    log = Grown(tmp_path / "log")
    publish(log, leaves)
    with watching(tmp_path / "state", log.folder) as watch:
        watch.round()
        if then is not None:
            (log.folder / "checkpoint").write_bytes(then)
            watch.round()
    (file,) = evidence(tmp_path / "state", kind)
    return file.read_bytes()


@pytest.fixture
def split(tmp_path) -> bytes:
    fork = Grown(tmp_path / "fork")
    return kept(tmp_path, "split-view", LEAVES, publish(fork, OTHERS[:100]))


@pytest.fixture
def rule(tmp_path) -> bytes:
    leaves = LEAVES.copy()
    what_its_sibling_took(leaves)
    return kept(tmp_path, "rule", leaves)


def altered(data: bytes, **changes) -> bytes:
    return json.dumps(json.loads(data) | changes).encode()


def test_a_split_view_that_is_none_is_refused(split):
    said = json.loads(split)
    smaller, larger = said["checkpoints"]
    one_tree = altered(split, checkpoints=[larger, larger], prefix=None)
    other_root = altered(split, prefix=said["prefix"] | {"root": "00" * 32})
    cut = altered(split, prefix=said["prefix"] | {"proof": said["prefix"]["proof"][:-1]})
    by_another = altered(split, checkpoints=[smaller.replace("synthetic", "tampered."), larger])
    for bad in (one_tree, other_root, cut, by_another):
        with pytest.raises(Refuted):
            verify_evidence(bad, VKEY)
    empty = signed(0, bytes(32)).decode()
    with pytest.raises(Refuted):
        verify_evidence(altered(split, checkpoints=[empty, larger]), VKEY)


def test_a_rule_that_is_not_broken_is_refused(rule):
    said = json.loads(rule)
    accused, other = said["accused"], said["other"]
    lawful = LEAVES[accused["index"]].tobytes().hex()
    for changes in (
        {"accused": accused | {"leaf": lawful}},
        {"accused": other},
        {"accused": accused | {"index": accused["index"] + 1}},
        {"accused": accused | {"index": 2**64 - 1}},
        {"other": other | {"path": other["path"] * 10}},
        {"other": accused},
    ):
        with pytest.raises((Refuted, Malformed)):
            verify_evidence(altered(rule, **changes), VKEY)


def test_a_false_record_of_the_state_is_kept_for_those_who_replay(tmp_path):
    data = kept(tmp_path, "replay", with_record(LEAVES[:150], root=bytes(32)))
    with pytest.raises(Unreachable, match="gram audit"):
        verify_evidence(data, VKEY)
    said = json.loads(data)
    with pytest.raises(Refuted):
        verify_evidence(altered(data, accused=said["accused"] | {"index": 7}), VKEY)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5_000, b" " * (MAX_EVIDENCE + 1),
        b'{"format": "gramledger/evidence/v2"}', b'{"format": "gramledger/evidence/v1", "kind": {}}',
    ],
)  # fmt: skip
def test_what_is_no_evidence(data):
    with pytest.raises(Malformed):
        verify_evidence(data, VKEY)


WRONG = [None, 0, -1, 1.5, True, "", "x", "\ud800", [], {}, [None, None], ["", ""], "0" * 2000, 2**64, {"root": 1}]


@pytest.mark.parametrize("kind", ["split-view", "rule", "replay", "anchor", "figures"])
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: repr(wrong)[:12])
def test_evidence_of_other_shapes(kind, wrong):
    good = signed(9, bytes(32)).decode()
    for name in ("checkpoints", "checkpoint", "accused", "other", "anchor", "prefix"):
        said = {"format": "gramledger/evidence/v1", "kind": kind, "checkpoints": [good, good], "checkpoint": good}
        with pytest.raises(AnchoringError):
            verify_evidence(json.dumps(said | {name: wrong}).encode(), VKEY)
