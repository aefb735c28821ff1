"""The state of an audit: an audit that is killed goes on, a later one reads only what is new, and damage is refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from anchoring.auditing.audit import Means, audit
from anchoring.errors import Malformed, Unreachable
from anchoring.note import ED25519, Signer
from anchoring.tree.tiles import DirectorySource
from api.bench import decided
from tests.support.synthetic_log import (
    FIRST_LIFE,
    ORIGIN,
    SIGNER,
    VKEY,
    FakeChain,
    anchor_of,
    lawful_leaves,
    sign_log,
    write_log,
)

OLD, NEW = 6_600, 6_700
SIZES = (1, 257, 6_400, OLD, OLD + 10, NEW)
FLAGGED = FIRST_LIFE + 8 * (decided.OF_COHORT + 20 * 24) + 20 * 8
"""A LOCK of the ninth cohort."""
OVERLAP = FIRST_LIFE + 20 * 21 + 3
"""A LOCK of what its sibling, a VOID, leaves over."""


@pytest.fixture(scope="module")
def leaves():
    made = lawful_leaves(NEW, cohort=20)
    made["flags"][FLAGGED] ^= 1  # a fault that stays in the state
    made["first"][OVERLAP] -= 1  # and one that is found again
    return made


@pytest.fixture(scope="module")
def logs(tmp_path_factory, leaves):
    """The log at the old size and at the new one."""
    folder = tmp_path_factory.mktemp("grown")
    for size in (OLD, NEW):
        write_log(folder / str(size), leaves[:size])
    return folder


@pytest.fixture(scope="module")
def chain(leaves):
    return FakeChain([anchor_of(leaves, size) for size in SIZES])


class Counting:
    """A log that remembers what was asked of it."""

    def __init__(self, folder) -> None:
        self.source, self.paths = DirectorySource(folder), []

    def read(self, path: str, limit: int) -> bytes:
        self.paths.append(path)
        return self.source.read(path, limit)


def said(report) -> str:
    return json.dumps(report.to_json())


@pytest.fixture
def kept(tmp_path, logs):
    """A state that knows the old size."""
    audit(DirectorySource(logs / str(OLD)), VKEY, means=Means(state=tmp_path / "state"))
    return tmp_path / "state"


def test_a_later_audit_reads_what_is_new_and_says_the_same(logs, chain, kept):
    fresh = audit(DirectorySource(logs / str(NEW)), VKEY, chain)
    source = Counting(logs / str(NEW))
    later = audit(source, VKEY, chain, means=Means(state=kept))
    assert said(later) == said(fresh)
    assert [fault.code for fault in later.faults if fault.leaf in (FLAGGED, OVERLAP)] == ["OVERLAP", "KEPT_FLAGS"]
    assert later.anchors_compared == len(SIZES), "also those that the earlier audit did not know"
    bundles = [path for path in source.paths if "entries" in path]
    assert bundles == ["tile/entries/025", "tile/entries/026.p/44"]


def test_the_same_log_once_more(logs, kept):
    source = Counting(logs / str(OLD))
    assert said(audit(source, VKEY, means=Means(state=kept))) == said(audit(DirectorySource(logs / str(OLD)), VKEY))
    assert [path for path in source.paths if "entries" in path] == ["tile/entries/025.p/200"]


AUDIT = """
import json, sys
from pathlib import Path
from anchoring.auditing.audit import Means, audit
from anchoring.tree.tiles import DirectorySource
if __name__ == "__main__":
    MEANS = Means(int(sys.argv[4]), Path(sys.argv[3]), 256, 1)
    told = lambda done, size: print(done, flush=True)
    report = audit(DirectorySource(sys.argv[1]), sys.argv[2], None, told, MEANS)
    print(json.dumps(report.to_json()))
