"""Gathering: what becomes one bundle, what is refused, and what the database refuses whoever writes."""

from dataclasses import replace
from itertools import accumulate

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.errors import Insufficient, Invalid, NotFound, RuleBroken, TooManyBlocks
from registry.ledger import gathering
from registry.ledger.bundles import bundle_of, get_bundle, made_of, number_before, numbers_after, trace
from registry.ledger.child import minute_of
from registry.ledger.gathering import gather_held
from registry.ledger.ledger import Amount, Ledger, lock_grams
from registry.ledger.movement import Form, Kind, Purpose, Target, target_of
from registry.ledger.rows import write_rows
from registry.points.points import convert, redeem, return_points
from registry.upkeep.consistency import check_tables
from tests.support.backups import publisher_of
from tests.support.raw import columns_of, write_movement


@pytest.fixture
def shop(scheme):
    """A provider that collected 60 g of three persons, of two lots: grams 0 to 59."""
    shop = scheme.institution()
    people = [scheme.person() for _ in range(3)]
    for grams in ((10, 12, 5), (8, 11, 14)):
        scheme.issue(dict(zip(people, grams, strict=True)))
    for person in people:
        with scheme.database.transaction() as tx:
            held = scheme.holdings(person)[1]
            convert(tx, scheme.ledger, person, Amount(held))
            redeem(tx, scheme.ledger, person, shop, held)
    return shop


def returned(scheme, shop, amount=None):
    with scheme.database.transaction() as tx:
        return return_points(tx, scheme.ledger, shop, amount)


@pytest.fixture
def publisher(scheme, tmp_path):
    return publisher_of(scheme.database, tmp_path / "log", scheme.clock)


def test_collected_points_become_one_block_of_the_same_grams(scheme, shop, publisher):
    posted = returned(scheme, shop)
    *gathers, bundle = [written.movement for written in posted.movements]
    assert (bundle.kind, bundle.first, bundle.last, bundle.parent) == (Kind.BUNDLE, 60, 120, None)
    assert {movement.kind for movement in gathers} == {Kind.GATHER}
    assert scheme.holdings(shop) == {Form.REDUCTION: 60}
    assert sorted((one.first, one.last) for one in gathers) == [
        (0, 10),
        (10, 22),
        (22, 27),
        (27, 35),
        (35, 46),
        (46, 60),
    ]
    due = accumulate((one.quantity_g for one in gathers), initial=60)
    assert [target_of(one) for one in gathers] == [Target(60, first) for first in due][:-1]
    publisher.publish()
    with scheme.database.transaction() as tx:
        assert [(part.lot.id, part.quantity_g) for part in made_of(tx, [(60, 120)]).parts] == [(2, 33), (1, 27)]
        assert get_bundle(tx, 60, 120).pieces == 6
        assert list(check_tables(tx)) == []


def test_pieces_stand_in_random_order(scheme, shop):
    orders = set()
    for _ in range(4):
        with scheme.database.engine.connect() as tx, tx.begin() as attempt:
            posted = return_points(tx, Ledger(scheme.clock, scheme.ledger.vault), shop, None)
            orders.add(tuple(one.movement.first for one in posted.movements[:-1]))
            attempt.rollback()
    assert len(orders) > 1


def test_every_gram_is_followed_through_bundles_of_bundles_both_ways(scheme, shop, publisher):
    returned(scheme, shop, Amount(25))
    returned(scheme, shop)
    with scheme.database.transaction() as tx:
        gather_held(tx, scheme.ledger, shop, Form.REDUCTION, None)
    publisher.publish()
    with scheme.database.transaction() as tx:
        last = bundle_of(tx, 120)
        assert last == (120, 180)
        seen = set()
        for gram in range(120, 180):
            stretches = trace(tx, gram).stretches
            assert [stretch.gram for stretch in stretches][-1] == gram
            assert [stretch.steps[0].movement.kind for stretch in stretches] == [Kind.ISSUE, Kind.BUNDLE, Kind.BUNDLE]
            first = stretches[0].gram
            assert trace(tx, first).stretches == trace(tx, stretches[1].gram).stretches == stretches
            assert number_before(tx, numbers_after(tx, first, 1)[0]) == first
            seen.add(first)
        assert seen == set(range(60))
        assert [(part.lot.id, part.quantity_g) for part in made_of(tx, [(120, 180)]).parts] == [(2, 33), (1, 27)]
        assert sum(part.quantity_g for part in made_of(tx, [(130, 151)]).parts) == 21
        assert number_before(tx, 5) is None
        assert numbers_after(tx, 150, 1) == []
        with pytest.raises(NotFound, match="Gram 180"):
            trace(tx, 180)
        with pytest.raises(NotFound):
            get_bundle(tx, 60, 119)


