"""The mall on a real PostgreSQL: providers by decisions, stock and budget and points in step, whoever comes at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from api.installation.officers import BUREAU, OFFICERS
from registry.clock import day, day_of
from registry.database.schema import offers, orders, providers, vouchers
from registry.decisions.motions import Motion
from registry.decisions.recording import By
from registry.errors import (
    Conflict,
    DecisionRefused,
    Insufficient,
    Invalid,
    NotFound,
    OfferClosed,
    RegistryError,
    RuleBroken,
    SoldOut,
    Unsettled,
)
from registry.ledger.ledger import Amount
from registry.ledger.movement import Form
from registry.mall.offers import (
    GOODS,
    VOUCHER,
    NewOffer,
    Wanted,
    add_codes,
    add_stock,
    decide,
    end,
    get_offer,
    list_offers,
    propose,
)
from registry.mall.orders import (
    Wish,
    answer_complaint,
    cancel_order,
    complain,
    forget_deliveries,
    list_complaints,
    of_buyer,
    of_provider,
    place,
    receive,
    refund_order,
    ship,
)
from registry.mall.providers import apply, approve_moved, decide_or_move, get_provider, latest_of, take_up, withdraw
from registry.mall.statements import collected_by, statement_of
from registry.points.points import convert, return_points
from registry.policies.kinds import check_value
from registry.policies.mall import MALL
from registry.policies.policies import publish_policy, shipped_policy
from registry.upkeep.erasure import erase_account
from tests.support.scheme import DAY

FORM = {"address": "Example Road 1"}
EXCHANGE = OFFICERS["exchange"]
OFFER = NewOffer(GOODS, "杯子", "A cup", "一个杯子。", "One cup.", 50, 10, None, 0)


def act(scheme, done, *args, **kwargs):
    with scheme.database.transaction() as tx:
        return done(tx, scheme.ledger, *args, **kwargs)


def decided(scheme, case: str, decision: str, reason: str | None = None) -> str:
    """Take a decision of the exchange, with a second officer where one is needed."""
    state, motion = act(scheme, decide_or_move, case, decision, lambda _: EXCHANGE.actor, reason)
    if motion is not None:
        moved = Motion(motion, case, decision, EXCHANGE.actor, reason, 0, {})
        state, _ = act(scheme, approve_moved, moved, lambda _: EXCHANGE.second)
    return state


def provider(scheme) -> tuple[int, str]:
    """An institution that is live in the mall, and its case."""
    shop = scheme.institution()
    case = act(scheme, take_up, act(scheme, apply, shop, FORM), By(EXCHANGE.actor))
    assert [decided(scheme, case, step) for step in ("agree", "connect", "start")] == ["agreed", "connected", "live"]
    return shop, case


def offered(scheme, shop: int, **changed) -> int:
    number = act(scheme, propose, shop, replace(OFFER, until_ms=scheme.clock.now + 30 * DAY, **changed))
    act(scheme, decide, number, "exchange:1", listed=True)
    return number


def on_offer(scheme, after: int = 0) -> list[int]:
    """What everybody is shown so many milliseconds from now."""
    with scheme.database.reading() as tx:
        return [one.id for one in list_offers(tx, Wanted(at=scheme.clock.now + after))]


def stands_at(tx, _ledger, state: str) -> None:
    tx.execute(sa.update(providers).values(state=state))


def person_with_points(scheme, points: int) -> int:
    person = scheme.person()
    scheme.issue({person: points})
    act(scheme, convert, person, Amount(points))
    return person


def together(scheme, acts):
    def one(done):
        try:
            with scheme.database.transaction() as tx:
                return done(tx)
        except RegistryError as error:
            return type(error)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, acts))


def in_step(scheme, *of: int) -> None:
    """Points, stock and budget tell one story: what was taken is what orders that stand were paid with."""
    with scheme.database.reading() as tx:
        for number in of:
            offer = get_offer(tx, number)
            stands = orders.c.offer_id == number, orders.c.ended_ms.is_(None)
            paid = tx.execute(sa.select(sa.func.coalesce(sa.func.sum(orders.c.quantity_g), 0)).where(*stands))
            assert offer.taken_g == paid.scalar_one()
            assert offer.stock >= 0
            assert offer.budget_g is None or offer.taken_g <= offer.budget_g


def test_a_provider_comes_and_goes_by_decisions_of_the_exchange(scheme):
    shop, person = scheme.institution(), scheme.person()
    with pytest.raises(Invalid, match="not a person"):
        act(scheme, apply, person, FORM)
    first = act(scheme, apply, shop, FORM)
    with pytest.raises(Conflict):
        act(scheme, apply, shop, FORM)
    act(scheme, withdraw, shop)
    assert act(scheme, lambda tx, ledger: get_provider(tx, ledger.vault, first)).form is None
    with pytest.raises(Conflict, match="withdrawn"):
        act(scheme, take_up, first, By(EXCHANGE.actor))
    case = act(scheme, take_up, act(scheme, apply, shop, FORM), By(EXCHANGE.actor))
    with pytest.raises(Conflict, match="live"):
        offered(scheme, shop)
    with pytest.raises(DecisionRefused):
        decided(scheme, case, "start")
    moved = Motion(1, case, "agree", EXCHANGE.actor, None, 0, {})
    with pytest.raises(DecisionRefused, match="SECOND"):
        act(scheme, approve_moved, moved, lambda _: OFFICERS["centre"].second)
    for step in ("agree", "connect", "start"):
        decided(scheme, case, step)
    cup = offered(scheme, shop)
    buyer = person_with_points(scheme, 200)
    order = act(scheme, place, buyer, Wish(cup, 1, "Road 1"))
    assert (on_offer(scheme), on_offer(scheme, 29 * DAY), on_offer(scheme, 31 * DAY)) == ([cup], [cup], [])
    with pytest.raises(DecisionRefused):
        decided(scheme, case, "suspend")
    assert decided(scheme, case, "suspend", "complaints") == "suspended"
    with pytest.raises(OfferClosed, match="no orders now"):
        act(scheme, place, buyer, Wish(cup, 1, "Road 1"))
    assert on_offer(scheme) == []
    assert decided(scheme, case, "give_notice") == "leaving"
    with pytest.raises(Unsettled, match="1 orders are open, and 50 collected points"):
        decided(scheme, case, "leave")
    act(scheme, cancel_order, buyer, order)
    act(scheme, stands_at, "handed-in")  # as after a recovery, another's
    with pytest.raises(DecisionRefused, match="what is known"):
        decided(scheme, case, "leave")
    act(scheme, stands_at, "leaving")
    assert decided(scheme, case, "leave") == "left"
    assert act(scheme, lambda tx, ledger: latest_of(tx, ledger.vault, shop)).state == "left"
    in_step(scheme, cup)


def test_an_order_goes_its_way_and_its_points_come_back_by_the_rules(scheme):
    shop, _ = provider(scheme)
    cup = offered(scheme, shop)
    buyer, stranger = person_with_points(scheme, 1_000), scheme.person()
    first, second, third = (act(scheme, place, buyer, Wish(cup, 2, "Road 1")) for _ in range(3))
    assert scheme.holdings(buyer)[Form.POINTS] == 700
    with scheme.database.reading() as tx:
        assert get_offer(tx, cup).left == 4
        with pytest.raises(NotFound):
            of_buyer(tx, scheme.ledger.vault, stranger, first)
        with pytest.raises(NotFound):
            of_provider(tx, scheme.ledger.vault, buyer, first)
        assert of_provider(tx, scheme.ledger.vault, shop, first).delivery == "Road 1"
    act(scheme, cancel_order, buyer, first)
    with pytest.raises(Conflict, match="cancelled"):
        act(scheme, cancel_order, buyer, first)
    act(scheme, ship, shop, second)
    with pytest.raises(Conflict, match="shipped"):
        act(scheme, cancel_order, buyer, second)
    act(scheme, receive, buyer, second)
    scheme.clock.now += 6 * DAY
    act(scheme, refund_order, shop, second)
    act(scheme, ship, shop, third)
    act(scheme, receive, buyer, third)
    scheme.clock.now += 8 * DAY
    with pytest.raises(Conflict, match="more than 7 days"):
        act(scheme, refund_order, shop, third)
    assert scheme.holdings(buyer)[Form.POINTS] == 900
    in_step(scheme, cup)
    with scheme.database.reading() as tx:
        assert get_offer(tx, cup).left == 8
    scheme.clock.now += 30 * DAY
    assert (act(scheme, forget_deliveries), act(scheme, forget_deliveries)) == (3, 0)


def test_who_owes_goods_stays_and_nobody_is_held_by_a_buyer_who_is_gone_or_silent(scheme):
    shop, case = provider(scheme)
    cup = offered(scheme, shop)
    gone, silent = person_with_points(scheme, 200), person_with_points(scheme, 100)
    paid, complained, shipped = (act(scheme, place, who, Wish(cup, 1, "Road 1")) for who in (gone, gone, silent))
    act(scheme, complain, gone, complained, "It never came.")
    for number in (complained, shipped):
        act(scheme, ship, shop, number)
    with scheme.database.transaction() as tx:
        erase_account(tx, gone, scheme.clock())
    found = act(scheme, lambda tx, ledger: of_provider(tx, ledger.vault, shop, complained))
    with pytest.raises(Conflict, match="No complaint"):
        act(scheme, answer_complaint, found, "To nobody.", "provider")

    def erase(tx, ledger):
        erase_account(tx, shop, ledger.clock())

    with pytest.raises(Unsettled, match="1 orders"):
        act(scheme, erase)
    decided(scheme, case, "give_notice")
    with pytest.raises(Unsettled, match="1 orders are open, and 150 collected"):
        decided(scheme, case, "leave")
    scheme.clock.now += 29 * DAY
    assert act(scheme, forget_deliveries) == 0
    scheme.clock.now += 2 * DAY
    assert act(scheme, forget_deliveries) == 1
    assert act(scheme, lambda tx, ledger: of_provider(tx, ledger.vault, shop, paid)).state == "paid"
    act(scheme, erase)
    assert decided(scheme, case, "leave") == "left", "points of an account that is gone are nobody's to return"


def test_nothing_is_given_back_that_the_provider_returned_already(scheme):
    shop, _ = provider(scheme)
    cup = offered(scheme, shop)
    buyer = person_with_points(scheme, 100)
    order = act(scheme, place, buyer, Wish(cup, 1, "Road 1"))
    act(scheme, return_points, shop, None)
    with pytest.raises(Insufficient):
        act(scheme, cancel_order, buyer, order)
    assert act(scheme, lambda tx, ledger: of_buyer(tx, ledger.vault, buyer, order)).state == "paid", "nothing half done"
    in_step(scheme, cup)


def test_two_hundred_people_at_once_for_the_last_ten_pieces(scheme):
    shop, _ = provider(scheme)
    cup = offered(scheme, shop)
    people = [scheme.person() for _ in range(200)]
    scheme.issue(dict.fromkeys(people, 60))
    for person in people:
        act(scheme, convert, person, Amount(60))
    done = together(
        scheme, [lambda tx, who=who: place(tx, scheme.ledger, who, Wish(cup, 1, "Road 1")) for who in people]
    )
    won = [person for person, order in zip(people, done, strict=True) if isinstance(order, str)]
    assert (len(won), done.count(SoldOut)) == (10, 190)
    assert [scheme.holdings(person)[Form.POINTS] for person in people].count(10) == 10
    assert scheme.holdings(shop) == {Form.POINTS: 500}
    in_step(scheme, cup)


def test_a_budget_ends_between_the_click_and_the_payment(scheme):
    shop, _ = provider(scheme)
    cup = offered(scheme, shop, budget_g=170)
    people = [person_with_points(scheme, 50) for _ in range(6)]
    done = together(
        scheme, [lambda tx, who=who: place(tx, scheme.ledger, who, Wish(cup, 1, "Road 1")) for who in people]
    )
    assert (sum(isinstance(one, str) for one in done), done.count(SoldOut)) == (3, 3)
    in_step(scheme, cup)


def test_cancelled_shipped_and_refunded_at_once_is_one_of_them(scheme):
    shop, _ = provider(scheme)
    cup = offered(scheme, shop)
    buyer = person_with_points(scheme, 500)
    for _ in range(3):
        order = act(scheme, place, buyer, Wish(cup, 1, "Road 1"))
        together(scheme, [
            lambda tx, order=order: cancel_order(tx, scheme.ledger, buyer, order),
            lambda tx, order=order: ship(tx, scheme.ledger, shop, order),
            lambda tx, order=order: refund_order(tx, scheme.ledger, shop, order),
        ])  # fmt: skip
        found = act(scheme, lambda tx, ledger, order=order: of_buyer(tx, ledger.vault, buyer, order))
        assert found.state in {"cancelled", "shipped", "refunded"}
        in_step(scheme, cup)


def test_a_voucher_is_given_once_and_to_its_buyer(scheme):
    shop, _ = provider(scheme)
    ticket = offered(scheme, shop, kind=VOUCHER, stock=0)
    vault = scheme.ledger.vault
    buyer, other = person_with_points(scheme, 500), person_with_points(scheme, 500)
    with pytest.raises(SoldOut):
        act(scheme, place, buyer, Wish(ticket, 1))
    with scheme.database.transaction() as tx:
        assert add_codes(tx, vault, shop, ticket, ["A", "B", "C", "A"]) == 3
        assert add_codes(tx, vault, shop, ticket, ["C", "D"]) == 1
    done = together(
        scheme, [lambda tx, who=who: place(tx, scheme.ledger, who, Wish(ticket, 2)) for who in (buyer, other)]
    )
    codes = [
        act(scheme, lambda tx, _, w=who, o=order: of_buyer(tx, vault, w, o)).codes
        for who, order in zip((buyer, other), done, strict=True)
    ]
    assert sorted(code for two in codes for code in two) == ["A", "B", "C", "D"]
    with pytest.raises(SoldOut):
        act(scheme, place, buyer, Wish(ticket, 1))
    act(scheme, refund_order, shop, done[0])
    with pytest.raises(SoldOut):
        act(scheme, place, other, Wish(ticket, 1))
    in_step(scheme, ticket)
    with scheme.database.transaction() as tx:
        erase_account(tx, buyer, scheme.clock())
        assert tx.execute(sa.select(sa.func.count()).select_from(vouchers)).scalar_one() == 2, "those of the other"


def test_a_complaint_is_answered_once_and_gone_with_its_buyer(scheme):
    shop, _ = provider(scheme)
    cup = offered(scheme, shop)
    buyer = person_with_points(scheme, 100)
    order = act(scheme, place, buyer, Wish(cup, 1, "Road 1"))
    act(scheme, complain, buyer, order, "It never came.")
    with pytest.raises(Conflict):
        act(scheme, complain, buyer, order, "Still not.")
    with scheme.database.transaction() as tx:
        (waiting,) = list_complaints(tx, scheme.ledger.vault)
        answer_complaint(tx, scheme.ledger, waiting, "It is on its way.", "exchange:1")
        found = of_provider(tx, scheme.ledger.vault, shop, order, lock=True)
        with pytest.raises(Conflict):
            answer_complaint(tx, scheme.ledger, found, "Twice.", "provider")
        assert (found.answer, list_complaints(tx, scheme.ledger.vault)) == ("It is on its way.", [])
        erase_account(tx, buyer, scheme.clock())
        gone = of_provider(tx, scheme.ledger.vault, shop, order)
    assert (gone.buyer, gone.delivery, gone.complaint, gone.answer) == (None, None, None, None)
    with pytest.raises(RuleBroken, match="no open account"):
        act(scheme, refund_order, shop, order)


def test_a_statement_adds_up_a_day_and_says_what_collected_points_return_to(scheme):
    shop, _ = provider(scheme)
    cup, pot = offered(scheme, shop), offered(scheme, shop, price_g=70)
    buyer = person_with_points(scheme, 1_000)
    today = day(scheme.clock.now)
    one = act(scheme, place, buyer, Wish(cup, 3, "Road 1"))
    act(scheme, place, buyer, Wish(pot, 1, "Road 1"))
    scheme.clock.now += DAY
    act(scheme, cancel_order, buyer, one)
    act(scheme, place, buyer, Wish(pot, 2, "Road 1"))
    with scheme.database.reading() as tx:
        first = statement_of(tx, shop, *day_of(today))
        second = statement_of(tx, shop, *day_of(day(scheme.clock.now)))
        collected = collected_by(tx, shop)
    assert [(line.offer, line.orders, line.quantity_g, line.given_back_g) for line in first] == [
        (cup, 1, 150, 0), (pot, 1, 70, 0),
    ]  # fmt: skip
    assert [(line.offer, line.orders, line.quantity_g, line.given_back_g) for line in second] == [
        (cup, 0, 0, 150), (pot, 1, 140, 0),
    ]  # fmt: skip
    assert [(one.of_class, one.quantity_g) for one in collected] == [("II", 210)]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"price_g": 0}, "price"), ({"price_g": -1}, "price"), ({"price_g": 10**6 + 1}, "price"),
        ({"stock": -1}, "Stock"), ({"stock": 10**9 + 1}, "Stock"), ({"budget_g": 49}, "budget"),
        ({"kind": "magic"}, "kind"), ({"kind": VOUCHER, "stock": 1}, "codes"), ({"name_zh": ""}, "Chinese name"),
        ({"text_en": "\x00"}, "English text"), ({"until_ms": 5}, "time to come"),
    ],
)  # fmt: skip
def test_what_no_offer_is(scheme, changed, words):
    shop, _ = provider(scheme)
    new = replace(OFFER, until_ms=scheme.clock.now + 30 * DAY)
    with pytest.raises(Invalid, match=words):
        act(scheme, propose, shop, replace(new, **changed))


def test_an_offer_is_decided_once_and_a_price_by_the_rules_in_force(scheme):
    shop, _ = provider(scheme)
    number = act(scheme, propose, shop, replace(OFFER, until_ms=scheme.clock.now + 30 * DAY))
    buyer = person_with_points(scheme, 100)
    with pytest.raises(OfferClosed):
        act(scheme, place, buyer, Wish(number, 1, "Road 1"))
    with pytest.raises(Invalid, match="reason"):
        act(scheme, decide, number, "exchange:1", listed=False)
    minute = 60_000
    at = (scheme.clock.now // minute + 2) * minute
    with scheme.database.transaction() as tx:
        publish_policy(tx, scheme.ledger, MALL, {**shipped_policy(MALL), "most_price_g": 40}, at, BUREAU)
    scheme.clock.now = at
    with pytest.raises(Invalid, match="from 1 to 40"):
        act(scheme, decide, number, "exchange:1", listed=True)
    act(scheme, decide, number, "exchange:1", listed=False, reason="price")
    with pytest.raises(Conflict):
        act(scheme, decide, number, "exchange:1", listed=True)
    with scheme.database.transaction() as tx:
        with pytest.raises(Conflict):
            add_stock(tx, shop, number, 1)
        with pytest.raises(NotFound):
            end(tx, buyer, number)
    for value in ({"most_price_g": -1}, {"cancel_until_shipped": 1}, {"refund_days": 7.5}, {"keep_delivery_days": 400}):
        with pytest.raises(Invalid):
            check_value(MALL, {**shipped_policy(MALL), **value})
    with scheme.database.reading() as tx:
        assert tx.execute(sa.select(offers.c.state)).scalars().all() == ["refused"]
