"""The command's manners: exit codes, one sentence on stderr, never a traceback."""

import json
import socket
from importlib.metadata import version
from pathlib import Path

import httpx2
import pytest

from anchoring.note import ED25519, Signer
from api.installation.data_folder import hold
from registry.activities.profiles.shelf import find
from tests.api.installation.test_settings import WITNESSES
from tests.support.running import live_site

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "receipt.json").read_text())
KEYS, GOOD = VECTORS["keys"][0], VECTORS["receipts"][0]["receipt"]


@pytest.fixture
def receipt(tmp_path) -> Path:
    file = tmp_path / "good.tlog-proof"
    file.write_text(GOOD)
    return file


def is_one_sentence(said: str) -> bool:
    lines = [line for line in said.splitlines() if not line.startswith("·")]
    return len(lines) == 1 and lines[0].startswith("gram: ") and "Traceback" not in said


def test_a_good_receipt_is_proven_step_by_step(gram, receipt):
    code, out, _ = gram("verify", receipt, "--vkey", KEYS["vkey"], "--cosigner", KEYS["cosigners"][0])
    assert code == 0
    assert [line[:3] for line in out.splitlines()[:6]] == ["✓ 1", "✓ 2", "✓ 3", "✓ 4", "✓ 5", "– 6"]
    assert out.splitlines()[-1].startswith("Proven in part: ")


def test_the_steps_can_be_read_by_programs(gram, receipt):
    code, out, _ = gram("verify", receipt, "--vkey", KEYS["vkey"], "--json")
    said = json.loads(out)
    assert (code, said["outcome"], said["whole"]) == (0, "holds", False)
    assert [step["number"] for step in said["steps"]] == [1, 2, 3, 4, 5, 6]


def test_a_chain_is_pinned_by_its_id(gram, live, tmp_path):
    """Whoever answers at an address may be a chain of the operator's own; its id comes from elsewhere."""
    live.issue({live.person(): 100})
    live.publish()
    about = httpx2.get(f"{live.url}/v1/about").json()
    receipt = httpx2.get(f"{live.url}/v1/leaves?limit=1").json()["items"][0]["receipt"]
    file = tmp_path / "of-live.tlog-proof"
    file.write_bytes(httpx2.get(live.url + receipt).content)
    chain = ("--rpc", about["chain"]["rpc"], "--contract", about["chain"]["contract"], "--vkey", about["log"]["vkey"])
    for words in (("verify", file, *chain), ("audit", "--log", about["log"]["url"], *chain)):
        code, out, err = gram(*words, "--chain-id", about["chain"]["id"])
        assert (code, err) == (0, ""), out
        code, _, err = gram(*words)
        assert code == 0
        assert f"not pinned: it says that it is chain {about['chain']['id']}" in err
        code, out, err = gram(*words, "--chain-id", 1)
        assert (code, out) == (2, "")
        assert f"is chain {about['chain']['id']}, not chain 1" in err


def test_a_checkpoint_by_another_key_is_false(gram, receipt):
    other = Signer(KEYS["vkey"].split("+")[0], ED25519, b"x" * 32).verifier.vkey
    code, out, _ = gram("verify", receipt, "--vkey", other)
    assert code == 1
    assert "✗ 2" in out


@pytest.mark.parametrize(
    "bad", [pytest.param(bad, id=f"{n}-step-{bad['step']}") for n, bad in enumerate(VECTORS["bad"])]
)
def test_bad_receipts_are_false_or_unreadable(gram, tmp_path, bad):
    file = tmp_path / "bad.tlog-proof"
    file.write_text(bad["receipt"])
    cosigners = [word for key in KEYS["cosigners"] for word in ("--cosigner", key)]
    code, out, _ = gram("verify", file, "--vkey", KEYS["vkey"], *cosigners, "--quorum", "2")
    assert code in {1, 2}
    assert any(line.startswith((f"✗ {bad['step']}", f"? {bad['step']}")) for line in out.splitlines())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("verify", "{tmp}/none.tlog-proof", "--vkey", KEYS["vkey"]), "No such file"),
        (("verify", "{receipt}", "--vkey", "nonsense"), "verifier key"),
        (("verify", "{receipt}", "--vkey", KEYS["vkey"], "--rpc", "http://127.0.0.1:9"), "belong together"),
        (("verify", "{receipt}", "--vkey", KEYS["vkey"], "--rpc", "http://127.0.0.1:9", "--contract", "0x12"), ""),
        (("verify", "{receipt}", "--vkey", KEYS["vkey"], "--chain-id", "1"), "give that too"),
        (("audit", "--log", "{tmp}/none", "--vkey", KEYS["vkey"]), ""),
        (("audit", "--log", "http://127.0.0.1:9/log", "--vkey", KEYS["vkey"]), ""),
        (("demo", "--rides", "{tmp}/none.csv", "--data", "{tmp}/d"), "no file"),
        (("migrate", "--data", "{tmp}/d", "--database", "nonsense"), "named by a URL"),
        (("migrate", "--data", "{tmp}/d", "--database", "mysql://x/y"), "named by a URL"),
        (("chain", "status", "--data", "{tmp}/typo"), "no data folder"),
        (("log", "status", "--data", "{tmp}/none"), "no data folder"),
        (("token", "--role", "holder", "--data", "{tmp}/none"), "no data folder"),
        (("migrate", "--data", "{tmp}/d", "--database", "postgresql://127.0.0.1:9/x"), "does not answer"),
        (("serve", "--data", "{tmp}/d", "--port", "0", "--rpc", "http://127.0.0.1:9",
          "--database", "postgresql://127.0.0.1:9/x"), ""),
    ],
)  # fmt: skip
def test_what_cannot_be_checked_is_one_sentence_and_exit_2(gram, tmp_path, receipt, words, says):
    words = [word.format(tmp=tmp_path, receipt=receipt) for word in words]
    code, out, err = gram(*words)
    assert code == 2
    assert out == ""
    assert is_one_sentence(err)
    assert says in err


