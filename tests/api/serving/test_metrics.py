"""What `gram serve` tells Prometheus and its request log: what happened, and never who or what it was about."""

import json
import socket
import threading

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.serving.works import Works
from registry.clock import system_clock
from registry.errors import Unavailable
from tests.support.rest import Caller, holder
from tests.support.running import live_site
from tests.support.serving import await_true, serving


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A registry that is served with metrics and a request log, after some requests; gives where these are."""
    folder = tmp_path_factory.mktemp("measured")
    with live_site(folder) as live:
        rider = live.person()
        live.issue({rider: 50})
        token = holder(live, rider).token
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lines = folder / "requests.log"
    settings = {"GRAMLEDGER_METRICS_PORT": str(port), "GRAMLEDGER_REQUEST_LOG": str(lines)}
    with serving(folder / "data", **settings) as served:
        me = Caller(served.url, token, rider)
        assert me.act("conversions", quantity_g=20).status_code == 201
        assert me.act("conversions", quantity_g=900).status_code == 409
        assert me.get(f"/v1/accounts/{rider}").status_code == 200
        me.get("/search?q=Secret")
        assert me.get("/nowhere/at-all").status_code == 404
        yield f"http://127.0.0.1:{port}/metrics", lines, rider


def read(url):
    """Every sample, by name and labels."""
    text = httpx2.get(url, trust_env=False).raise_for_status().text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, *sorted(sample.labels.items())): sample.value for sample in samples}


def requests(samples, route, status):
    name = "gramledger_http_requests_total"
    return sum(
        value
        for (which, *labels), value in samples.items()
        if which == name and dict(labels)["route"] == route and dict(labels)["status"] == status
    )


def test_requests_are_counted_by_route_over_all_workers(measured):
    url, _, _ = measured
    samples = read(url)
    acts = "/v1/accounts/{account_id}/conversions"
    assert [requests(samples, acts, status) for status in ("201", "409")] == [1, 1]
    assert requests(samples, "other", "404") == 1
    assert samples["gramledger_http_request_seconds_count", ("route", acts)] == 2
    assert not [labels for _, *labels in samples if "Secret" in str(labels)]


def test_how_the_registry_stands(measured):
    url, _, _ = measured
    await_true(lambda: read(url)["gramledger_log_size", ("state", "final")] > 0, "an anchor is final")
    samples = read(url)
    sizes = [
        samples["gramledger_log_size", ("state", state)] for state in ("final", "anchored", "published", "indexed")
    ]
    assert sizes == sorted(sizes)
    assert samples["gramledger_database_up",] == 1
    assert samples["gramledger_movements_set_aside",] == samples["gramledger_jobs_open",] == 0
    works = {dict(labels)["work"] for name, *labels in samples if name == "gramledger_work_done_timestamp_seconds"}
    assert works >= {
        "publish",
        "anchor",
        "count the totals",
        "jobs",
        "expire points",
        "standing orders",
        "mend the state's map",
    }
    conditions = {dict(labels)["name"]: value for (name, *labels), value in samples.items() if "condition" in name}
    assert conditions == dict.fromkeys(("convicted", "recovering", "stopped", "waiting", "clock"), 0)
    assert sum(name == "gramledger_witness_failing" for name, *_ in samples) == 3


def test_nothing_else_is_there(measured):
    url, _, _ = measured
    assert httpx2.get(url.replace("/metrics", "/"), trust_env=False).status_code == 404


def test_a_line_for_each_request_that_names_nobody(measured):
    _, path, rider = measured
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    of_accounts = [line for line in lines if line["route"].startswith("/v1/accounts")]
    assert [(line["method"], line["status"]) for line in of_accounts] == [("POST", 201), ("POST", 409), ("GET", 200)]
    assert all(set(line) == {"at", "method", "route", "status", "ms"} for line in lines)
    words = {str(value) for line in lines for value in (line["method"], line["route"])}
    assert not any("Secret" in word or f"/{rider}" in word for word in words)


def test_a_work_that_fails_is_counted_and_tried_again():
    works, turns, done = Works(system_clock), [], threading.Event()

    def part():
        turns.append(len(turns))
        if len(turns) == 1:
            raise Unavailable("not now")
        if len(turns) == 2:
            raise ZeroDivisionError
        done.set()

    works.repeat("try", 0.001, part)
    assert done.wait(5)
    works.leave()
    (work,) = works.standing
    assert work.failures == 2
    assert work.done_ms is not None
