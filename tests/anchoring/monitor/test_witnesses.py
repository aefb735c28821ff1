"""What witnesses have seen is compared with the log; two histories are shown to all of them; who is silent is told."""

import json
import multiprocessing
import os
import signal
from http.server import BaseHTTPRequestHandler

import pytest

from anchoring.chain.signers import LocalKey
from anchoring.monitor.evidence import verify_evidence
from anchoring.signing import sign_checkpoint
from anchoring.witness.protocol import Request
from tests.anchoring.witness.test_client import answering
from tests.support.monitoring import Clock, evidence, http_server, publish, watching, witness_at
from tests.support.synthetic_log import VKEY, anchor_of, lawful_leaves
from tests.support.witnessing import CONTRACT, Grown

LEAVES = lawful_leaves(900, cohort=10)
OTHERS = lawful_leaves(900, seed=1, cohort=10)
HOUR_MS = 3_600_000


@pytest.fixture
def log(tmp_path):
    return Grown(tmp_path / "log")


@pytest.fixture
def fork(tmp_path):
    return Grown(tmp_path / "fork")


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def cosign(witness, log: Grown, old: int, signed: bytes) -> None:
    assert witness.add_checkpoint(log.request(old, signed)).status == 200


def kept_by(folder) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((folder / "evidence").glob("*.json"))]


def test_a_split_view_between_witnesses_is_proven_and_shown_to_both(tmp_path, state, log, fork):
    """One key, two folders: each witness was shown another history, and each learns of the other one."""
    first, other = publish(log, LEAVES[:300]), publish(fork, OTHERS[:300])
    with (
        witness_at(tmp_path / "w1", log.folder, 1) as (one, told_one),
        witness_at(tmp_path / "w2", fork.folder, 2) as (two, told_two),
        watching(state, log.folder, witnesses=[told_one, told_two]) as watch,
    ):
        cosign(one, log, 0, first)
        cosign(two, fork, 0, other)
        assert not (tmp_path / "w1" / "evidence").exists()
        assert watch.codes() == ["split-view"]
        (by_one,), (by_two,) = kept_by(tmp_path / "w1"), kept_by(tmp_path / "w2")
        assert by_one["checkpoint"].encode().startswith(other[:60])
        assert by_two["checkpoint"].encode().startswith(first[:60])
        assert watch.codes() == ["split-view"]
        # Nobody was brought forward by what it was shown.
        assert one.add_checkpoint(Request(0, (), first).encode()).body == b"300\n"
    (kept,) = evidence(state, "split-view")
    assert "Proven: the log signed two trees of 300 leaves" in verify_evidence(kept.read_bytes(), VKEY)


def test_a_witness_of_another_history_is_found_at_another_size(tmp_path, state, log, fork):
    publish(log, LEAVES)
    with (
        witness_at(tmp_path / "w", fork.folder) as (witness, told),
        watching(state, log.folder, witnesses=[told]) as watch,
    ):
        cosign(witness, fork, 0, publish(fork, OTHERS[:257]))
        assert watch.codes() == ["split-view"]
    (kept,) = evidence(state, "split-view-257")
    assert "whose first 257 leaves make" in verify_evidence(kept.read_bytes(), VKEY)


def test_a_witness_that_was_away_is_shown_later(tmp_path, state, log, fork):
    first = publish(log, LEAVES[:300])
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    with witness_at(tmp_path / "w", log.folder) as (witness, told):
        cosign(witness, log, 0, first)
        with watching(state, log.folder, witnesses=[told | {"url": "http://127.0.0.1:9"}]) as watch:
            watch.round()
            (log.folder / "checkpoint").write_bytes(publish(fork, OTHERS[:300]))
            assert set(watch.codes()) == {"split-view", "witness-unreachable"}
        assert not (tmp_path / "w" / "evidence").exists()
        with watching(state, log.folder, witnesses=[told]) as watch:
            watch.round()
        assert len(kept_by(tmp_path / "w")) == 1


def die_at(step: str, state, log, told) -> None:
    def on_step(done: str) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    with watching(state, log, on_step=on_step, witnesses=[told]) as watch:
        watch.round()


@pytest.mark.parametrize("step", ["persisted", "shown"])
def test_kill_9_between_persisting_and_telling(tmp_path, state, log, fork, step):
    """Nothing that was found is lost: it is told, and shown, by the process after."""
    first = publish(log, LEAVES[:300])
    with witness_at(tmp_path / "w", log.folder) as (witness, told):
        cosign(witness, log, 0, first)
        with watching(state, log.folder, witnesses=[told]) as watch:
            watch.round()
        other = publish(fork, OTHERS[:300])
        (log.folder / "checkpoint").write_bytes(other)
        process = multiprocessing.get_context("spawn").Process(target=die_at, args=(step, state, log.folder, told))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        assert len(evidence(state, "split-view")) == 1
        assert (tmp_path / "w" / "evidence").exists() == (step == "shown")
        (log.folder / "checkpoint").write_bytes(first)  # the lie was shown once, to one process, which died
        with watching(state, log.folder, witnesses=[told]) as watch:
            assert watch.codes() == ["split-view"]
            assert [(event, alert.code) for event, alert in watch.told] == [("began", "split-view")]
        assert len(kept_by(tmp_path / "w")) == 1


