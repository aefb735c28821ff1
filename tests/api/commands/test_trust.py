"""`--trust FILE`: a command believes the file, and refuses a flag that says something else."""

import json
from pathlib import Path

import httpx2
import pytest

from anchoring.note import parse_vkey
from anchoring.trust.file import Chain, Log, Trust
from anchoring.trust.policy import k_of
from anchoring.trust.reading import read
from anchoring.trust.writing import write

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "receipt.json").read_text())
KEYS = VECTORS["keys"][0]
RECEIPT = VECTORS["receipts"][1]["receipt"]
TRUST = Trust(Log(parse_vkey(KEYS["vkey"])), k_of(KEYS["cosigners"], 2))
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
NESTED = "group first any {0} {1}\ngroup last any {2}\ngroup all all first last\nquorum all\n"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "receipt").write_text(RECEIPT)
    (tmp_path / "trust").write_bytes(write(TRUST))
    return tmp_path


def test_a_receipt_is_verified_by_a_trust_file(gram, files):
    code, out, err = gram("verify", files / "receipt", "--trust", files / "trust")
    assert (code, err) == (0, "")
    assert "2 of the 3 witnesses known have cosigned" in out


def test_the_quorum_is_the_files_nested_groups_included(gram, files):
    lines = write(TRUST).decode().splitlines(keepends=True)
    names = [line.split()[1] for line in lines if line.startswith("witness ")]
    (files / "trust").write_text("".join(lines[:4]) + NESTED.format(*names))
    code, out, _ = gram("verify", files / "receipt", "--trust", files / "trust")
    assert code == 1
    assert "✗ 3" in out


@pytest.mark.parametrize(
    "flags",
    [("--vkey", KEYS["vkey"]), ("--cosigner", KEYS["cosigners"][0]), ("--quorum", 2)],
    ids=lambda flags: flags[0],
)
def test_flags_that_agree_are_taken(gram, files, flags):
    assert gram("verify", files / "receipt", "--trust", files / "trust", *flags)[0] == 0


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--quorum", 1), "--quorum"),
        (("--contract", "0x" + "11" * 20), "--contract"),
        (("--chain-id", 2), "--chain-id"),
        (("--rpc", "http://127.0.0.1:9"), "--rpc"),
    ],
    ids=str,
)
def test_a_flag_that_contradicts_is_refused(gram, files, flags, named):
    chain = Chain(1, ADDRESS, ("http://127.0.0.1:1",))
    (files / "trust").write_bytes(write(Trust(TRUST.log, TRUST.policy, (chain,))))
    code, out, err = gram("verify", files / "receipt", "--trust", files / "trust", *flags)
    assert (code, out) == (2, "")
    assert f"{named} contradicts the trust file" in err


def test_another_logs_key_beside_the_file_is_refused(gram, files):
    from anchoring.note import ED25519, Signer

    other = Signer("other.example", ED25519, bytes(32)).verifier.vkey
    code, _, err = gram("verify", files / "receipt", "--trust", files / "trust", "--vkey", other)
    assert (code, "--vkey contradicts" in err) == (2, True)


def test_the_file_and_a_proof_of_a_move_are_not_both_believed(gram, files):
    code, out, err = gram("audit", "--log", files, "--trust", files / "trust", "--move", files / "move")
    assert (code, out) == (2, "")
    assert "--move and --trust are two ways to say where the log was moved" in err


def test_a_bad_file_is_one_sentence_with_line_and_code(gram, files):
    (files / "trust").write_text(f"log {KEYS['vkey']}\nquorum nobody\n")
    code, out, err = gram("verify", files / "receipt", "--trust", files / "trust")
    assert (code, out) == (2, "")
    assert "line 2:" in err
    assert "[trust-unknown-member]" in err


def test_neither_file_nor_key_is_a_sentence(gram, files):
    code, _, err = gram("verify", files / "receipt")
    assert (code, "Give --trust FILE, or --vkey" in err) == (2, True)


def test_an_audit_checks_the_cosignatures_of_the_checkpoint(gram, live, tmp_path):
    live.publish()
    site = live.site
    cosigners = [signer["cosigner_vkey"] for signer in site.signers]
    log = Log(site.log_signer.verifier)
    file = tmp_path / "trust"
    file.write_bytes(write(Trust(log, k_of(cosigners, 2))))
    code, out, _ = gram("audit", "--log", site.folder.log, "--trust", file, "--processes", 1, "--json")
    assert (code, len(json.loads(out)["cosigned"]) >= 2) == (0, True)
    strangers = [*cosigners[:1], KEYS["cosigners"][0]]
    file.write_bytes(write(Trust(log, k_of(strangers, 2))))
    code, out, _ = gram("audit", "--log", site.folder.log, "--trust", file, "--processes", 1, "--json")
    assert (code, json.loads(out)["fault_counts"]) == (1, {"quorum": 1})