def test_bad_usage_is_exit_2(gram):
    for words in (
        ["nonsense"],
        ["verify"],
        ["serve", "--port", "99999"],
        ["verify", "x", "--vkey", "y", "--quorum", "0"],
    ):
        assert gram(*words)[0] == 2


def test_every_help_is_there(gram):
    for words in (
        [], ["demo"], ["serve"], ["migrate"], ["verify"], ["audit"],
        ["account"], ["log"], ["chain"], ["token"], ["bench"],
    ):  # fmt: skip
        code, out, _ = gram(*words, "--help")
        assert code == 0
        assert "Usage: gram" in out


def test_a_port_in_use_is_told_before_anything_starts(gram, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = gram("serve", "--data", tmp_path / "d", "--port", taken.getsockname()[1])
    assert code == 2
    assert "Choose another --port" in err
    assert not (tmp_path / "d").exists()


def test_a_data_folder_in_use_is_told(gram, tmp_path):
    with hold(tmp_path / "d"):
        code, _, err = gram("log", "publish", "--data", tmp_path / "d")
    assert code == 2
    assert "in use by another process" in err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("orderid,bikeid,User\nA,B,C\n", ("lacks userid, start_time", "must name orderid", "names 'orderid'")),
        ('orderid,"bikeid\nA,B\n', ("line 1", "never closed")),
        ("", ("empty",)),
    ],
    ids=["other columns", "open quote", "empty"],
)
def test_a_file_of_rides_that_is_none_is_told_before_anything_is_made(gram, tmp_path, content, says):
    file = tmp_path / "rides.csv"
    file.write_text(content)
    code, out, err = gram("demo", "--rides", file, "--data", tmp_path / "d", "--database", "postgresql://127.0.0.1:9/x")
    assert (code, out) == (2, "")
    assert all(word in err for word in says)
    assert not (tmp_path / "d").exists()


def test_the_columns_of_a_file_of_rides_are_in_the_help_and_in_the_docs(gram):
    docs = (Path(__file__).parents[3] / "docs" / "activities.md").read_text()
    help_ = gram("demo", "--help")[1]
    assert all(column in help_ and f"`{column}`" in docs for column in find("shanghai-rides").in_file)


@pytest.mark.parametrize("words", [("serve", "--port", "0"), ("demo",), ("log", "publish"), ("chain", "anchor")])
def test_production_refuses_stand_ins(gram, tmp_path, monkeypatch, words):
    monkeypatch.setenv("GRAMLEDGER_ENVIRONMENT", "production")
    code, _, err = gram(*words, "--data", tmp_path / "d")
    assert code == 2
    assert "Production refuses stand-ins" in err


