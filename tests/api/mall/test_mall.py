"""The mall over REST: from the form to the order, its refund, its complaint and the day's statement."""

import pytest

from registry.clock import day, rfc3339, system_clock
from registry.events.outbox import number_events
from registry.identity.grants import Grant
from registry.identity.roles import Role
from tests.support.mall import FORM
from tests.support.rest import Caller, authority, fresh_key, institution, is_problem, person_with


def done(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


def approved(live, exchange, case, decision, **more):
    came = done(exchange.post(f"/v1/cases/{case}/decisions", {"decision": decision, **more}))
    if came["motion"] is not None:
        live.grant("second of the exchange", Grant(Role.EXCHANGE, officer=78))
        token = live.site.development_issuer.token("second of the exchange", system_clock() // 1000)
        second = Caller(live.url, token)
        came = done(second.post(f"/v1/motions/{came['motion']}/approval", {}))
    return came["state"]


@pytest.fixture(scope="module")
def shop(live) -> Caller:
    """An institution that applied with the form, and is live by decisions in the log."""
    shop, exchange = institution(live), authority(live, "exchange")
    at = f"/v1/accounts/{shop.account}"
    assert done(shop.post(f"{at}/provider-application", FORM))["state"] == "handed-in"
    assert is_problem(shop.post(f"{at}/provider-application", FORM), 409, "conflict")
    (waiting,) = exchange.get("/v1/provider-applications").json()["items"]
    assert waiting["form"]["contact_email"] == FORM["contact_email"]
    case = done(exchange.post(f"/v1/provider-applications/{waiting['provider']}/case", {}))["case"]
    assert [approved(live, exchange, case, step) for step in ("agree", "connect", "start")][-1] == "live"
    assert {one["case"]: one["state"] for one in exchange.get("/v1/providers").json()["items"]}[case] == "live"
    live.publish()
    steps = [one["says"]["decision"] for one in exchange.get(f"/v1/cases/{case}").json()["items"]]
    assert steps == ["start", "connect", "agree", "apply"], "the log has them"
    return shop


def listed(shop, exchange, price: int, **more) -> int:
    """An offer that the exchange listed."""
    words = {"name_zh": "杯子", "name_en": "A cup", "text_zh": "杯子。", "text_en": "A cup."}
    until = rfc3339(system_clock() + 86_400_000)
    offer = done(shop.act("offers", **words, price=price, until=until, **more))["offer"]
    assert is_problem(exchange.get(f"/v1/offers/{offer}"), 404, "not-found"), "before the exchange lists it"
    assert offer in {one["offer"] for one in exchange.get("/v1/offer-proposals").json()["items"]}
    done(exchange.post(f"/v1/offers/{offer}/decision", {"listed": True}))
    return offer


def test_goods_are_ordered_sent_complained_about_and_paid_back(live, shop):
    person, exchange, at = person_with(live, 2_000), authority(live, "exchange"), f"/v1/accounts/{shop.account}"
    offer = listed(shop, exchange, 500, kind="goods", stock=2)
    seen = person.get(f"/v1/offers/{offer}").json()
    assert seen["is_available"] is True
    assert "left" not in seen, "a public count would tell each redemption's minute"
    assert offer in {one["offer"] for one in person.get("/v1/offers").json()["items"]}

    done(person.act("conversions", all=True))
    mine = f"/v1/accounts/{person.account}/orders"
    assert is_problem(person.post(mine, {"offer": offer}), 400, "invalid"), "goods go somewhere"
    order = done(person.post(mine, {"offer": offer, "delivery": "Example Road 2"}))["order"]
    (sold,) = shop.get(f"{at}/sales").json()["items"]
    assert (sold["order"], sold["delivery"], sold["state"]) == (order, "Example Road 2", "paid")
    assert str(person.account) not in {str(value) for value in sold.values()}, "who ordered is not said"
    assert is_problem(shop.get(f"{mine}/{order}"), 403, "forbidden")
    done(shop.post(f"{at}/sales/{order}/shipment", {}))
    assert is_problem(person.post(f"{mine}/{order}/cancellation", {}), 409, "conflict")
    done(person.post(f"{mine}/{order}/complaint", {"message": "It is broken."}))
    (complaint,) = exchange.get("/v1/complaints").json()["items"]
    assert (complaint["complaint"], complaint["delivery"]) == ("It is broken.", None)
    done(exchange.post(f"/v1/complaints/{order}/answer", {"message": "You are given your points back."}))
    assert done(shop.post(f"{at}/sales/{order}/refund", {}))["state"] == "refunded"
    assert person.get(f"{mine}/{order}").json()["answer"] == "You are given your points back."
    assert person.get(f"/v1/accounts/{person.account}/points").json()["usable_g"] == 2_000


def test_a_voucher_is_given_at_once_and_stands_in_the_days_statement(live, shop):
    person, exchange, at = person_with(live, 2_000), authority(live, "exchange"), f"/v1/accounts/{shop.account}"
    mine = f"/v1/accounts/{person.account}/orders"
    done(person.act("conversions", all=True))
    before = shop.get(f"{at}/settlements/{day(system_clock())}").json()
    voucher = listed(shop, exchange, 300, kind="voucher")
    done(shop.post(f"{at}/offers/{voucher}/codes", {"codes": ["T-1", "T-2"]}))
    key = fresh_key()
    bought = done(person.post(mine, {"offer": voucher}, key))
    assert bought["codes"] == ["T-1"]
    assert done(person.post(mine, {"offer": voucher}, key)) == bought, "asked for twice it is one order"
    statement = shop.get(f"{at}/settlements/{day(system_clock())}").json()
    assert (statement["points"] - before["points"], statement["given_back_points"]) == (
        300,
        before["given_back_points"],
    )
    (collected,) = statement["collected"]
    assert (collected["methodology_class"], collected["points"]) == ("II", 300)
    assert "compliance-offset" not in collected["uses"]
    assert is_problem(shop.get(f"{at}/settlements/2026-02-30"), 400, "invalid")
    done(shop.post(f"{at}/offers/{voucher}/end", {}))
    assert is_problem(person.post(mine, {"offer": voucher}), 409, "offer-closed")
    with live.site.database.transaction() as tx:
        number_events(tx)
    told = [one["type"] for one in shop.get(f"{at}/events").json()["items"]]
    assert told[-1] == "order.placed"