def test_a_bundle_is_traded_and_cancelled_in_one_step(scheme, shop):
    returned(scheme, shop)
    firm = scheme.institution()
    with scheme.database.transaction() as tx:
        assert len(transfer(tx, scheme.ledger, shop, firm, Amount(50), "agreement").movements) == 1
        done = cancel(tx, scheme.ledger, firm, Amount(50), Intent("reduction", "voluntary-offset"))
        assert len(done.posted.movements) == 1
        assert list(check_tables(tx)) == []


@pytest.mark.parametrize(
    ("amount", "error", "said"),
    [
        (Amount(61), Insufficient, "Only 60 g"),
        (Amount(0), Invalid, "at least 1"),
        (Amount(3, 58), Insufficient, "SHCER-58-60"),
    ],
)
def test_what_is_not_there_is_not_gathered(scheme, shop, amount, error, said):
    with pytest.raises(error, match=said), scheme.database.transaction() as tx:
        return_points(tx, scheme.ledger, shop, amount)
    assert scheme.holdings(shop) == {Form.POINTS: 60}


def test_a_persons_grams_are_not_gathered(scheme):
    person = scheme.person()
    scheme.issue({person: 5})
    for form in (Form.POINTS, Form.REDUCTION):
        with pytest.raises(RuleBroken, match="Only an institution"), scheme.database.transaction() as tx:
            gather_held(tx, scheme.ledger, person, form, None)


def test_locked_grams_are_left_where_they_are(scheme, shop):
    with scheme.database.transaction() as tx:
        lock_grams(tx, scheme.ledger, shop, Form.POINTS, Amount(20), Purpose.FREEZE)
    assert returned(scheme, shop).quantity_g == 40
    with pytest.raises(Insufficient, match="holds nothing"), scheme.database.transaction() as tx:
        return_points(tx, scheme.ledger, shop, None)
    assert scheme.holdings(shop) == {Form.REDUCTION: 40, Form.POINTS: 20}


def test_grams_of_two_classes_are_gathered_each_by_itself(scheme):
    firm = scheme.institution()
    scheme.issue({firm: 5})
    scheme.issue({firm: 7}, is_class_i=True)
    with pytest.raises(RuleBroken, match="class: I or II"), scheme.database.transaction() as tx:
        gather_held(tx, scheme.ledger, firm, Form.REDUCTION, None)
    with scheme.database.transaction() as tx:
        assert gather_held(tx, scheme.ledger, firm, Form.REDUCTION, None, "I").quantity_g == 7
        assert gather_held(tx, scheme.ledger, firm, Form.REDUCTION, None, "II").quantity_g == 5


def test_no_more_pieces_than_a_bundle_may_have(scheme, shop, monkeypatch):
    monkeypatch.setattr(gathering, "MAX_PIECES", 5)
    with pytest.raises(Invalid, match="1 to 5 blocks, not of 6"), scheme.database.transaction() as tx:
        return_points(tx, scheme.ledger, shop, None)


def test_more_blocks_than_are_gathered_while_somebody_waits(scheme, shop):
    few = replace(scheme.ledger, most=5)
    with (
        pytest.raises(TooManyBlocks, match="60 g lie in more than 5 blocks") as many,
        scheme.database.transaction() as tx,
    ):
        return_points(tx, few, shop, None)
    assert many.value.quantity_g == 60
    with pytest.raises(Insufficient), scheme.database.transaction() as tx:
        return_points(tx, few, shop, Amount(61))


def test_clocks_that_differ_give_a_run_one_time(scheme, shop):
    """A piece of which the giver's server was ahead: the whole run is not before it."""
    scheme.clock.now -= 1000
    posted = returned(scheme, shop)
    assert {written.movement.at for written in posted.movements} == {minute_of(posted.at)}
    with scheme.database.transaction() as tx:
        newest = tx.execute(sa.text("SELECT max(at_ms) FROM acts WHERE kind = 'redeem'")).scalar_one()
    assert posted.at == newest > scheme.clock.now


# What the database refuses, whoever writes: each is a run that its own constraint trigger finds broken.


