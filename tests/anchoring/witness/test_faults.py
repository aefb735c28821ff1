"""The fault table of a witness's disk (docs/faults.md): every write fails, or fails after it was done, or hangs."""

import json
import threading

import pytest

from anchoring.witness.protocol import Request
from tests.support.dying import SMALL, At, asked_in_a_process, fail, no_file_beyond
from tests.support.synthetic_log import FIRST_LIFE, LIFE, lawful_leaves
from tests.support.unlawful import COHORT, what_its_sibling_took
from tests.support.witnessing import Grown, witness_in

LEAVES = lawful_leaves(900, cohort=8)
OTHERS = lawful_leaves(900, seed=1, cohort=8)
NOT_PERSISTED = {
    "rows": ("fetched", 0, 310 * 88 + 50),
    "progress": ("progress rows", 0, 100),
    "cosigned": ("rows", 0, 64 + 20),
    "head": ("entry", 0, 100),
}
"""From which step on no file may grow beyond which size: the write is cut off there, and fails with EFBIG."""
PERSISTED = {
    "rows": ("progress rows", 0),
    "last rows": ("rows", 0),
    "progress": ("replayed.json renamed", 0),
    "cosigned": ("entry written", 0),
    "head": ("head.json renamed", 0),
}
"""The step after which the write, which is done, is reported as failed."""


@pytest.fixture
def begun(tmp_path):
    """A log that grew from 300 to 900 leaves, and a witness that cosigned 300 of them."""
    log, state = Grown(tmp_path / "log"), tmp_path / "state"
    with witness_in(state, log.folder) as witness:
        assert witness.add_checkpoint(log.request(0, log.grow(LEAVES[:300]))).status == 200
    return log, state, log.grow(LEAVES[300:])


def asked_twice(begun, at: At) -> list[int]:
    log, state, second = begun
    request = log.request(300, second)
    code, answers = asked_in_a_process(state, log.folder, [request, request], at)
    assert code == 0
    assert all("cannot be written" in said or "goes on after a restart" in said for _, said in answers)
    return [status for status, _ in answers]


def goes_on(begun, expected: int) -> None:
    log, state, second = begun
    fork = Grown(state.parent / "fork")
    fork.grow(LEAVES[:300])
    forked = fork.request(300, fork.grow(OTHERS[300:]))
    with witness_in(state, log.folder, batch=SMALL) as witness:
        assert witness.chain_signature(300).status == 200
        assert witness.chain_signature(900).status == (200 if expected == 900 else 404)
        assert witness.add_checkpoint(forked).status == (409 if expected == 900 else 422)
        assert witness.add_checkpoint(Request(1, (), second).encode()).body == b"%d\n" % expected
        assert witness.add_checkpoint(log.request(expected, second)).status == 200
    assert not list(state.glob(".*"))


@pytest.mark.parametrize("write", NOT_PERSISTED)
def test_failed_and_not_persisted(begun, write):
    """503, both times, for the disk stays as it is; nothing was cosigned; with room again it goes on."""
    step, nth, limit = NOT_PERSISTED[write]
    assert asked_twice(begun, At(step, nth, lambda: no_file_beyond(limit))) == [503, 503]
    goes_on(begun, 300)


@pytest.mark.parametrize("write", PERSISTED)
def test_failed_but_persisted(begun, write):
    """503, and 503 until a restart, for nobody knows what the disk holds; then what it holds counts."""
    assert asked_twice(begun, At(*PERSISTED[write], fail)) == [503, 503]
    goes_on(begun, 900 if write == "head" else 300)


def test_rows_that_did_not_fit_are_written_when_there_is_room(begun):
    """Rows past the position were never believed, so the same process goes on with them."""
    log, state, second = begun
    request = log.request(300, second)
    limits = iter([310 * 88 + 50, -1])

    def limit(step: str) -> None:
        if step == "fetched":
            no_file_beyond(next(limits, -1))

    code, answers = asked_in_a_process(state, log.folder, [request, request], limit)
    assert (code, [status for status, _ in answers]) == (0, [503, 200])


@pytest.mark.parametrize("step", ["fetched", "progress rows", "rows", "entry written", "head.json written"])
def test_a_disk_that_hangs(begun, step):
    """Others are told to come again, what was cosigned is still answered, and the one that waits is answered late."""
    log, state, second = begun
    hangs, released = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        released.wait(60)

    with witness_in(state, log.folder, At(step, 0, hang), SMALL, lock_wait_s=0.05) as witness:
        answers = []
        request = log.request(300, second)
        first = threading.Thread(target=lambda: answers.append(witness.add_checkpoint(request)))
        first.start()
        assert hangs.wait(60)
        assert witness.add_checkpoint(request).status == 503
        assert witness.chain_signature(300).status == 200
        assert witness.chain_signature(900).status == 404
        assert b"\n300\n" in witness.last_checkpoint().body
        released.set()
        first.join(60)
        assert [answer.status for answer in answers] == [200]
        assert witness.add_checkpoint(request).body == b"900\n"


def keeping_evidence(tmp_path, step: str, act):
    leaves = lawful_leaves(FIRST_LIFE + LIFE * COHORT, cohort=COHORT)
    what_its_sibling_took(leaves)
    log, state = Grown(tmp_path / "log"), tmp_path / "state"
    request = log.request(0, log.grow(leaves))
    at = At(step.format(root=log.builder.root().hex()[:16]), 0, act)
    assert asked_in_a_process(state, log.folder, [request], at)[1][0][0] == 422
    kept = [json.loads(path.read_text()) for path in (state / "evidence").iterdir()]
    with witness_in(state, log.folder) as witness:
        assert witness.add_checkpoint(request).status == 422
    assert [json.loads(path.read_text())["rule"] for path in (state / "evidence").iterdir()] == ["OVERLAP"]
    return kept


def test_evidence_failed_and_not_persisted(tmp_path):
    """The refusal stands without it; nothing half is left, and the next refusal keeps it."""
    assert keeping_evidence(tmp_path, "rows written", lambda: no_file_beyond(1000)) == []


def test_evidence_failed_but_persisted(tmp_path):
    (kept,) = keeping_evidence(tmp_path, "rule-220-{root}.json renamed", fail)
    assert kept["rule"] == "OVERLAP"
