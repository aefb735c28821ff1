"""Running totals are the sums of the published leaves, counted yet or not, whoever publishes and counts beside."""

import threading

import pytest
import sqlalchemy as sa

from registry.errors import Insufficient
from registry.ledger import totals as sums
from registry.ledger.ledger import Amount
from registry.ledger.totals import ALL, BUNDLES, GATHERED, fold, recount, totals
from registry.points.points import convert, holders_of_expired_points
from registry.upkeep.consistency import check_tables
from tests.support.backups import publisher_of
from tests.support.simulation import Simulation

LIVED = f"""
    SELECT coalesce(lot_id, {BUNDLES}) AS lot_id, form, 0 AS purpose, last_g - first_g AS grams FROM blocks
    UNION ALL
    SELECT coalesce(l.id, {BUNDLES}), 0, CASE m.kind WHEN 6 THEN {GATHERED} ELSE m.purpose END, m.last_g - m.first_g
        FROM movements m LEFT JOIN lots l ON int8range(l.first_g, l.last_g) @> m.first_g WHERE m.kind IN (6, 7, 8, 9)
"""  # noqa: S608 (our own text)
"""Every block and ended gram."""


@pytest.fixture
def publisher(scheme, tmp_path):
    return publisher_of(scheme.database, tmp_path / "log", scheme.clock)


def told(tx):
    lots = [BUNDLES, ALL, *tx.execute(sa.text("SELECT id FROM lots ORDER BY id")).scalars()]
    return {lot: totals(tx, lot) for lot in lots}


def counted(tx):
    """The totals, added up from every block and ended gram. What was gathered lives on in a bundle."""
    sums = {ALL: {}, BUNDLES: {}}
    for row in tx.execute(sa.text(LIVED)):
        for lot in (ALL, row.lot_id):
            of = sums.setdefault(lot, {})
            of[row.form, row.purpose] = of.get((row.form, row.purpose), 0) + row.grams
    return {
        lot: (
            sum(of.values()) - (of.get((0, GATHERED), 0) if lot == ALL else 0),
            of.get((1, 0), 0),
            of.get((2, 0), 0),
            {purpose: grams for (form, purpose), grams in of.items() if form == 0 and purpose != GATHERED},
            of.get((0, GATHERED), 0),
        )
        for lot, of in sums.items()
    }


def as_counted(of):
    return {
        lot: (one.issued_g, one.reduction_g, one.points_g, dict(one.ended_g), one.gathered_g) for lot, one in of.items()
    }


def test_totals_of_a_life_are_the_sums_of_what_is_published_before_and_after_they_are_counted(scheme, publisher):
    simulation, published = Simulation(scheme, 5), {}
    for _ in range(3):
        simulation.run(60)
        with scheme.database.transaction() as tx:
            assert {lot: told(tx)[lot] for lot in published} == published, "what is only recorded changes nothing"
        publisher.publish()
        simulation.acts.compare_sums()
        with scheme.database.transaction() as tx:
            published = told(tx)
            assert as_counted(published) == counted(tx)
            assert len(published) > 2
            assert list(check_tables(tx)) == []
            assert fold(tx, most=10) == 10
            assert told(tx) == published
            while fold(tx, most=25):
                assert told(tx) == published
            assert list(check_tables(tx)) == []


def test_acts_of_different_people_do_not_wait_for_each_other_or_for_a_count(scheme, publisher):
    people = [scheme.person() for _ in range(2)]
    scheme.issue(dict.fromkeys(people, 10))
    publisher.publish()
    with scheme.database.transaction() as one, scheme.database.transaction() as other:
        for tx in (one, other):
            tx.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
        convert(one, scheme.ledger, people[0], Amount(3))
        convert(other, scheme.ledger, people[1], Amount(4))
        with scheme.database.transaction() as third:
            third.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
            assert fold(third) > 2
            recount(third)
    publisher.publish()
    with scheme.database.transaction() as tx:
        assert (totals(tx).reduction_g, totals(tx).points_g) == (13, 7)


def test_who_counts_at_once_while_others_act_and_publish_loses_nothing(scheme, publisher):
    person = scheme.person()
    scheme.issue({person: 100})
    publisher.publish()
    over = threading.Event()

    def keep_counting():
        while not over.is_set():
            with scheme.database.transaction() as tx:
                fold(tx, most=3)

    counting = [threading.Thread(target=keep_counting) for _ in range(2)]
    for thread in counting:
        thread.start()
    for number in range(20):
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, person, Amount(1))
        publisher.publish()
        with scheme.database.transaction() as tx:
            of = totals(tx)
            assert (of.issued_g, of.reduction_g, of.points_g) == (100, 99 - number, number + 1)
    over.set()
    for thread in counting:
        thread.join()
    with scheme.database.transaction() as tx:
        assert totals(tx).points_g == 20


def test_a_reader_adds_up_so_much_himself_and_no_more(scheme, publisher, monkeypatch):
    monkeypatch.setattr(sums, "MOST_ADDED", 5)
    scheme.issue({scheme.person(): 1 for _ in range(20)})
    publisher.publish()
    shown = []
    with scheme.database.transaction() as tx:
        while fold(tx, most=5):
            shown.append(totals(tx).issued_g)
    assert shown == sorted(shown)
    assert (shown[0] < 10, shown[-1]) == (True, 20)


def test_an_act_that_is_refused_leaves_no_change(scheme, publisher):
    person = scheme.person()
    scheme.issue({person: 5})

    def convert_twice():
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, person, Amount(5))
            convert(tx, scheme.ledger, person, Amount(5))

    with pytest.raises(Insufficient):
        convert_twice()
    publisher.publish()
    with scheme.database.transaction() as tx:
        assert (totals(tx).reduction_g, totals(tx).points_g) == (5, 0)


@pytest.mark.parametrize(
    "falsehood",
    [
        "UPDATE totals SET grams = grams + 1 WHERE lot_id = 0 AND form = 1",
        "UPDATE totals SET grams = grams + 1 WHERE lot_id <> 0",
        "UPDATE totals_counted SET size = size - 1",
        "UPDATE totals_counted SET size = size + 1",
        "DELETE FROM totals",
    ],
)
def test_false_totals_are_named_and_made_anew(scheme, publisher, falsehood):
    scheme.issue({scheme.person(): 10})
    publisher.publish()
    with scheme.database.transaction() as tx:
        fold(tx)
        assert list(check_tables(tx)) == []
        tx.execute(sa.text(falsehood))
        assert any(one.place.startswith("the totals") for one in check_tables(tx))
        recount(tx)
        assert list(check_tables(tx)) == []
        assert as_counted(told(tx)) == counted(tx)


def test_expired_points_are_found_by_index_among_many_that_live(scheme):
    people = [scheme.person() for _ in range(3)]
    scheme.issue(dict.fromkeys(people, 30))
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, people[0], Amount(5))
        tx.execute(sa.text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(
            tx.execute(
                sa.text(
                    "EXPLAIN SELECT DISTINCT account_id FROM blocks WHERE form = 2 AND flags & 24 = 8 "
                    "AND until_ms < 5 ORDER BY account_id"
                )
            ).scalars()
        )
        assert "blocks_expiring" in plan
        assert holders_of_expired_points(tx, scheme.ledger) == []
