"""What people have of their points before and after they end: balances by expiry, notices, honours, standing orders."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from api.installation.officers import BUREAU
from registry.database.schema import events
from registry.errors import Invalid, NotFound
from registry.ledger.ledger import Amount, lock_grams
from registry.ledger.movement import Form, Purpose
from registry.points.notices import forget_notices, give_notices, list_notices
from registry.points.points import convert, expire, redeem
from registry.points.standing import standing_of
from registry.points.standing_orders import (
    accounts_to_convert,
    convert_by_order,
    end_order,
    give_order,
    newest_lot,
    order_since,
)
from registry.policies.kinds import check_value
from registry.policies.points import EXPIRY_NOTICES, HONOURS
from registry.policies.policies import publish_policy
from registry.sources.sources import give_consent
from registry.upkeep.erasure import erase_account
from tests.support.scheme import DAY


def act(scheme, done, *args):
    with scheme.database.transaction() as tx:
        return done(tx, scheme.ledger, *args)


def notices(scheme) -> int:
    given = 0
    while made := act(scheme, give_notices):
        given += made
    return given


def told(scheme) -> list[tuple[str, dict]]:
    with scheme.database.reading() as tx:
        query = sa.select(events.c.type, events.c.data).where(events.c.type == "points.expiring").order_by(events.c.id)
        return [(row.type, row.data) for row in tx.execute(query)]


def test_points_stand_by_the_day_on_which_they_end_and_are_historical_after_it(scheme):
    rider, shop = scheme.person(), scheme.institution()
    scheme.issue({rider: 400_000})
    act(scheme, convert, rider, Amount(150_000))
    scheme.clock.now += 3 * DAY
    act(scheme, convert, rider, Amount(50_000))
    act(scheme, redeem, rider, shop, 30_000)
    act(scheme, lock_grams, rider, Form.POINTS, Amount(5_000), Purpose.FREEZE)
    now = act(scheme, standing_of, rider)
    assert [one.quantity_g for one in now.usable] == [115_000, 50_000], "what was spent and locked went from the first"
    assert (now.locked_g, now.historical_g, now.honour, now.next.from_g) == (5_000, 0, None, 10_000)
    first, second = (one.until_ms for one in now.usable)
    scheme.clock.now = first
    late = act(scheme, standing_of, rider)
    assert (late.historical_g, late.honour.en, late.next.en) == (115_000, "Low-carbon practitioner", "Carbon champion")
    act(scheme, expire, rider)
    ended = act(scheme, standing_of, rider)
    assert (ended.usable, ended.historical_g, ended.honour) == (late.usable, late.historical_g, late.honour)
    assert [one.until_ms for one in ended.usable] == [second]


def test_each_notice_is_given_once_and_only_the_nearest_that_is_due(scheme):
    rider, other, gone = (scheme.person() for _ in range(3))
    scheme.issue({rider: 100, other: 100, gone: 100})
    for person in (rider, other, gone):
        act(scheme, convert, person, Amount(40))
    with scheme.database.transaction() as tx:
        give_consent(tx, scheme.ledger.vault, scheme.source.id, {"rider": rider}, scheme.clock())
        erase_account(tx, gone, scheme.clock())
    (ending,) = act(scheme, standing_of, rider).usable
    scheme.clock.now = ending.until_ms - 91 * DAY
    assert notices(scheme) == 0
    scheme.clock.now = ending.until_ms - 90 * DAY
    assert (notices(scheme), notices(scheme)) == (2, 0)
    (given,) = act(scheme, list_notices, rider)
    assert (given.until_ms, given.days, given.quantity_g) == (ending.until_ms, 90, 40)
    assert act(scheme, list_notices, gone) == []
    scheme.clock.now = ending.until_ms - 5 * DAY
    assert (notices(scheme), notices(scheme)) == (2, 0), "the 30 days were overtaken: nobody is told twice in one hour"
    assert [one.days for one in act(scheme, list_notices, rider)] == [7], "the latest of a day"
    until = told(scheme)[0][1]["until"]
    assert [data["days"] for _, data in told(scheme)] == [90, 7], "only the platform that the person is linked to"
    assert len(until) == len("2026-11-28")
    assert {data["source"] for _, data in told(scheme)} == {scheme.source.id}
    assert act(scheme, forget_notices) == 0
    scheme.clock.now = ending.until_ms
    assert notices(scheme) == 0
    assert (act(scheme, forget_notices), act(scheme, forget_notices)) == (4, 0)


def test_a_standing_order_converts_what_is_issued_and_nothing_once_it_is_ended(scheme):
    rider, chooser = scheme.person(), scheme.person()
    scheme.issue({rider: 100, chooser: 100})
    before = act(scheme, lambda tx, _: newest_lot(tx))
    act(scheme, give_order, rider)
    act(scheme, give_order, rider)
    assert act(scheme, lambda tx, _: accounts_to_convert(tx, 0)) == [rider], "what was there before is converted too"
    assert act(scheme, lambda tx, _: accounts_to_convert(tx, before)) == [], "which is of no later lot"
    assert act(scheme, convert_by_order, rider).quantity_g == 100
    assert act(scheme, convert_by_order, rider) is None
    assert act(scheme, convert_by_order, chooser) is None
    scheme.issue({rider: 7, chooser: 7})
    assert act(scheme, lambda tx, _: accounts_to_convert(tx, before)) == [rider]
    act(scheme, end_order, rider)
    assert act(scheme, convert_by_order, rider) is None, "ended between the look and the act"
    assert scheme.holdings(rider) == {Form.REDUCTION: 7, Form.POINTS: 100}
    assert act(scheme, lambda tx, _: order_since(tx, rider)) is None
    with pytest.raises(NotFound, match="No standing order"):
        act(scheme, end_order, rider)
    with pytest.raises(Invalid, match="person"):
        act(scheme, give_order, scheme.institution())


def test_more_blocks_than_an_act_takes_are_converted_in_several(scheme):
    rider = scheme.person()
    for _ in range(5):
        scheme.issue({rider: 10})
    act(scheme, give_order, rider)
    few = replace(scheme.ledger, most=2)
    made = []
    while True:
        with scheme.database.transaction() as tx:
            posted = convert_by_order(tx, few, rider)
        if posted is None:
            break
        made.append(posted.quantity_g)
    assert made == [20, 20, 10]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (EXPIRY_NOTICES, {}),
        (EXPIRY_NOTICES, {"days_before": [0]}),
        (EXPIRY_NOTICES, {"days_before": [7, 7]}),
        (EXPIRY_NOTICES, {"days_before": [True]}),
        (EXPIRY_NOTICES, {"days_before": [7.0]}),
        (EXPIRY_NOTICES, {"days_before": [367]}),
        (EXPIRY_NOTICES, {"days_before": list(range(1, 12))}),
        (HONOURS, {"levels": {}}),
        (HONOURS, {"levels": [{"from_g": 5, "zh": "一"}]}),
        (HONOURS, {"levels": [{"from_g": 0, "zh": "一", "en": "one"}]}),
        (HONOURS, {"levels": [{"from_g": 5, "zh": "一", "en": "one"}] * 2}),
        (HONOURS, {"levels": [{"from_g": 5, "zh": "\x00", "en": "one"}]}),
        (HONOURS, {"levels": [{"from_g": 5, "zh": "一", "en": 1}]}),
    ],
)
def test_policies_of_points_are_typed(name, value):
    with pytest.raises(Invalid):
        check_value(name, value)


def test_who_is_told_when_follows_the_policy_in_force(scheme):
    rider = scheme.person()
    scheme.issue({rider: 100})
    act(scheme, convert, rider, Amount(40))
    (ending,) = act(scheme, standing_of, rider).usable
    scheme.clock.now = ending.until_ms - 120 * DAY
    minute = 60_000
    at = (scheme.clock.now // minute + 2) * minute
    with scheme.database.transaction() as tx:
        publish_policy(tx, scheme.ledger, EXPIRY_NOTICES, {"days_before": [121]}, at, BUREAU)
    assert notices(scheme) == 0
    scheme.clock.now = at
    assert notices(scheme) == 1
