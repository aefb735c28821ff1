"""Access tokens of an issuer: verified by its published keys, remembered while they stand, each flaw with its code."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from api.door import tokens as tokens_module
from api.door.issuer import AGAIN_MS, FRESH_MS, KEPT_MS, Issuer
from api.door.tokens import LEEWAY_S, MAX_BYTES, MAX_LIFE_S, Tokens, subject_of
from registry.errors import (
    Invalid,
    IssuerUnreachable,
    TokenAlgorithm,
    TokenExpired,
    TokenKeyUnknown,
    TokenMalformed,
    TokenNotYet,
    TokenOfOthers,
    TokenTooLarge,
    TokenUnverified,
    Unauthenticated,
)
from registry.identity.subjects import Subject
from tests.support.issuers import StubIssuer, private, stub_issuer

NOW_S = 1_800_000_000


class Side:
    """A registry's side of an issuer, with a clock that a test sets."""

    def __init__(self, stub: StubIssuer) -> None:
        self.stub, self.now_s = stub, float(NOW_S)
        self.signer = stub.signer()
        self.issuer = Issuer(stub.url, lambda: int(self.now_s * 1000), by_proxy=False)
        self.tokens = Tokens(self.issuer, "here", "gramledger", lambda: int(self.now_s * 1000))

    def later(self, ms: float) -> None:
        self.now_s += ms / 1000

    def token(self, name: str = "ann", **changes: object) -> str:
        """A good token, but for `changes` (None takes a claim away)."""
        claims = {"iss": self.stub.url, "aud": "gramledger", "sub": name, "iat": NOW_S, "exp": NOW_S + 600} | changes
        kept = {name: value for name, value in claims.items() if value is not None}
        head = {"kid": self.signer.keys()["keys"][0]["kid"]}
        return jwt.encode(kept, private(self.signer), algorithm="EdDSA", headers=head)

    def refusal(self, token: str) -> type[Exception]:
        with pytest.raises((Unauthenticated, IssuerUnreachable)) as refused:
            self.tokens.verify(token)
        assert len(token) < 10 or token[:40] not in str(refused.value), "an answer repeats nothing of it"
        return refused.type


@pytest.fixture(scope="module")
def stub() -> Iterator[StubIssuer]:
    with stub_issuer() as running:
        yield running


@pytest.fixture
def side(stub) -> Side:
    stub.keys, stub.metadata, stub.raw, stub.status, stub.asked = [], {}, {}, 200, {}
    return Side(stub)


def test_a_token_is_verified_once_and_says_the_same_again(side, monkeypatch):
    times = []
    true = tokens_module.claims_of
    monkeypatch.setattr(tokens_module, "claims_of", lambda *given: times.append(1) or true(*given))
    assert side.tokens.remembered(side.token()) is None
    first, again, other = (side.tokens.verify(side.token(name)) for name in ("ann", "ann", "bob"))
    assert first == again == side.tokens.remembered(side.token())
    assert (first.subject, other.subject) == (Subject("here", "ann"), Subject("here", "bob"))
    assert len(times) == 2
    assert side.stub.asked["/keys"] == 1


def test_no_byte_of_a_remembered_token_may_change(side):
    good = side.token()
    side.tokens.verify(good)
    for at in range(len(good)):
        changed = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        side.refusal(changed)
        assert side.tokens.remembered(changed) is None
    assert side.stub.asked["/keys"] <= 2, "strangers' names of keys do not have the issuer asked again and again"


