"""Hostile requests: each gets a problem document that says what is wrong, none gets a defect or an act."""

import gzip
import json
import socket
from urllib.parse import urlsplit

import pytest

from api.door.edge import MAX_BODY_BYTES
from tests.support.rest import Caller, fresh_key, http, institution, is_problem, person_with

DEEP = b"[" * 30_000 + b"]" * 30_000


@pytest.fixture(scope="module")
def rider(live):
    return person_with(live, 1000)


@pytest.fixture(scope="module")
def shop(live):
    return institution(live)


BAD_QUANTITIES = {
    "zero": b"0",
    "negative": b"-1",
    "beyond exact integers": b"9007199254740992",
    "beyond 64 bits": b"1" * 30,
    "endless": b"9" * 4000,
    "float": b"1.0",
    "exponent": b"1e3",
    "a float that is whole, and large": b"9007199254740993.0",
    "text": b'"1"',
    "true": b"true",
    "null": b"null",
    "list": b"[1]",
    "object": b'{"$gt":0}',
}


@pytest.mark.parametrize("number", BAD_QUANTITIES.values(), ids=BAD_QUANTITIES)
def test_what_is_no_quantity(rider, number):
    answer = rider.post(f"/v1/accounts/{rider.account}/conversions", b'{"quantity_g":' + number + b"}")
    assert is_problem(answer, 422, "malformed")


BAD_BODIES = {
    "no JSON": (b"{", 400),
    "two values": (b'{"quantity_g":1}{}', 400),
    "empty": (b"", 422),
    "null": (b"null", 422),
    "list": (b"[]", 422),
    "nothing asked": (b"{}", 422),
    "both": (b'{"quantity_g":1,"serial":"SHCER-0-0"}', 422),
    "unknown field": (b'{"quantity_g":1,"fee":1}', 422),
    "unknown field, long": (b'{"quantity_g":1,"' + b"x" * 5000 + b'":1}', 422),
    "unknown field, lone surrogate": (b'{"quantity_g":1,"\\ud800":1}', 400),
    "deep": (DEEP, 400),
    "a member twice": (b'{"quantity_g":1,"quantity_g":2}', 400),
    "a member twice, once escaped": (b'{"quantity_g":1,"quantity\\u005fg":2}', 400),
    "a member twice, deep in a field": (b'{"quantity_g":1,"x":[{"a":1,"a":1}]}', 400),
    "not a number in a field": (b'{"quantity_g":1,"x":NaN}', 400),
    "infinite in a field": (b'{"quantity_g":1,"x":-Infinity}', 400),
    "overflowing in a field": (b'{"quantity_g":1,"x":1e999}', 400),
    "byte order mark": (b'\xef\xbb\xbf{"quantity_g":1}', 400),
    "UTF-16": ('{"quantity_g":1}'.encode("utf-16"), 400),
    "UTF-32": ('{"quantity_g":1}'.encode("utf-32-be"), 400),
    "overlong UTF-8": (b'{"serial":"\xc0\xaf"}', 400),
    "surrogate in UTF-8": (b'{"serial":"\xed\xa0\x80"}', 400),
    "33 deep": (b'{"quantity_g":1,"x":' + b"[" * 32 + b"]" * 32 + b"}", 400),
    "958 deep": (b'{"quantity_g":1,"x":' + b"[" * 957 + b"]" * 957 + b"}", 400),
    "deep in a field": (b'{"quantity_g":1,"x":' + DEEP + b"}", 400),
    "endless number": (b'{"quantity_g":1,"x":' + b"9" * 5000 + b"}", 400),
    "not UTF-8": (b'{"serial":"\xff"}', 400),
    "serial of nothing": (b'{"serial":""}', 400),
    "serial backwards": (b'{"serial":"SHCER-5-4"}', 400),
    "serial with leading zeros": (b'{"serial":"SHCER-00-01"}', 400),
    "serial in other digits": ('{"serial":"SHCER-０-１"}'.encode(), 400),
    "serial and a line": (b'{"serial":"SHCER-0-1\\n"}', 400),
    "serial and NUL": (b'{"serial":"SHCER-0-1\\u0000"}', 400),
    "serial of a lone surrogate": (b'{"serial":"\\ud800"}', 400),
    "serial, long": (b'{"serial":"' + b"1" * 100 + b'"}', 400),
    "serial beyond every gram": (b'{"serial":"SHCER-0-9999999999999999"}', 409),
}


