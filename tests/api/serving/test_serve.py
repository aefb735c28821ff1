"""`gram serve` as people run it: it starts, survives what is killed under it, and leaves nothing behind."""

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import httpx2
import pytest

from anchoring.auditing.audit import audit
from anchoring.chain.client import AnchorClient
from anchoring.publishing.standing import Known, standing, take_note
from anchoring.tree.sources import HttpSource
from api.installation.data_folder import read_folder
from api.installation.settings import Settings
from api.installation.site import development_issuer
from api.installation.trial import trial_subject
from api.serving.serve import address_of, listen, run
from registry.clock import system_clock
from registry.database.embedded import EmbeddedPostgres
from registry.identity.grants import Grant
from registry.identity.roles import Role
from registry.ledger.ledger import Amount
from registry.points.points import convert
from tests.support.rest import Caller, fresh_key, is_problem
from tests.support.running import Live, live_site
from tests.support.serving import GRAM, WAIT_S, Served, await_true, is_alive, serving, start

GRAMS = 10_000


@dataclass(frozen=True)
class Installation:
    """A data folder that nothing serves, with people in it who hold grams.

    `late` converted some years ago, and have not come by since.
    """

    data: Path
    people: list[int]
    late: list[int]


def callers(served: Served, people: list[int]) -> list[Caller]:
    """With tokens of this one's own issuer."""
    issuer, now_s = development_issuer(Settings(data=served.data), read_folder(served.data)), system_clock() // 1000
    subjects = {one: trial_subject(Grant(Role.HOLDER, one)) for one in people}
    return [Caller(served.url, issuer.token(subject, now_s), one) for one, subject in subjects.items()]


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory) -> Installation:
    folder, years_ago = tmp_path_factory.mktemp("serve"), system_clock() - 4 * 365 * 86_400_000
    clock = count(years_ago).__next__
    with live_site(folder, clock=clock) as live:
        people, late = ([live.person() for _ in range(many)] for many in (3, 2))
        ledger = live.site.ledger
        live.site.__dict__["ledger"] = replace(ledger, clock=clock)
        live.issue(dict.fromkeys(late, GRAMS))
        for person in late:
            with live.site.database.transaction() as tx:
                convert(tx, live.site.ledger, person, Amount(700))
        live.site.__dict__["ledger"] = ledger
        live.issue(dict.fromkeys(people, GRAMS))
        live.publish()
        for one in (*people, *late):
            live.token("holder", one)  # which grants it
        return Installation(folder / "data", people, late)


def copy_of(laid_out: Installation, folder: Path) -> Installation:
    """It is served beside the others: its issuer finds a port of its own."""
    subprocess.run(["cp", "-a", laid_out.data, folder], check=True)
    copied = replace(laid_out, data=folder / laid_out.data.name)
    read_folder(copied.data).issuer_address.unlink()
    return copied


@pytest.fixture
def installation(laid_out, tmp_path) -> Installation:
    """For a test that starts and stops it."""
    return copy_of(laid_out, tmp_path)


@dataclass(frozen=True)
class Running:
    """An installation that is served, to whoever leaves it so; `postgres` is for who takes the database away."""

    served: Served
    installation: Installation
    postgres: EmbeddedPostgres

    @property
    def callers(self) -> list[Caller]:
        return callers(self.served, self.installation.people)


@pytest.fixture(scope="module")
def running(laid_out, tmp_path_factory) -> Iterator[Running]:
    """Two workers serve it; whatever was done to it, it stops as it should."""
    installation = copy_of(laid_out, tmp_path_factory.mktemp("served"))
    postgres = EmbeddedPostgres(installation.data / "postgres")
    with serving(installation.data, GRAMLEDGER_WORKERS="2") as served:
        yield Running(served, installation, postgres)
        started = {served.worker, served.chain}
        assert served.stop() == 0
        assert not any(map(is_alive, started))
    postgres.stop()


