"""Webhooks over REST and to real receivers: signed, in order, at least once, and again after failure."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from api.webhooks import courier
from api.webhooks.courier import Courier, Sender
from registry.clock import system_clock
from registry.events.outbox import number_events
from registry.identity.grants import revoke
from registry.webhooks.sending import SCHEDULE, next_delivery
from tests.support.receivers import Receiver, receiver
from tests.support.rest import Caller, fresh_key, holder, institution, is_problem
from tests.support.waiting import until

HOUR_MS = 3_600_000


def done(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


@dataclass
class Post:
    """The courier as the supervisor has it, under a clock that tests move on."""

    live: object
    answer_s: float = 15
    ahead_ms: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        sender = Sender(system_clock, in_development=True, answer_s=self.answer_s)
        self.courier = Courier(self.live.site, self.clock, self.over, sender)

    def clock(self) -> int:
        return system_clock() + self.ahead_ms

    def begin(self) -> None:
        with self.live.site.database.transaction() as tx:
            number_events(tx)
        self.courier.round()

    def deliver(self) -> None:
        """Send what is due, and wait for what comes of it."""
        self.begin()
        until(self.courier.idle)


@pytest.fixture
def post(live, monkeypatch) -> Iterator[Post]:
    monkeypatch.setattr(courier, "TURN_S", 60.0)  # what is due is sent in one turn, however busy the machine
    found = Post(live)
    yield found
    found.over.set()
    until(found.courier.idle)
    found.courier.close()


@pytest.fixture
def house() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def shop(live) -> Caller:
    return institution(live)


def hooked(caller: Caller, url: str, **more: object) -> dict:
    return done(caller.act("webhooks", url=url, **more))


def state(caller: Caller, number: int) -> dict:
    return caller.get(f"/v1/accounts/{caller.account}/webhooks/{number}").json()


def redeemed(live, shop: Caller, *grams: int) -> None:
    person = holder(live, live.person())
    live.issue({person.account: sum(grams)})
    done(person.act("conversions", quantity_g=sum(grams)))
    for each in grams:
        done(person.act("redemptions", quantity_g=each, provider=shop.account))


def verified(came: list[tuple[dict, bytes]], secret: str) -> list[dict]:
    """What a receiver takes for true, by a library that is not ours."""
    return [Verifier(secret).verify(body, headers) for headers, body in came]


def test_events_come_signed_and_in_order_and_again_when_that_is_asked_for(live, shop, post, house):
    made = hooked(shop, f"{house.url}/ok")
    number, secret = made["webhook"], made["secret"]
    redeemed(live, shop, 5, 6, 7)
    post.deliver()
    feed = shop.get(f"/v1/accounts/{shop.account}/events").json()["items"]
    assert verified(house.at("/ok"), secret) == [{**event, "account": shop.account} for event in feed]
    assert [event["data"]["quantity_g"] for event in feed] == [5, 6, 7]
    ids = [headers["webhook-id"] for headers, _ in house.at("/ok")]
    assert ids == [f"evt_{shop.account}_{event['id']}" for event in feed]
    assert state(shop, number)["delivered"] == 3
    post.deliver()
    assert len(house.at("/ok")) == 3, "what was taken is not sent again"
    house.came.clear()
    done(shop.act(f"webhooks/{number}/replay", after=1))
    post.deliver()
    assert [headers["webhook-id"] for headers, _ in house.at("/ok")] == ids[1:]
    assert is_problem(shop.act(f"webhooks/{number}/replay", after=4), 400, "invalid")
    assert is_problem(shop.act(f"webhooks/{number}/replay"), 400, "invalid")
    house.came.clear()
    done(shop.act(f"webhooks/{number}/replay", since=feed[0]["timestamp"]))
    post.deliver()
    assert [headers["webhook-id"] for headers, _ in house.at("/ok")] == ids


def test_what_was_sent_and_not_noted_is_sent_again_under_the_same_id(live, shop, post, house):
    number = hooked(shop, f"{house.url}/ok")["webhook"]
    redeemed(live, shop, 5)
    with live.site.database.transaction() as tx:
        number_events(tx)
        delivery = next_delivery(tx, live.site.ledger.vault, number, post.clock())
    assert Sender(system_clock, in_development=True).send(delivery).status == 204, "and then the process is killed"
    post.deliver()
    assert len({headers["webhook-id"] for headers, _ in house.at("/ok")}) == 1
    assert len(house.at("/ok")) == 2


def test_a_secret_is_shown_once_sealed_and_rotated_with_both_signed_for_a_while(live, shop, post, house):
    key, body = fresh_key(), {"url": f"{house.url}/ok"}
    path = f"/v1/accounts/{shop.account}/webhooks"
    made = done(shop.post(path, body, key))
    number, old = made["webhook"], made["secret"]
    again = shop.post(path, body, key)
    assert (again.headers["Idempotency-Replayed"], again.json()) == ("true", {**made, "secret": None})
    new = done(shop.act(f"webhooks/{number}/secret", overlap_hours=2))["secret"]
    with live.site.database.reading() as tx:
        kept = tx.execute(
            sa.text("SELECT w.*, i.response FROM webhooks w, idempotency i WHERE w.id = :id"), {"id": number}
        )
        shown = repr([[bytes(one) if isinstance(one, memoryview) else one for one in row] for row in kept])
    assert shown
    assert all(secret.removeprefix("whsec_") not in shown for secret in (old, new))
    redeemed(live, shop, 5)
    post.deliver()
    assert verified(house.at("/ok"), old) == verified(house.at("/ok"), new) != []
    house.came.clear()
    post.ahead_ms = 2 * HOUR_MS + 1000
    done(shop.act(f"webhooks/{number}/test"))
    post.deliver()
    assert [event["type"] for event in verified(house.at("/ok"), new)] == ["webhook.test"]
    with pytest.raises(WebhookVerificationError):
        verified(house.at("/ok"), old)
    assert is_problem(shop.act(f"webhooks/{number}/secret", overlap_hours=169), 422, "malformed")


FAILING = {
    "/broken": "answered 500",
    "/moved": "answered 302: redirects are not followed, change the URL",
    "/busy": "answered 429",
    "/never": "answered 503",
    "/slow": "no answer within 1 s",
    "/trickling": "no answer within 1 s",
    "/closing": "the connection was not made, or broke",
    "/babbling": "the connection was not made, or broke",
}


def test_each_failure_is_told_and_tried_again_and_holds_up_nobody(live, post, house):
    """Each of its own account; `/endless` is taken, for its answer's body is nobody's to read."""
    post = Post(live, answer_s=1)
    shops = {path: institution(live) for path in (*FAILING, "/endless", "/gone")}
    numbers = {path: hooked(shop, house.url + path)["webhook"] for path, shop in shops.items()}
    for path, shop in shops.items():
        done(shop.act(f"webhooks/{numbers[path]}/test"))
    begun = system_clock()
    post.deliver()
    for path, failure in FAILING.items():
        found = state(shops[path], numbers[path])
        assert (found["failure"], found["tries"], found["delivered"]) == (failure, 1, 0), path
        assert found["failing_since"] is not None
    assert not house.at("/ok"), "nobody went where the answer pointed"
    ended = state(shops["/gone"], numbers["/gone"])
    assert (ended["disabled_for"], ended["tries"]) == ("gone", 0)
    told = shops["/gone"].get(f"/v1/accounts/{shops['/gone'].account}/events").json()["items"]
    post.deliver()
    told = shops["/gone"].get(f"/v1/accounts/{shops['/gone'].account}/events").json()["items"]
    assert told[-1]["data"] == {"webhook": numbers["/gone"], "reason": "gone"}
    assert state(shops["/endless"], numbers["/endless"])["delivered"] == 1
    before = len(house.at("/busy")), len(house.at("/broken"))
    post.ahead_ms = 2 * SCHEDULE[0]
    post.deliver()
    assert (len(house.at("/busy")), len(house.at("/broken"))) == (before[0], before[1] + 1), "as Retry-After asked"
    post.ahead_ms = system_clock() - begun + HOUR_MS + 1000
    post.deliver()
    assert len(house.at("/busy")) == before[0] + 1
    assert not any("cookie" in headers for _, headers, _ in house.came), "what an answer sets is kept for nobody"
    post.courier.close()


def test_a_slow_receiver_holds_up_no_other(live, shop, post, house):
    other = institution(live)
    for caller, path in ((shop, "/slow"), (shop, "/slow"), (shop, "/other"), (other, "/ok")):
        hooked(caller, house.url + path)
    for caller in (shop, other):
        redeemed(live, caller, 5)
    post.begin()
    until(lambda: house.at("/ok") and len(house.at("/slow")) == 2)
    post.courier.round()
    assert not house.at("/other"), "of one account two are sent to at once"
    house.let_go.set()
    until(post.courier.idle)
    post.deliver()
    assert len(house.at("/other")) == 1


def test_those_who_are_slow_on_purpose_take_no_place_for_good(live, shop, post, house, monkeypatch):
    """Of two places; the slow ones are older, and have more to be sent than fits in a turn."""
    for name, value in {"MOST": 2, "MOST_SLOW": 1, "SLOW_S": 0.05, "TURN_S": 0.05}.items():
        monkeypatch.setattr(courier, name, value)
    slow_ones = [institution(live) for _ in range(2)]
    for caller, path in ((slow_ones[0], "/sleepy"), (slow_ones[1], "/sleepy"), (shop, "/ok"), (shop, "/other")):
        hooked(caller, house.url + path)
    for caller in slow_ones:
        redeemed(live, caller, *[1] * 6)
    redeemed(live, shop, 5)
    post.begin()
    until(lambda: post.courier.round() or len(house.came) == 14)
    until(post.courier.idle)
    order = [path for path, _, _ in house.came]
    assert order.index("/ok") <= 4
    assert order.index("/other") <= 6


def test_days_of_failure_disable_it_and_enabled_again_it_goes_on_in_order(live, shop, post, house):
    number = hooked(shop, f"{house.url}/broken")["webhook"]
    watching = hooked(shop, f"{house.url}/ok", types=["webhook.disabled"])
    redeemed(live, shop, 5, 6)
    for place in range(len(SCHEDULE) + 1):
        post.deliver()
        found = state(shop, number)
        if place < len(SCHEDULE):
            assert (found["tries"], found["disabled_at"]) == (place + 1, None)
            with live.site.database.reading() as tx:
                due = tx.execute(sa.text("SELECT next_ms FROM webhooks WHERE id = :id"), {"id": number}).scalar_one()
            assert SCHEDULE[place] <= due - post.clock() + 60_000 <= SCHEDULE[place] * 1.1 + 60_000
            post.ahead_ms = due - system_clock() + 1
    assert (found["disabled_for"], found["failure"], found["delivered"]) == ("failed", "answered 500", 0)
    assert len({headers["webhook-id"] for headers, _ in house.at("/broken")}) == 1, "those behind it waited"
    post.deliver()
    assert [event["data"] for event in verified(house.at("/ok"), watching["secret"])] == [
        {"webhook": number, "reason": "failed"}
    ]
    assert is_problem(shop.act(f"webhooks/{number}/test"), 409, "conflict")
    with live.site.database.transaction() as tx:
        tx.execute(
            sa.text("UPDATE webhooks SET url = :url WHERE id = :id"), {"url": f"{house.url}/other", "id": number}
        )
    assert done(shop.act(f"webhooks/{number}/enable"))["disabled_for"] is None
    post.deliver()
    sent = [json.loads(body)["data"].get("quantity_g") for _, body in house.at("/other")]
    assert sent == [5, 6, None]


def test_what_somebody_may_not_read_is_not_sent_and_nothing_once_the_role_is_lost(live, shop, post, house):
    by_role = {
        role: Caller(live.url, live.token(role, shop.account), shop.account) for role in ("provider", "platform")
    }
    numbers = {
        role: hooked(one, f"{house.url}/{path}")["webhook"]
        for (role, one), path in zip(by_role.items(), ("ok", "other"), strict=True)
    }
    redeemed(live, shop, 5)
    post.deliver()
    assert (len(house.at("/ok")), house.at("/other")) == (1, []), "a platform reads no redemptions"
    provider, platform = by_role["provider"], by_role["platform"]
    assert is_problem(platform.get(f"/v1/accounts/{shop.account}/webhooks/{numbers['provider']}"), 404, "not-found")
    assert is_problem(platform.act(f"webhooks/{numbers['provider']}/secret", overlap_hours=1), 404, "not-found")
    assert is_problem(
        platform.post(f"/v1/accounts/{shop.account}/webhooks/{numbers['provider']}/end", {}), 404, "not-found"
    )
    assert len(shop.get(f"/v1/accounts/{shop.account}/webhooks").json()["items"]) == 2, "its holder sees all"
    assert len(provider.get(f"/v1/accounts/{shop.account}/webhooks").json()["items"]) == 1
    with live.site.database.transaction() as tx:
        of = sa.text("SELECT id FROM grants WHERE account_id = :a AND role = 'provider'")
        for grant in tx.execute(of, {"a": shop.account}).scalars().all():
            revoke(tx, grant, "centre:1", system_clock())
    redeemed(live, shop, 6)
    post.deliver()
    assert len(house.at("/ok")) == 1
    assert state(shop, numbers["provider"])["disabled_for"] == "nobody"
    done(shop.act(f"webhooks/{numbers['provider']}/end"))
    assert is_problem(shop.get(f"/v1/accounts/{shop.account}/webhooks/{numbers['provider']}"), 404, "not-found")


@pytest.mark.parametrize(
    ("url", "types"),
    [
        ("ftp://platform.example/", None),
        ("https://user:word@platform.example/", None),
        ("https://platform.example/#part", None),
        ("https://platform.example:22/", None),
        ("http://platform.example/", None),
        ("https://10.0.0.1/", None),
        ("https://[::ffff:10.0.0.1]/", None),
        ("https://169.254.169.254/latest", None),
        ("https://пример.example/", None),
        ("https://a b/", None),
        ("https://" + "a" * 500, None),
        ("", None),
        ("https://platform.example/", ["no.such"]),
        ("https://platform.example/", []),
    ],
)
def test_what_nothing_is_ever_sent_to_is_refused(shop, url, types):
    assert is_problem(shop.act("webhooks", url=url, types=types), 400, "invalid")


def test_a_person_has_none_and_an_institution_eight_at_most(live, shop):
    assert is_problem(holder(live, live.person()).act("webhooks", url="https://platform.example/"), 400, "invalid")
    for _ in range(8):
        hooked(shop, "https://platform.example/")
    assert is_problem(shop.act("webhooks", url="https://platform.example/"), 400, "invalid")
