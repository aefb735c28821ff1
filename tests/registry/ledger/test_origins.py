"""What bundles are made of: known once they are made, and read in one look, however deep they lie in each other."""

from collections import Counter

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from registry.accounts.accounts import lock_account
from registry.errors import Invalid
from registry.ledger import gathering
from registry.ledger.blocks import Piece, Wanted
from registry.ledger.bundles import made_of, number_before, numbers_after, numbers_before, stretch_of, trace
from registry.ledger.gathering import gather
from registry.ledger.movement import Form
from registry.ledger.taking import take_exactly
from registry.upkeep.consistency import check_tables
from tests.support.backups import publisher_of


@pytest.fixture
def publisher(scheme, tmp_path):
    return publisher_of(scheme.database, tmp_path, scheme.clock)


READ = sa.text("SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables")


@pytest.fixture
def firm(scheme):
    """An institution that holds two lots: grams 0 to 19, and 20 to 39."""
    firm = scheme.institution()
    scheme.issue({firm: 20})
    scheme.issue({firm: 20})
    return firm


def gathered(scheme, tx, firm, spans):
    """Gather these spans of numbers, each as one piece, in this order as far as it is free; give the bundle's grams."""
    account = lock_account(tx, scheme.ledger.vault, firm)
    pieces = []
    for first, last in spans:
        (whole,) = take_exactly(tx, Wanted(firm, Form.REDUCTION), first, last)
        pieces.append(Piece(whole.block, first, last))
    bundle = gather(tx, scheme.ledger, account, pieces).movements[-1].movement
    return bundle.first, bundle.last


def stretches(tx, first=0):
    query = sa.text("SELECT first_g, last_g, lot_g FROM origins WHERE first_g >= :first ORDER BY first_g")
    return [tuple(row) for row in tx.execute(query, {"first": first})]


def lots_by_following(tx, first, last):
    """Count the grams of each lot by following each gram back."""
    found = Counter()
    for gram in range(first, last):
        number = gram
        while (before := number_before(tx, number)) is not None:
            number = before
        found[1 if number < 20 else 2] += 1
    return sorted(found.items())


def test_pieces_of_one_lot_stand_together(scheme, firm):
    with scheme.database.transaction() as tx:
        gathered(scheme, tx, firm, [(start, start + 2) for lot in range(0, 20, 2) for start in (lot, lot + 20)])
        assert stretches(tx) == [(40, 60, 0), (60, 80, 20)]


def test_parts_of_bundles_of_bundles_are_of_the_lots_that_their_grams_lead_to(scheme, firm):
    with scheme.database.transaction() as tx:
        gathered(scheme, tx, firm, [(3, 9), (22, 31), (12, 17)])  # grams 40 to 59: 11 of the first lot, 9 of the second
        gathered(scheme, tx, firm, [(44, 53), (31, 35), (58, 60), (17, 19)])
        gathered(scheme, tx, firm, [(61, 64), (53, 57), (67, 74)])
        end = tx.execute(sa.text("SELECT next_g FROM frontier")).scalar_one()
        for first, last in ((40, 60), (60, 77), (77, end)):
            for start in range(first, last):
                for stop in range(start + 1, last + 1):
                    parts = [(part.lot.id, part.quantity_g) for part in made_of(tx, [(start, stop)]).parts]
                    assert sorted(parts) == lots_by_following(tx, start, stop)
        assert list(check_tables(tx)) == []


def test_whoever_asks_reads_no_more_of_a_deep_bundle(scheme, firm):
    """A stranger asks for nothing; how often grams are gathered is for an institution to say."""
    with scheme.database.transaction() as tx:
        grams = gathered(scheme, tx, firm, [(start, start + 1) for start in range(40)])
    read = []
    for _ in range(3):
        with scheme.database.transaction() as tx:
            before = tx.execute(READ).scalar_one()
            assert [part.quantity_g for part in made_of(tx, [grams]).parts] == [20, 20]
            read.append(int(tx.execute(READ).scalar_one() - before))
        with scheme.database.transaction() as tx:
            for _ in range(5):
                grams = gathered(scheme, tx, firm, [grams])
    assert max(read) < 40, "fewer than it has pieces"