def test_a_monitor_follows_what_the_file_says(tmp_path):
    from api.commands.monitor import _believed, _config

    one = {"url": None, "vkey": None, "contract": None, "chain_id": None, "receipts": None}
    chains = (Chain(1, "0x" + "11" * 20), Chain(5, ADDRESS, ("http://127.0.0.1:1",)))
    log = Log(TRUST.log.verifier, "https://log.example/log")
    (tmp_path / "trust").write_bytes(write(Trust(log, TRUST.policy, chains)))
    given = _believed(tmp_path / "trust", one, [f"{KEYS['cosigners'][0]} https://w.example"], [])
    followed = _config(None, *given, tmp_path / "state").log[0]
    assert (followed.url, followed.vkey) == (log.url, KEYS["vkey"])
    assert (followed.chain_id, followed.contract, followed.rpcs) == (5, ADDRESS, ("http://127.0.0.1:1",))
    assert [witness.vkey for witness in followed.witnesses] == KEYS["cosigners"]
    assert [witness.url for witness in followed.witnesses] == ["https://w.example", None, None]


def test_a_witness_refuses_an_earlier_contract_beside_the_file(gram, tmp_path):
    chains = (Chain(1, "0x" + "11" * 20), Chain(5, ADDRESS))
    (tmp_path / "trust").write_bytes(write(Trust(TRUST.log, TRUST.policy, chains)))
    paths = ("--state", tmp_path / "state", "--key", tmp_path / "key", "--new-key", "w.example", "--log", tmp_path)
    flags = ("--contract", chains[0].contract, "--chain-id", 1)
    code, _, err = gram("witness", *paths, "--trust", tmp_path / "trust", *flags)
    assert (code, "--contract contradicts" in err) == (2, True)
    assert not (tmp_path / "key").exists()


def test_the_registry_serves_its_own_for_comparison(live, gram, tmp_path):
    live.publish()
    answer = httpx2.get(f"{live.url}/v1/trust")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    about, said = httpx2.get(f"{live.url}/v1/about").json(), read(answer.content)
    assert (said.log.verifier.vkey, said.log.url) == (about["log"]["vkey"], about["log"]["url"])
    assert set(said.policy.vkeys) == {signer["cosigner_vkey"] for signer in about["signers"]}
    assert said.policy.groups[0].threshold == about["threshold"]
    chain = about["chain"]
    assert said.chains == (Chain(chain["id"], chain["contract"], (chain["rpc"],)),)
    (tmp_path / "served").write_bytes(answer.content)
    code, out, err = gram("audit", "--log", live.site.folder.log, "--trust", tmp_path / "served", "--processes", 1)
    assert (code, err) == (0, "")
    assert "cosigned by" in out


def test_the_command_writes_what_the_registry_serves_beside_it(live, gram, monkeypatch):
    served, data = httpx2.get(f"{live.url}/v1/trust").text, live.site.folder.path
    monkeypatch.setenv("GRAMLEDGER_PUBLIC_URL", live.url)
    code, out, err = gram("trust", "show", "--data", data)
    assert (code, out) == (0, served)
    assert err == "· The registry is running; it is read beside it.\n"
    monkeypatch.delenv("GRAMLEDGER_PUBLIC_URL")
    code, out, err = gram("trust", "show", "--data", data)
    assert (code, "GRAMLEDGER_PUBLIC_URL is not set" in err) == (0, True)
    bare, whole = read(out.encode()), read(served.encode())
    assert (bare.log.verifier, bare.policy) == (whole.log.verifier, whole.policy)
    assert (bare.log.url, [chain.rpcs for chain in bare.chains]) == (None, [()])
    assert [chain.place for chain in bare.chains] == [chain.place for chain in whole.chains]


def test_a_registry_that_is_not_there_or_has_no_contract_has_no_trust_file(gram, tmp_path):
    code, out, err = gram("trust", "show", "--data", tmp_path / "none")
    assert (code, out, err.startswith("gram: ")) == (2, "", True)
    assert gram("init", "--data", tmp_path / "new", "--origin", "log.example/new")[0] == 0
    code, out, err = gram("trust", "show", "--data", tmp_path / "new")
    assert (code, out, "This log has no contract yet" in err) == (2, "", True)
