"""Keys from files and keystores."""

import json

import pytest
from eth_account import Account

from anchoring.chain.keys import UNLOCK_FILE_VARIABLE, UNLOCK_VARIABLE, open_key
from anchoring.errors import Malformed
from anchoring.signing import address_of

KEY = bytes(range(1, 33))
WORDS = "correct horse 电池"


@pytest.fixture
def private(tmp_path):
    def write(name: str, content: bytes, mode: int = 0o600):
        path = tmp_path / name
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return write


@pytest.fixture(scope="module")
def keystore():
    """Light parameters: geth's own take a second."""
    return Account.encrypt(KEY, WORDS, kdf="scrypt", iterations=2)


@pytest.fixture
def unlocked(monkeypatch):
    monkeypatch.setenv(UNLOCK_VARIABLE, WORDS)
    monkeypatch.delenv(UNLOCK_FILE_VARIABLE, raising=False)


@pytest.mark.parametrize("text", [KEY.hex(), "0x" + KEY.hex().upper() + "\n"])
def test_a_key_from_a_file(private, text):
    held = open_key(f"file:{private('payer', text.encode())}")
    assert held.address == address_of(KEY)
    assert KEY.hex() not in repr(held).lower()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_file_that_others_can_read_is_refused(private, mode):
    with pytest.raises(Malformed, match=f"read by others \\(mode {mode:o}\\); chmod 600"):
        open_key(f"file:{private('payer', KEY.hex().encode(), mode)}")


@pytest.mark.parametrize("content", [b"", b"00" * 31, b"zz" * 32, KEY, b"\xff" * 64, b"1" * 20_000, b"0" * 64])
def test_a_file_that_holds_no_key(private, content):
    with pytest.raises(Malformed) as caught:
        open_key(f"file:{private('payer', content)}")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "name", ["", "file:", "payer.key", "vault:x", "web3signer:http://h", "web3signer:http://h#0x12", "web3signer:#0x"
             + "11" * 20, "file:/nowhere/at/all", "file:\0", "file:/dev", "keystore:/dev/zero"]
)  # fmt: skip
def test_what_names_no_key(name):
    with pytest.raises(Malformed):
        open_key(name)


@pytest.mark.usefixtures("unlocked")
def test_a_keystore_with_its_passphrase(private, keystore):
    assert open_key(f"keystore:{private('k.json', json.dumps(keystore).encode(), 0o644)}").address == address_of(KEY)


def test_a_passphrase_from_a_file(private, keystore, monkeypatch):
    monkeypatch.delenv(UNLOCK_VARIABLE, raising=False)
    path = private("k.json", json.dumps(keystore).encode())
    monkeypatch.setenv(UNLOCK_FILE_VARIABLE, str(private("words", WORDS.encode() + b"\n")))
    assert open_key(f"keystore:{path}").address == address_of(KEY)
    monkeypatch.setenv(UNLOCK_FILE_VARIABLE, str(private("words", WORDS.encode(), 0o644)))
    with pytest.raises(Malformed, match="read by others"):
        open_key(f"keystore:{path}")
    monkeypatch.delenv(UNLOCK_FILE_VARIABLE)
    with pytest.raises(Malformed, match="set one of them"):
        open_key(f"keystore:{path}")


def test_a_wrong_passphrase_is_told_and_not_repeated(private, keystore, monkeypatch):
    monkeypatch.setenv(UNLOCK_VARIABLE, "hunter2")
    with pytest.raises(Malformed, match="passphrase is not its own") as caught:
        open_key(f"keystore:{private('k.json', json.dumps(keystore).encode())}")
    assert "hunter2" not in str(caught.value)


def with_crypto(keystore, **changes):
    crypto = keystore["crypto"] | {"kdfparams": keystore["crypto"]["kdfparams"] | changes}
    return json.dumps(keystore | {"crypto": crypto}).encode()


@pytest.mark.usefixtures("unlocked")
@pytest.mark.parametrize(
    "changes", [{"n": 2**30}, {"r": 2**20}, {"p": 2**30}, {"n": -1}, {"dklen": 10**9}, {"n": "x"}, {"n": 3}]
)
def test_a_keystore_that_asks_too_much(private, keystore, changes):
    with pytest.raises(Malformed):
        open_key(f"keystore:{private('k.json', with_crypto(keystore, **changes))}")


@pytest.mark.usefixtures("unlocked")
@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"7", b"{}", b'{"crypto": {}}', b"[" * 10_000, b'{"crypto": {"kdf": "md5", "kdfparams": {}}}'],
)  # fmt: skip
def test_what_is_no_keystore(private, content):
    with pytest.raises(Malformed):
        open_key(f"keystore:{private('k.json', content)}")


@pytest.mark.usefixtures("unlocked")
def test_a_keystore_of_another_version_or_address(private, keystore):
    with pytest.raises(Malformed, match="not of version 3"):
        open_key(f"keystore:{private('v2', json.dumps(keystore | {'version': 2}).encode())}")
    with pytest.raises(Malformed, match="and holds another"):
        open_key(f"keystore:{private('other', json.dumps(keystore | {'address': '11' * 20}).encode())}")
