"""Scenes, mandates, cards and readings: dated, ended, and nobody's but by consent."""

import re
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from api.door.caller import FRESH_MS
from api.explorer.signing_in import SESSION
from api.installation.development_issuer import NAME
from registry.clock import rfc3339, system_clock
from registry.errors import NotOpen
from registry.identity import sessions
from registry.identity.belongings import whose
from registry.identity.grants import Grant
from registry.identity.roles import Role
from registry.identity.subjects import Subject
from registry.sources.sources import find_consenting, hold_consents
from tests.api.door.test_authorisation import MAY
from tests.support.rest import Caller, authority, holder, http, institution, is_problem, person_with


def done(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


def waited(holds) -> None:
    end = system_clock() + FRESH_MS + 2_000
    while not holds():
        assert system_clock() < end


@pytest.fixture(scope="module")
def platform(live) -> Caller:
    """The system of the platform whose source the installation has."""
    return Caller(live.url, live.token("platform", live.source.applicant_id), live.source.applicant_id)


def linked(live, platform, name: str, grams: int = 0) -> Caller:
    person = person_with(live, grams) if grams else holder(live, live.person())
    code = done(person.act("link-codes", source=live.source.id))["code"]
    done(platform.post(f"/v1/sources/{live.source.id}/consents", {"code": code, "external_id": name}))
    return person


def test_a_scene_is_linked_by_the_persons_code_and_the_platforms_word(live, platform):
    person = linked(live, platform, "rider-a", 30_000)
    person.act("conversions", quantity_g=10_000)
    (consent,) = person.get(f"/v1/accounts/{person.account}/consents").json()["items"]
    assert (consent["source"], consent["external_id"], consent["until"]) == (live.source.id, "rider-a", None)
    assert consent["last_act_at"] is not None, "when the last act was seen"
    seen = platform.get(f"/v1/sources/{live.source.id}/consents/rider-a").json()
    assert (seen["reductions_g"], seen["points"]) == (20_000, 10_000)
    assert str(person.account) not in {str(value) for value in seen.values()}, "whose account it is is not said"
    (read,) = person.get(f"/v1/accounts/{person.account}/reads").json()["items"]
    assert read["reader"] == f"platform {platform.account}"


def test_a_code_is_good_once_in_its_time_and_for_its_source(live, platform):
    person = holder(live, live.person())
    path = f"/v1/sources/{live.source.id}/consents"
    assert is_problem(platform.post(path, {"code": "0000000000", "external_id": "x"}), 404, "not-found")
    code = done(person.act("link-codes", source=live.source.id))["code"]
    assert is_problem(
        platform.post("/v1/sources/999999/consents", {"code": code, "external_id": "x"}), 403, "forbidden"
    )
    done(platform.post(path, {"code": f" {code.lower()} ", "external_id": "once"}))
    assert is_problem(platform.post(path, {"code": code, "external_id": "once"}), 404, "not-found")
    early, late = (done(person.act("link-codes", source=live.source.id))["code"] for _ in range(2))
    ended = platform.post(path, {"code": early, "external_id": "once"})
    assert is_problem(ended, 404, "not-found"), "a person has one code for a source, however many were asked for"
    with live.site.database.transaction() as tx:
        tx.execute(sa.text("DELETE FROM link_codes"))
    assert is_problem(platform.post(path, {"code": late, "external_id": "once"}), 404, "not-found")
    shop = institution(live)
    assert is_problem(shop.act("link-codes", source=live.source.id), 400, "invalid")
    assert is_problem(person.act("link-codes", source=999_999), 404, "not-found")


def test_a_platforms_name_is_one_persons_and_a_person_has_one_there(live, platform):
    linked(live, platform, "taken")
    other = holder(live, live.person())
    path = f"/v1/sources/{live.source.id}/consents"
    code = done(other.act("link-codes", source=live.source.id))["code"]
    refused = platform.post(path, {"code": code, "external_id": "taken"})
    assert is_problem(refused, 409, "conflict")
    done(platform.post(path, {"code": code, "external_id": "free"}))
    again = done(other.act("link-codes", source=live.source.id))["code"]
    assert is_problem(platform.post(path, {"code": again, "external_id": "second"}), 409, "conflict")
    done(platform.post(path, {"code": again, "external_id": "free"}))
    (consent,) = other.get(f"/v1/accounts/{other.account}/consents").json()["items"]
    assert consent["external_id"] == "free", "given twice it is one"


def test_the_page_guides_a_person_through_linking_and_shows_the_last_act(live):
    """Signed in with a browser: a code, the platform's word, the scene with its last act, the consent taken back."""
    account, subject = live.person(), "somebody with a browser"
    live.grant(subject, Grant(Role.HOLDER, account))
    with live.site.database.transaction() as tx:
        digest = Subject(NAME, subject).digest(live.site.ledger.vault)
        cookie = {"Cookie": f"{SESSION}={sessions.begin(tx, digest, live.site.ledger.clock())}"}
    nobody = Caller(live.url)

    def page(path="/me?lang=en", method="GET", **headers):
        return nobody.ask(method, path, headers=cookie | headers)

    source = live.source.id
    at, ours = f"/me/accounts/{account}/scenes/{source}", {"Sec-Fetch-Site": "same-origin"}
    assert f"{at}/code" in page().text
    assert "No scene is linked yet." in page().text
    assert page(f"{at}/code", "POST").status_code == 403, "another site's form"
    assert page(f"/me/accounts/{live.person()}/scenes/{source}/code", "POST", **ours).status_code == 403
    assert nobody.ask("POST", f"{at}/code", headers=ours).headers["location"] == "/sign-in?return=/me"
    shown = page(f"{at}/code?lang=en", "POST", **ours)
    (code,) = re.findall(r'Your code:</strong> <span class="code">([0-9A-Z]{10})</span>', shown.text)
    assert shown.headers["cache-control"] == "no-store"
    platform = Caller(live.url, live.token("platform", live.source.applicant_id))
    linked = platform.post(f"/v1/sources/{source}/consents", {"code": code, "external_id": "by-page"})
    assert linked.status_code == 201, linked.text
    assert "No act was seen yet" in page().text
    live.issue({account: 10})
    assert "last act seen:" in page().text
    assert "No scene is linked yet." in page(f"{at}/withdrawal?lang=en", "POST", **ours).text
    order = f"/me/accounts/{account}/standing-order"
    assert "becomes points by itself, since" in page(f"{order}?lang=en", "POST", **ours).text
    assert "Convert whatever is issued by itself" in page(f"{order}/end?lang=en", "POST", **ours).text


def test_a_consent_that_is_taken_back_stops_the_next_batch_and_the_platforms_look(live, platform):
    person = linked(live, platform, "leaves")
    withdrawal = f"/v1/accounts/{person.account}/consents/{live.source.id}/withdrawal"
    with live.site.database.transaction() as tx:
        assert find_consenting(tx, live.site.ledger.vault, live.source.id, ["leaves"]) == {"leaves": person.account}
    ended = done(person.post(withdrawal, {}))["items"][0]
    assert ended["until"] is not None
    with live.site.database.transaction() as tx:
        assert find_consenting(tx, live.site.ledger.vault, live.source.id, ["leaves"]) == {}
        assert hold_consents(tx, live.source.id, {person.account}) == set(), "nor of a batch that was being judged"
    path = f"/v1/sources/{live.source.id}/consents"
    assert is_problem(platform.get(f"{path}/leaves"), 404, "not-found")
    assert is_problem(person.post(withdrawal, {}), 404, "not-found")
    code = done(person.act("link-codes", source=live.source.id))["code"]
    done(platform.post(path, {"code": code, "external_id": "leaves"}))
    first, second = person.get(f"/v1/accounts/{person.account}/consents").json()["items"]
    assert (first["until"], second["until"]) == (None, ended["until"]), "what ended is kept"
    assert NotOpen.code == "accounts-not-open"


def test_a_platform_never_moves_or_cancels_anybodys_grams(live, platform):
    """Neither its own account's nor those of who consents: no act is the platform's (R53)."""
    acts = ("conversions", "redemptions", "refunds", "returns", "bundles", "transfers", "cancellations", "erasure")
    for act in acts:
        assert "platform" not in MAY["POST", f"/v1/accounts/{{account_id}}/{act}"]
    person = linked(live, platform, "watched", 20)
    for account in (person.account, platform.account):
        asked = Caller(live.url, platform.token, account)
        assert is_problem(asked.act("cancellations", quantity_g=1, purpose="donation"), 403, "forbidden")
        assert is_problem(asked.act("transfers", quantity_g=1, to=platform.account), 403, "forbidden")
        assert is_problem(asked.get(f"/v1/accounts/{account}"), 403, "forbidden")
    stranger = institution(live)
    other = Caller(live.url, live.token("platform", stranger.account), stranger.account)
    assert is_problem(other.get(f"/v1/sources/{live.source.id}/consents/watched"), 403, "forbidden")


def test_a_trader_trades_by_mandate_until_it_ends(live):
    owner, firm = person_with(live, 30), institution(live)
    trader = Caller(live.url, live.token("trader", firm.account), owner.account)
    assert is_problem(trader.act("transfers", quantity_g=1, to=firm.account), 403, "forbidden")
    mandate = done(owner.act("mandates", agent=firm.account))["items"][0]
    waited(lambda: trader.act("transfers", quantity_g=1, to=firm.account).status_code == 201)
    assert is_problem(trader.act("cancellations", quantity_g=1, purpose="donation"), 403, "forbidden"), "only trade"
    assert is_problem(owner.act("mandates", agent=firm.account), 409, "conflict")
    assert firm.get(f"/v1/accounts/{owner.account}").status_code == 403, "its holder is not its trader"
    ended = done(owner.post(f"/v1/accounts/{owner.account}/mandates/{mandate['mandate']}/end", {}))["items"][0]
    assert ended["ended_at"] is not None
    waited(lambda: is_problem(trader.act("transfers", quantity_g=1, to=firm.account), 403, "forbidden"))
    soon = rfc3339(system_clock() + 1_000)
    done(owner.act("mandates", agent=firm.account, until=soon))
    waited(lambda: is_problem(trader.act("transfers", quantity_g=1, to=firm.account), 403, "forbidden"))
    for wrong in (
        {"agent": owner.account},
        {"agent": live.person()},
        {"agent": firm.account, "until": "2020-01-01T00:00:00.000Z"},
    ):
        assert is_problem(owner.act("mandates", **wrong), 400, "invalid")


def test_a_card_is_one_persons_at_a_time(live):
    ann, bob = (holder(live, live.person(name)) for name in ("Ann", "Bob"))
    link = done(ann.act("links", kind="card", number="沪 123-456"))
    assert (link["number"], link["linked_by"]) == ("沪123456", "holder")
    assert done(ann.act("links", kind="card", number="沪１２３４５６"))["link"] == link["link"]
    refused = bob.act("links", kind="card", number="沪123456")
    assert is_problem(refused, 409, "conflict")
    assert str(ann.account) not in refused.json()["detail"], "whose it is is not said"
    done(bob.act("links", kind="plate", number="沪123456"))
    at = system_clock()
    done(ann.post(f"/v1/accounts/{ann.account}/links/{link['link']}/end", {}))
    centre = authority(live, "centre")
    helped = done(centre.post(f"/v1/accounts/{bob.account}/links", {"kind": "card", "number": "沪123456"}))
    assert helped["linked_by"] == "centre:1", "with help, and without a phone"
    with live.site.database.reading() as tx:
        vault = live.site.ledger.vault
        assert whose(tx, vault, "card", "沪123456", at) == ann.account
        assert whose(tx, vault, "card", "沪123456", system_clock() + 1) == bob.account
        assert whose(tx, vault, "card", "沪123456", 1) is None
        rows = repr(tx.execute(sa.text("SELECT * FROM belongings")).all())
    assert "123456" not in rows, "no number stands there as it is"
    assert is_problem(ann.post(f"/v1/accounts/{ann.account}/links/{helped['link']}/end", {}), 404, "not-found")
    for wrong in (
        {"kind": "bicycle", "number": "1"},
        {"kind": "card", "number": " - "},
        {"kind": "card", "number": "\u202e"},
    ):
        assert is_problem(ann.act("links", **wrong), 400, "invalid")


def test_a_person_sees_which_officer_read_theirs_and_what_for(live):
    person = person_with(live, 10)
    moved = person.get(f"/v1/accounts/{person.account}/movements").json()["items"][0]["id"]
    path = f"/v1/accounts/{person.account}"
    centre, bureau = authority(live, "centre"), authority(live, "bureau")
    assert person.get(f"{path}/reads").json()["items"] == [], "one's own reading is no other's"
    for asked in (path, f"{path}/blocks", f"/v1/movements/{moved}"):
        assert centre.get(asked, headers={"Purpose": "a complaint"}).status_code == 200
    assert bureau.get(path, headers={"Purpose": quote("监督检查")}).status_code == 200
    items = person.get(f"{path}/reads").json()["items"]
    assert [(one["reader"], one["purpose"]) for one in items] == [
        ("bureau:1", "监督检查"), *[("centre:1", "a complaint")] * 3,
    ]  # fmt: skip
    assert [one["what"] for one in items[1:]] == [
        "GET /v1/movements/{movement}", "GET /v1/accounts/{account_id}/blocks", "GET /v1/accounts/{account_id}",
    ]  # fmt: skip
    page = person.get(f"{path}/reads?limit=1").json()
    assert person.get(f"{path}/reads?cursor={page['next_cursor']}").json()["items"] == items[1:]


def test_without_a_purpose_nothing_is_shown(live):
    person = person_with(live, 10)
    moved = person.get(f"/v1/accounts/{person.account}/movements").json()["items"][0]["id"]
    bare = authority(live, "centre").token
    for path in (f"/v1/accounts/{person.account}", f"/v1/movements/{moved}"):
        answer = http.get(live.url + path, headers={"Authorization": f"Bearer {bare}"})
        assert is_problem(answer, 400, "purpose-missing")
        assert is_problem(authority(live, "centre").get(path, headers={"Purpose": "%20"}), 400, "invalid")
    assert person.get(f"/v1/accounts/{person.account}/reads").json()["items"] == []


def test_what_one_may_can_be_seen(live):
    account = live.person()
    live.grant(f"account-{account}", Grant(Role.EXPERT, officer=31))
    me = holder(live, account).get("/v1/me").json()
    assert me == {"roles": ["expert:31", f"holder of account {account}"]}
