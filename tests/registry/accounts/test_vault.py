"""Tags by the design's formula, and keys that open under their own master key and account only."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.accounts.vault import Vault, tag
from registry.errors import Unavailable

MASTER = bytes(range(32))


_32 = st.binary(min_size=32, max_size=32)


@given(_32, st.integers(0, 2**64 - 1), _32)
def test_a_tag_is_the_hmac_of_the_design(key, first, evidence):
    block = key.ljust(64, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C))
    message = b"gramledger/tag/v2" + bytes(first >> 8 * place & 255 for place in range(7, -1, -1)) + evidence
    expected = hashlib.sha256(outer + hashlib.sha256(inner + message).digest()).digest()[:20]
    assert tag(key, first, evidence) == expected


def test_a_known_tag():
    """As OpenSSL computes it: `openssl dgst -sha256 -mac HMAC`."""
    assert tag(MASTER, 1_000_000, MASTER).hex() == "bf0f7a172af9c84273f9de73fba7505a63505d88"


def test_keys_are_random_and_open_again():
    vault = Vault(MASTER)
    sealed = [vault.new_key(7) for _ in range(20)]
    keys = {vault.open(7, one) for one in sealed}
    assert len(keys) == 20
    assert {len(key) for key in keys} == {32}
    assert Vault(MASTER).open(7, sealed[0]) == vault.open(7, sealed[0])


def test_another_master_key_opens_nothing():
    sealed = Vault(MASTER).new_key(7)
    with pytest.raises(Unavailable):
        Vault(bytes(32)).open(7, sealed)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s[:-1],
        lambda s: s[:12],
        lambda s: s[:3],
        lambda _: b"",
        lambda s: s + b"x",
        lambda s: bytes([s[0] ^ 1]) + s[1:],
        lambda s: s[:20] + bytes([s[20] ^ 1]) + s[21:],
    ],
    ids=["cut", "nonce only", "half a nonce", "nothing", "longer", "nonce flipped", "key flipped"],
)
def test_a_spoiled_key_does_not_open(spoil):
    vault = Vault(MASTER)
    with pytest.raises(Unavailable):
        vault.open(7, spoil(vault.new_key(7)))


def test_a_key_does_not_open_for_another_account():
    vault = Vault(MASTER)
    with pytest.raises(Unavailable):
        vault.open(8, vault.new_key(7))


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_master_key_has_32_bytes(size):
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(bytes(size))


def test_no_secret_shows():
    assert MASTER.hex() not in repr(Vault(MASTER))