def test_only_so_many_are_remembered_and_the_longest_unused_goes(side, monkeypatch):
    monkeypatch.setattr(tokens_module, "MAX_REMEMBERED", 3)
    for name in ("a", "b", "c", "a", "d"):
        side.tokens.verify(side.token(name))
    there = {name for name in "abcd" if side.tokens.remembered(side.token(name)) is not None}
    assert there == {"a", "c", "d"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"exp": NOW_S - LEEWAY_S}, TokenExpired),
        ({"exp": 0}, TokenExpired),
        ({"iat": NOW_S - MAX_LIFE_S - LEEWAY_S, "exp": NOW_S + 10**6}, TokenExpired),
        ({"iat": NOW_S + LEEWAY_S + 1}, TokenNotYet),
        ({"nbf": NOW_S + 3600}, TokenNotYet),
        ({"exp": None}, TokenMalformed),
        ({"iat": None}, TokenMalformed),
        ({"exp": "soon"}, TokenMalformed),
        ({"exp": True}, TokenMalformed),
        ({"iat": -1}, TokenMalformed),
        ({"nbf": "x"}, TokenMalformed),
        ({"exp": 10**30}, TokenMalformed),
        ({"aud": "another"}, TokenOfOthers),
        ({"aud": None}, TokenOfOthers),
        ({"aud": ["x", "y"]}, TokenOfOthers),
        ({"iss": "https://id.example"}, TokenOfOthers),
        ({"iss": None}, TokenOfOthers),
        ({"sub": None}, TokenMalformed),
        ({"sub": ""}, TokenMalformed),
        ({"sub": "\ud800"}, TokenMalformed),
        ({"sub": "a\0b"}, TokenMalformed),
        ({"sub": "\u202eb"}, TokenMalformed),
        ({"sub": "克" * 256}, TokenMalformed),
        ({"x": float("nan")}, TokenMalformed),
    ],
    ids=str,
)
def test_what_a_token_says_wrong_has_a_code_of_its_own(side, changes, error):
    assert side.refusal(side.token(**changes)) is error


def test_a_subject_that_is_no_text(side):
    head = {"kid": side.signer.keys()["keys"][0]["kid"]}
    claims = {"iss": side.stub.url, "aud": "gramledger", "sub": 7, "iat": NOW_S, "exp": NOW_S + 60}
    text = b".".join(encoded(json.dumps(part)) for part in ({"alg": "EdDSA", **head}, claims))
    assert side.refusal(signed(side, text)) is TokenMalformed


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": ["other", "gramledger"]},
        {"iat": NOW_S + LEEWAY_S, "nbf": NOW_S + LEEWAY_S},
        {"exp": NOW_S - LEEWAY_S + 1},
        {"exp": NOW_S + 10**6},
        {"iat": NOW_S - 0.5},
        {"sub": "𠀀克" * 127},
    ],
    ids=str,
)
def test_what_a_token_may_say(side, changes):
    assert side.tokens.verify(side.token(**changes)).expires_s <= NOW_S + MAX_LIFE_S + LEEWAY_S


def test_a_remembered_token_still_expires_with_the_same_leeway(side):
    kept = side.token(exp=NOW_S + 2)
    side.tokens.verify(kept)
    side.later(1500)
    assert side.tokens.remembered(kept) is not None
    side.later((0.5 + LEEWAY_S) * 1000)
    assert side.refusal(kept) is TokenExpired


def test_a_token_is_useless_an_hour_after_it_was_made_whatever_it_says(side):
    kept = side.token(exp=NOW_S + 86_400)
    side.tokens.verify(kept)
    side.later((MAX_LIFE_S + LEEWAY_S) * 1000)
    assert side.refusal(kept) is TokenExpired


def encoded(text: str) -> bytes:
    return urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).rstrip(b"=")


def signed(side: Side, text: bytes) -> str:
    return b".".join([text, urlsafe_b64encode(private(side.signer).sign(text)).rstrip(b"=")]).decode()


@pytest.mark.parametrize(
    ("head", "error"),
    [
        ('{"alg":"EdDSA","kid":KID}', None),
        ('{"alg":"Ed25519","kid":KID,"typ":"at+JWT"}', None),
        ('{"alg":"EdDSA"}', None),
        ('{"alg":"EdDSA","kid":"another"}', TokenKeyUnknown),
        ('{"alg":"ES256","kid":KID}', TokenKeyUnknown),
        ('{"alg":"none","kid":KID}', TokenAlgorithm),
        ('{"alg":"HS256","kid":KID}', TokenAlgorithm),
        ('{"kid":KID}', TokenAlgorithm),
        ('{"alg":["EdDSA"],"kid":KID}', TokenAlgorithm),
        ('{"alg":"EdDSA","kid":7}', TokenMalformed),
        ('{"alg":"EdDSA","kid":KID,"typ":"secevent+jwt"}', TokenMalformed),
        ('{"alg":"EdDSA","kid":KID,"crit":["b64"],"b64":true}', TokenMalformed),
        ('{"alg":"EdDSA","alg":"EdDSA"}', TokenMalformed),
        ('{"alg":"none","alg":"EdDSA"}', TokenMalformed),
        ('{"alg":"EdDSA","\\u0061lg":"EdDSA"}', TokenMalformed),
        ('{"alg":"EdDSA","x":{"a":1,"a":1}}', TokenMalformed),
        ('{"alg":"EdDSA","x":NaN}', TokenMalformed),
        ('{"alg":"EdDSA","x":"\\ud800"}', TokenMalformed),
        ('\ufeff{"alg":"EdDSA"}', TokenMalformed),
        ("[" * 4000, TokenMalformed),
        ('{"alg":"EdDSA","n":' + "9" * 5000 + "}", TokenMalformed),
    ],
)
def test_a_header_is_read_one_way_or_not_at_all(side, head, error):
    kid = json.dumps(side.signer.keys()["keys"][0]["kid"])
    claims = {"iss": side.stub.url, "aud": "gramledger", "sub": "a", "iat": NOW_S, "exp": NOW_S + 60}
    token = signed(side, encoded(head.replace("KID", kid)) + b"." + encoded(json.dumps(claims)))
    if error is None:
        assert side.tokens.verify(token).subject.name == "a"
    else:
        assert side.refusal(token) is error


