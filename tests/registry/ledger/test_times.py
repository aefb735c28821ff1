"""The time of an act: which clock's it is, what is computed from it, and what of it is public."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from api.installation.officers import BUREAU
from registry.accounts.accounts import lock_account
from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.database.schema import acts, evidence, lots
from registry.errors import Insufficient, Invalid
from registry.ledger.child import MINUTE_MS, minute_of
from registry.ledger.ledger import Amount, Ledger, lock_grams, unlock_grams
from registry.ledger.movement import Form, Kind, Purpose
from registry.points.points import convert, expire, redeem, refund
from registry.policies.policies import publish_policy, shipped_policy
from registry.procedure.days import valid_until
from tests.support.gram_model import last_good_moment
from tests.support.scheme import TestClock
from tests.support.waiting import wait_until_somebody_waits

MIDNIGHT = 1_760_025_600_000
"""A midnight in Shanghai, a while after the scheme was founded."""
TWO_YEARS_MS = 730 * 86_400_000


def at(scheme, now):
    """The ledger as another server sees it: its clock is at this time next."""
    return Ledger(TestClock(now - 1), scheme.ledger.vault)


@pytest.fixture
def do(scheme):
    """Do an act on a server whose clock is at this time."""

    def run(now, act, *arguments, **named):
        with scheme.database.transaction() as tx:
            return act(tx, at(scheme, now), *arguments, **named)

    return run


def issued(scheme, grams, now):
    scheme.clock.now = now
    return scheme.issue(grams)


def documents(scheme, posted):
    with scheme.database.transaction() as tx:
        digests = [written.movement.evidence for written in posted.movements]
        return list(tx.execute(sa.select(evidence.c.fields).where(evidence.c.digest.in_(digests))).scalars())


def test_movements_say_the_minute_and_evidence_the_moment(scheme, do):
    rider = scheme.person()
    lot = issued(scheme, {rider: 10, scheme.person(): 5}, MIDNIGHT + 61_234)
    done = do(MIDNIGHT + 125_999, convert, rider, Amount(10))
    assert done.at == MIDNIGHT + 125_999
    assert {w.movement.at for w in done.movements} == {MIDNIGHT + 120_000}
    assert [fields["at_ms"][1] for fields in documents(scheme, done)] == [MIDNIGHT + 125_999]
    assert {w.movement.at for w in lot.movements} == {MIDNIGHT + 60_000}
    with scheme.database.transaction() as tx:
        kept = set(tx.execute(sa.select(acts.c.at_ms).where(acts.c.kind == "issue")).scalars())
        moments = {fields["at_ms"][1] for fields in documents(scheme, lot)}
        assert kept == moments == {tx.execute(sa.select(lots.c.issued_ms)).scalar_one()}
        records = tx.execute(sa.text("SELECT at_ms FROM movements WHERE kind = 69 ORDER BY id")).scalars().all()
        assert records[-1] in kept, "a record keeps the moment"
        assert records[0] == records[-1] - 1, "what was proposed comes before it"


def test_points_converted_on_a_slow_clock_live_as_long_as_the_day_of_their_conversion_says(scheme, do):
    """The grams came after midnight by one server's clock; on the other it is not midnight yet."""
    rider = scheme.person()
    issued(scheme, {rider: 10}, MIDNIGHT + 2_000)
    with scheme.database.transaction() as tx:
        made = tx.execute(sa.select(lots.c.issued_ms)).scalar_one()
    done = do(MIDNIGHT - 500, convert, rider, Amount(10))
    assert done.at == made
    movement = done.movements[0].movement
    assert (movement.at, movement.until) == (MIDNIGHT, last_good_moment(MIDNIGHT))


def test_the_policy_is_the_one_in_force_at_the_acts_time(scheme, do):
    rider = scheme.person()
    issued(scheme, {rider: 10}, MIDNIGHT + 2_000)
    with scheme.database.transaction() as tx:
        value = shipped_policy("points") | {"validity_years": 1}
        before = replace(scheme.ledger, clock=lambda: MIDNIGHT - 10_000)
        publish_policy(tx, before, "points", value, MIDNIGHT, BUREAU)
    movement = do(MIDNIGHT - 500, convert, rider, Amount(10)).movements[0].movement
    assert movement.until < last_good_moment(MIDNIGHT) - 300 * 86_400_000


@pytest.fixture
def points(scheme, do):
    """A person with 10 points that can be used up to the last millisecond before a midnight, which is given too."""
    rider = scheme.person()
    issued(scheme, {rider: 10}, MIDNIGHT - 3_600_000)
    do(MIDNIGHT - 1_800_000, convert, rider, Amount(10))
    return rider, last_good_moment(MIDNIGHT - 1_800_000) + 1