@pytest.mark.parametrize(("body", "status"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_what_is_no_body(rider, body, status):
    answer = rider.post(f"/v1/accounts/{rider.account}/conversions", body)
    codes = {400: ("unreadable-request", "invalid"), 409: ("insufficient",), 422: ("malformed",)}[status]
    assert any(is_problem(answer, status, code) for code in codes)
    assert len(answer.content) < 1000
    assert rider.balances()["points"] == 0


HOSTILE_WORDS = {
    "NUL": ("a\0b", "invalid"),
    "line": ("a\nb", "invalid"),
    "backwards": ("a\u202eb", "invalid"),
    "blank": ("   ", "invalid"),
    "unseen": ("\u200b", "invalid"),
    "lone surrogate": ("\ud800", "unreadable-request"),
    "empty": ("", "invalid"),
    "long": ("x" * 501, "invalid"),
}


@pytest.mark.parametrize(("words", "code"), HOSTILE_WORDS.values(), ids=HOSTILE_WORDS)
def test_words_that_no_certificate_or_order_bears(live, rider, shop, words, code):
    asked = [
        ("transfers", {"to": shop.account, "reference": words}),
        ("transfers", {"to": shop.account, "purpose": words}),
        ("redemptions", {"provider": shop.account, "reference": words}),
        ("cancellations", {"purpose": "donation", "statement": words}),
        ("cancellations", {"purpose": "donation", "beneficiary": words}),
        ("cancellations", {"purpose": words}),
        ("cancellations", {"purpose": "donation", "form": words}),
    ]
    before = rider.balances()
    for act, body in asked:
        content = json.dumps({"quantity_g": 1} | body).encode()
        answer = rider.post(f"/v1/accounts/{rider.account}/{act}", content)
        assert is_problem(answer, 400, code), (act, body)
    assert rider.balances() == before
    centre = Caller(live.url, live.token("centre"))
    for body in ({"kind": "individual", "name": words}, {"kind": words, "name": "Name"}):
        assert is_problem(centre.post("/v1/accounts", json.dumps(body).encode()), 400, code)


def test_a_large_body_is_refused_however_it_is_sent(live, rider):
    path = f"/v1/accounts/{rider.account}/conversions"
    padded = b'{"quantity_g":1}'.rjust(MAX_BODY_BYTES + 1)
    assert is_problem(rider.post(path, padded), 413, "too-large")
    assert is_problem(rider.post(path, b" " * 500_000), 413, "too-large")
    headers = {"Idempotency-Key": fresh_key(), "Content-Type": "application/json"}
    chunked = rider.ask("POST", path, headers=headers, content=(b" " * 10_000 for _ in range(20)))
    assert is_problem(chunked, 413, "too-large")
    assert rider.post(path, padded[1:]).status_code == 201
    assert Caller(live.url).get("/v1/about").status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "\xff", ""])
def test_a_body_of_another_type_is_no_act(rider, kind):
    headers = {"Idempotency-Key": fresh_key(), "Content-Type": kind.encode("latin-1")}
    path = f"/v1/accounts/{rider.account}/conversions"
    answer = rider.ask("POST", path, headers=headers, content=b'{"quantity_g":1}')
    assert is_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "kind",
    [
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; charset=gbk",
        "application/json; charset=utf-8; Charset=utf-8",
        "application/json; charset*=gbk''utf-8",
        "application/json; charset*0=utf; charset*1=-16",
        "application/json; charset",
        "application/json; charset=",
        "application/json;; charset=gbk",
        "application/json, application/json",
        "application/json; x=1, text/plain",
        "application/problem+json",
        "application/json5",
    ],
)
def test_a_body_that_says_it_is_something_else_is_no_act(rider, kind):
    headers = {"Idempotency-Key": fresh_key(), "Content-Type": kind}
    path = f"/v1/accounts/{rider.account}/conversions"
    answer = rider.ask("POST", path, headers=headers, content=b'{"quantity_g":1}')
    assert is_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "kind",
    ["application/json", "Application/JSON", "application/json; charset=UTF-8", 'application/json;charset="utf-8"'],
)
def test_a_body_that_says_it_is_json_in_utf_8_is_taken(rider, kind):
    headers = {"Idempotency-Key": fresh_key(), "Content-Type": kind}
    path = f"/v1/accounts/{rider.account}/conversions"
    assert rider.ask("POST", path, headers=headers, content=b'{"quantity_g":1}').status_code == 201


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
def test_a_body_that_is_compressed_is_no_act(rider, coding):
    headers = {"Idempotency-Key": fresh_key(), "Content-Type": "application/json", "Content-Encoding": coding}
    path = f"/v1/accounts/{rider.account}/conversions"
    answer = rider.ask("POST", path, headers=headers, content=gzip.compress(b'{"quantity_g":1}'))
    assert is_problem(answer, 415, "unsupported-media-type")


