"""Tokens that verified are remembered, and nothing follows from that but speed."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.door import auth
from api.door.auth import AUDIENCE, LEEWAY_S, Role, Tokens
from registry.errors import Unauthenticated

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW_S = 1_800_000_000
FAR_S = 4_000_000_000


class Counting:
    """A public key that counts what it verifies."""

    def __init__(self, monkeypatch) -> None:
        self.times = 0
        decode = auth._JWT.decode

        def counted(*words, **how):
            self.times += 1
            return decode(*words, **how)

        monkeypatch.setattr(auth._JWT, "decode", counted)


@pytest.fixture
def counting(monkeypatch) -> Counting:
    return Counting(monkeypatch)


def token(account: int, expires_s: int = FAR_S, key: Ed25519PrivateKey = KEY) -> str:
    claims = {"aud": AUDIENCE, "sub": f"account-{account}", "role": "holder", "account": account, "exp": expires_s}
    return jwt.encode(claims, key, algorithm="EdDSA")


def test_a_token_is_verified_once_and_says_the_same_again(counting):
    tokens = Tokens(KEY.public_key(), lambda: NOW_S * 1000)
    first, second, other = tokens.principal(token(7)), tokens.principal(token(7)), tokens.principal(token(8))
    assert first == second == auth.Principal("account-7", Role.HOLDER, 7)
    assert other.account == 8
    assert counting.times == 2


def test_a_remembered_token_still_expires_with_the_same_leeway(counting):
    now = [NOW_S]
    tokens = Tokens(KEY.public_key(), lambda: now[0] * 1000)
    kept = token(7, FAR_S)
    for late, holds in ((0, True), (LEEWAY_S - 1, True), (LEEWAY_S, False), (LEEWAY_S + 1, False)):
        now[0] = FAR_S + late
        if holds:
            assert tokens.principal(kept).account == 7
        else:
            with pytest.raises(Unauthenticated):
                tokens.principal(kept)
    assert counting.times == 2  # once remembered, forgotten when it was late, and from then on refused as new


def test_no_byte_of_a_remembered_token_may_change():
    tokens = Tokens(KEY.public_key(), lambda: NOW_S * 1000)
    good = token(7)
    tokens.principal(good)
    for at in range(len(good)):
        changed = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        with pytest.raises(Unauthenticated):
            tokens.principal(changed)


@pytest.mark.parametrize("bad", ["", "a.b.c", "é", token(7, key=Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)))])
def test_what_does_not_verify_is_not_remembered(bad):
    tokens = Tokens(KEY.public_key(), lambda: NOW_S * 1000)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            tokens.principal(bad)
    assert not tokens._known


def test_only_so_many_are_remembered_and_the_longest_unused_goes(monkeypatch, counting):
    monkeypatch.setattr(auth, "MAX_REMEMBERED", 3)
    tokens = Tokens(KEY.public_key(), lambda: NOW_S * 1000)
    for account in (1, 2, 3, 1, 4):
        tokens.principal(token(account))
    assert (len(tokens._known), counting.times) == (3, 4)
    tokens.principal(token(1))
    assert counting.times == 4
    tokens.principal(token(2))
    assert counting.times == 5
