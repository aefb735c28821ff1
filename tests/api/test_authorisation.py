"""Who may do what: every route of the application against every kind of caller, and tokens that prove nothing."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.door.auth import development_token
from api.door.table import Table
from api.installation.keys import read_secret
from api.installation.settings import Settings
from api.serving.app import routed
from registry.errors import Forbidden, Invalid
from tests.api.test_settings import WITNESSES
from tests.support.rest import Caller, authority, fresh_key, holder, institution, is_problem, person_with

CALLERS = ("nobody", "own", "other", "centre", "exchange", "bureau")
ANYONE = frozenset(CALLERS)
HOLDER = frozenset({"own"})
HOLDER_OR_CENTRE = frozenset({"own", "centre"})
READERS = frozenset({"own", "centre", "bureau"})
MAY = {
    ("POST", "/v1/accounts"): frozenset({"centre"}),
    ("GET", "/v1/accounts/{account_id}"): READERS,
    ("GET", "/v1/accounts/{account_id}/blocks"): READERS,
    ("GET", "/v1/accounts/{account_id}/movements"): READERS,
    ("GET", "/v1/accounts/{account_id}/erasure"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/erasure"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/conversions"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/redemptions"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/refunds"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/returns"): HOLDER_OR_CENTRE,
    ("POST", "/v1/accounts/{account_id}/bundles"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/transfers"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/cancellations"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/jobs"): READERS,
    ("GET", "/v1/accounts/{account_id}/jobs/{job}"): READERS,
    ("GET", "/v1/movements/{movement}"): READERS,
    ("GET", "/v1/movements/{movement}/evidence"): READERS,
    ("GET", "/v1/movements/{movement}/receipt"): READERS,
    ("GET", "/v1/about"): ANYONE,
    ("GET", "/v1/health"): ANYONE,
    ("GET", "/v1/log/witnesses"): ANYONE,
    ("GET", "/v1/trust"): ANYONE,
    ("GET", "/v1/leaves"): ANYONE,
    ("GET", "/v1/leaves/{index}"): ANYONE,
    ("GET", "/v1/leaves/{index}/receipt"): ANYONE,
    ("GET", "/v1/state"): ANYONE,
    ("POST", "/v1/state"): frozenset({"centre"}),
    ("GET", "/v1/bundles/{serial}"): ANYONE,
    ("GET", "/v1/grams/{gram}"): ANYONE,
    ("GET", "/v1/lots"): ANYONE,
    ("GET", "/v1/lots/{lot}"): ANYONE,
    ("GET", "/v1/lots/{lot}/procedure"): ANYONE,
    ("GET", "/v1/decisions"): ANYONE,
    ("GET", "/v1/cases/{number}"): ANYONE,
    ("GET", "/v1/policies"): ANYONE,
    ("GET", "/v1/policies/{case}"): ANYONE,
    ("GET", "/v1/totals"): ANYONE,
    ("GET", "/v1/certificates/{number}"): ANYONE,
    ("GET", "/log/checkpoint"): ANYONE,
    ("GET", "/log/{path:path}"): ANYONE,
    ("POST", "/chain"): ANYONE,
    ("OPTIONS", "/chain"): ANYONE,
    ("GET", "/openapi.json"): ANYONE,
}
"""Route -> who gets past the door. Pages and static files are for anyone, and read-only, as a test below says."""
MORE_THAN_THERE_IS = 2**53 - 1
BODIES = {
    "/v1/accounts": {"kind": "individual", "name": "New"},
    "conversions": {"quantity_g": MORE_THAN_THERE_IS},
    "redemptions": {"quantity_g": MORE_THAN_THERE_IS, "provider": 1},
    "refunds": {"quantity_g": MORE_THAN_THERE_IS, "redemption": "1"},
    "returns": {"quantity_g": MORE_THAN_THERE_IS},
    "bundles": {"quantity_g": MORE_THAN_THERE_IS},
    "transfers": {"quantity_g": MORE_THAN_THERE_IS, "to": 1},
    "cancellations": {"quantity_g": MORE_THAN_THERE_IS, "purpose": "voluntary-cancellation"},
    "erasure": {"confirm": "0" * 64},
}
"""Acts that are refused once the caller is let in, so that nothing changes."""
QUERIES = {"/v1/state": "?first_g=0&end_g=1"}


def routes() -> Iterator[tuple[str, str]]:
    """Every method and path of the application; an included router is a tree of its own."""
    waiting = list(routed().routes)
    while waiting:
        route = waiting.pop()
        if isinstance(route, Table):
            continue  # it finds the others' routes
        if hasattr(route, "original_router"):
            waiting += route.original_router.routes
        elif getattr(route, "methods", None):
            yield from ((method, route.path) for method in route.methods - {"HEAD"})
        else:
            yield "GET", route.path


def is_page(path: str) -> bool:
    return not path.startswith(("/v1", "/log", "/chain", "/openapi"))


def test_every_route_is_in_the_matrix():
    assert {route for route in routes() if not is_page(route[1])} == set(MAY)


def test_who_may_is_declared_and_described():
    """As a type on the route; the same words stand in the description of the interface, and in the matrix."""
    words = {
        HOLDER: "the account's holder",
        HOLDER_OR_CENTRE: "the account's holder, centre",
        READERS: "the account's holder, bureau, centre",
        frozenset({"centre"}): "centre",
        ANYONE: None,
    }
    for path, methods in routed().openapi()["paths"].items():
        for method, operation in methods.items():
            said = operation.get("x-who-may")
            if path.startswith("/v1/movements/"):
                assert said == "holders whose it is, bureau, centre"
                continue
            assert said == words[MAY[method.upper(), path]], (method, path)
            assert said is None or operation["description"].endswith(f"For: {said}.")


def test_pages_and_files_only_read():
    assert {method for method, path in routes() if is_page(path)} == {"GET"}


@pytest.fixture(scope="module")
def callers(live) -> dict[str, Caller]:
    own, other = person_with(live, 5), person_with(live, 5)
    authorities = {role: authority(live, role) for role in ("centre", "exchange", "bureau")}
    return {"nobody": Caller(live.url), "own": own, "other": other, **authorities}


@pytest.fixture(scope="module")
def movement(callers) -> str:
    """The issue to the account `own`."""
    own = callers["own"]
    return own.get(f"/v1/accounts/{own.account}/movements").json()["items"][-1]["id"]


@pytest.mark.parametrize(("method", "path"), [pytest.param(*route, id=" ".join(route)) for route in MAY])
@pytest.mark.parametrize("who", CALLERS)
def test_only_those_pass_who_may(callers, movement, method, path, who):
    caller, account = callers[who], callers["own"].account
    named = {"account_id": account, "movement": movement, "index": 0, "lot": 1, "gram": 0}
    named |= {"serial": "SHCER-0-0", "number": "GLC-1", "job": 1, "case": "P-1"}
    there = path.replace(":path", "").format(**named, path="tile")
    there += QUERIES.get(path, "") if method == "GET" else ""
    body = BODIES.get(path, BODIES.get(path.rpartition("/")[2], {}))
    answer = caller.post(there, body) if method == "POST" else caller.ask(method, there)
    if who in MAY[method, path]:
        assert answer.status_code not in {401, 403, 405, 422, 500}
    elif who == "nobody":
        assert is_problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    elif who == "other" and "{movement}" in path:
        assert is_problem(answer, 404, "not-found"), "whether there is such a movement is not told"
    else:
        assert is_problem(answer, 403, "forbidden")


def test_a_stranger_does_not_learn_which_movements_there_are(callers, movement):
    for what in ("", "/evidence", "/receipt"):
        for who in ("other", "exchange"):
            answers = {
                callers[who].get(f"/v1/movements/{number}{what}").json()["detail"].replace(f" {number}.", " N.")
                for number in (movement, 2**63 - 1)
            }
            assert len(answers) == 1


def test_a_stranger_does_not_learn_which_accounts_there_are(callers):
    stranger, there, nowhere = callers["other"], callers["own"].account, 2**53 - 1
    for path in ("", "/blocks", "/movements"):
        answers = [stranger.get(f"/v1/accounts/{account}{path}") for account in (there, nowhere)]
        assert answers[0].content == answers[1].content
        assert answers[0].status_code == 403
    acts = [stranger.post(f"/v1/accounts/{account}/conversions", {"quantity_g": 1}) for account in (there, nowhere)]
    assert acts[0].content == acts[1].content


def leave(person: Caller) -> None:
    """Erase the account of a person who holds nothing."""
    path = f"/v1/accounts/{person.account}/erasure"
    assert person.post(path, {"confirm": person.get(path).json()["confirm"]}).status_code == 201


def test_who_has_nothing_does_not_learn_who_could_receive(live, callers):
    """Not for nothing: existing, erased and never opened are one answer, whatever else is wrong with the act."""
    erased = live.person("Left")
    leave(holder(live, erased))
    numbers = [callers["own"].account, live.institution(), erased, 2**53 - 1]
    rich, poor = person_with(live, 10), person_with(live, 3)
    poor.act("conversions", quantity_g=3)
    probes = [
        (poor, "transfers", "to", {"quantity_g": 1}),
        (poor, "redemptions", "provider", {"quantity_g": 4}),
        (rich, "transfers", "to", {"quantity_g": 11}),
        (rich, "transfers", "to", {"serial": "SHCER-0-0"}),
        (rich, "transfers", "to", {"quantity_g": 1, "reference": "\u202e"}),
        (rich, "transfers", "to", {"quantity_g": 1, "purpose": "listed-trade"}),
        (rich, "redemptions", "provider", {"quantity_g": 1}),
        (poor, "redemptions", "provider", {"quantity_g": 1, "reference": " "}),
    ]
    for who, act, field, body in probes:
        answers = [who.act(act, **body, **{field: number}) for number in numbers]
        assert {answer.status_code for answer in answers} <= {400, 409}
        assert len({answer.content for answer in answers}) == 1, (act, body)


def test_who_can_pay_learns_only_that_a_number_does_not_receive(live):
    erased, person = live.person("Left"), live.person()
    leave(holder(live, erased))
    payer = person_with(live, 10)
    payer.act("conversions", quantity_g=5)
    for act, field, numbers in (
        ("transfers", "to", (erased, 2**53 - 1)),
        ("redemptions", "provider", (erased, person, 2**53 - 1)),
    ):
        answers = [payer.act(act, quantity_g=1, **{field: number}) for number in numbers]
        assert all(is_problem(answer, 404, "not-found") for answer in answers)
        told = {answer.text.replace(str(number), "N") for answer, number in zip(answers, numbers, strict=True)}
        assert len(told) == 1


def test_a_provider_does_not_learn_the_number_of_who_redeemed(live):
    person, shop = person_with(live, 10), institution(live)
    person.act("conversions", quantity_g=10)
    spent = person.act("redemptions", quantity_g=10, provider=shop.account).json()["act"]
    leave(person)
    refused = shop.act("refunds", quantity_g=1, redemption=spent)
    assert is_problem(refused, 409, "rule-broken")
    assert str(person.account) not in refused.json()["detail"]


def test_a_holder_reads_evidence_of_both_sides_and_no_other(live, callers):
    giver, receiver = person_with(live, 10), institution(live)
    moved = giver.act("transfers", quantity_g=10, to=receiver.account).json()["movements"][0]["id"]
    path = f"/v1/movements/{moved}/evidence"
    assert [caller.get(path).status_code for caller in (giver, receiver)] == [200, 200]
    assert is_problem(callers["other"].get(path), 404, "not-found")


CLAIMS = {"aud": "gramledger", "role": "holder", "sub": "somebody"}


def development_key(live) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(read_secret(live.site.folder.keys, "token.key"))


def signed(live, **changes: object) -> str:
    claims = CLAIMS | {"exp": int(time.time()) + 60, "account": 1} | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, development_key(live), algorithm="EdDSA")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1_000_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": 4_000_000_000},
        {"aud": "another"},
        {"aud": None},
        {"sub": None},
        {"role": None},
        {"role": "admin"},
        {"role": ["centre"]},
        {"role": {"centre": 1}},
        {"account": None},
        {"account": "1"},
        {"account": True},
        {"account": 0},
        {"account": 1.0},
        {"account": 10**30},
        pytest.param({"nbf": int(time.time()) + 3600}, id="not before an hour from now"),
        pytest.param({"iat": int(time.time()) + 3600}, id="issued an hour from now"),
        pytest.param({"exp": int(time.time()) - 30}, id="expired half a minute ago"),
        {"sub": ""},
        {"sub": 7},
        {"sub": "\ud800"},
        {"sub": "a\0b"},
        {"sub": "a\nb"},
        {"sub": "\u202eb"},
        {"sub": "克" * 256},
        {"x": float("nan")},
    ],
    ids=str,
)
def test_a_token_that_says_the_wrong_thing_proves_nothing(live, changes):
    answer = Caller(live.url, signed(live, **changes)).get("/v1/accounts/1")
    assert is_problem(answer, 401, "unauthenticated")


def test_the_token_that_says_the_right_thing_is_taken(live):
    assert Caller(live.url, signed(live)).get("/v1/accounts/1").status_code == 200


def test_a_token_of_a_clock_that_is_a_little_ahead_or_behind_is_taken(live):
    now = int(time.time())
    for changes in ({"iat": now + 5}, {"nbf": now + 5}, {"exp": now - 5}):
        assert Caller(live.url, signed(live, **changes)).get("/v1/accounts/1").status_code == 200, changes


def test_the_longest_subject_that_is_taken_is_kept_with_the_longest_key(live):
    """No two characters alike, or the database would compress what its index bounds."""
    rider, subject = person_with(live, 10), "".join(chr(0x20000 + 97 * place) for place in range(255))
    caller = Caller(live.url, signed(live, account=rider.account, sub=subject), rider.account)
    key = "".join(chr(33 + place % 11) for place in range(200))
    assert caller.act("conversions", key, quantity_g=1).status_code == 201
    assert caller.act("conversions", key, quantity_g=1).headers["Idempotency-Replayed"] == "true"


def test_claims_that_stand_twice_prove_nothing(live):
    key, part = development_key(live), lambda text: urlsafe_b64encode(text.encode()).rstrip(b"=")
    claims = f'{{"aud":"gramledger","exp":{int(time.time()) + 60},"sub":"a","role":"holder","account":1'
    for more, status in (("}", 200), (',"account":2}', 401), (',"\\u0061ccount":1}', 401)):
        text = part('{"alg":"EdDSA"}') + b"." + part(claims + more)
        token = b".".join([text, urlsafe_b64encode(key.sign(text)).rstrip(b"=")]).decode()
        assert Caller(live.url, token).get("/v1/accounts/1").status_code == status


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('{"alg":"EdDSA"}', 200),
        ('{"alg":"EdDSA","typ":"JWT","kid":"a"}', 200),
        ('{"alg":"EdDSA","alg":"EdDSA"}', 401),
        ('{"alg":"none","alg":"EdDSA"}', 401),
        ('{"alg":"EdDSA","\\u0061lg":"EdDSA"}', 401),
        ('{"alg":"EdDSA","kid":"a","kid":"b"}', 401),
        ('{"alg":"EdDSA","x":{"a":1,"a":1}}', 401),
        ('{"alg":"EdDSA","x":NaN}', 401),
        ('{"alg":"EdDSA","x":"\\ud800"}', 401),
        ('\ufeff{"alg":"EdDSA"}', 401),
    ],
)
def test_a_header_that_stands_for_two_proves_nothing(live, header, status):
    claims = CLAIMS | {"exp": int(time.time()) + 60, "account": 1}
    text = b".".join(urlsafe_b64encode(part.encode()).rstrip(b"=") for part in (header, json.dumps(claims)))
    token = b".".join([text, urlsafe_b64encode(development_key(live).sign(text)).rstrip(b"=")]).decode()
    answer = Caller(live.url, token).get("/v1/accounts/1")
    assert answer.status_code == status
    assert status == 200 or is_problem(answer, 401, "unauthenticated")


def hostile_tokens(live) -> dict[str, str]:
    """Tokens made without the key, or spoiled."""
    claims = CLAIMS | {"exp": int(time.time()) + 60, "account": 1}
    public = development_key(live).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    head, body, signature = signed(live).split(".")
    deep = urlsafe_b64encode(b"[" * 4_000).rstrip(b"=").decode()
    endless = urlsafe_b64encode(b'{"alg":"EdDSA","n":' + b"9" * 5000 + b"}").rstrip(b"=").decode()
    return {
        "alg none": jwt.encode(claims, None, algorithm="none"),
        "HS256 under the public key": jwt.encode(claims, public, algorithm="HS256"),
        "another key": jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA"),
        "spoiled signature": f"{head}.{body}.{signature[:-4]}AAAA",
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "a deep header": f"{deep}.{body}.{signature}",
        "an endless number in the header": f"{endless}.{body}.{signature}",
        "nothing like a token": "x",
    }


def test_tokens_without_the_key_prove_nothing_and_are_not_repeated(live, caplog, capfd):
    for name, token in hostile_tokens(live).items():
        answer = Caller(live.url, token).get("/v1/accounts/1")
        assert is_problem(answer, 401, "unauthenticated"), name
        assert len(token) < 10 or token[:40] not in answer.text
    said = "".join([caplog.text, *capfd.readouterr()])
    assert "eyJ" not in said


@pytest.mark.parametrize("scheme", ["Basic dTpw", "Token x", "Bearer", "x"])
def test_another_scheme_is_no_token(live, scheme):
    answer = Caller(live.url).get("/v1/accounts/1", headers={"Authorization": scheme})
    assert is_problem(answer, 401, "unauthenticated")


def test_a_defect_is_logged_without_what_the_caller_sent(live, caplog, capfd):
    """The default of the log's formatter prints every local variable of every frame."""
    token = signed(live)
    key = fresh_key()
    site = live.site
    held = site.__dict__.pop("ledger", None)
    object.__setattr__(site, "ledger", None)
    try:
        answer = Caller(live.url, token).post("/v1/accounts/1/conversions", {"quantity_g": 1}, key)
    finally:
        object.__delattr__(site, "ledger")
        if held is not None:
            site.__dict__["ledger"] = held
    said = "".join([caplog.text, *capfd.readouterr()])
    assert is_problem(answer, 500, "defect")
    assert "AttributeError" in said
    assert token.rpartition(".")[2] not in said
    assert key not in said
    assert len(said) < 50_000


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"role": "admin", "account": None}, Invalid),
        ({"role": "holder", "account": None}, Invalid),
        ({"role": "centre", "account": 1}, Invalid),
        ({"role": "centre", "account": None, "life_s": 10**9}, Invalid),
        ({"role": "centre", "account": None, "life_s": 0}, Invalid),
    ],
    ids=str,
)
def test_development_tokens_are_bounded(given, error):
    with pytest.raises(error):
        development_token(Settings(), bytes(32), **({"now_s": 0, "life_s": 60} | given))


def test_production_makes_no_tokens():
    key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    given = dict.fromkeys(("database", "rpc", "contract", "origin", "payer"), "x")
    given["witnesses"] = WITNESSES
    given |= {"master_key": "00" * 32, "token_public_key": pem, "public_url": "https://city.example"}
    settings = Settings(environment="production", **given)
    with pytest.raises(Forbidden):
        development_token(settings, bytes(32), role="centre", account=None, now_s=0, life_s=60)
