"""Many logs side by side, the command, the metrics; what a hostile log or a false configuration does to them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest

from anchoring.errors import Malformed
from anchoring.monitor.config import make_config, parse_config
from anchoring.monitor.service import Monitor, MonitorServer
from registry.clock import system_clock
from registry.keyfile import write_secret
from tests.anchoring.auditing.test_unlawful_leaf import what_its_sibling_took
from tests.support.monitoring import evidence, http_server, log_server, publish
from tests.support.synthetic_log import FIRST_LIFE, LIFE, VKEY, lawful_leaves
from tests.support.witnessing import KEYS, Grown

LEAVES = lawful_leaves(900, cohort=10)
OTHERS = lawful_leaves(900, seed=1, cohort=10)
ROOT = Path(__file__).parents[3]
WITNESS_VKEY = KEYS.signer.verifier.vkey


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self):
        self.alerts, self.standings, self.failures = [], [], []
        self.size = threading.Condition()

    def alert(self, log, event, alert):
        self.alerts.append((log, event, alert.code))

    def followed(self, standing):
        with self.size:
            self.standings.append(standing)
            self.size.notify_all()

    def failed(self, log, sentence):
        self.failures.append((log, sentence))

    def await_size(self, log, size):
        with self.size:
            assert self.size.wait_for(lambda: any((s.name, s.size) == (log, size) for s in self.standings), 60)


def config_of(state, **logs):
    return make_config(
        {
            "state": state,
            "interval_s": 1,
            "log": [{"name": name, "vkey": VKEY, "url": url} for name, url in logs.items()],
        }
    )


@pytest.fixture
def log(tmp_path):
    return Grown(tmp_path / "log")


class Endless(BaseHTTPRequestHandler):
    """A log that says without end, slowly, what nobody asked for."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"a" * 1000)
                time.sleep(0.01)
        except OSError:
            return

    def log_message(self, *_args):
        pass


def test_a_hostile_log_stops_nobody(tmp_path, log):
    publish(log, LEAVES[:300])
    heard, stop = Heard(), threading.Event()
    with log_server(log.folder) as honest, http_server(Endless) as hostile:
        config = config_of(tmp_path / "state", honest=honest, hostile=hostile, gone="http://127.0.0.1:9/log")
        monitor = Monitor(config, system_clock, heard)
        thread = threading.Thread(target=monitor.run, args=(stop,))
        thread.start()
        try:
            heard.await_size("honest", 300)
            publish(log, LEAVES[300:])
            heard.await_size("honest", 900)
        finally:
            stop.set()
            thread.join()
    assert not any(name == "honest" for name, _, _ in heard.alerts)
    assert ("gone", "began", "log-unreachable") in heard.alerts


def test_one_round_over_two_logs_of_which_one_lies(tmp_path, log):
    fork = Grown(tmp_path / "fork")
    publish(log, LEAVES)
    publish(fork, LEAVES[:300])
    config = config_of(tmp_path / "state", honest=str(log.folder), liar=str(fork.folder))
    assert Monitor(config, system_clock, Heard()).run_once().exit_code == 0
    liar = Grown(tmp_path / "liar")
    (fork.folder / "checkpoint").write_bytes(publish(liar, OTHERS[:300]))
    outcome = Monitor(config, system_clock, Heard()).run_once()
    assert outcome.exit_code == 1
    assert [(one.name, one.size, one.is_refuted) for one in outcome.standings] == [
        ("honest", 900, False),
        ("liar", 300, True),
    ]


@pytest.mark.parametrize("damage", ["memory", "mirror", "judged"])
def test_a_damaged_folder_is_told_and_stops_nobody(tmp_path, log, damage):
    publish(log, LEAVES)
    config = config_of(tmp_path / "state", one=str(log.folder), two=str(log.folder))
    assert Monitor(config, system_clock, Heard()).run_once().exit_code == 0
    folder = tmp_path / "state" / "one"
    file = {"memory": "memory.json", "mirror": "mirror/hashes-0", "judged": "judged/rows"}[damage]
    os.truncate(folder / file, (folder / file).stat().st_size - 1)
    outcome = Monitor(config, system_clock, Heard()).run_once()
    assert outcome.exit_code == 2
    assert list(outcome.failures) == ["one"]
    assert [one.name for one in outcome.standings] == ["two"]


