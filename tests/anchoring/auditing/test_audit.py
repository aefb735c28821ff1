"""The audit of lawful logs: what it adds up, what it says of the chain, from a folder and over HTTP."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchoring.auditing.audit import audit
from anchoring.errors import Unreachable
from anchoring.tree.tiles import DirectorySource, HttpSource
from api.bench.decided import OF_COHORT
from registry.ledger.movement import Form
from tests.support.synthetic_log import (
    FIRST_LIFE,
    LIFE,
    ORIGIN,
    STEPS,
    VKEY,
    FakeAnchor,
    FakeChain,
    anchor_of,
    is_whole,
    lawful_leaves,
    write_log,
)

SIZE = 1_500
SIZES = (1, 2, 255, 256, 257, 511, 512, 700, 1_499, 1_500)


@pytest.fixture(scope="module")
def leaves():
    return lawful_leaves(SIZE, cohort=30)


@pytest.fixture(scope="module")
def log(tmp_path_factory, leaves):
    folder = tmp_path_factory.mktemp("audited") / "log"
    write_log(folder, leaves)
    return folder


@pytest.fixture
def chain(leaves):
    return FakeChain([anchor_of(leaves, size) for size in SIZES])


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 3_000])
def test_a_lawful_log_holds(tmp_path, size):
    root = write_log(tmp_path, lawful_leaves(size, seed=size, cohort=20))
    report = audit(DirectorySource(tmp_path), VKEY)
    assert report.holds
    assert (report.origin, report.size, report.root, report.leaves_read) == (ORIGIN, size, root, size)
    assert (report.faults, report.first, report.anchors) == ((), None, None)
    said = f"The log holds: {size} leaves, every hash and every rule." if size else "The log is empty, and holds."
    assert report.verdict == said


def test_parents_in_an_earlier_batch_and_full_upper_tiles(tmp_path):
    made = lawful_leaves(70_000, cohort=4_000)
    write_log(tmp_path, made)
    seen = []
    chain = FakeChain([anchor_of(made, size) for size in (65_535, 65_536, 65_537)])
    report = audit(DirectorySource(tmp_path), VKEY, chain, lambda done, size: seen.append((done, size)))
    assert report.holds, report.verdict
    assert seen == [(65_536, 70_000), (69_888, 70_000), (70_000, 70_000)], "segments, and the tile that is not full"


def test_totals_are_those_of_the_lives(tmp_path):
    cohort = 30
    made = lawful_leaves(FIRST_LIFE + LIFE * cohort, cohort=cohort)
    write_log(tmp_path, made)
    totals = audit(DirectorySource(tmp_path), VKEY).totals
    issued = int((made["last"] - made["first"])[FIRST_LIFE : FIRST_LIFE + cohort].sum())
    part = issued // 12
    assert (totals.issued_g, totals.frontier_g) == (issued, issued + 2 * part)
    assert (totals.gathered_g, totals.bundled_g, totals.is_balanced) == (2 * part, 2 * part, True)
    assert sum(totals.leaves.values()) == FIRST_LIFE + LIFE * cohort
    moved = {kind: count for kind, count in totals.leaves.items() if kind < 64}
    assert moved == {int(kind): cohort * [step.kind for step in STEPS].count(kind) for kind in moved}
    assert {kind: count for kind, count in totals.leaves.items() if kind >= 64} == {
        64: 12, 65: 3, 66: 7 + cohort, 69: 2, 70: 2,
    }  # fmt: skip
    assert totals.ended_g == {
        (7, 0): part,
        (8, 17): part,
        (8, 18): part,
        (8, 19): part,
        (8, 20): part,
        (9, 48): 2 * part,
    }
    assert totals.live_g == {Form.POINTS: 2 * part, Form.REDUCTION: 3 * part}
    assert totals.all_ended_g + totals.alive_g == issued
    assert sum(lot.gathered_g for lot in totals.lots) == totals.gathered_g


def test_lives_of_which_few_have_a_record_are_lawful_too(tmp_path):
    made = lawful_leaves(FIRST_LIFE + LIFE * 60 + OF_COHORT, cohort=30, record_every=20)
    write_log(tmp_path, made)
    report = audit(DirectorySource(tmp_path), VKEY)
    assert report.holds
    assert report.totals.leaves[66] == 7 + 2 * 2
    assert report.findings == ()


def test_the_report_as_json(log, chain):
    report = audit(DirectorySource(log), VKEY, chain)
    said = json.loads(json.dumps(report.to_json()))
    assert said["holds"] is True
    assert (said["size"], said["root"], said["anchors"]) == (SIZE, report.root.hex(), len(SIZES))
    assert said["totals"]["leaves_by_kind"]["SOURCE"] == 7 + 60
    assert [row["purpose"] for row in said["totals"]["ended_g"] if row["kind"] == "VOID"] == ["ABNORMAL_DATA"]
    assert sum(row["quantity_g"] for row in said["totals"]["ended_g"]) == said["totals"]["ended_total_g"]


def test_every_anchor_agrees(log, chain):
    report = audit(DirectorySource(log), VKEY, chain)
    assert report.holds
    assert report.anchors == report.anchors_compared == len(SIZES)
    assert f"{len(SIZES)} anchored sizes" in report.verdict


@settings(max_examples=40)
@given(sizes=st.sets(st.integers(1, SIZE), max_size=20))
def test_any_size_may_be_anchored_but_in_a_run(log, leaves, sizes):
    report = audit(DirectorySource(log), VKEY, FakeChain([anchor_of(leaves, size) for size in sizes]))
    cut = sorted(size for size in sizes if not is_whole(leaves, size))
    assert [(fault.size, fault.code) for fault in report.faults] == [(size, "anchor-run") for size in cut]
    assert report.anchors_compared == len(sizes)


@pytest.mark.parametrize("place", range(len(SIZES)))
@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("root", b"r" * 32, "anchor-root"),
        ("frontier", 2**63, "anchor-frontier"),
        ("ended", 2**63, "anchor-ended"),
    ],
)
def test_an_anchor_that_disagrees(log, chain, place, field, value, code):
    setattr(chain.anchors[place], field, value)
    report = audit(DirectorySource(log), VKEY, chain)
    assert [(fault.size, fault.code) for fault in report.faults] == [(SIZES[place], code)]
    assert f"anchored size {SIZES[place]}" in report.verdict


def test_a_log_that_was_set_back(log, chain):
    chain.anchors.append(FakeAnchor(SIZE + 1, b"r" * 32, 10**9, 10**8))
    report = audit(DirectorySource(log), VKEY, chain)
    assert [(fault.size, fault.code) for fault in report.faults] == [(SIZE + 1, "anchor-ahead")]


def test_a_contract_that_was_convicted(log, chain):
    chain.is_broken = True
    report = audit(DirectorySource(log), VKEY, chain)
    assert [(fault.place, fault.code) for fault in report.faults] == [("contract", "contract-broken")]


def test_a_chain_that_keeps_its_last_anchor_back(log, chain):
    kept_back = FakeChain(chain.anchors[:-1])
    kept_back.head = chain.head
    with pytest.raises(Unreachable, match="not among them"):
        audit(DirectorySource(log), VKEY, kept_back)


def test_a_chain_without_anchors(log):
    report = audit(DirectorySource(log), VKEY, FakeChain([]))
    assert report.holds
    assert report.anchors == 0


def test_anchors_beyond_what_can_be_read(leaves, chain, tmp_path):
    write_log(tmp_path, leaves)
    (tmp_path / "tile/entries/001").unlink()
    report = audit(DirectorySource(tmp_path), VKEY, chain)
    assert report.fault_counts == {"file-missing": 1}
    assert report.anchors_compared == len([size for size in SIZES if size <= 256])


def test_a_partial_tile_that_has_become_full_meanwhile(tmp_path):
    made = lawful_leaves(600, cohort=20)
    write_log(tmp_path, made[:300])
    old = (tmp_path / "checkpoint").read_bytes()
    write_log(tmp_path, made)
    (tmp_path / "checkpoint").write_bytes(old)
    for path in ("tile/0/001.p/44", "tile/entries/001.p/44"):
        (tmp_path / path).unlink()
    report = audit(DirectorySource(tmp_path), VKEY)
    assert report.holds, report.verdict
    assert report.size == 300


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_):
        pass


@pytest.fixture
def log_url(log):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(log)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_a_log_over_http(log_url, log, chain):
    with HttpSource(log_url) as source:
        assert audit(source, VKEY, chain) == audit(DirectorySource(log), VKEY, chain)


def test_a_missing_file_over_http(log_url, log):
    away = log / "tile/0/003"
    data = away.read_bytes()
    away.unlink()
    try:
        with HttpSource(log_url) as source:
            report = audit(source, VKEY)
    finally:
        away.write_bytes(data)
    assert [(fault.path, fault.code) for fault in report.faults] == [("tile/0/003", "file-missing")]


def test_a_server_that_is_down():
    with HttpSource("http://127.0.0.1:9/") as source, pytest.raises(Unreachable):
        audit(source, VKEY)
