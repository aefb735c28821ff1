"""What production demands, and that nothing of development signs in it."""

import json
from contextlib import ExitStack

import pytest
from pydantic import ValidationError

from anchoring.note import COSIGNATURE, ED25519, Signer
from anchoring.signing import address_of
from api.installation.data_folder import hold
from api.installation.settings import Environment, Settings
from api.installation.site import Site, Whereabouts
from api.operating.fsck import _parts
from registry.errors import Unavailable
from registry.keyfile import write_secret


def witness(number: int, **changed: str) -> dict[str, str]:
    vkey = Signer(f"w{number}.example", COSIGNATURE, bytes([number]) * 32).verifier.vkey
    url, address = f"https://w{number}.example", address_of(bytes([number]) * 32)
    return {"url": url, "vkey": vkey, "address": address} | changed


WITNESSES = [witness(number) for number in (1, 2, 3)]
GIVEN = {
    "environment": "production",
    "database": "postgresql://registry@db.example/registry",
    "rpc": "http://node.example:8545",
    "contract": "0x" + "11" * 20,
    "payer": "file:/etc/gramledger/payer.key",
    "master_key": "ab" * 32,
    "issuer": "https://id.example",
    "origin": "registry.example/log",
    "public_url": "https://registry.example",
    "witnesses": WITNESSES,
}


def test_fsck_holds_the_log_to_the_key_that_is_set(tmp_path):
    """It is kept elsewhere, and another lies in the folder."""
    elsewhere = Signer("elsewhere.example/log", ED25519, b"e" * 32)
    write_secret(tmp_path / "log.key", elsewhere.secret.encode())
    settings = Settings(data=tmp_path / "data", log_key=tmp_path / "log.key")
    with hold(settings.data) as folder, ExitStack() as stack:
        parts = [_parts(one, folder, (), None, stack) for one in (settings, Settings(data=settings.data))]
        assert [one.vkey == elsewhere.verifier.vkey for one in parts] == [True, False]


def test_production_with_all_it_needs():
    assert Settings(**GIVEN).environment == Environment.PRODUCTION


@pytest.mark.parametrize("name", sorted(set(GIVEN) - {"environment"}))
def test_production_without_one_of_them(name):
    with pytest.raises(ValidationError, match=f"GRAMLEDGER_{name.upper()}"):
        Settings(**{key: value for key, value in GIVEN.items() if key != name})


OTHER_NAME = Signer("w3.example", COSIGNATURE, bytes([1]) * 32).verifier.vkey
STRANGER = Signer("w9.example", ED25519, bytes(32)).verifier.vkey


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"threshold": 1}, "two witnesses"),
        ({"threshold": 4}, "of 3 witnesses"),
        ({"witnesses": [*WITNESSES, witness(4)]}, "more than half"),
        ({"witnesses": [*WITNESSES[:2], witness(3, url="https://w1.example/")]}, "one url"),
        ({"witnesses": [*WITNESSES[:2], witness(3, vkey=WITNESSES[0]["vkey"])]}, "one name"),
        ({"witnesses": [*WITNESSES[:2], witness(3, vkey=OTHER_NAME)]}, "one key"),
        ({"witnesses": [*WITNESSES[:2], witness(3, address=WITNESSES[0]["address"].lower())]}, "one address"),
        ({"witnesses": [*WITNESSES[:2], witness(3, url="https://user:secret@w3.example")]}, "no password"),
        ({"witnesses": [*WITNESSES[:2], witness(3, vkey=STRANGER)]}, "cosignature"),
        ({"witnesses": [*WITNESSES[:2], witness(3, address="0x12")]}, "no address"),
    ],
)
def test_witnesses_that_would_not_do(changed, said):
    with pytest.raises(ValidationError, match=said):
        Settings(**GIVEN | changed)


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example",
        "https://",
        "id.example",
        "https://a@id.example",
        "https://id/?x",
        "http://127.0.0.1.example",
    ],
)
def test_an_issuer_is_reached_safely(issuer):
    with pytest.raises(ValidationError, match="An issuer is https://HOST"):
        Settings(issuer=issuer)
    for safe in (
        "https://id.example/realms/city",
        "https://id.example:8443/",
        "http://127.0.0.1:9000",
        "http://[::1]:1",
    ):
        assert Settings(issuer=safe).issuer == safe


def test_who_signs_in_on_pages_is_told_apart_from_who_may_ask_by_program():
    with pytest.raises(ValidationError, match="they must differ"):
        Settings(client_id="gramledger")


def test_settings_reach_another_process(monkeypatch):
    settings = Settings(**GIVEN)
    for name, value in settings.exported().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings
    assert json.loads(settings.exported()["GRAMLEDGER_WITNESSES"])[0]["url"] == "https://w1.example"


def test_production_has_no_development_keys(tmp_path):
    """A folder made for production holds none, and one that has them signs with none."""
    payer = tmp_path / "payer.key"
    payer.touch(0o600)
    payer.write_text("01" * 32)
    given = GIVEN | {"payer": f"file:{payer}"}
    with hold(tmp_path / "real", "registry.example/log", stand_ins=False) as folder:
        assert {path.name for path in folder.keys.iterdir()} == {"log.key"}
    with hold(tmp_path / "stand-ins", "registry.example/log") as folder:
        where = Whereabouts(
            "postgresql://nowhere/x", ("http://127.0.0.1:1",), 1, GIVEN["contract"], embedded_chain=False
        )
        site = Site(Settings(**given), folder, where)
        names = {"w1.example", "w2.example", "w3.example"}
        assert set(site.publisher.cosigners.members) == names
        assert {one["cosigner_vkey"] for one in site.signers} == {one["vkey"] for one in WITNESSES}
        assert {one.address for one in site.anchorer.signers} == {one["address"] for one in WITNESSES}
        site.close()
        bare = Site(Settings(**given).model_copy(update={"witnesses": None}), folder, where)
        for part in ("publisher", "anchorer", "signers"):
            with pytest.raises(Unavailable, match="witnesses only"):
                getattr(bare, part)
        bare.close()