def test_claims_that_stand_twice_prove_nothing(side):
    kid = json.dumps(side.signer.keys()["keys"][0]["kid"])
    claims = f'{{"iss":"{side.stub.url}","aud":"gramledger","iat":{NOW_S},"exp":{NOW_S + 60},"sub":"a"'
    for more, error in (("}", None), (',"sub":"b"}', TokenMalformed), (',"\\u0073ub":"a"}', TokenMalformed)):
        token = signed(side, encoded(f'{{"alg":"EdDSA","kid":{kid}}}') + b"." + encoded(claims + more))
        assert (side.tokens.verify(token) is not None) if error is None else side.refusal(token) is error


def test_tokens_without_the_key_prove_nothing(side):
    head, body, signature = side.token().split(".")
    kid = {"kid": side.signer.keys()["keys"][0]["kid"]}
    claims = {"iss": side.stub.url, "aud": "gramledger", "sub": "a", "iat": NOW_S, "exp": NOW_S + 60}
    public = private(side.signer).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    hostile = {
        jwt.encode(claims, None, algorithm="none", headers=kid): TokenAlgorithm,
        jwt.encode(claims, public, algorithm="HS256", headers=kid): TokenAlgorithm,
        jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=kid): TokenUnverified,
        f"{head}.{body}.{signature[:-4]}AAAA": TokenUnverified,
        f"{head}.{body}.": TokenUnverified,
        f"{head}.{body}": TokenMalformed,
        f"{head}.{body}.{signature}.{signature}": TokenMalformed,
        f"{head}.{body}x.{signature}": TokenMalformed,
        "": TokenMalformed,
        "x": TokenMalformed,
        "é": TokenMalformed,
        "a.b.c": TokenMalformed,
        side.token() + "A" * MAX_BYTES: TokenTooLarge,
    }
    for token, error in hostile.items():
        assert side.refusal(token) is error, token[:20]
        assert side.tokens.remembered(token) is None


def test_keys_of_each_kind_that_is_taken_and_none_that_is_weak(side):
    strong, curve = rsa_key(65537, 2048), ec_key(SECP256R1())
    weak = rsa_key(65537, 1024)  # noqa: S505  (that it is refused)
    keys = {"r": strong, "e": curve, "weak": weak, "other": ec_key(SECP384R1())}
    for name, key in keys.items():
        writer = RSAAlgorithm if name in {"r", "weak"} else ECAlgorithm
        side.stub.keys.append(writer.to_jwk(key.public_key(), as_dict=True) | {"kid": name})
    claims = {"iss": side.stub.url, "aud": "gramledger", "sub": "a", "iat": NOW_S, "exp": NOW_S + 60}
    for name, algorithm in (("r", "RS256"), ("r", "PS256"), ("e", "ES256")):
        side.tokens.verify(jwt.encode(claims, keys[name], algorithm=algorithm, headers={"kid": name}))
    for name, algorithm, error in (
        ("weak", "RS256", TokenKeyUnknown),
        ("other", "ES384", TokenAlgorithm),
        ("r", "RS512", TokenAlgorithm),
    ):
        key = strong if name == "weak" else keys[name]
        assert side.refusal(jwt.encode(claims, key, algorithm=algorithm, headers={"kid": name})) is error


