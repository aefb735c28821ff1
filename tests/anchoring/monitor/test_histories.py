"""One history is followed; another one, wherever it shows, is kept as evidence that anybody can check."""

import os
import shutil

import pytest

from anchoring.errors import Refuted
from anchoring.merkle import leaf_hash, root
from anchoring.monitor.evidence import verify_evidence
from anchoring.note import Signer
from tests.support.monitoring import evidence, publish, receipt, watching
from tests.support.states import with_record
from tests.support.synthetic_log import ORIGIN, VKEY, lawful_leaves
from tests.support.witnessing import Grown, signed

LEAVES = lawful_leaves(900, cohort=10)
OTHERS = lawful_leaves(900, seed=1, cohort=10)
STRANGER = Signer(ORIGIN, 1, b"x" * 32).verifier.vkey


@pytest.fixture
def log(tmp_path):
    return Grown(tmp_path / "log")


@pytest.fixture
def fork(tmp_path):
    return Grown(tmp_path / "fork")


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def show_fork(log: Grown, fork: Grown) -> None:
    """The operator serves another history at the log's address."""
    shutil.rmtree(log.folder)
    shutil.copytree(fork.folder, log.folder)


def test_a_log_that_grows_is_followed(state, log):
    with watching(state, log.folder) as watch:
        for end in (1, 255, 256, 257, 600, 900):
            publish(log, LEAVES[log.builder.size : end])
            standing = watch.round()
            assert (standing.size, standing.judged, standing.alerts) == (end, end, ())
    with watching(state, log.folder) as watch:
        assert watch.round().size == 900


def test_every_size_that_was_seen_or_not_is_known(state, log):
    publish(log, LEAVES)
    with watching(state, log.folder) as watch:
        watch.round()
        hashes = [leaf_hash(leaf.tobytes()) for leaf in LEAVES]
        for size in (0, 1, 2, 255, 256, 257, 511, 513, 899, 900):
            assert watch.follower._case.copy.root_at(size) == root(hashes[:size])


@pytest.mark.parametrize("size", [300, 600, 899])
@pytest.mark.parametrize("is_restarted", [True, False])
def test_a_rollback_to_another_history_is_proven(state, log, fork, size, is_restarted):
    """What the log took away, the monitor still has: the proof is made from its own copy."""
    publish(log, LEAVES[:300])
    with watching(state, log.folder) as watch:
        watch.round()
        publish(log, LEAVES[300:])
        assert watch.codes() == []
        publish(fork, OTHERS[:size])
        show_fork(log, fork)
        if not is_restarted:
            assert watch.codes() == ["split-view"]
    if is_restarted:
        with watching(state, log.folder) as watch:
            assert watch.codes() == ["split-view"]
    (kept,) = evidence(state, "split-view")
    assert verify_evidence(kept.read_bytes(), VKEY).startswith("Proven: the log signed")
    with pytest.raises(Refuted):
        verify_evidence(kept.read_bytes(), STRANGER)


def test_a_longer_fork_is_proven_from_its_own_tiles(state, log, fork):
    publish(log, LEAVES[:300])
    with watching(state, log.folder) as watch:
        watch.round()
        publish(fork, OTHERS)
        show_fork(log, fork)
        standing = watch.round()
    assert [alert.code for alert in standing.alerts] == ["split-view"]
    assert standing.size == 300
    (kept,) = evidence(state, "split-view")
    assert "whose first 300 leaves make" in verify_evidence(kept.read_bytes(), VKEY)


def test_an_older_checkpoint_of_the_same_history_is_no_lie(state, log):
    first = publish(log, LEAVES[:300])
    publish(log, LEAVES[300:])
    with watching(state, log.folder) as watch:
        watch.round()
        (log.folder / "checkpoint").write_bytes(first)
        assert watch.codes() == ["went-back"]
    assert evidence(state, "split-view") == []


def test_tiles_that_were_tampered_with(state, log):
    publish(log, LEAVES[:300])
    with watching(state, log.folder) as watch:
        watch.round()
        publish(log, LEAVES[300:])
        file = log.folder / "tile" / "entries" / "001"
        good = file.read_bytes()
        file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        standing = watch.round()
        assert [alert.code for alert in standing.alerts] == ["files"]
        assert standing.size == 300
        file.write_bytes(good)
        assert watch.round().size == 900
        assert [event for event, _ in watch.told] == ["began", "ended"]


@pytest.mark.parametrize("path", ["tile/entries/001", "tile/0/001"])
def test_what_is_missing_is_not_checked(state, log, path):
    publish(log, LEAVES)
    with watching(state, log.folder) as watch:
        (log.folder / path).unlink()
        standing = watch.round()
    # A monitor needs the leaves; hashes it makes by itself.
    assert standing.size == (0 if "entries" in path else 900)
    assert [alert.code for alert in standing.alerts] == (["log-unreachable"] if "entries" in path else [])


def test_receipts_are_followed_and_a_dropped_one_is_proven(state, log, fork, tmp_path):
    folder = tmp_path / "receipts"
    folder.mkdir()
    first = publish(log, LEAVES[:300])
    (folder / "a.tlog-proof").write_bytes(receipt(log, 7, first))
    with watching(state, log.folder, receipts=folder) as watch:
        standing = watch.round()
        assert (standing.receipts, standing.alerts) == (1, ())
        publish(log, LEAVES[300:])
        assert watch.codes() == []
        of_fork = receipt(fork, 250, publish(fork, OTHERS[:257]))
        (folder / "b.tlog-proof").write_bytes(of_fork)
        standing = watch.round()
        assert {alert.code for alert in standing.alerts} == {"split-view", "receipt-dropped"}
        assert {alert.subject for alert in standing.alerts if alert.code == "receipt-dropped"} == {"b.tlog-proof"}
    (kept,) = evidence(state, "split-view-257")
    assert "Proven" in verify_evidence(kept.read_bytes(), VKEY)