def test_a_body_where_none_is_taken_is_not_passed_over_in_silence(live):
    centre = Caller(live.url, live.token("centre"))
    assert is_problem(centre.post("/v1/state", {"at": "2026-01-01"}), 422, "malformed")
    assert is_problem(centre.post("/v1/state", b'{"a":1,"a":1}'), 400, "unreadable-request")


TWICE = {
    "Authorization": ["Bearer x", "Bearer y"],
    "Content-Type": ["application/json", "application/json"],
    "Content-Encoding": ["identity", "identity"],
    "Idempotency-Key": ["one", "two"],
}


@pytest.mark.parametrize("name", TWICE)
def test_a_header_that_comes_twice_is_no_request(rider, name):
    given = {"Idempotency-Key": fresh_key(), "Content-Type": "application/json"}
    given |= {"Authorization": f"Bearer {rider.token}"}
    headers = [*((key, value) for key, value in given.items() if key != name), *((name, one) for one in TWICE[name])]
    url = f"{rider.url}/v1/accounts/{rider.account}/conversions"
    before = rider.balances()
    answer = http.request("POST", url, headers=headers, content=b'{"quantity_g":1}')
    assert is_problem(answer, 400, "unreadable-request")
    assert rider.balances() == before


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limt=5", "limt"),
        ("limit=5&limit=6", "limit"),
        ("cursor=1&cursor=1", "cursor"),
        ("=1", "query"),
        ("%00", "\0"),
    ],
)
def test_a_query_that_would_pass_in_silence_is_named(rider, query, named):
    for path in ("/v1/leaves", "/v1/lots", f"/v1/accounts/{rider.account}/blocks"):
        answer = rider.get(f"{path}?{query}")
        assert is_problem(answer, 422, "malformed")
        assert named in answer.json()["detail"]
    assert is_problem(rider.get("/v1/about?x=1"), 422, "malformed")
    assert is_problem(
        rider.post(f"/v1/accounts/{rider.account}/conversions?dry_run=1", {"quantity_g": 1}), 422, "malformed"
    )


def test_a_page_does_not_mind_what_others_add_to_its_address(live):
    assert Caller(live.url).get("/?utm_source=x").status_code == 200


FIRST_LEAF = ("0", "%30")
"""Numbers of nothing but of a leaf, from which the log begins."""
NO_NUMBERS = [
    "0",
    "01",
    "-0",
    "007",
    "%30",
    "٣",
    "-1",
    "9223372036854775808",
    "9" * 5000,
    "abc",
    "1.0",
    "1e3",
    "%00",
    "%ff",
    "1_0",
    "+1",
    "%201",
    "１",
]


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_what_is_no_number_in_a_path(live, rider, number):
    centre = Caller(live.url, live.token("centre"))
    for room in ("movements", "lots", "accounts", *(["leaves"] if number not in FIRST_LEAF else [])):
        path = f"/v1/{room}/{number}"
        assert is_problem(centre.get(path), 422, "malformed")
    assert is_problem(rider.post(f"/v1/accounts/{number}/conversions", {"quantity_g": 1}), 422, "malformed")


def test_numbers_that_nothing_has(live):
    centre, last = Caller(live.url, live.token("centre")), 2**63 - 1
    for path in (f"movements/{last}", f"movements/{last}/evidence", f"leaves/{last}", f"lots/{last}"):
        assert is_problem(centre.get(f"/v1/{path}"), 404, "not-found")
    for path in ("", "/blocks", "/movements"):
        assert is_problem(centre.get(f"/v1/accounts/{2**53 - 1}{path}"), 404, "not-found")


