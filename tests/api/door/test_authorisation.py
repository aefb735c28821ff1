"""Who may do what: every route of the application against every kind of caller, and tokens that prove nothing."""

import time
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx2
import pytest

from api.door.caller import FRESH_MS
from api.door.table import Table
from api.serving.app import routed
from registry.clock import system_clock
from registry.identity.grants import Grant, revoke
from registry.identity.roles import Role
from registry.methodologies.record import to_document
from registry.methodologies.shelf import find
from tests.support.mall import FORM
from tests.support.reporting import PERIOD, content_digest
from tests.support.rest import Caller, authority, fresh_key, holder, institution, is_problem, person_with

OF_ACCOUNT = ("own", "provider", "trader", "applicant", "platform")
"""Callers with a role of the account that is asked about: its holder, and those who do one thing for it."""
OFFICERS = ("centre", "exchange", "bureau", "district-bureau")
CALLERS = ("nobody", "no-role", *OF_ACCOUNT, "other", "expert", "service-body", *OFFICERS)
ANYONE = frozenset(CALLERS)
SIGNED_IN = ANYONE - {"nobody"}
HOLDER = frozenset({"own"})
TRADER = frozenset({"own", "trader"})
PROVIDER = frozenset({"own", "provider"})
PROVIDER_OR_CENTRE = frozenset({"own", "provider", "centre"})
BUNDLER = frozenset({"own", "provider", "trader"})
READERS = frozenset({"own", "provider", "trader", "applicant", "centre", "bureau"})
DECIDING = frozenset({"centre", "exchange", "bureau"})
APPLICANT = frozenset({"own", "applicant"})
POOL = frozenset({"expert", "service-body"})
SUPERVISING = frozenset({"centre", "bureau"})
RECEIVING = frozenset({"centre", "bureau", "district-bureau"})
HOLDER_OR_CENTRE = frozenset({"own", "centre"})
CONNECTED = frozenset({"own", "provider", "applicant", "platform"})
SEEING_BATCHES = frozenset({"platform", "centre", "bureau"})
MAY = {
    ("POST", "/v1/accounts"): frozenset({"centre"}),
    ("GET", "/v1/accounts/{account_id}"): READERS,
    ("GET", "/v1/accounts/{account_id}/blocks"): READERS,
    ("GET", "/v1/accounts/{account_id}/movements"): READERS,
    ("GET", "/v1/accounts/{account_id}/erasure"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/erasure"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/conversions"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/redemptions"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/refunds"): PROVIDER,
    ("POST", "/v1/accounts/{account_id}/returns"): PROVIDER_OR_CENTRE,
    ("POST", "/v1/accounts/{account_id}/bundles"): BUNDLER,
    ("POST", "/v1/accounts/{account_id}/transfers"): TRADER,
    ("POST", "/v1/accounts/{account_id}/cancellations"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/points"): READERS,
    ("POST", "/v1/accounts/{account_id}/standing-order"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/standing-order/end"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/provider-application"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/provider-application/withdrawal"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/provider"): HOLDER,
    ("GET", "/v1/provider-applications"): frozenset({"exchange"}),
    ("POST", "/v1/provider-applications/{provider}/case"): frozenset({"exchange"}),
    ("GET", "/v1/providers"): ANYONE,
    ("POST", "/v1/accounts/{account_id}/offers"): PROVIDER,
    ("GET", "/v1/accounts/{account_id}/offers"): PROVIDER,
    ("POST", "/v1/accounts/{account_id}/offers/{offer}/end"): PROVIDER,
    ("POST", "/v1/accounts/{account_id}/offers/{offer}/stock"): PROVIDER,
    ("POST", "/v1/accounts/{account_id}/offers/{offer}/codes"): PROVIDER,
    ("GET", "/v1/offers"): ANYONE,
    ("GET", "/v1/offers/{offer}"): ANYONE,
    ("GET", "/v1/offer-proposals"): frozenset({"exchange"}),
    ("POST", "/v1/offers/{offer}/decision"): frozenset({"exchange"}),
    ("POST", "/v1/accounts/{account_id}/orders"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/orders"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/orders/{number}"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/orders/{number}/receipt"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/orders/{number}/cancellation"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/orders/{number}/complaint"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/sales"): PROVIDER,
    ("POST", "/v1/accounts/{account_id}/sales/{number}/shipment"): PROVIDER,
    ("POST", "/v1/accounts/{account_id}/sales/{number}/refund"): PROVIDER,
    ("POST", "/v1/accounts/{account_id}/sales/{number}/answer"): PROVIDER,
    ("GET", "/v1/accounts/{account_id}/settlements/{day}"): PROVIDER,
    ("GET", "/v1/complaints"): frozenset({"exchange"}),
    ("POST", "/v1/complaints/{number}/answer"): frozenset({"exchange"}),
    ("GET", "/v1/accounts/{account_id}/jobs"): READERS,
    ("GET", "/v1/accounts/{account_id}/jobs/{job}"): READERS,
    ("GET", "/v1/movements/{movement}"): READERS,
    ("GET", "/v1/movements/{movement}/evidence"): READERS,
    ("GET", "/v1/movements/{movement}/receipt"): READERS,
    ("GET", "/v1/me"): SIGNED_IN,
    ("POST", "/v1/accounts/{account_id}/link-codes"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/consents"): READERS,
    ("POST", "/v1/accounts/{account_id}/consents/{source_id}/withdrawal"): HOLDER,
    ("POST", "/v1/sources/{source_id}/consents"): frozenset({"platform"}),
    ("GET", "/v1/sources/{source_id}/consents/{external_id}"): frozenset({"platform"}),
    ("GET", "/v1/accounts/{account_id}/mandates"): READERS,
    ("POST", "/v1/accounts/{account_id}/mandates"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/mandates/{mandate}/end"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/delegates"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/delegates"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/delegates/{grant}/end"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/links"): READERS,
    ("POST", "/v1/accounts/{account_id}/links"): HOLDER_OR_CENTRE,
    ("POST", "/v1/accounts/{account_id}/links/{link}/end"): HOLDER_OR_CENTRE,
    ("GET", "/v1/accounts/{account_id}/reads"): HOLDER,
    ("POST", "/v1/submissions"): SIGNED_IN,
    ("POST", "/v1/accounts/{account_id}/applications"): APPLICANT,
    ("GET", "/v1/submissions"): SIGNED_IN,
    ("GET", "/v1/submissions/{submission}"): SIGNED_IN,
    ("POST", "/v1/submissions/{submission}/correction"): SIGNED_IN,
    ("POST", "/v1/submissions/{submission}/handing-in"): SIGNED_IN,
    ("POST", "/v1/submissions/{submission}/withdrawal"): SIGNED_IN,
    ("GET", "/v1/incoming"): RECEIVING,
    ("GET", "/v1/incoming/{submission}"): RECEIVING,
    ("POST", "/v1/incoming/{submission}/recording"): frozenset({"centre"}),
    ("POST", "/v1/incoming/{submission}/return"): frozenset({"centre"}),
    ("POST", "/v1/incoming/{submission}/refusal"): frozenset({"centre"}),
    ("POST", "/v1/cases/{number}/opinions"): frozenset({"centre"}),
    ("GET", "/v1/cases/{number}/opinions"): DECIDING,
    ("POST", "/v1/cases/{number}/opinions/{request}/release"): frozenset({"centre"}),
    ("GET", "/v1/opinions"): POOL,
    ("GET", "/v1/opinions/{request}"): POOL,
    ("POST", "/v1/opinions/{request}/answer"): POOL,
    ("POST", "/v1/opinions/{request}/recusal"): POOL,
    ("GET", "/v1/integrity"): ANYONE,
    ("POST", "/v1/integrity"): frozenset({"centre"}),
    ("GET", "/v1/integrity/{finding}"): SIGNED_IN,
    ("GET", "/v1/accounts/{account_id}/findings"): READERS,
    ("POST", "/v1/integrity/{finding}/approval"): SUPERVISING,
    ("POST", "/v1/integrity/{finding}/withdrawal"): SUPERVISING,
    ("POST", "/v1/integrity/{finding}/appeal"): SIGNED_IN,
    ("POST", "/v1/integrity/{finding}/answer"): frozenset({"bureau"}),
    ("GET", "/v1/experts"): ANYONE,
    ("GET", "/v1/appointments"): DECIDING,
    ("POST", "/v1/appointments"): DECIDING,
    ("POST", "/v1/appointments/{appointment}/approval"): DECIDING,
    ("POST", "/v1/appointments/{appointment}/withdrawal"): DECIDING,
    ("GET", "/v1/grants"): DECIDING,
    ("POST", "/v1/grants/{grant}/end"): DECIDING,
    ("GET", "/v1/accounts/{account_id}/events"): CONNECTED,
    ("GET", "/v1/accounts/{account_id}/webhooks"): CONNECTED,
    ("POST", "/v1/accounts/{account_id}/webhooks"): CONNECTED,
    ("GET", "/v1/accounts/{account_id}/webhooks/{webhook}"): CONNECTED,
    **{
        ("POST", f"/v1/accounts/{{account_id}}/webhooks/{{webhook}}/{act}"): CONNECTED
        for act in ("secret", "disable", "enable", "test", "replay", "end")
    },
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
    ("POST", "/v1/sources/{source_id}/batches"): frozenset({"platform"}),
    ("POST", "/v1/sources/{source_id}/lines"): frozenset({"platform"}),
    ("PUT", "/v1/batches/{batch}/parts/{first_byte}"): frozenset({"platform"}),
    ("GET", "/v1/batches"): SEEING_BATCHES,
    ("GET", "/v1/batches/{batch}"): SEEING_BATCHES,
    ("GET", "/v1/batches/{batch}/rows"): SEEING_BATCHES,
    ("GET", "/v1/batches/{batch}/rows.csv"): SEEING_BATCHES,
    ("GET", "/v1/batches/{batch}/rows.jsonl"): SEEING_BATCHES,
    ("POST", "/v1/batches/{batch}/withdrawal"): frozenset({"platform"}),
    ("POST", "/v1/batches/{batch}/proposal"): frozenset({"centre"}),
    ("GET", "/v1/accounts/{account_id}/quarantine"): READERS,
    ("POST", "/v1/accounts/{account_id}/quarantine/{quarantine}/appeal"): HOLDER,
    ("GET", "/v1/duplicates"): SEEING_BATCHES,
    ("POST", "/v1/duplicates/{duplicate}/settlement"): frozenset({"centre"}),
    ("GET", "/v1/sharings/{source_id}"): SIGNED_IN,
    ("POST", "/v1/sharings"): frozenset({"centre"}),
    ("POST", "/v1/sharings/{sharing}/end"): frozenset({"centre"}),
    ("GET", "/v1/quarantine"): SEEING_BATCHES,
    ("GET", "/v1/quarantine/{quarantine}"): SUPERVISING,
    ("POST", "/v1/quarantine-releases"): frozenset({"centre"}),
    ("POST", "/v1/quarantine-refusals"): frozenset({"centre"}),
    ("GET", "/v1/recognitions"): ANYONE,
    ("GET", "/v1/accounts/{account_id}/recognitions"): READERS,
    ("POST", "/v1/sources/{source_id}/reconciliations"): frozenset({"platform"}),
    ("GET", "/v1/sources/{source_id}/reconciliations"): frozenset({"platform", "centre", "exchange", "bureau"}),
    ("POST", "/v1/reconciliations/{reconciliation}/settlement"): frozenset({"centre"}),
    ("GET", "/v1/lists"): ANYONE,
    ("PUT", "/v1/lists/{name}"): frozenset({"centre"}),
    ("POST", "/v1/cases/{number}/objections"): ANYONE,
    ("GET", "/v1/cases/{number}/objections"): DECIDING,
    ("GET", "/v1/cases/{number}/objections/{objection}"): ANYONE,
    ("POST", "/v1/cases/{number}/objections/{objection}/answer"): frozenset({"centre"}),
    ("GET", "/v1/cases/{number}/matches"): DECIDING,
    ("POST", "/v1/cases/{number}/matches"): frozenset({"centre"}),
    ("GET", "/v1/worklist"): frozenset({*OFFICERS, "expert", "service-body"}),
    ("GET", "/v1/sources"): ANYONE,
    ("GET", "/v1/sources/{source_id}"): ANYONE,
    ("GET", "/v1/supervision/sources"): frozenset(OFFICERS),
    ("GET", "/v1/calls"): ANYONE,
    ("POST", "/v1/calls"): frozenset({"centre"}),
    ("POST", "/v1/calls/{call}/end"): frozenset({"centre"}),
    ("GET", "/v1/supports"): ANYONE,
    ("POST", "/v1/supports"): frozenset({"bureau"}),
    ("POST", "/v1/supports/{support}/approval"): frozenset({"centre"}),
    ("POST", "/v1/supports/{support}/refusal"): frozenset({"centre"}),
    ("POST", "/v1/supports/{support}/end"): SUPERVISING,
    ("GET", "/v1/accounts/{account_id}/supports"): READERS,
    ("POST", "/v1/accounts/{account_id}/supports"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/supports/{support}/end"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/disclosures"): READERS,
    ("POST", "/v1/accounts/{account_id}/disclosures"): HOLDER,
    ("POST", "/v1/accounts/{account_id}/disclosures/{disclosure}/end"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/disclosed-sources"): HOLDER,
    ("GET", "/v1/accounts/{account_id}/disclosed-sources/{source_id}"): HOLDER,
    ("POST", "/v1/corrections"): frozenset({"centre"}),
    ("GET", "/v1/accounts/{account_id}/corrections"): READERS,
    ("POST", "/v1/policies"): frozenset({"bureau"}),
    ("POST", "/v1/sources"): frozenset({"centre"}),
    ("POST", "/v1/cases/{number}/decisions"): DECIDING,
    ("GET", "/v1/motions"): frozenset(OFFICERS),
    ("POST", "/v1/motions/{motion}/approval"): DECIDING,
    ("POST", "/v1/motions/{motion}/withdrawal"): DECIDING,
    ("GET", "/v1/decisions"): ANYONE,
    ("GET", "/v1/cases/{number}"): ANYONE,
    ("GET", "/v1/policies"): ANYONE,
    ("GET", "/v1/policies/{case}"): ANYONE,
    ("GET", "/v1/methodologies"): ANYONE,
    ("POST", "/v1/methodologies"): frozenset({"centre"}),
    ("GET", "/v1/methodologies/{code}"): ANYONE,
    ("POST", "/v1/methodologies/{code}/computations"): ANYONE,
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
SUPPORT = dict.fromkeys(("title_zh", "title_en", "text_zh", "text_en"), "-") | {"kinds": ["none"]}
BODIES = {
    "provider-application": FORM,
    "offers": {
        "kind": "goods",
        "name_zh": "无",
        "name_en": "None",
        "text_zh": "无",
        "text_en": "None",
        "price": 1,
        "stock": 1,
        "until": "2099-01-01T00:00:00.000Z",
    },
    "stock": {"pieces": 1},
    "codes": {"codes": ["A"]},
    "decision": {"listed": True},
    "orders": {"offer": MORE_THAN_THERE_IS, "delivery": "x"},
    "complaint": {"message": "x"},
    "/v1/accounts/{account_id}/sales/{number}/answer": {"message": "x"},
    "/v1/complaints/{number}/answer": {"message": "x"},
    "/v1/accounts": {"kind": "individual", "name": "New"},
    "/v1/methodologies": {"definition": to_document(find("car-pooling"))},
    "/v1/policies": {"name": "no such policy", "value": {}, "in_force": "2027-01-01T00:00:00.000Z"},
    "/v1/sources": {
        "kind": "scenario",
        "name_zh": "无",
        "name_en": "None",
        "applicant": MORE_THAN_THERE_IS,
        "methodology": "none",
        "version": 1,
        "valid_from": "2027-01-01T00:00:00.000Z",
        "valid_until": "2028-01-01T00:00:00.000Z",
    },
    "/v1/appointments": {"role": "none", "subject": "nobody", "number": 1},
    "/v1/submissions": {"definition": {}},
    "applications": {
        "kind": "scenario",
        "name_zh": "无",
        "name_en": "None",
        "methodology": "none",
        "version": 1,
        "valid_from": "2027-01-01T00:00:00.000Z",
        "valid_until": "2028-01-01T00:00:00.000Z",
        "district": "x",
    },
    "correction": {"definition": {}},
    "objections": {"text": "x"},
    "/v1/cases/{number}/objections/{objection}/answer": {"text": "x"},
    "matches": {"list": 1, "place": 1, "same": False, "reason": "other"},
    "opinions": {"expert": "expert:2147483647"},
    "/v1/integrity": {
        "expert": "expert:2147483647",
        "finding": "false-report",
        "reasons": "-",
        "bars": True,
        "until": "2020-01-01T00:00:00.000Z",
    },
    "appeal": {"message": "no"},
    "/v1/opinions/{request}/answer": {"stance": "for", "reason": "sound", "text": "-", "no_interest": True},
    "/v1/integrity/{finding}/answer": {"message": "no", "upheld": True},
    "recusal": {"reason": "interest"},
    "return": {"reason": "incomplete"},
    "refusal": {"reason": "incomplete"},
    "decisions": {"decision": "accept"},
    "computations": {"acts": [{"start_x": "121.5", "start_y": "31.2", "end_x": "121.6", "end_y": "31.3"}]},
    "link-codes": {"source": MORE_THAN_THERE_IS},
    "proposal": {"version": 1},
    "quarantine-releases": {"items": [MORE_THAN_THERE_IS]},
    "quarantine-refusals": {"items": [MORE_THAN_THERE_IS], "message": "no"},
    "/v1/corrections": {"account": MORE_THAN_THERE_IS, "reason": "x", "explanation": "x"},
    "batches": {
        "profile": "shanghai-rides",
        "bytes": 1,
        "sha256": "0" * 64,
        "period_from": "2027-01-01T00:00:00.000Z",
        "period_until": "2027-01-02T00:00:00.000Z",
    },
    "reconciliations": {
        "day": "2999-01-01",
        **dict.fromkeys(("batches", "rows", "accepted", "refused", "held", "issued", "issued_g", "converted_g"), 0),
    },
    "/v1/supports": SUPPORT,
    "/v1/supports/{support}/refusal": {},
    "/v1/calls": {
        "title_zh": "-",
        "title_en": "-",
        "kinds": [],
        "documents": [],
        "verification": "self",
        "opens": "2027-01-01T00:00:00.000Z",
        "closes": "2027-02-01T00:00:00.000Z",
    },
    "supports": {**SUPPORT, "by_name": "-"},
    "disclosures": {"source": MORE_THAN_THERE_IS, "financier": MORE_THAN_THERE_IS},
    "/v1/sharings": {"source": MORE_THAN_THERE_IS, "other": MORE_THAN_THERE_IS},
    "settlement": {"note": "x"},
    "consents": {"code": "none", "external_id": "x"},
    "delegates": {"role": "none", "subject": "nobody"},
    "mandates": {"agent": MORE_THAN_THERE_IS},
    "links": {"kind": "none", "number": "1"},
    "conversions": {"quantity_g": MORE_THAN_THERE_IS},
    "redemptions": {"quantity_g": MORE_THAN_THERE_IS, "provider": 1},
    "refunds": {"quantity_g": MORE_THAN_THERE_IS, "redemption": "1"},
    "returns": {"quantity_g": MORE_THAN_THERE_IS},
    "bundles": {"quantity_g": MORE_THAN_THERE_IS},
    "transfers": {"quantity_g": MORE_THAN_THERE_IS, "to": 1},
    "cancellations": {"quantity_g": MORE_THAN_THERE_IS, "purpose": "voluntary-cancellation"},
    "erasure": {"confirm": "0" * 64},
    "webhooks": {"url": "none"},
    "secret": {"overlap_hours": 1},
    "replay": {"after": 0},
}
"""Acts that are refused once the caller is let in, so that nothing changes."""
CONTENT = {
    "content": b"x",
    "headers": {"Content-Type": "application/octet-stream", "Content-Digest": content_digest(b"x")},
}
QUERIES = {
    ("GET", "/v1/state"): "?first_g=0&end_g=1",
    ("GET", "/v1/cases/{number}/objections/{objection}"): "?receipt=x",
    ("PUT", "/v1/lists/{name}"): "?purpose=none&dated=2026-10-01&origin=x",
    ("POST", "/v1/sources/{source_id}/lines"): f"?profile=shanghai-rides-lines&{urlencode(PERIOD)}",
}
LINES = {
    "content": b"{}",
    "headers": {
        "Content-Type": "application/jsonl", "Content-Digest": content_digest(b"{}"), "Idempotency-Key": fresh_key(),
    },
}  # fmt: skip


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
        TRADER: "the account's holder or trader",
        PROVIDER: "the account's holder or provider",
        PROVIDER_OR_CENTRE: "the account's holder or provider, centre",
        BUNDLER: "the account's holder or provider or trader",
        READERS: "the account's applicant or holder or provider or trader, bureau, centre",
        frozenset({"centre"}): "centre",
        frozenset({"bureau"}): "bureau",
        frozenset({"exchange"}): "exchange",
        DECIDING: "bureau, centre, exchange",
        APPLICANT: "the account's applicant or holder",
        POOL: "expert, service-body",
        SUPERVISING: "bureau, centre",
        RECEIVING: "bureau, centre, district-bureau",
        HOLDER_OR_CENTRE: "the account's holder, centre",
        CONNECTED: "the account's applicant or holder or platform or provider",
        SIGNED_IN: "whoever signed in",
        frozenset({"platform"}): "platform",
        SEEING_BATCHES: "bureau, centre, platform",
        frozenset({"platform", *DECIDING}): "bureau, centre, exchange, platform",
        frozenset(OFFICERS): "bureau, centre, district-bureau, exchange",
        frozenset({*OFFICERS, "expert", "service-body"}): (
            "bureau, centre, district-bureau, exchange, expert, service-body"
        ),
        ANYONE: None,
    }
    for path, methods in routed().openapi()["paths"].items():
        for method, operation in methods.items():
            said = operation.get("x-who-may")
            if path.startswith("/v1/movements/"):
                assert said == "those whose it is, bureau, centre"
                continue
            assert said == words[MAY[method.upper(), path]], (method, path)
            assert said is None or operation["description"].endswith(f"For: {said}.")


def test_pages_and_files_only_read():
    written = {route for route in routes() if is_page(route[1]) and route[0] != "GET"}
    own = "/me/accounts/{account_id}/scenes/{source_id}/"
    writing = {("POST", "/sign-out"), ("POST", own + "code"), ("POST", own + "withdrawal")}
    writing |= {("POST", "/me/accounts/{account_id}/standing-order" + end) for end in ("", "/end")}
    writing.add(("POST", "/me/accounts/{account_id}/quarantine/{quarantine}/appeal"))
    assert written == writing, "what a page writes is refused to other sites, as test_sign_in.py says"


@pytest.fixture(scope="module")
def callers(live) -> dict[str, Caller]:
    shop = institution(live)
    live.issue({shop.account: 5})
    of_shop = {role: Caller(live.url, live.token(role, shop.account), shop.account) for role in OF_ACCOUNT[1:]}
    others = {role: authority(live, role) for role in ("expert", "service-body", *OFFICERS)}
    strangers = {"nobody": Caller(live.url), "no-role": Caller(live.url, signed(live, sub="nobody-knows-me"))}
    return {**strangers, "own": shop, "other": person_with(live, 5), **of_shop, **others}


@pytest.fixture(scope="module")
def movement(callers) -> str:
    """The issue to the account `own`."""
    own = callers["own"]
    return own.get(f"/v1/accounts/{own.account}/movements").json()["items"][-1]["id"]


@pytest.fixture(scope="module")
def named(callers, movement) -> dict[str, object]:
    """What stands in the paths: the account and the movement of `own`, and of all else what there is not."""
    return {
        "account_id": callers["own"].account,
        "movement": movement,
        "index": 0,
        "lot": 1,
        "gram": 0,
        "serial": "SHCER-0-0",
        "number": "GLC-1",
        "name": "ccer",
        "objection": MORE_THAN_THERE_IS,
        "job": 1,
        "case": "P-1",
        "motion": 2**53 - 1,
        "code": "SHCER02020032024II",
        "source_id": 1,
        "mandate": 1,
        "webhook": MORE_THAN_THERE_IS,
        "request": MORE_THAN_THERE_IS,
        "finding": MORE_THAN_THERE_IS,
        "submission": MORE_THAN_THERE_IS,
        "appointment": MORE_THAN_THERE_IS,
        "reconciliation": MORE_THAN_THERE_IS,
        "grant": MORE_THAN_THERE_IS,
        "link": 1,
        "external_id": "x",
        "batch": MORE_THAN_THERE_IS,
        "quarantine": MORE_THAN_THERE_IS,
        "duplicate": MORE_THAN_THERE_IS,
        "sharing": MORE_THAN_THERE_IS,
        "provider": MORE_THAN_THERE_IS,
        "offer": MORE_THAN_THERE_IS,
        "day": "2026-11-28",
        **dict.fromkeys(("support", "disclosure", "call"), MORE_THAN_THERE_IS),
        "first_byte": 0,
    }


@pytest.mark.parametrize("who", CALLERS)
def test_only_those_pass_who_may(callers, named, who):
    told = {route: mistake_of(route, who, asked(callers[who], route, named)) for route in MAY}
    assert {route: mistake for route, mistake in told.items() if mistake} == {}


def asked(caller: Caller, route: tuple[str, str], named: dict[str, object]) -> httpx2.Response:
    """What a caller is answered there."""
    method, path = route
    there = path.replace(":path", "").format(**named, path="tile")
    there += QUERIES.get((method, path), "")
    body = BODIES.get(path, BODIES.get(path.rpartition("/")[2], {}))
    how = CONTENT if method == "PUT" else LINES if path.endswith("/lines") else {}
    return caller.post(there, body) if method == "POST" and not how else caller.ask(method, there, **how)


def mistake_of(route: tuple[str, str], who: str, answer: httpx2.Response) -> str | None:
    """What was answered, when it is not what it must be; None when it is."""
    path = route[1]
    if path.startswith(("/v1/sources/{source_id}/", "/v1/batches/{batch}")) and who == "platform":
        right = is_problem(answer, 403, "forbidden")  # of another platform's source
    elif who in MAY[route]:
        right = answer.status_code not in {401, 403, 405, 422, 500}
    elif who == "nobody":
        right = is_problem(answer, 401, "unauthenticated") and answer.headers["WWW-Authenticate"] == "Bearer"
    elif who == "no-role":
        right = is_problem(answer, 403, "no-role")
    elif who == "other" and "{movement}" in path:
        right = is_problem(answer, 404, "not-found")  # whether there is such a movement is not told
    else:
        right = is_problem(answer, 403, "forbidden")
    return None if right else f"{answer.status_code} {answer.text[:300]}"


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


def signed(live, **changes: object) -> str:
    """A token as the development issuer makes it, which says something else as well."""
    return live.site.development_issuer.token(str(changes.pop("sub", "somebody")), int(time.time()), **changes)


def test_what_a_token_claims_beside_who_asks_gives_nothing(live, callers):
    """Roles are the registry's to say: nobody becomes an officer by a claim."""
    claims = {"role": "centre", "roles": ["centre"], "scope": "centre", "account": callers["own"].account}
    caller = Caller(live.url, signed(live, **claims, sub="claims-a-lot"))
    assert is_problem(caller.get(f"/v1/accounts/{callers['own'].account}"), 403, "no-role")
    assert is_problem(caller.post("/v1/accounts", BODIES["/v1/accounts"]), 403, "no-role")


def test_the_longest_subject_that_is_taken_is_kept_with_the_longest_key(live):
    """No two characters alike, or the database would compress what its index bounds."""
    rider, subject = person_with(live, 10), "".join(chr(0x20000 + 97 * place) for place in range(255))
    live.grant(subject, Grant(Role.HOLDER, rider.account))
    caller = Caller(live.url, signed(live, sub=subject), rider.account)
    key = "".join(chr(33 + place % 11) for place in range(200))
    assert caller.act("conversions", key, quantity_g=1).status_code == 201
    assert caller.act("conversions", key, quantity_g=1).headers["Idempotency-Replayed"] == "true"


def test_a_token_of_100_kb_is_refused_before_it_is_read(live, caplog, capfd):
    """What is above a head's 16 KiB never gets to the program; what is above a token's 8 KiB is not parsed."""
    for size, status, code in ((9_000, 401, "token-too-large"), (100_000, 431, "head-too-large")):
        answer = Caller(live.url, signed(live) + "A" * size).get("/v1/accounts/1")
        assert is_problem(answer, status, code)
    assert "eyJ" not in "".join([caplog.text, *capfd.readouterr()])


def test_a_role_that_is_revoked_is_seen_through_and_one_that_is_granted_is_there_at_once(live):
    caller = Caller(live.url, signed(live, sub="comes and goes"))
    account = live.institution()
    path = f"/v1/accounts/{account}"
    assert is_problem(caller.get(path), 403, "no-role")
    number = live.grant("comes and goes", Grant(Role.HOLDER, account))
    assert caller.get(path).status_code == 200
    with live.site.database.transaction() as tx:
        revoke(tx, number, "centre:1", system_clock())
    end = system_clock() + FRESH_MS + 1_000
    while caller.get(path).status_code == 200:
        assert system_clock() < end
    assert is_problem(caller.get(path), 403, "no-role")


@pytest.mark.parametrize("scheme", ["Basic dTpw", "Token x", "Bearer", "x"])
def test_another_scheme_is_no_token(live, scheme):
    answer = Caller(live.url).get("/v1/accounts/1", headers={"Authorization": scheme})
    assert is_problem(answer, 401, "unauthenticated")


def test_a_defect_is_logged_without_what_the_caller_sent(live, caplog, capfd):
    """The default of the log's formatter prints every local variable of every frame."""
    token = live.token("holder", live.person())
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