def test_receipts_that_say_nothing_about_the_log(state, log, tmp_path):
    folder = tmp_path / "receipts"
    folder.mkdir()
    good = receipt(log, 7, publish(log, LEAVES))
    os.mkfifo(folder / "pipe.tlog-proof")
    bad = {
        "empty": b"", "huge": b"a" * 2_000_000, "cut": good[:200], "moved": good.replace(b"index 7", b"index 8"),
        "unsigned": good.replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94 x", 1), "\u202emirrored": b"\xff" * 100,
    }  # fmt: skip
    for name, data in bad.items():
        (folder / f"{name}.tlog-proof").write_bytes(data)
    (folder / "good.tlog-proof").write_bytes(good)
    (folder / os.fsdecode(b"\xff\xfe.tlog-proof")).write_bytes(b"nonsense")
    with watching(state, log.folder, receipts=folder) as watch:
        standing = watch.round()
    assert standing.receipts == 1
    assert [alert.code for alert in standing.alerts] == ["receipt"] * (len(bad) + 2)
    assert all(str(alert).isprintable() for alert in standing.alerts)
    assert not standing.is_refuted


def test_a_receipt_that_is_ahead_waits_for_the_log(state, log, tmp_path):
    """Two histories, of which one is not served yet: the receipt is kept until the log is that long."""
    folder = tmp_path / "receipts"
    folder.mkdir()
    publish(log, LEAVES[:300])
    longer = Grown(tmp_path / "longer")
    (folder / "a.tlog-proof").write_bytes(receipt(longer, 550, publish(longer, OTHERS[:600])))
    with watching(state, log.folder, receipts=folder) as watch:
        assert watch.codes() == ["ahead"]
    (folder / "a.tlog-proof").unlink()
    publish(log, LEAVES[300:])
    with watching(state, log.folder) as watch:
        assert watch.codes() == ["split-view"]
    assert evidence(state, "split-view-600")


@pytest.mark.parametrize("size", [2**64 - 1, 2**63, 2**44])
def test_sizes_that_nobody_can_follow(state, log, size):
    publish(log, LEAVES)
    with watching(state, log.folder) as watch:
        watch.round()
        (log.folder / "checkpoint").write_bytes(signed(size, bytes(32)))
        assert watch.codes() == ["too-large"]
        (log.folder / "checkpoint").write_bytes(signed(size, b"\1" * 32))
        assert watch.codes() == ["split-view", "too-large"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "checkpoint"),
        (b"a" * 600_000, "checkpoint"),
        (b"\xff\xfe", "checkpoint"),
        (signed(900, bytes(32), Signer("another.example/log", 1, b"y" * 32)), "checkpoint"),
        (signed(900, bytes(32), Signer(ORIGIN, 1, b"y" * 32)), "checkpoint"),
        (signed(0, bytes(32)), "checkpoint"),
    ],
)
def test_what_is_no_checkpoint(state, log, data, code):
    publish(log, LEAVES)
    with watching(state, log.folder) as watch:
        watch.round()
        (log.folder / "checkpoint").write_bytes(data)
        standing = watch.round()
    assert [alert.code for alert in standing.alerts][:1] == [code]
    assert not standing.is_refuted
    assert all(str(alert).isprintable() and len(str(alert)) < 600 for alert in standing.alerts)


def test_a_log_that_signs_many_histories_fills_no_disk(state, log):
    publish(log, LEAVES)
    with watching(state, log.folder) as watch:
        watch.round()
        for number in range(1, 120):
            (log.folder / "checkpoint").write_bytes(signed(number, bytes([number]) * 32))
            watch.round()
        assert len(watch.round().alerts) == 100
    assert len(evidence(state, "split-view")) == 100


def many_states(lie: int):
    """A lawful log, and six records of its state behind it, of which one is false."""
    leaves = LEAVES[:150]
    for number in range(6):
        leaves = with_record(leaves, **({"root": bytes(32)} if number == lie else {}))
    return leaves


@pytest.mark.parametrize("before", [0, 100])
def test_of_many_states_at_once_the_last_are_checked(tmp_path, before):
    """A log that writes thousands of them must not hold its monitor for each: each costs all leaves before it."""
    for lie in (0, 1, 2, 5):
        folder = tmp_path / str(lie)
        hostile = Grown(folder / "log")
        with watching(folder / "state", hostile.folder) as watch:
            if before:
                publish(hostile, many_states(lie)[:before])
                assert watch.codes() == []
            publish(hostile, many_states(lie)[before:])
            alerts = watch.round().alerts
        assert [one.sentence[:15] for one in alerts if not one.subject] == [f"leaf {150 + lie}: STATE"] * (lie > 1)


def test_a_false_state_is_found_in_the_round_it_comes_in(state, log):
    leaves = many_states(0)
    with watching(state, log.folder) as watch:
        publish(log, leaves[:150])
        assert watch.codes() == []
        publish(log, leaves[150:151])
        assert set(watch.codes()) == {"replay", "rule"}
    publish(log, leaves[151:])
    with watching(state, log.folder) as watch:
        assert set(watch.codes()) == {"replay", "rule"}
