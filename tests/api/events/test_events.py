"""The feed over REST: what each act tells, and whom."""

import pytest

from registry.events.outbox import number_events
from tests.support.rest import Caller, holder, institution, is_problem


def done(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


def number(live) -> None:
    with live.site.database.transaction() as tx:
        number_events(tx)


def told(caller: Caller, after: int | None = None) -> list[tuple[str, dict]]:
    given = "" if after is None else f"?after={after}"
    found = caller.get(f"/v1/accounts/{caller.account}/events{given}")
    assert found.status_code == 200, found.text
    return [(event["type"], event["data"]) for event in found.json()["items"]]


def as_role(live, role: str, account: int) -> Caller:
    return Caller(live.url, live.token(role, account), account)


@pytest.fixture(scope="module")
def platform(live) -> Caller:
    return as_role(live, "platform", live.source.applicant_id)


@pytest.fixture
def mark(live, platform) -> int:
    """Up to which number the platform has read."""
    number(live)
    after = 0
    while True:
        found = platform.get(f"/v1/accounts/{platform.account}/events?after={after}&limit=200").json()
        after = found["after"]
        if not found["has_more"]:
            return after


def test_each_act_is_told_to_whose_it_is_and_says_what_the_act_answered(live, platform, mark):
    person, shop = holder(live, live.person()), institution(live)
    code = done(person.act("link-codes", source=live.source.id))["code"]
    done(platform.post(f"/v1/sources/{live.source.id}/consents", {"code": code, "external_id": "rider-e"}))
    lot = live.issue({person.account: 100})
    done(person.act("conversions", quantity_g=60))
    redeemed = done(person.act("redemptions", quantity_g=50, provider=shop.account, reference="order 5"))
    refunded = done(shop.act("refunds", quantity_g=20, redemption=redeemed["act"]))
    returned = done(shop.act("returns", all=True))
    other = institution(live)
    moved = done(shop.act("transfers", quantity_g=30, to=other.account))
    done(person.act(f"consents/{live.source.id}/withdrawal"))
    assert told(platform, mark) == [], "not before they have their numbers"
    number(live)
    source = {"source": live.source.id}
    rider = {**source, "external_id": "rider-e"}
    assert told(platform, mark) == [
        ("consent.given", rider),
        ("lot.issued", {**source, "lot": lot.id, "quantity_g": 100, "accounts": 1}),
        ("balance.changed", rider),
        ("consent.withdrawn", rider),
    ]
    at_shop = [
        ("redemption.received", {"act": redeemed["act"], "movement": redeemed["movements"][0]["id"], "quantity_g": 50}),
        (
            "redemption.refunded",
            {
                "act": refunded["act"],
                "movement": refunded["movements"][0]["id"],
                "quantity_g": 20,
                "redemption": redeemed["act"],
            },
        ),
        ("return.done", {"act": returned["act"], "bundle": returned["bundle"], "quantity_g": 30}),
    ]
    assert told(shop) == told(as_role(live, "provider", shop.account)) == at_shop
    named = shop.get(f"/v1/movements/{at_shop[0][1]['movement']}/evidence").json()
    assert named["fields"]["reference"][1] == "order 5", "by the number its reader looks up the rest"
    assert told(other) == [
        ("transfer.received", {"act": moved["act"], "movement": moved["movements"][0]["id"], "quantity_g": 30})
    ]
    assert told(as_role(live, "provider", other.account)) == []
    assert [what for what, _ in told(holder(live, platform.account), mark)] == ["lot.issued"]
    assert told(person) == [], "a person's account has none"


def test_a_feed_is_read_on_page_by_page_and_answers_alike(live, platform, mark):
    for _ in range(3):
        live.issue({live.person(): 5})
    number(live)
    path = f"/v1/accounts/{platform.account}/events"
    first = platform.get(f"{path}?after={mark}&limit=2").json()
    assert (len(first["items"]), first["has_more"], first["after"]) == (2, True, first["items"][-1]["id"])
    rest = platform.get(f"{path}?after={first['after']}&limit=2").json()
    assert (len(rest["items"]), rest["has_more"]) == (1, False)
    assert [one["id"] for one in first["items"] + rest["items"]] == [mark + 1, mark + 2, mark + 3]
    assert platform.get(f"{path}?after={mark}&limit=2").json() == first
    behind = platform.get(f"{path}?after={rest['after']}").json()
    assert behind == {"items": [], "after": rest["after"], "has_more": False}
    assert is_problem(platform.get(f"{path}?after=-1"), 422, "malformed")
    assert is_problem(platform.get(f"/v1/accounts/{live.institution()}/events"), 403, "forbidden")