def test_a_new_key_is_found_at_once_and_one_that_is_gone_is_gone_within_seconds(side):
    before = side.token()
    side.tokens.verify(before)
    old, side.stub.keys = side.stub.keys, []
    side.signer = side.stub.signer(bytes([7]) * 32)
    side.later(AGAIN_MS)
    assert side.tokens.verify(side.token()).subject.name == "ann"
    assert side.tokens.remembered(before) is None
    assert side.refusal(before) is TokenKeyUnknown
    side.stub.keys = [*old]
    after = side.token()
    assert side.tokens.remembered(after) is not None
    side.later(FRESH_MS)
    assert side.tokens.remembered(after) is None, "its key is asked for again"
    assert side.refusal(after) is TokenKeyUnknown


def test_no_keys_at_all_and_a_name_that_two_have(side):
    kept = side.token()
    side.stub.keys = []
    assert side.refusal(kept) is TokenKeyUnknown
    side.later(FRESH_MS)
    one, other = (side.signer.keys()["keys"][0], side.stub.signer(bytes([9]) * 32).keys()["keys"][0])
    side.stub.keys = [one, other | {"kid": one["kid"]}]
    assert side.refusal(kept) is TokenKeyUnknown
    side.later(FRESH_MS)
    side.stub.keys = [one, one]
    assert side.tokens.verify(kept).subject.name == "ann"


def test_an_issuer_that_does_not_answer_is_waited_for_ten_minutes(side):
    kept = side.token(exp=NOW_S + 3000)
    side.tokens.verify(kept)
    side.stub.status = 503
    side.later(FRESH_MS)
    assert side.tokens.verify(kept).subject.name == "ann"
    asked = side.stub.asked.copy()
    side.tokens.verify(kept)
    assert side.tokens.remembered(kept) is not None
    assert side.stub.asked == asked, "nobody waits for it again at once"
    side.later(KEPT_MS)
    assert side.refusal(kept) is IssuerUnreachable
    side.stub.status = 200
    side.later(1)
    assert side.tokens.verify(kept).subject.name == "ann"


@pytest.mark.parametrize(
    ("metadata", "raw"),
    [
        ({"issuer": "https://another.example"}, {}),
        ({"jwks_uri": None}, {}),
        ({"jwks_uri": "file:///etc/passwd"}, {}),
        ({"token_endpoint": 7}, {}),
        ({}, {"/.well-known/openid-configuration": b"<html>"}),
        ({}, {"/.well-known/openid-configuration": b"[]"}),
        ({}, {"/keys": b"no json"}),
        ({}, {"/keys": b'{"keys": 7}'}),
        ({}, {"/keys": b'{"keys": [], "keys": []}'}),
        ({}, {"/keys": b" " * 300_000}),
    ],
    ids=str,
)
def test_an_issuer_that_answers_nonsense_is_none(side, metadata, raw):
    side.stub.metadata, side.stub.raw = metadata, raw
    assert side.refusal(side.token()) is IssuerUnreachable


@pytest.mark.parametrize(
    "key",
    [
        7,
        {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
        {"kty": "RSA", "n": "x", "e": 7},
        {"kty": ["RSA"]},
        {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43},
        {"kty": "EC", "crv": "P-256", "x": [1], "y": {"a": 1}},
        {"kty": "OKP", "crv": "Ed25519", "x": {"x": 1}},
        {"kty": "OKP", "crv": "Ed25519", "x": None},
        {"kty": "RSA", "n": "AQAB", "e": "\u00e9"},
        {"kty": "RSA", "n": "", "e": "AQAB"},
    ],
    ids=str,
)
def test_a_key_that_is_none_keeps_no_other_out(side, key):
    side.stub.keys.append(key)
    assert side.tokens.verify(side.token()).subject.name == "ann"


def test_nobody_answers_there():
    issuer = Issuer("http://127.0.0.1:1", lambda: int(time.time() * 1000), by_proxy=False)
    with pytest.raises(IssuerUnreachable, match="does not answer"):
        issuer.keyset()


@pytest.mark.parametrize("named", [5, ["ann"], {"name": "ann"}, True, None], ids=str)
def test_what_is_no_text_names_nobody(named):
    """On the pages too, which take the words of an ID token: 5 and "5" would be one person."""
    with pytest.raises(Invalid):
        subject_of({"sub": named}, "an issuer")