@pytest.mark.parametrize("before_ms", [1, 59_999, 60_000])
def test_in_the_last_minute_of_the_last_day_points_are_used_and_do_not_expire(scheme, do, points, before_ms):
    rider, end = points
    shop = scheme.institution()
    with pytest.raises(Invalid):
        do(end - before_ms, expire, rider)
    spent = do(end - before_ms, redeem, rider, shop, 4)
    do(end - before_ms, refund, shop, spent.act_id, Amount(4))
    do(end - before_ms, cancel, rider, Amount(10), Intent("points", "donation"))


@pytest.mark.parametrize("after_ms", [0, 1, 59_999, 60_000])
def test_after_it_they_expire_and_are_not_used(scheme, do, points, after_ms):
    rider, end = points
    with pytest.raises(Insufficient):
        do(end + after_ms, redeem, rider, scheme.institution(), 4)
    with pytest.raises(Insufficient):
        do(end + after_ms, cancel, rider, Amount(10), Intent("points", "donation"))
    assert do(end + after_ms, expire, rider).quantity_g == 10


@given(st.integers(0, 2**42), st.integers(0, 5), st.integers(-90_000, 90_000))
def test_the_minute_and_the_moment_agree_on_every_expiry(converted, years, later):
    until = valid_until(converted, years)
    assert valid_until(minute_of(converted), years) == until
    moment = until + later
    assert (minute_of(moment) <= until) == (moment <= until)


def test_points_that_came_back_after_midnight_are_not_spent_before_it(scheme, do, points):
    """By the clock of the server that spends they could be used still; they were unlocked after their end."""
    rider, end = points
    do(end - 1_000, lock_grams, rider, Form.POINTS, Amount(10), Purpose.FREEZE)
    do(end + 1_000, unlock_grams, rider, Form.POINTS, Amount(10))
    with pytest.raises(Insufficient):
        do(end - 500, redeem, rider, scheme.institution(), 4)
    with pytest.raises(Invalid):
        do(end - 500, expire, rider)
    assert do(end + 500, expire, rider).at == end + 1_000


def test_no_act_is_before_what_it_takes_not_by_a_millisecond(scheme, do):
    firm, other = scheme.institution(), scheme.institution()
    lot = issued(scheme, {firm: 10}, MIDNIGHT + 10_000)
    first = do(MIDNIGHT + 50_000, transfer, firm, other, Amount(4), "agreement")
    second = do(MIDNIGHT + 30_000, transfer, other, firm, Amount(4), "agreement")
    assert (first.at, second.at) == (MIDNIGHT + 50_000, MIDNIGHT + 50_000)
    assert do(MIDNIGHT + 30_000, transfer, firm, other, Amount(5, lot.first + 4), "agreement").at == MIDNIGHT + 30_000


def test_an_acts_row_that_was_altered_sets_no_time_beyond_its_movements_minute(scheme, owner, do):
    firm, other = scheme.institution(), scheme.institution()
    issued(scheme, {firm: 10}, MIDNIGHT + 10_000)
    with owner.transaction() as tx:
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        tx.execute(sa.update(acts).values(at_ms=MIDNIGHT + TWO_YEARS_MS))
    done = do(MIDNIGHT + 11_000, transfer, firm, other, Amount(4), "agreement")
    assert done.at == MIDNIGHT + MINUTE_MS - 1
    assert done.movements[0].movement.at == MIDNIGHT


@contextmanager
def held(scheme, hold):
    """Somebody else holds a lock meanwhile, and a minute goes by before it is given back."""
    with ThreadPoolExecutor(1) as pool, scheme.database.transaction() as tx:
        hold(tx)

        def begin(act):
            return pool.submit(act)

        yield begin
        wait_until_somebody_waits(scheme.database)
        scheme.clock.now += MINUTE_MS


def test_an_act_has_the_time_at_which_it_had_its_locks(scheme):
    rider = scheme.person()
    scheme.issue({rider: 10})

    def act():
        with scheme.database.transaction() as tx:
            return convert(tx, scheme.ledger, rider, Amount(10))

    before = scheme.clock.now
    with held(scheme, lambda tx: lock_account(tx, scheme.ledger.vault, rider)) as begin:
        running = begin(act)
    assert running.result().at > before + MINUTE_MS


def test_a_lot_is_issued_when_its_numbers_are_drawn(scheme):
    rider = scheme.person()
    before = scheme.clock.now
    with held(scheme, lambda tx: tx.execute(sa.text("SELECT FROM frontier FOR UPDATE"))) as begin:
        running = begin(lambda: scheme.issue({rider: 10}))
    lot = running.result()
    assert lot.movements[0].movement.kind == Kind.ISSUE
    assert lot.movements[0].movement.at >= minute_of(before + MINUTE_MS)
