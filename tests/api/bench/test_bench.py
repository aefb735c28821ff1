"""Every bench runs, at sizes that say nothing about speed; held here are counts, gas and shapes, never times."""

import io
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
from rich.console import Console

from anchoring.merkle import verify_consistency
from api.bench import (
    activities,
    anchor,
    audit,
    batch,
    demo,
    gather,
    http,
    load,
    log,
    methodology,
    pages,
    pgbench,
    scripts,
    siege,
    witness,
)
from api.bench.decided import LENGTH
from api.bench.figures import Figure, as_json, as_table, percentile
from api.bench.processes import own_peak_bytes, shared_out_bytes, tree
from api.bench.scratch import found_scheme
from api.installation.services import running
from api.installation.settings import Settings
from registry.upkeep.consistency import check_tables


@pytest.fixture(autouse=True)
def _few_processes(monkeypatch):
    monkeypatch.setenv("GRAMLEDGER_WORKERS", "1")


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


def test_log_publishes_every_leaf_and_its_proofs_verify(tmp_path: Path):
    figures = by_name(log.measure(tmp_path, leaves=1500, proofs=20))
    published = figures["leaves published"]
    assert published.target == pytest.approx(0.08 * published.yardstick_value)
    assert figures["sealing and judging, of writing and publishing"].target == 10
    assert figures["inclusion proof at 1,500 leaves, 99 % under"].yardstick == "reading one tile's file"
    assert figures["peak memory over the last three quarters"].yardstick_value > 0


def test_a_witness_catches_up_from_a_folder_and_over_http(tmp_path: Path):
    figures = by_name(witness.measure(tmp_path, leaves=12_345))
    for name in ("from a folder", "over HTTP"):
        assert figures[f"leaves replayed {name}"].target == 100_000
        assert figures[f"  peak memory {name}"].value > 20
    decisions = figures["decisions replayed from a folder"]
    assert decisions.target == 5000
    assert decisions.yardstick_value > decisions.value


def test_the_methodology_as_data_gives_the_grams_of_sql_by_hand(tmp_path: Path):
    figures = by_name(methodology.measure(tmp_path, activities=20_000))
    as_data = figures["20,000 activities by the methodology as data"]
    assert as_data.target == pytest.approx(0.7 * as_data.yardstick_value)
    assert figures["activities whose grams differ"].value == 0
    assert figures["peak memory"].target == 4000


def test_audits_of_a_synthetic_log_hold(tmp_path: Path):
    figures = by_name(audit.measure(tmp_path, leaves=2_000, processes=2))
    assert figures["2,000 leaves audited, 2 processes"].yardstick_value > 0
    assert figures["  leaves a second"].target == 250_000
    assert figures["  decisions among them, each with its document"].value > LENGTH
    assert figures["  peak memory, all processes"].value > 20


def test_gas_stays_under_the_target_at_the_largest_size(tmp_path: Path):
    (figure,) = anchor.measure(tmp_path, exponents=(44,))
    assert figure.holds
    assert figure.value > figure.yardstick_value


@pytest.mark.parametrize("exponent", [2, 10, 63])
def test_the_worst_case_is_a_proof(exponent: int):
    proof, before, after = anchor.worst_case(exponent)
    assert verify_consistency(2**exponent - 1, 2**exponent, before, after, proof)
    assert len(proof) == exponent + 1


class Stalling(BaseHTTPRequestHandler):
    """Answers at once, but for half a second in which nobody is answered."""

    protocol_version = "HTTP/1.1"
    began = 0.0

    def do_GET(self) -> None:
        since = time.monotonic() - self.began
        if 0.5 < since < 1.0:
            time.sleep(1.0 - since)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_stall_is_seen_by_all_who_were_due_in_it():
    """Two connections: a loop that waits for answers would have seen it twice."""
    with serving(Stalling) as url:
        Stalling.began = time.monotonic()
        seen = load.run(load.Plan(url, "look-ups", 2, 2, 50, {"1": ""}, 1, 1, warm_up_s=0))
    assert len(seen.every) == 100
    assert sum(latency > 0.1 for latency in seen.every) > 10