def test_two_monitors_do_not_share_a_folder(tmp_path, log):
    publish(log, LEAVES)
    first = config_of(tmp_path / "state", one=str(log.folder))
    stop, heard = threading.Event(), Heard()
    thread = threading.Thread(target=Monitor(first, system_clock, heard).run, args=(stop,))
    thread.start()
    try:
        heard.await_size("one", 900)
        outcome = Monitor(first, system_clock, Heard()).run_once()
        assert "in use" in outcome.failures["one"]
    finally:
        stop.set()
        thread.join()


def test_a_crowd_keeps_nobody_from_the_metrics(tmp_path, log):
    publish(log, LEAVES)
    monitor = Monitor(config_of(tmp_path / "state", one=str(log.folder)), system_clock, Heard())
    with MonitorServer(monitor, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        sources = ["127.0.0.1"] * 50 + [f"127.0.1.{1 + number}" for number in range(50)]
        crowd = [socket.create_connection(server.server_address, 10, (source, 0)) for source in sources]
        assert httpx2.get(f"{server.url}/metrics", timeout=2).status_code == 200
        for connection in crowd:
            connection.close()
        server.shutdown()


def test_what_prometheus_reads(tmp_path, log):
    publish(log, LEAVES)
    monitor = Monitor(config_of(tmp_path / "state", one=str(log.folder)), system_clock, Heard())
    with MonitorServer(monitor, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monitor.run_once()
        answer = httpx2.get(f"{server.url}/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert 'gramledger_monitor_log_size{log="one"} 900.0' in answer.text
        assert 'gramledger_monitor_alerts{code="split-view",log="one"} 0.0' in answer.text
        (log.folder / "checkpoint").unlink()
        monitor.run_once()
        assert (
            'gramledger_monitor_alerts{code="log-unreachable",log="one"} 1.0'
            in httpx2.get(f"{server.url}/metrics").text
        )
        assert httpx2.get(f"{server.url}/healthz").status_code == 200
        assert httpx2.get(f"{server.url}/else").status_code == 404
        assert httpx2.post(f"{server.url}/metrics", content=b"x").status_code == 404
        server.shutdown()


def test_the_alert_rules_name_metrics_that_there_are(tmp_path, log):
    publish(log, LEAVES)
    monitor = Monitor(config_of(tmp_path / "state", one=str(log.folder)), system_clock, Heard())
    monitor.run_once()
    monitor.metrics.count_failure("one")
    named = set(re.findall(r"gramledger_monitor_\w+", (ROOT / "docs" / "monitor-alerts.yml").read_text()))
    assert len(named) >= 4
    for name in named:
        assert f"\n{name}{{" in "\n" + monitor.metrics.render().decode()


def test_a_monitor_that_follows_nothing_is_unwell(tmp_path):
    now = [0]
    monitor = Monitor(config_of(tmp_path / "state", one="/nowhere"), lambda: now[0], Heard())
    assert monitor.late() == []
    now[0] = 11_000
    assert monitor.late() == ["one"]


def gram(*words, **options):
    command = [sys.executable, "-c", "from api.gram import main; main()", *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, **options
    )


def test_an_empty_log_is_followed_from_the_start(tmp_path, log):
    words = ["monitor", "--log", log.folder, "--vkey", VKEY, "--state", tmp_path / "state", "--once"]
    log.folder.mkdir(exist_ok=True)
    for leaves, said in ((LEAVES[:0], "log: empty, no chain asked"), (LEAVES[:300], "log: 300 leaves, 300 of them")):
        publish(log, leaves)
        with gram(*words) as once:
            out, err = once.communicate(timeout=60)
        assert (once.returncode, out.splitlines()[-1]) == (0, "Everything holds."), err
        assert out.startswith(said)


def test_the_command_once_and_the_evidence_by_itself(tmp_path, log, anchoring):
    """What an outsider does: one round from cron, a look at the evidence, and the transaction sent."""
    leaves = lawful_leaves(FIRST_LIFE + LIFE * 10, cohort=10)
    index = what_its_sibling_took(leaves)
    publish(log, leaves)
    anchoring.anchor(log, leaves, len(leaves))
    said = anchoring.settings
    words = ["monitor", "--log", log.folder, "--vkey", VKEY, "--state", tmp_path / "state", "--once"]
    words += ["--rpc", said["rpcs"][0], "--contract", said["contract"], "--chain-id", said["chain_id"]]
    with gram(*words) as once:
        out, err = once.communicate(timeout=60)
    assert once.returncode == 1, err
    assert out.splitlines()[0] == f"log: {len(leaves)} leaves, 0 of them judged lawful, {len(leaves)} anchored"
    assert out.splitlines()[-1] == "Proven false: see the evidence."
    assert {json.loads(line)["event"] for line in err.splitlines()} == {"alert-began", "followed"}
    (proof,), (ready,) = (evidence(tmp_path / "state" / "log", kind) for kind in ("rule", "convict"))
    with gram("verify-evidence", proof, "--vkey", VKEY) as checked:
        assert checked.communicate(timeout=60)[0].startswith(f"Proven: leaf {index} of the log breaks OVERLAP")
    assert checked.returncode == 0
    key = tmp_path / "payer.key"
    write_secret(key, anchoring.payer.key.hex().encode())
    with gram("chain", "convict", ready, "--rpc", said["rpcs"][0], "--payer", f"file:{key}") as sent:
        assert sent.communicate(timeout=60)[0].startswith(f"Convicted: leaf {index} breaks OVERLAP.")
    assert sent.returncode == 0


def test_the_service_stops_on_a_signal(tmp_path, log):
    publish(log, LEAVES)
    file = tmp_path / "monitor.toml"
    file.write_text(f'state = "state"\n[[log]]\nname = "one"\nurl = "{log.folder}"\nvkey = "{VKEY}"\n')
    with gram("monitor", file, "--port", "0") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        url = running.stdout.readline().split()[-1]
        assert json.loads(running.stderr.readline())["event"] == "followed"
        assert 'log_size{log="one"} 900.0' in httpx2.get(url).text
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    assert (tmp_path / "state" / "one" / "memory.json").exists()


ONE = {"name": "one", "url": "/log", "vkey": VKEY}


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({}, "state"),
        ({"state": "s", "log": []}, "log"),
        ({"state": "s", "log": [ONE], "unknown": 1}, "unknown"),
        ({"state": "s", "log": [ONE, ONE]}, "one name"),
        ({"state": "s", "interval_s": 0, "log": [ONE]}, "interval_s"),
        ({"state": "s", "log": [ONE | {"name": "../etc"}]}, "log.0.name"),
        ({"state": "s", "log": [ONE | {"name": "Straße"}]}, "log.0.name"),
        ({"state": "s", "log": [ONE | {"vkey": "nonsense"}]}, "log.0.vkey"),
        ({"state": "s", "log": [ONE | {"vkey": WITNESS_VKEY}]}, "type Ed25519"),
        ({"state": "s", "log": [ONE | {"witnesses": [{"vkey": VKEY}]}]}, "type cosignature"),
        ({"state": "s", "log": [ONE | {"witnesses": [{"vkey": WITNESS_VKEY}] * 2}]}, "given twice"),
        ({"state": "s", "log": [ONE | {"witnesses": [{"vkey": WITNESS_VKEY, "url": "ftp://x"}]}]}, "witnesses.0.url"),
        ({"state": "s", "log": [ONE | {"contract": "0x" + "11" * 20}]}, "belong together"),
        ({"state": "s", "log": [ONE | {"witnesses": [{"vkey": WITNESS_VKEY, "address": "0x" + "11" * 20}]}]}, "both"),
        ({"state": "s", "log": [ONE | {"contract": "0x12", "chain_id": 1, "rpcs": ["http://x"]}]}, "no address"),
        ({"state": "s", "log": [ONE | {"rpcs": ["http://x\u202e/"]}]}, "log.0.rpcs"),
        ({"state": "s", "log": [ONE | {"max_leaves": 2**64}]}, "max_leaves"),
        ({"state": "s", "log": [ONE | {"\x1b[2J": 1}]}, "x1b"),
    ],
)  # fmt: skip
def test_configurations_that_are_none(said, where):
    with pytest.raises(Malformed) as error:
        make_config(said)
    assert where in str(error.value)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("data", [b"\xff", b"a = ", b"[" * 10_000, b"a" * 300_000, b'a = "' + b"b" * 1000])
def test_files_that_are_no_configuration(data, tmp_path):
    with pytest.raises(Malformed) as error:
        parse_config(data, tmp_path)
    assert len(str(error.value)) < 400
    assert str(error.value).isprintable()
