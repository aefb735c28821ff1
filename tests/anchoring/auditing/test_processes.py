"""The outcome of an audit is the same whoever did the work, and however it was divided."""

import json
import os
import signal
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from anchoring.auditing.audit import Means, audit
from anchoring.errors import Unreachable
from anchoring.leaf import NO_PARENT
from anchoring.replaying.history import rows_of
from anchoring.replaying.overlaps import PARENTS_AT_ONCE, Rivals, find_overlaps, partition
from anchoring.tree.tiles import DirectorySource, HttpSource, entries_path, tile_path
from api.bench.processes import tree
from registry.ledger.rules import Rule
from tests.support.synthetic_log import VKEY, FakeChain, anchor_of, lawful_leaves, write_log

SIZE = 9_000
OVERLAP = 20 * 21 + 3
"""A LOCK of what its sibling, a VOID, leaves over."""
SIZES = (1, 255, 256, 257, 1_024, 8_192, SIZE)


@pytest.fixture(scope="module")
def leaves():
    """Faults of many kinds, in every segment, and more of one than are kept."""
    made = lawful_leaves(SIZE, cohort=20)
    made["flags"][1_000::31] ^= 1
    made["version"][5_000] = 9
    made["first"][OVERLAP] -= 1
    made["parent"][7_000:7_200] = 8_900
    return made


@pytest.fixture(scope="module")
def log(tmp_path_factory, leaves):
    folder = tmp_path_factory.mktemp("divided") / "log"
    write_log(folder, leaves)
    for n in (3, 30, 31):
        (folder / entries_path(n)).unlink()
    for path in (tile_path(0, 7), tile_path(1, 0, 35)):
        data = bytearray((folder / path).read_bytes())
        data[70] ^= 1
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def alone(log, chain):
    return json.dumps(audit(DirectorySource(log), VKEY, chain).to_json())


@pytest.fixture(scope="module")
def chain(leaves):
    return FakeChain([anchor_of(leaves, size) for size in SIZES if size < 5_000])


@pytest.mark.parametrize(("processes", "segment"), [(1, 256), (2, 256), (3, 1_024)])
def test_any_number_of_processes_finds_the_same(log, chain, alone, processes, segment):
    report = audit(DirectorySource(log), VKEY, chain, means=Means(processes, segment=segment, share=1))
    assert json.dumps(report.to_json()) == alone
    assert report.fault_counts["file-missing"] == 3
    assert report.fault_counts["ORDER"] > 100, report.fault_counts


def test_a_log_full_of_holes_is_given_up_at_the_same_leaf(tmp_path):
    """The hundredth hole is amid a segment; what others read beyond it is not told."""
    write_log(tmp_path, lawful_leaves(64_000, cohort=20))
    for n in range(0, 250, 2):
        (tmp_path / entries_path(n)).unlink()
    said = [
        audit(DirectorySource(tmp_path), VKEY, means=Means(number, segment=4_096, share=1)).to_json()
        for number in (1, 2)
    ]
    assert said[0] == said[1]
    assert said[0]["fault_counts"] == {"file-missing": 100, "unread": 1}
    assert said[0]["faults"][0]["leaf"] == (99 * 2 + 1) * 256


def test_overlaps_by_parts_are_those_of_the_whole(leaves):
    rows = rows_of(leaves)
    parts = [Rivals(is_origins=True), *(Rivals(low, low + 100) for low in range(0, SIZE, 100))]
    by_parts = [found for part in parts for found in find_overlaps(rows, part)]
    assert sorted(by_parts) == sorted(find_overlaps(rows))
    assert (Rule.OVERLAP, (OVERLAP, OVERLAP - 40)) in by_parts


def test_parts_cover_every_parent():
    first, *parts = partition(2 * PARENTS_AT_ONCE + 1)
    assert first.is_origins
    # Those too that are named and do not come before.
    edges = [0, PARENTS_AT_ONCE, 2 * PARENTS_AT_ONCE, NO_PARENT]
    assert [(part.low, part.high) for part in parts] == list(pairwise(edges)), (
        "those named that do not come before, too"
    )


class Slow(SimpleHTTPRequestHandler):
    """Answers some files late, so that they come out of order, and counts what is asked at once."""

    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    now = most = asked = 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        with Slow.lock:
            Slow.now += 1
            Slow.asked += 1
            Slow.most = max(Slow.most, Slow.now)
            late = Slow.asked % 3 == 0
        time.sleep(0.004 if late else 0.001)
        try:
            super().do_GET()
        finally:
            with Slow.lock:
                Slow.now -= 1


@pytest.fixture
def url(log):
    Slow.most = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Slow, directory=str(log)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("processes", [1, 2])
def test_over_http_it_reads_ahead_and_finds_the_same(url, chain, alone, processes):
    with HttpSource(url) as source:
        report = audit(source, VKEY, chain, means=Means(processes, segment=1_024, share=1))
    said, expected = report.to_json(), json.loads(alone)
    for fault in [*said["faults"], *expected["faults"]]:
        if fault["code"] == "file-missing":
            del fault["sentence"]  # each kind of source says for itself why it does not have a file
    said["verdict"], expected["verdict"] = None, None
    assert said == expected
    assert 1 < Slow.most <= 8, "several at once, and no more than the audit's connections"


def test_a_process_that_is_ended_from_outside(log):
    def end_one(_done, _size):
        for pid in tree({os.getpid()}) - {os.getpid()}:
            try:
                is_ours = b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if is_ours:
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(Unreachable, match="ended from outside"):
        audit(DirectorySource(log), VKEY, None, end_one, Means(2, segment=256, share=1))