def test_grams_of_too_many_stretches_are_not_gathered(scheme, firm, monkeypatch):
    monkeypatch.setattr(gathering, "MAX_STRETCHES", 3)
    with scheme.database.transaction() as tx:
        mixed = gathered(scheme, tx, firm, [(0, 5), (20, 25)])
        assert stretches(tx) == [(40, 45, 0), (45, 50, 20)]
    with pytest.raises(Invalid, match="more than 3 times"), scheme.database.transaction() as tx:
        gathered(scheme, tx, firm, [mixed, (25, 30), (5, 10)])
    with scheme.database.transaction() as tx:
        assert len(stretches(tx)) == 2
        assert stretches(tx, 50) == []
        gathered(scheme, tx, firm, [mixed])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE origins SET lot_g = 20",
        "DELETE FROM origins",
        "INSERT INTO origins VALUES (900, 901, 0)",
        "UPDATE origins SET last_g = 44 WHERE first_g = 40",
    ],
)
def test_what_somebody_wrote_there_by_hand_is_found(scheme, firm, owner, statement):
    with scheme.database.transaction() as tx:
        gathered(scheme, tx, firm, [(0, 5), (20, 25)])
        assert list(check_tables(tx)) == []
    with owner.engine.connect() as tx:
        with pytest.raises(IntegrityError, match="follows from movements"):
            tx.execute(sa.text(statement))
        tx.rollback()
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        tx.execute(sa.text(statement))
        assert [found.place for found in check_tables(tx)] == ["gram 900" if "900" in statement else "gram 40"]
        tx.rollback()


def test_rows_that_stand_where_no_bundle_is_yet_keep_nobody_from_gathering(scheme, firm, owner):
    with owner.engine.begin() as tx:
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        tx.execute(sa.text("INSERT INTO origins VALUES (40, 43, 20), (44, 50, 20)"))
    with scheme.database.transaction() as tx:
        gathered(scheme, tx, firm, [(0, 5), (20, 25)])
        assert stretches(tx) == [(40, 45, 0), (45, 50, 20)]
        assert list(check_tables(tx)) == []


def test_a_gram_of_very_many_numbers_is_told_part_by_part(scheme, firm, publisher):
    with scheme.database.transaction() as tx:
        grams = (0, 20)
        for _ in range(7):
            grams = gathered(scheme, tx, firm, [grams])
    publisher.publish()
    with scheme.database.transaction() as tx:
        numbers = [3, *(43 + 20 * deep for deep in range(7))]
        assert numbers_before(tx, numbers[-1], 99) == numbers[-2::-1]
        assert numbers_after(tx, 3, 99) == numbers[1:]
        for at, number in enumerate(numbers):
            part = trace(tx, number, 2)
            assert [stretch.gram for stretch in part.stretches] == numbers[max(0, at - 2) : at + 3]
            assert part.earlier_g == (numbers[at - 3] if at > 2 else None)
            assert part.later_g == (numbers[at + 3] if at + 3 < len(numbers) else None)
        assert [stretch.earlier for stretch in trace(tx, 3).stretches] == [0] * 8
        assert (stretch_of(tx, 3, 1).earlier, len(stretch_of(tx, 3, 1).steps)) == (1, 1)


def test_lots_beyond_those_that_are_named_are_counted(scheme, firm, monkeypatch):
    monkeypatch.setattr("registry.ledger.bundles.MAX_PARTS", 1)
    with scheme.database.transaction() as tx:
        grams = gathered(scheme, tx, firm, [(0, 5), (20, 27)])
        made = made_of(tx, [grams])
        assert [(part.lot.id, part.quantity_g) for part in made.parts] == [(2, 7)]
        assert (made.other_lots, made.other_g) == (1, 5)
        both = made_of(tx, [(grams[0], grams[0] + 2), (30, 40)])
        assert (both.parts[0].quantity_g, both.other_g) == (10, 2)