"""


def test_killed_anywhere_it_goes_on_and_says_the_same(tmp_path):
    """A wave is 4,096 leaves here; what was told of one that is not over is done again."""
    made = lawful_leaves(14_000, cohort=20)
    made["flags"][9_000] ^= 1
    write_log(tmp_path / "log", made)
    script = tmp_path / "audit_it.py"
    script.write_text(AUDIT)
    command = [sys.executable, script, tmp_path / "log", VKEY, tmp_path / "state", "2"]
    began_at = []
    for after in (20, 3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": "."}) as process:
            began_at.append(int(process.stdout.readline()))
            for _ in range(after):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
    assert began_at == [256, 4096 + 256], "the second began where a wave had ended when the first was killed"
    done = subprocess.run(command, capture_output=True, check=True, env=os.environ | {"PYTHONPATH": "."})
    lines = done.stdout.decode().splitlines()
    assert int(lines[0]) > 4096
    assert lines[-1] == said(audit(DirectorySource(tmp_path / "log"), VKEY))


def test_a_log_that_was_rewritten_since(tmp_path, leaves, kept):
    other = leaves.copy()
    other["evidence"][5] ^= 1
    write_log(tmp_path / "log", other)
    before = kept.read_bytes()
    report = audit(DirectorySource(tmp_path / "log"), VKEY, means=Means(state=kept))
    assert report.fault_counts["prefix"] == 1
    assert report.leaves_read == NEW, "then all of it is read"
    assert kept.read_bytes() == before, "what was known before is evidence, and stays"


class Hiding(DirectorySource):
    """A server that has not what an audit asks for first, and has it when it is asked again."""

    def __init__(self, folder, of: str, error: type[Exception]) -> None:
        super().__init__(folder)
        self.of, self.error, self.asked = of, error, set()

    def read(self, path: str, limit: int) -> bytes:
        is_first = path not in self.asked
        self.asked.add(path)
        if path.startswith(self.of) and is_first:
            raise self.error("it is not there")
        return super().read(path, limit)


@pytest.mark.parametrize("error", [Unreachable, Malformed])
def test_a_rewritten_log_is_told_though_no_proof_of_it_is_given(tmp_path, kept, error):
    lawful = lawful_leaves(NEW, seed=3, cohort=20)
    write_log(tmp_path / "log", lawful)
    assert audit(DirectorySource(tmp_path / "log"), VKEY).holds
    hiding = Hiding(tmp_path / "log", "tile/1", error)
    report = audit(hiding, VKEY, means=Means(state=kept))
    assert dict(report.fault_counts) == {"prefix": 1}
    assert "history was rewritten" in report.first.sentence


def test_an_honest_log_whose_tiles_were_away_for_a_moment_is_read_whole(logs, kept):
    fresh = audit(DirectorySource(logs / str(NEW)), VKEY)
    later = audit(Hiding(logs / str(NEW), "tile/1", Unreachable), VKEY, means=Means(state=kept))
    assert said(later) == said(fresh)
    assert later.leaves_read == NEW


def test_a_log_that_was_set_back_since(tmp_path, leaves, kept):
    write_log(tmp_path / "log", leaves[: OLD - 1])
    report = audit(DirectorySource(tmp_path / "log"), VKEY, means=Means(state=kept))
    assert report.fault_counts["set-back"] == 1
    assert f"{OLD} signed" in next(fault.sentence for fault in report.faults if fault.code == "set-back")


def test_another_root_of_the_same_size(tmp_path, leaves, kept):
    write_log(tmp_path / "log", leaves[:OLD])
    sign_log(tmp_path / "log", OLD, b"r" * 32)
    report = audit(DirectorySource(tmp_path / "log"), VKEY, means=Means(state=kept))
    assert report.fault_counts["prefix"] == report.fault_counts["root"] == 1


def test_what_rests_on_a_false_file_is_not_kept(tmp_path, leaves):
    write_log(tmp_path / "log", leaves[:OLD])
    missing = tmp_path / "log/tile/0/005"
    data = missing.read_bytes()
    missing.unlink()
    report = audit(DirectorySource(tmp_path / "log"), VKEY, means=Means(state=tmp_path / "state"))
    assert report.fault_counts["file-missing"] == 1
    missing.write_bytes(data)
    report = audit(DirectorySource(tmp_path / "log"), VKEY, means=Means(state=tmp_path / "state"))
    assert said(report) == said(audit(DirectorySource(tmp_path / "log"), VKEY))


def test_leaves_that_the_log_did_not_sign_are_not_kept(tmp_path, leaves):
    write_log(tmp_path / "log", leaves[:OLD])
    sign_log(tmp_path / "log", OLD, b"r" * 32)
    audit(DirectorySource(tmp_path / "log"), VKEY, means=Means(state=tmp_path / "state"))
    assert not (tmp_path / "state").exists()


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("place", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
@pytest.mark.parametrize("name", ["state", "state.rows"])
def test_a_damaged_state_is_refused(logs, kept, name, place):
    path = kept.with_name(name)
    flip(path, int(place * path.stat().st_size * (OLD // 256 * 256 / OLD if name == "state.rows" else 1)))
    with pytest.raises(Malformed, match=r"damaged|format|another log"):
        audit(DirectorySource(logs / str(OLD)), VKEY, means=Means(state=kept))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"7", b"\xff", b"[" * 100_000, b'{"digest": {}}'])
def test_a_state_that_is_none_is_refused(logs, tmp_path, data):
    (tmp_path / "state").write_bytes(data)
    with pytest.raises(Malformed, match="damaged"):
        audit(DirectorySource(logs / str(OLD)), VKEY, means=Means(state=tmp_path / "state"))


def test_rows_that_were_cut_off_are_refused(logs, kept):
    rows = kept.with_name("state.rows")
    os.truncate(rows, rows.stat().st_size // 2)
    with pytest.raises(Malformed, match="damaged"):
        audit(DirectorySource(logs / str(OLD)), VKEY, means=Means(state=kept))


def test_the_state_of_another_log_is_refused(tmp_path, leaves, kept):
    stranger = Signer(ORIGIN, ED25519, b"s" * 32)
    write_log(tmp_path / "log", leaves[:300], stranger)
    with pytest.raises(Malformed, match="another log"):
        audit(DirectorySource(tmp_path / "log"), stranger.verifier.vkey, means=Means(state=kept))


def test_a_state_serves_one_audit_at_a_time(logs, kept):
    def again(_done, _size):
        with pytest.raises(Unreachable, match="in use"):
            audit(DirectorySource(logs / str(OLD)), VKEY, means=Means(state=kept))

    assert audit(DirectorySource(logs / str(OLD)), VKEY, None, again, Means(state=kept)).leaves_read == OLD


def test_a_state_that_cannot_be_written(logs, tmp_path):
    with pytest.raises(Unreachable, match="cannot be used"):
        audit(DirectorySource(logs / str(OLD)), VKEY, means=Means(state=tmp_path / "no" / "state"))


def test_the_state_is_its_owners(kept):
    assert [path.stat().st_mode & 0o777 for path in (kept, kept.with_name("state.rows"))] == [0o600, 0o600]


def test_only_the_log_of_the_signer_is_kept(kept):
    assert json.loads(kept.read_bytes())["vkey"] == SIGNER.verifier.vkey
