"""Running totals are the sums of what lives and what ended, folded or not, whoever acts beside."""

import threading

import pytest
import sqlalchemy as sa

from registry.errors import Insufficient
from registry.ledger.consistency import check_tables
from registry.ledger.ledger import Amount
from registry.ledger.totals import ALL, BUNDLES, GATHERED, LIVED, fold, recount, totals
from registry.points.points import convert, holders_of_expired_points
from tests.support.simulation import Simulation


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


def test_totals_of_a_life_are_its_sums_before_and_after_they_are_folded(scheme):
    simulation = Simulation(scheme, 5)
    for _ in range(3):
        simulation.run(60)
        with scheme.database.transaction() as tx:
            before = told(tx)
            assert as_counted(before) == counted(tx)
            assert len(before) > 2
            assert fold(tx) > 0
            assert told(tx) == before
            assert fold(tx) == 0
            assert list(check_tables(tx)) == []


def test_acts_of_different_people_do_not_wait_for_each_other_or_for_a_fold(scheme):
    people = [scheme.person() for _ in range(2)]
    scheme.issue(dict.fromkeys(people, 10))
    with scheme.database.transaction() as one, scheme.database.transaction() as other:
        for tx in (one, other):
            tx.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
        convert(one, scheme.ledger, people[0], Amount(3))
        convert(other, scheme.ledger, people[1], Amount(4))
        with scheme.database.transaction() as third:
            third.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
            fold(third)
    with scheme.database.transaction() as tx:
        assert (totals(tx).reduction_g, totals(tx).points_g) == (13, 7)


def test_folds_at_once_and_acts_between_them_lose_nothing(scheme):
    person = scheme.person()
    scheme.issue({person: 200})
    over = threading.Event()

    def keep_folding():
        while not over.is_set():
            with scheme.database.transaction() as tx:
                fold(tx)

    folding = [threading.Thread(target=keep_folding) for _ in range(2)]
    for thread in folding:
        thread.start()
    for _ in range(60):
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, person, Amount(1))
            of = totals(tx)
            assert of.issued_g == of.reduction_g + of.points_g == 200
    over.set()
    for thread in folding:
        thread.join()
    with scheme.database.transaction() as tx:
        assert totals(tx).points_g == 60


def test_an_act_that_is_refused_leaves_no_change(scheme):
    person = scheme.person()
    scheme.issue({person: 5})

    def convert_twice():
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, person, Amount(5))
            convert(tx, scheme.ledger, person, Amount(5))

    with pytest.raises(Insufficient):
        convert_twice()
    with scheme.database.transaction() as tx:
        assert totals(tx).points_g == 0


@pytest.mark.parametrize(
    "falsehood",
    [
        "UPDATE totals SET grams = grams + 1 WHERE lot_id = 0 AND form = 1",
        "UPDATE totals SET grams = grams + 1 WHERE lot_id <> 0",
        "INSERT INTO total_changes VALUES (1, 1, 0, 5)",
        "DELETE FROM totals",
    ],
)
def test_false_totals_are_named_and_made_anew(scheme, owner, falsehood):
    scheme.issue({scheme.person(): 10})
    with owner.transaction() as tx:
        fold(tx)
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
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
