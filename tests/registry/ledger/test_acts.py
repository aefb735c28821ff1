"""Acts on a real PostgreSQL: what each does to holdings, and what it refuses."""

from datetime import datetime

import pytest

from registry.clock import rfc3339
from registry.consumption.cancel import Intent, cancel, certificate_number
from registry.consumption.transfer import transfer
from registry.errors import Insufficient, Invalid, RuleBroken
from registry.ledger.ledger import Amount
from registry.ledger.movement import Form
from registry.points.points import convert, expire, redeem, refund, return_points
from registry.policies.policies import shipped_policy
from registry.procedure.days import valid_until
from tests.support.scheme import DAY

R, P = Form.REDUCTION, Form.POINTS


def test_the_whole_life_of_grams(scheme):
    rider, shop, firm = scheme.person(), scheme.institution(), scheme.institution()
    scheme.issue({rider: 1000})
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, rider, Amount(800))
    with scheme.database.transaction() as tx:
        spent = redeem(tx, scheme.ledger, rider, shop, 500, "order 1")
    with scheme.database.transaction() as tx:
        refund(tx, scheme.ledger, shop, spent.act_id, Amount(100))
    with scheme.database.transaction() as tx:
        return_points(tx, scheme.ledger, shop, Amount(400))
    with scheme.database.transaction() as tx:
        transfer(tx, scheme.ledger, shop, firm, Amount(300), "agreement")
    with scheme.database.transaction() as tx:
        done = cancel(tx, scheme.ledger, firm, Amount(250), Intent("reduction", "voluntary-offset", "Event"))
    assert scheme.holdings(rider) == {R: 200, P: 400}
    assert scheme.holdings(shop) == {R: 100}
    assert scheme.holdings(firm) == {R: 50}
    assert done.certificate.startswith("GLC-")


def test_a_certificate_is_of_the_day_on_which_people_got_it():
    """At half past midnight in Shanghai it is still yesterday in UTC."""
    half_past_midnight = 1_795_710_600_000
    assert rfc3339(half_past_midnight) == "2026-11-26T16:30:00.000Z"
    assert certificate_number(half_past_midnight).startswith("GLC-20261127-")


def test_points_are_spent_earliest_expiry_first(scheme):
    rider, shop = scheme.person(), scheme.institution()
    lot = scheme.issue({rider: 30})
    for day in range(3):
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, rider, Amount(10, lot.last - 10 * (day + 1)))
        scheme.clock.now += DAY
    with scheme.database.transaction() as tx:
        spent = redeem(tx, scheme.ledger, rider, shop, 25)
    assert [w.movement.first - lot.first for w in spent.movements] == [20, 10, 0]
    assert [w.movement.quantity_g for w in spent.movements] == [10, 10, 5]
    untils = [written.movement.until for written in spent.movements]
    assert untils == sorted(set(untils))


def shanghai(text):
    return int(datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-21T00:00:00.000", "2028-11-21T23:59:59.999"),
        ("2026-11-21T08:00:00.000", "2028-11-21T23:59:59.999"),
        ("2026-11-21T23:59:59.999", "2028-11-21T23:59:59.999"),
        ("2026-11-22T00:00:00.000", "2028-11-22T23:59:59.999"),
        ("2028-02-29T12:00:00.000", "2030-02-28T23:59:59.999"),
        ("2026-02-28T12:00:00.000", "2028-02-28T23:59:59.999"),
        ("2026-12-31T23:59:59.999", "2028-12-31T23:59:59.999"),
    ],
)
def test_points_of_one_day_end_together_two_years_later(at, until):
    assert valid_until(shanghai(at), shipped_policy("points")["validity_years"]) == shanghai(until)


def test_an_act_that_asks_too_much_writes_nothing(scheme):
    rider, shop = scheme.person(), scheme.institution()
    scheme.issue({rider: 30})
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, rider, Amount(20))
    with pytest.raises(Insufficient), scheme.database.transaction() as tx:
        redeem(tx, scheme.ledger, rider, shop, 21)
    assert scheme.holdings(rider) == {R: 10, P: 20}
    assert scheme.holdings(shop) == {}


def test_expired_points_cannot_be_used_and_expire(scheme):
    rider, shop = scheme.person(), scheme.institution()
    scheme.issue({rider: 30})
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, rider, Amount(20))
    with pytest.raises(Invalid), scheme.database.transaction() as tx:
        expire(tx, scheme.ledger, rider)
    scheme.clock.now += 731 * 86_400_000
    with pytest.raises(Insufficient), scheme.database.transaction() as tx:
        redeem(tx, scheme.ledger, rider, shop, 1)
    with scheme.database.transaction() as tx:
        assert expire(tx, scheme.ledger, rider).quantity_g == 20
    assert scheme.holdings(rider) == {R: 10}


def test_only_individuals_convert_and_only_institutions_return(scheme):
    rider, shop = scheme.person(), scheme.institution()
    scheme.issue({rider: 30, shop: 10})
    with pytest.raises(RuleBroken), scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, shop, Amount(5))
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, rider, Amount(20))
    with pytest.raises(RuleBroken), scheme.database.transaction() as tx:
        return_points(tx, scheme.ledger, rider, Amount(5))


def test_exact_grams_are_taken_out_of_the_middle_of_a_block(scheme):
    rider = scheme.person()
    lot = scheme.issue({rider: 100})
    with scheme.database.transaction() as tx:
        done = convert(tx, scheme.ledger, rider, Amount(10, lot.first + 40))
    assert [(w.movement.first, w.movement.last) for w in done.movements] == [(lot.first + 40, lot.first + 50)]
    with pytest.raises(Insufficient), scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, rider, Amount(20, lot.first + 45))
    assert scheme.holdings(rider) == {R: 90, P: 10}