def run_of(scheme, shop, tx):
    """Rows of a lawful run, as `write_rows` takes them: written, and taken back."""
    with tx.begin_nested() as attempt:
        posted = return_points(tx, scheme.ledger, shop, None)
        rows = [_row(columns_of(tx, written.id), written, posted.act_id) for written in posted.movements]
        attempt.rollback()
    return rows


def _row(of, written, act):
    return {
        "id": written.id, "act": act, "giver": of["giver_id"], "account": of["account_id"],
        "kind": of["kind"], "form": of["form"], "flags": of["flags"], "purpose": 0, "first": of["first_g"],
        "last": of["last_g"], "parent": of["parent_id"], "at": of["at_ms"], "until": 0,
        "from_tag": of["from_tag"], "to_tag": of["to_tag"], "evidence": written.movement.evidence,
    }  # fmt: skip


def write(scheme, tx, run, whole):
    act = "INSERT INTO acts (id, kind, at_ms, quantity_g) OVERRIDING SYSTEM VALUE VALUES (:id, 'gather', 0, 60)"
    tx.execute(sa.text(act), {"id": whole[0]["act"]})
    digests = [{"digest": row["evidence"]} for row in whole]
    tx.execute(sa.text("INSERT INTO evidence (digest) VALUES (:digest)"), digests)
    write_rows(tx, scheme.ledger.vault.sealer, run)


def _shifted(row, by):
    old = Target(int.from_bytes(row["to_tag"][4:12]), int.from_bytes(row["to_tag"][12:20]))
    return row | {"to_tag": replace(old, first=old.first + by).tag}


BROKEN = {
    "no bundle": lambda run: run[:-1],
    "no gathers": lambda run: run[-1:],
    "one left out": lambda run: run[1:],
    "the last left out": lambda run: run[:-2] + run[-1:],
    "a bundle too long": lambda run: [*run[:-1], run[-1] | {"last": run[-1]["last"] + 1}],
    "a bundle too short": lambda run: [*run[:-1], run[-1] | {"last": run[-1]["last"] - 1}],
    "a bundle elsewhere": lambda run: [*run[:-1], run[-1] | {"first": 61, "last": 121}],
    "another time": lambda run: [run[0] | {"at": run[0]["at"] + 60_000}, *run[1:]],
    "a hole": lambda run: [*run[:2], _shifted(run[2], 1), *run[3:]],
    "an overlap": lambda run: [*run[:2], _shifted(run[2], -1), *run[3:]],
    "two in each other's place": lambda run: [
        run[0] | {"to_tag": run[1]["to_tag"]}, run[1] | {"to_tag": run[0]["to_tag"]}, *run[2:],
    ],
    "other flags": lambda run: [*run[:-1], run[-1] | {"flags": run[-1]["flags"] ^ 1}],
}  # fmt: skip


@pytest.mark.parametrize("how", BROKEN)
def test_the_database_takes_whole_runs_only(scheme, shop, how):
    def attack():
        with scheme.database.engine.begin() as tx:
            run = run_of(scheme, shop, tx)
            write(scheme, tx, BROKEN[how](run), run)

    with pytest.raises(IntegrityError) as caught:
        attack()
    assert caught.value.orig.diag.constraint_name == "movements_gathered"
    assert scheme.holdings(shop) == {Form.POINTS: 60}


def test_the_run_that_the_others_depart_from_is_taken(scheme, shop):
    with scheme.database.engine.begin() as tx:
        run = run_of(scheme, shop, tx)
        write(scheme, tx, run, run)
    assert scheme.holdings(shop) == {Form.REDUCTION: 60}


def test_a_run_that_was_closed_takes_no_more(scheme, shop):
    closed = returned(scheme, shop, Amount(10))

    def attack():
        with scheme.database.engine.begin() as tx:
            run = run_of(scheme, shop, tx)
            write_movement(tx, **_columns(run[0]) | {"act_id": closed.act_id})

    with pytest.raises(IntegrityError) as caught:
        attack()
    assert caught.value.orig.diag.constraint_name == "movements_gathered"
    assert scheme.holdings(shop) == {Form.POINTS: 50, Form.REDUCTION: 10}


def _columns(row):
    names = {"giver": "giver_id", "account": "account_id", "parent": "parent_id", "at": "at_ms", "until": "until_ms"}
    names |= {"first": "first_g", "last": "last_g"}
    return {names.get(name, name): value for name, value in row.items() if name not in {"id", "act", "evidence"}}