def test_production_refuses_development_keys_and_tokens(gram, tmp_path, monkeypatch):
    assert gram("init", "--origin", "city.example/log", "--data", tmp_path / "e")[0] == 0
    settings = {
        "ENVIRONMENT": "production", "DATABASE": "postgresql://127.0.0.1:9/x", "RPC": "http://127.0.0.1:9",
        "CONTRACT": "0x" + "11" * 20, "MASTER_KEY": "00" * 32, "ISSUER": "https://id.example",
        "ORIGIN": "city.example/log",
        "PUBLIC_URL": "https://city.example", "PAYER": "file:payer.key",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(f"GRAMLEDGER_{name}", value)
    code, _, err = gram("serve", "--port", "0", "--data", tmp_path / "d")
    assert (code, "GRAMLEDGER_WITNESSES" in err) == (2, True)
    monkeypatch.setenv("GRAMLEDGER_WITNESSES", "[{")
    assert "is no JSON" in gram("serve", "--port", "0", "--data", tmp_path / "d")[2]
    monkeypatch.setenv("GRAMLEDGER_WITNESSES", json.dumps(WITNESSES))
    code, _, err = gram("token", "--role", "centre", "--data", tmp_path / "e")
    assert (code, "identity service" in err) == (2, True)


def test_what_is_not_there_is_told_with_exit_2(gram, tmp_path, live):
    """Whoever asks in a script must not take silence for an answer."""
    with hold(tmp_path / "new"):
        pass  # it is there now, and empty
    for folder, words, says in (
        (tmp_path / "new", ["account", "show", "7"], "has no database yet"),
        (tmp_path / "new", ["chain", "status"], "has no contract yet"),
        (tmp_path / "new", ["log", "state"], "no state to record"),
        (live.site.folder.path, ["account", "show", "999999"], "There is no account 999999."),
    ):
        code, out, err = gram(*words, "--data", folder)
        assert (code, out) == (2, ""), words
        assert says in err


def test_who_only_reads_reads_beside_a_running_registry(gram, live):
    data = ("--data", live.site.folder.path)
    person = live.person()
    code, out, err = gram("account", "show", person, *data)
    assert (code, out) == (0, "")
    assert "The registry is running; it is read beside it." in err
    assert f"Account {person} holds nothing." in err
    live.issue({person: 5})
    live.publish()
    code, out, _ = gram("account", "show", person, *data)
    assert code == 0
    assert "5 g" in out
    code, out, err = gram("aside", "list", *data)
    assert (code, out, "Nothing is set aside." in err) == (0, "", True)
    code, out, _ = gram("fsck", *data)
    assert (code, "Everything agrees" in out) == (0, True), out
    code, out, _ = gram("chain", "status", "--json", *data)
    said = json.loads(out)
    assert (code, said["chain"], said["contract"]) == (0, live.site.where.chain_id, live.site.where.contract)
    assert said["size"] == live.site.client.head().size > 0


def test_what_a_contract_holds_is_shown_while_the_registry_is_stopped_too(gram, tmp_path):
    with live_site(tmp_path) as live:
        live.issue({live.person(): 5})
        live.publish()
        size = live.site.client.head().size
    code, out, err = gram("chain", "status", "--data", live.site.folder.path)
    assert code == 0
    assert f"size       {size}\n" in out
    assert "running" not in err
    (live.site.folder.chain).rename(tmp_path / "elsewhere")
    code, out, err = gram("chain", "status", "--data", live.site.folder.path)
    assert (code, out) == (2, "")
    assert "name it with --rpc" in err


def test_an_installation_is_not_begun_where_another_one_is(gram, tmp_path):
    """After the demo, say, in whose folder people would begin one."""
    with hold(tmp_path / "demo", "demo.example/log"):
        for origin in ("city.example/log", "demo.example/log"):
            code, out, err = gram("init", "--origin", origin, "--data", tmp_path / "demo")
            assert (code, out) == (2, "")
            assert "holds the log demo.example/log with development keys" in err
            assert "--data FOLDER" in err
    assert gram("init", "--origin", "city.example/log", "--data", tmp_path / "new")[0] == 0
    code, again, _ = gram("init", "--origin", "city.example/log", "--data", tmp_path / "new")
    assert (code, "city.example/log" in again) == (0, True)
    code, _, err = gram("init", "--origin", "other.example/log", "--data", tmp_path / "new")
    assert (code, "holds the log city.example/log. It stays as it is" in err) == (2, True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    code, _, err = gram("init", "--origin", "city.example/log", "--data", tmp_path / "full")
    assert (code, "thesis.txt is in it). Name another folder with --data." in err) == (2, True)


def test_a_log_that_was_never_published_has_no_status(gram, tmp_path):
    assert gram("init", "--origin", "city.example/log", "--data", tmp_path / "d")[0] == 0
    code, _, err = gram("log", "status", "--data", tmp_path / "d")
    assert (code, err) == (2, "gram: Nothing has been published yet.\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MASTER_KEY", "short"),
        ("ISSUER", "http://id.example"),
        ("CLIENT_ID", "gramledger"),
        ("PORT", "x"),
        ("PUBLIC_URL", "ftp://x y"),
    ],
)
def test_settings_that_are_none_are_one_sentence(gram, tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(f"GRAMLEDGER_{name}", value)
    code, _, err = gram("log", "publish", "--data", tmp_path / "d")
    assert code == 2
    assert is_one_sentence(err)
    assert value not in err


def test_help_is_whole_sentences_and_the_version_is_told(gram):
    for words in (("-h",), ("--help",), ("policy", "-h"), ("chain", "--help"), ()):
        _, said, told = gram(*words)
        assert "..." not in (said + told).split("Commands:")[1]
    assert gram("--version") == (0, f"gram {version('gramledger')}\n", "")