def test_a_silent_witness_is_told_and_one_that_is_only_idle_is_not(tmp_path, state, log):
    clock = Clock()
    first = publish(log, LEAVES[:300])
    with (
        witness_at(tmp_path / "w", log.folder) as (witness, told),
        watching(state, log.folder, clock, witnesses=[told], checkpoint_within_s=10**6) as watch,
    ):
        cosign(witness, log, 0, first)
        clock.now_ms += 3 * HOUR_MS
        assert watch.codes() == []
        second = publish(log, LEAVES[300:])
        assert watch.codes() == []
        clock.now_ms += 3 * HOUR_MS
        (alert,) = watch.round().alerts
        assert (alert.code, alert.subject) == ("witness-silent", "witness.example/w1")
        assert "since 10800 s" in alert.sentence
        cosign(witness, log, 300, second)
        standing = watch.round()
        assert (standing.alerts, standing.witnesses) == ((), {"witness.example/w1": (900, 1_800_000_000)})


def test_the_silence_of_a_witness_outlives_the_monitor(tmp_path, state, log):
    clock = Clock()
    publish(log, LEAVES)
    with witness_at(tmp_path / "w", log.folder) as (_, told):
        with watching(state, log.folder, clock, witnesses=[told]) as watch:
            assert watch.codes() == []
        clock.now_ms += 3 * HOUR_MS
        with watching(state, log.folder, clock, witnesses=[told]) as watch:
            assert watch.codes() == ["witness-silent"]


def test_a_checkpoint_that_is_late(state, log):
    clock = Clock()
    publish(log, LEAVES[:300])
    with watching(state, log.folder, clock, checkpoint_within_s=3600) as watch:
        assert watch.codes() == []
        clock.now_ms += HOUR_MS + 1_000
        assert watch.codes() == ["checkpoint-late"]
        publish(log, LEAVES[300:])
        assert watch.codes() == []


def test_a_witness_that_is_ahead_makes_the_log_followed_further(tmp_path, state, log):
    """The log shows its public an older checkpoint than its witness."""
    first = publish(log, LEAVES[:300])
    with witness_at(tmp_path / "w", log.folder) as (witness, told):
        second = publish(log, LEAVES[300:])
        cosign(witness, log, 0, second)
        (log.folder / "checkpoint").write_bytes(first)
        with watching(state, log.folder, witnesses=[told]) as watch:
            assert watch.round().size == 900
            assert watch.codes() == ["went-back"]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b"", "witness-false"),
        (200, b"a" * 100_000, "witness-false"),
        (200, b"\xff\x00", "witness-false"),
        (500, b"\x1b[2J", "witness-false"),
        (302, b"", "witness-false"),
    ],
)
def test_what_a_hostile_witness_says(tmp_path, state, log, status, body, code):
    publish(log, LEAVES)
    with (
        witness_at(tmp_path / "w", log.folder) as (_, told),
        answering(status, "text/plain", body) as url,
        watching(state, log.folder, witnesses=[told | {"url": url}]) as watch,
    ):
        (alert,) = watch.round().alerts
    assert alert.code == code
    assert str(alert).isprintable()


def test_a_checkpoint_that_the_witness_did_not_cosign(tmp_path, state, log):
    signed = publish(log, LEAVES)
    with (
        witness_at(tmp_path / "w", log.folder) as (_, told),
        answering(200, "text/plain", signed) as url,
        watching(state, log.folder, witnesses=[told | {"url": url}]) as watch,
    ):
        assert watch.codes() == ["witness-false"]


CHAINED = {"contract": CONTRACT.address, "chain_id": CONTRACT.chain_id, "rpcs": ["http://127.0.0.1:9"]}
ADDRESS = LocalKey(b"\x01" * 32).address


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS.lower()])
def test_what_a_witness_signs_for_the_contract_is_compared(tmp_path, state, log, address):
    with (
        witness_at(tmp_path / "w", log.folder) as (witness, told),
        watching(state, log.folder, witnesses=[told | {"address": address}], **CHAINED) as watch,
    ):
        cosign(witness, log, 0, publish(log, LEAVES[:300]))
        assert watch.codes() == ["chain-unreachable"]
        cosign(witness, log, 300, publish(log, LEAVES[300:]))
        assert watch.codes() == ["chain-unreachable"]
        assert watch.follower._case.memory.witnesses[told["vkey"]].signed_size == 900


def test_a_witness_that_signs_for_the_contract_by_another_key(tmp_path, state, log):
    with (
        witness_at(tmp_path / "w", log.folder) as (witness, told),
        watching(state, log.folder, witnesses=[told | {"address": CONTRACT.address}], **CHAINED) as watch,
    ):
        cosign(witness, log, 0, publish(log, LEAVES))
        for _ in range(2):
            alerts = watch.round().alerts
            assert [(one.code, one.subject) for one in alerts if one.code != "chain-unreachable"] == [
                ("witness-signature", "witness.example/w1")
            ]


def test_a_witness_that_signs_other_figures_than_it_cosigned(tmp_path, state, log):
    """Its cosignature is right, and the contract is told of fewer ended grams."""
    one = anchor_of(LEAVES, 900)
    figures = (900, one.root, one.frontier, one.ended - 1)
    lie = sign_checkpoint(b"\x01" * 32, CONTRACT.chain_id, CONTRACT.address, *figures).hex()
    with witness_at(tmp_path / "w", log.folder) as (witness, told):
        cosign(witness, log, 0, publish(log, LEAVES))

        class Liar(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_asked_to_sign = self.path == "/signature/900"
                body = json.dumps({"signature": lie}).encode() if is_asked_to_sign else witness.last_checkpoint().body
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        with (
            http_server(Liar) as url,
            watching(state, log.folder, witnesses=[told | {"url": url, "address": ADDRESS}], **CHAINED) as watch,
        ):
            assert set(watch.codes()) == {"chain-unreachable", "witness-signature"}