class Refusing(Stalling):
    """Refuses one path, ends the connection at another, and is slow at all others."""

    def do_GET(self) -> None:
        if "blocks" in self.path:
            self.close_connection = True
            return
        time.sleep(0.02)
        body = b'{"type": "urn:gramledger:problem:not-found"}' if "leaves" in self.path else b"{}"
        self.send_response(404 if "leaves" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_what_fails_is_named_by_its_cause():
    with serving(Refusing) as url:
        seen = load.run(load.Plan(url, "look-ups", 0.5, 2, None, {"1": ""}, 1, 1, warm_up_s=0))
        nobody = load.run(load.Plan("http://127.0.0.1:9", "look-ups", 0.1, 1, 50, {"1": ""}, 1, 1, warm_up_s=0))
    assert set(seen.failures) == {"leaf: 404 not-found", "blocks: no answer: the server ended the connection"}
    assert set(seen.latencies) == {"account"}
    assert {cause.partition(": ")[2] for cause in nobody.failures} == {"no answer: Connection refused"}
    assert sum(nobody.failures.values()) == 5


def test_a_closed_loop_finds_the_capacity_and_an_open_one_above_it_says_what_was_never_asked(monkeypatch):
    monkeypatch.setattr(load, "OVERRUN_S", 0.1)
    monkeypatch.setitem(load.MAKERS, "look-ups", lambda *_: ("account", ("GET", "/v1/accounts/1", {}, None)))
    with serving(Refusing) as url:
        plan = load.Plan(url, "look-ups", 1, 2, None, {"1": ""}, 1, 1, warm_up_s=0)
        full = load.run(plan)
        above = load.run(replace(plan, per_second=5 * full.per_second))
    assert 20 < full.per_second < 100  # two callers, each answered after 20 ms
    assert not full.failures
    assert set(above.failures) == {f"account: {load.UNASKED}"}


TABLES = re.compile(r"\b(FROM|INTO|JOIN|UPDATE|LATERAL) (\w+)")


def test_pgbench_sends_the_statements_of_an_act_and_does_it(tmp_path: Path):
    with running(Settings(data=tmp_path / "data"), http.silent, create=True) as site:
        people = found_scheme(site, 2)
        plan = load.Plan(
            "", "acts", 0, 0, None, http.tokens_of(site, people), people.provider, site.publisher.publish()
        )
        asked = scripts.taken_down(site, plan)
        assert asked.keys() == {"conversions", "redemptions", "cancellations"}
        with site.database.transaction() as tx:
            before = tx.execute(sa.text("SELECT count(*) FROM movements WHERE kind IN (3, 4, 8)")).scalar_one()
        variables = {"first_holder": people.holders[0], "last_holder": people.holders[1], "last_leaf": 0}
        ran = 0
        for name, sent in asked.items():
            script = scripts.script(sent)
            assert TABLES.findall(script) == [table for one in sent for table in TABLES.findall(one.statement)]
            assert script.count(";\n") + script.count(" \\gset\n") == len(sent) + 2, "BEGIN and COMMIT"
            done = pgbench.run(site.where.database_url, {name: script}, variables, seconds=1, connections=2)
            ran += len(done.latencies)
        with site.database.transaction() as tx:
            after = tx.execute(sa.text("SELECT count(*) FROM movements WHERE kind IN (3, 4, 8)")).scalar_one()
            assert list(check_tables(tx)) == []
        assert after - before == ran > 0


def test_http_answers_acts_and_look_ups_without_a_failure(tmp_path: Path):
    figures = by_name(http.measure(tmp_path, http.Wanted(1, connections=1, workers=1, people=8, warm_up_s=0)))
    assert figures["acts that failed"].value == 0
    assert figures["look-ups that failed"].value == 0
    for kind in ("acts", "look-ups"):
        assert figures[f"{kind}, as many as can be"].value > 0
        assert (
            figures[f"{kind}, as many as can be"].target
            == http.SHARES[kind] * figures[f"{kind}, as many as can be"].yardstick_value
        )
        assert figures[f"{kind} at 60% of that"].value > 0
    assert {"  conversions", "  redemptions", "  cancellations", "  account", "  blocks", "  leaf"} <= set(figures)


@pytest.mark.slow
def test_rides_are_judged_beside_an_engine_that_only_sums_them(tmp_path: Path):
    figures = by_name(activities.measure(tmp_path, 1_000))
    assert figures["1,000 rides, from file to judged"].yardstick_value > 0
    assert figures["peak memory"].value > 50


@pytest.mark.slow
def test_a_batch_becomes_a_lot_beside_an_engine_that_only_sums_its_file(tmp_path: Path):
    figures = by_name(batch.measure(tmp_path, [200]))
    whole = figures["200 rides, from upload to lot"]
    assert whole.value == pytest.approx(sum(figures[f"  {phase}"].value for phase in batch.PHASES))
    assert whole.yardstick_value > 0
    assert 180 < figures["  rides that became grams"].value < 200
    assert figures["  peak memory of all processes"].value > 50


@pytest.mark.slow
def test_demo_is_watched_with_all_its_processes(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(demo, "SAMPLE_S", 1)  # to add up what every process holds takes a tenth of a second itself
    figures = by_name(demo.measure(tmp_path, rides=None))
    assert figures["demo, whole time"].yardstick == "the same again, which issues nothing"
    # A database, a chain and Python with everything imported are never this small.
    assert figures["demo, peak memory of all processes"].value > 50


def test_this_process_is_in_its_own_tree_and_holds_memory():
    assert os.getpid() in tree({os.getpid()})
    assert 0 < shared_out_bytes({os.getpid()}) < 2 * own_peak_bytes()


def test_figures_say_whether_targets_hold():
    fast, slow = Figure("rate", 10, "/s", 5), Figure("latency", 10, "ms", 5, at_most=True, yardstick_value=4)
    assert (fast.holds, slow.holds, slow.ratio, Figure("plain", 1, "").holds) == (True, False, 2.5, None)
    assert json.loads(json.dumps(as_json("x", [fast, slow], {"size": 1})))["figures"][1]["holds"] is False
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(as_table("bench", [fast, slow]))
    assert "MISSED" in console.export_text()


def test_percentiles_are_values_that_were_seen():
    assert percentile([3, 1, 2, 4], 0.5) == 3
    assert percentile([3, 1, 2, 4], 0.99) == 4
    assert percentile([], 0.99) == 0


def test_pages_are_read_beside_made_up_blocks(tmp_path: Path):
    figures = by_name(pages.measure(tmp_path, pages.Wanted(blocks=2000, seconds=1, workers=1)))
    assert figures["live blocks"].value >= 2000
    assert figures["that failed"].value == 0
    assert {"first page, 99 % under", "totals, 99 % under"} <= figures.keys()


def test_a_return_in_steps_and_what_is_traded_of_it(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(gather, "PEOPLE", 50)
    monkeypatch.setattr(gather, "LOAD_S", 1.0)
    figures = by_name(gather.measure(tmp_path, blocks=1_050))
    assert figures["collected blocks"].value == 1_050
    assert figures["leaves of these four acts"].value == 4
    assert 4 < figures["leaves of a crumb, from its issue to the end"].value < 4.1
    assert figures["    that failed"].value == 0


def test_a_siege_keeps_no_act_from_its_answer_and_no_anchor_from_the_chain(tmp_path: Path, monkeypatch):
    """One address holds 300 connections, another asks the chain; how long the acts take is the bench's to say."""
    monkeypatch.setenv("GRAMLEDGER_PUBLISH_INTERVAL_MS", "50")
    monkeypatch.setenv("GRAMLEDGER_ANCHOR_INTERVAL_MS", "200")
    figures = by_name(siege.measure(tmp_path, held=300, seconds=1, people=8))
    assert figures["connections opened, with those opened anew"].value > 300
    assert 0 < figures["connections held, on average"].value < 300
    assert figures["batches of calls that the chain answered"].value > 0
    assert figures["acts that failed"].value == 0
    assert figures["acts"].value > 0
    assert figures["the last act anchored after"].holds
    assert figures["written to the log"].value < 20_000