@pytest.mark.parametrize("number", ["%00", "%ff", "GLC-1", "G" * 100, "GLC-20260101-AAAAAAAAAA", "%F0%9F%9A%B2", "'--"])
def test_certificates_that_nobody_issued(live, number):
    assert is_problem(Caller(live.url).get(f"/v1/certificates/{number}"), 404, "not-found")


@pytest.mark.parametrize(
    "cursor", ["-1", "007", "00", "9" * 19, "9" * 5000, "abc", "１", "%00", "", "1e3", "1;2", "%ff", " 1"]
)
def test_forged_cursors(rider, cursor):
    for path in ("/v1/leaves", "/v1/lots", f"/v1/accounts/{rider.account}/blocks"):
        answer = rider.get(f"{path}?cursor={cursor}")
        assert is_problem(answer, 400, "invalid")


def test_cursors_beyond_either_end_are_the_end(rider):
    for path in ("/v1/leaves", "/v1/lots"):
        assert rider.get(f"{path}?cursor=0").json() == {"items": [], "next_cursor": None}
    blocks = rider.get(f"/v1/accounts/{rider.account}/blocks?cursor={2**63 - 1}")
    assert blocks.json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("limit", ["0", "007", "+7", "1_0", "-1", "201", "1.5", "abc", "", "9" * 30, "%00"])
def test_limits_out_of_bounds(rider, limit):
    for path in ("/v1/leaves", "/v1/lots", f"/v1/accounts/{rider.account}/movements"):
        assert is_problem(rider.get(f"{path}?limit={limit}"), 422, "malformed")


def test_bounds_of_a_limit_are_taken(live, rider):
    live.publish()
    assert len(rider.get("/v1/leaves?limit=1").json()["items"]) == 1
    assert rider.get("/v1/leaves?limit=200").status_code == 200


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/v1//about", "/v1/accounts/1/burns", "/v1/ABOUT"])
def test_nothing_at_a_path(rider, path):
    assert is_problem(rider.get(path), 404, "no-such-path")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"])
def test_methods_that_a_path_has_not(rider, method):
    for path, allowed in (("/v1/accounts", "POST"), ("/v1/about", "GET"), ("/log/checkpoint", "GET")):
        answer = rider.ask(method, path)
        assert is_problem(answer, 405, "method-not-allowed")
        assert allowed in answer.headers["Allow"]


def test_a_method_that_nobody_knows_is_no_request(rider):
    for path in ("/v1/accounts", "/v1/about", "/log/checkpoint"):
        assert is_problem(rider.ask("BREW", path), 400, "unreadable-request")


def test_head_is_get_without_the_body(rider):
    for path in ("/v1/about", f"/v1/accounts/{rider.account}", "/openapi.json", "/v1/nothing", "/v1/movements/0"):
        head, get = rider.ask("HEAD", path), rider.get(path)
        assert head.content == b""
        assert head.status_code == get.status_code
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
        assert head.headers["Content-Length"] == get.headers["Content-Length"]


RAW = {
    "two hosts": b"GET /v1/about HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": b"GET /v1/about HTTP/1.1\r\n\r\n",
    "raw bytes in the path": b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "endless header": b"GET /v1/about HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    "negative length": b"POST /v1/accounts HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST /v1/accounts HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": b"POST /v1/accounts HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", RAW.values(), ids=RAW)
def test_what_is_hardly_http(live, request_bytes):
    """What the server itself refuses; none of it may be a success or a defect, and the next caller is served."""
    address = urlsplit(live.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(request_bytes)
        answer = connection.recv(65_536)
    assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5"))
    assert Caller(live.url).get("/v1/about").status_code == 200


@pytest.mark.parametrize("host", ["[", "a b", "evil.example/", "::", "a:99999", "", "x" * 3000])
def test_a_host_that_cannot_be_is_no_defect(live, host):
    for path in ("/v1/about", "/v1/nothing"):
        answer = Caller(live.url).get(path, headers={"Host": host})
        assert answer.status_code < 500
        kind = "application/json" if path.endswith("about") else "application/problem+json"
        assert answer.status_code == 400 or answer.headers["Content-Type"] == kind