def ask_until_answered(caller: Caller, key: str, quantity_g: int) -> httpx2.Response:
    """Do as a careful client does: the same key again, until there is an answer."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            answer = caller.act("conversions", key, quantity_g=quantity_g)
            if answer.status_code != 503:
                return answer
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)


def audited(served: Served) -> int:
    """Audit the log that is served, over HTTP and with its chain; gives its size."""
    about = Caller(served.url).get("/v1/about").json()
    with (
        HttpSource(about["log"]["url"]) as source,
        AnchorClient(about["chain"]["rpc"], about["chain"]["contract"]) as chain,
    ):
        report = audit(source, about["log"]["vkey"], chain)
    assert report.faults == ()
    assert report.size
    return report.size


def test_a_folder_is_served_once(running):
    served = running.served
    assert Caller(served.url).get("/v1/about").json()["log"]["url"] == f"{served.url}/log"
    assert Caller(served.url).get("/").status_code == 200
    assert all(map(is_alive, served.everything))
    second = subprocess.run(
        [GRAM, "serve", "--data", served.data, "--port", "0"], capture_output=True, text=True, check=False
    )
    assert (second.returncode, second.stdout) == (2, "")
    assert "in use by another process" in second.stderr
    assert "Traceback" not in second.stderr
    assert Caller(served.url).get("/v1/totals").status_code == 200


def test_an_http_worker_does_without_web3(running):
    """It would take as long to start again, and as much memory, as all the rest; web3 brings aiohttp."""
    assert "psycopg" in (loaded := Path(f"/proc/{running.served.worker}/maps").read_text())
    assert "aiohttp" not in loaded


def test_a_stop_while_it_starts_leaves_nothing_behind(installation):
    process = start(installation.data)
    assert process.stdout is not None
    with process, process.stdout:
        pid_file = installation.data / "postgres" / "postmaster.pid"
        await_true(pid_file.exists, "PostgreSQL did not start")
        postgres = int(pid_file.read_text().split()[0])
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT_S)
        await_true(lambda: not is_alive(postgres), "PostgreSQL was left behind")


def test_a_worker_killed_in_the_middle_of_acts_doubles_and_loses_nothing(running):
    served = running.served
    caller, _, _ = running.callers
    quantities = {fresh_key() + str(os.getpid()): n for n in range(1, 61)}
    victim = served.worker
    with ThreadPoolExecutor(9) as pool:
        answers = [pool.submit(ask_until_answered, caller, key, n) for key, n in quantities.items()]
        await_true(lambda: sum(answer.done() for answer in answers) >= 10, "no act was done")
        os.kill(victim, signal.SIGKILL)
        first = [answer.result() for answer in answers]
    assert not is_alive(victim)
    assert served.worker != victim
    again = [ask_until_answered(caller, key, n) for key, n in quantities.items()]
    assert {answer.status_code for answer in first} == {201}
    assert [answer.json() for answer in again] == [answer.json() for answer in first]
    spent = sum(quantities.values())
    assert caller.balances() == {"reduction": GRAMS - spent, "points": spent}


def test_a_supervisor_that_is_killed_takes_its_children_with_it_and_loses_nothing(installation):
    with serving(installation.data) as served:
        _, caller, _ = callers(served, installation.people)
        key = fresh_key() + "killed"
        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(ask_until_answered, caller, f"{key}{n}", n) for n in range(1, 11)]
            done = [answer.result() for answer in answers]
        worker, chain = served.worker, served.chain
        served.process.kill()
        served.process.wait()
        await_true(lambda: not is_alive(worker) and not is_alive(chain), "its children outlive it")
    with serving(installation.data) as served:
        _, caller, _ = callers(served, installation.people)
        assert caller.balances() == {"reduction": GRAMS - 55, "points": 55}
        for n, answer in enumerate(done, start=1):
            assert ask_until_answered(caller, f"{key}{n}", n).json() == answer.json()
        last = done[-1].json()["movements"][0]["id"]
        await_true(lambda: caller.get(f"/v1/movements/{last}").json()["state"] == "final", "it was not anchored")
        assert audited(served) > 10
        started = served.everything
        assert served.stop() == 0
        assert not any(map(is_alive, started))


def test_a_database_and_a_chain_that_are_down_for_a_while(running):
    served = running.served
    _, _, caller = running.callers
    assert caller.act("conversions", quantity_g=1).status_code == 201
    key = fresh_key() + "down"

    end_database(served.data)
    refused = [caller.act("conversions", key, quantity_g=2), *map(caller.get, ("/v1/totals", "/v1/lots/1"))]
    for answer in refused:
        assert is_problem(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert caller.get("/v1/about").status_code == 200
    assert caller.get("/log/checkpoint").status_code == 200
    assert served.process.poll() is None
    running.postgres.start()
    assert ask_until_answered(caller, key, 2).status_code == 201
    assert caller.balances()["points"] == 3

    os.kill(served.chain, signal.SIGKILL)
    act = ask_until_answered(caller, fresh_key() + "chain", 4)
    assert act.status_code == 201
    moved = act.json()["movements"][0]["id"]
    await_true(lambda: caller.get(f"/v1/movements/{moved}").json()["state"] == "final", "anchoring did not resume")
    audited(served)


def test_publication_and_the_stop_do_not_wait_for_a_chain_that_hangs(installation):
    with serving(installation.data) as served:
        caller, _, _ = callers(served, installation.people)
        chain = served.chain
        os.kill(chain, signal.SIGSTOP)
        try:
            for _ in range(3):
                asked = time.monotonic()
                act = ask_until_answered(caller, fresh_key() + str(os.getpid()), 1)
                assert act.status_code == 201, act.text
                moved = act.json()["movements"][0]["id"]
                await_true(lambda: caller.get(f"/v1/movements/{moved}").json()["state"] == "logged", "not logged")  # noqa: B023
                assert time.monotonic() - asked < 5
            stopped = time.monotonic()
            assert served.stop() == 0
            assert time.monotonic() - stopped < 25
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chain, signal.SIGCONT)


def test_a_flood_of_calls_stops_neither_publication_nor_anchoring(running):
    """Ten strangers ask for the dearest that is offered, over and over."""
    with ThreadPoolExecutor(10) as pool:
        _, caller, _ = running.callers
        contract = caller.get("/v1/about").json()["chain"]["contract"]
        dear = [
            {"method": "eth_call", "params": [{"to": contract, "data": "0x949d225d" + "00" * 4_000}, "latest"]},
            {"method": "eth_getLogs", "params": [{"fromBlock": "0x0"}]},
            {"method": "eth_feeHistory", "params": ["0x400", "latest", [50] * 100]},
        ]
        calls = [one | {"jsonrpc": "2.0", "id": n} for n, one in enumerate((dear * 4)[:10])]
        flooding = threading.Event()
        flood = [pool.submit(keep_asking, f"{running.served.url}/chain", calls, flooding) for _ in range(10)]
        try:
            for state, seconds in (("logged", 5), ("final", 30)):
                asked = time.monotonic()
                act = ask_until_answered(caller, fresh_key() + state + str(os.getpid()), 1)
                moved = act.json()["movements"][0]["id"]
                reached = (state, "anchored", "final")
                await_true(lambda: caller.get(f"/v1/movements/{moved}").json()["state"] in reached, state)  # noqa: B023
                assert time.monotonic() - asked < seconds
        finally:
            flooding.set()
        assert sum(one.result() for one in flood) > 0


def keep_asking(url: str, calls: list[dict], stop: threading.Event) -> int:
    """Post a batch again and again; how often it was answered."""
    answered = 0
    with httpx2.Client(timeout=WAIT_S, trust_env=False) as client:
        while not stop.is_set():
            answered += client.post(url, json=calls).status_code == 200
    return answered


def test_points_past_their_expiry_end_by_themselves(running):
    for caller in callers(running.served, running.installation.late):
        await_true(lambda: not caller.balances().get("points"), "the points are still there")  # noqa: B023
        assert caller.balances()["reduction"] == GRAMS - 700


def end_database(data: Path) -> None:
    """End the PostgreSQL of a data folder behind the back of everybody who uses it, as a crash would."""
    descriptor = os.pidfd_open(int((data / "postgres" / "postmaster.pid").read_text().split()[0]))
    signal.pidfd_send_signal(descriptor, signal.SIGQUIT)
    assert select.select([descriptor], [], [], WAIT_S)[0]
    os.close(descriptor)


@dataclass(frozen=True)
class Told:
    """What there is to know when it does not say that it is only read, asked for when it is written."""

    live: Live
    rider: Caller

    def __str__(self) -> str:
        health, now = self.rider.get("/v1/health"), standing(self.live.site.database.transaction)
        return f"it does not say so: {now}, {health.text}, {self.live.site.conditions.read()}"


def test_a_database_that_is_set_back_under_it_is_only_read_from_then_on(tmp_path):
    """A standby that lags takes over: nobody restarts the registry, and every answer says as of when it is."""
    with live_site(tmp_path, workers=1) as live, listen("127.0.0.1", 0) as listener:
        person = live.person()
        rider = Caller(address_of(listener), live.token("holder", person), person)
        live.issue({person: 10})
        live.publish()
        size, stop, ready = live.site.publisher.check(), threading.Event(), threading.Event()
        supervisor = threading.Thread(target=run, args=(live.site, listener, lambda _url: ready.set(), stop))
        supervisor.start()
        try:
            assert ready.wait(WAIT_S)
            assert "Gramledger-As-Of-Size" not in rider.get("/v1/about").headers
            take_note(live.site.database.transaction, [Known("a mirror", size + 1, bytes(32))])
            await_true(lambda: "Gramledger-As-Of-Size" in rider.get("/v1/about").headers, Told(live, rider))
            assert rider.get("/v1/about").headers["Gramledger-As-Of-Size"] == str(size)
            assert is_problem(rider.act("conversions", fresh_key(), quantity_g=1), 503, "log-behind")
            assert supervisor.is_alive()
        finally:
            stop.set()
            supervisor.join(WAIT_S)
        assert not supervisor.is_alive()
