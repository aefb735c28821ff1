"""The order of a batch: records first, parents before children, and nothing else that anybody could read from it."""

from collections import Counter

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from anchoring.leaf import decode
from anchoring.publishing.order import draw_secretly, drawn_order
from anchoring.publishing.waiting import MOVEMENT
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TileReader
from registry.ledger.ledger import Amount
from registry.points.points import convert
from tests.support.scheme import FOUNDED


def rows_of(kinds, parents, ids):
    rows = np.zeros(len(ids), MOVEMENT)
    rows["id"], rows["kind"], rows["parent"] = ids, kinds, parents
    return rows


@st.composite
def batches(draw):
    """Records and movements, each movement's parent before it in the batch, outside of it, or none."""
    ids = sorted(draw(st.sets(st.integers(2, 200), max_size=30)))
    is_record = [draw(st.booleans()) and draw(st.booleans()) for _ in ids]
    parents = [
        0
        if record
        else draw(st.sampled_from([0, 1, *(n for n, other in zip(ids[:at], is_record, strict=False) if not other)]))
        for at, record in enumerate(is_record)
    ]
    return rows_of([70 if record else 2 for record in is_record], parents, ids)


@given(batches(), st.integers(0, 2**32))
def test_records_come_first_and_no_child_before_its_parent(rows, seed):
    order = drawn_order(rows, np.random.default_rng(seed).random)
    assert sorted(order.tolist()) == list(range(len(rows)))
    logged = rows[order]
    records = int((rows["kind"] == 70).sum())
    assert logged["id"][:records].tolist() == rows["id"][rows["kind"] == 70].tolist()
    place = {number: at for at, number in enumerate(logged["id"].tolist())}
    for row in logged:
        assert place.get(int(row["parent"]), -1) < place[int(row["id"])]


@given(batches())
def test_what_is_drawn_in_rising_order_stays_as_it_was_recorded(rows):
    order = drawn_order(rows, lambda count: np.arange(count) / count)
    is_record = rows["kind"] == 70
    assert order.tolist() == [*np.flatnonzero(is_record), *np.flatnonzero(~is_record)]


def test_every_place_is_as_probable_for_each_of_an_act():
    """Four movements of one act among sixteen others: they are neighbours as often as any four."""
    rows, generator = rows_of(np.full(20, 4), np.zeros(20), np.arange(1, 21)), np.random.default_rng(0)
    draws = 20_000
    places, gaps = Counter(), Counter()
    for _ in range(draws):
        order = drawn_order(rows, generator.random)
        own = np.flatnonzero(order < 4)
        places.update(own.tolist())
        gaps.update(np.diff(own).tolist())
    assert all(abs(places[place] / draws - 4 / 20) < 0.015 for place in range(20))
    # Two that follow each other are neighbours in 4 of 20 cases: C(19, 3) of C(20, 4) ways to stand, for each of three.
    assert abs(gaps[1] / (3 * draws) - 4 / 20) < 0.01


def test_what_is_drawn_secretly_is_between_zero_and_one_and_never_the_same():
    drawn = draw_secretly(100_000)
    assert drawn.shape == (100_000,)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 0.01
    assert len(np.unique(drawn)) == 100_000
    assert not np.array_equal(drawn, draw_secretly(100_000))


def test_what_is_logged_is_in_no_order_of_the_database(scheme, publisher):
    riders = [scheme.person() for _ in range(40)]
    scheme.issue(dict.fromkeys(riders, 10))
    for rider in riders:
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, rider, Amount(10))
    size = publisher.publish()
    reader = TileReader(DirectorySource(publisher.folder.path))
    leaves = [decode(reader.leaf(index, size)) for index in range(size)]
    kinds = [leaf.kind for leaf in leaves]
    records = sum(kind >= 64 for kind in kinds)
    assert min(kinds[:records]) >= 64
    assert all(leaf.parent is None or leaf.parent < index for index, leaf in enumerate(leaves))
    assert kinds[records:] != sorted(kinds[records:]), "issues and conversions are mixed"
    firsts = [leaf.first for leaf in leaves if leaf.kind == 1]
    assert firsts != sorted(firsts)
    query = sa.text("SELECT movement_id FROM log_entries ORDER BY index")
    with scheme.database.transaction() as tx:
        numbers = tx.execute(query).scalars().all()
    assert numbers[:records] == sorted(numbers[:records])
    assert numbers[records:] != sorted(numbers[records:])


ORDERS = {
    "records last": "kind >= 64, id",
    "records in another order": "kind < 64, CASE WHEN kind < 64 THEN id ELSE -id END",
    "children first": "kind < 64, -id",
}


@pytest.mark.parametrize("order", ORDERS)
def test_leaves_that_were_put_into_another_order(scheme, owner, publisher, order):
    """Staged and not signed, an order that none of ours is waits again, and nothing is lost."""
    rider = scheme.person()
    scheme.issue({rider: 10, scheme.person(): 5})
    if order == "children first":
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, rider, Amount(10))
    publisher.on_step = stopping_when_staged
    with pytest.raises(Stopped):
        publisher.publish()
    with owner.transaction() as tx:
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        tx.execute(sa.text("UPDATE log_entries SET index = index + 1000"))
        ordered = sa.text(f"SELECT id FROM movements ORDER BY {ORDERS[order]}")  # noqa: S608
        for index, number in enumerate(tx.execute(ordered).scalars().all()):
            values = {"index": index, "number": number}
            tx.execute(sa.text("UPDATE log_entries SET index = :index WHERE movement_id = :number"), values)
        count = tx.execute(sa.text("SELECT count(*) FROM movements")).scalar_one()
    publisher.on_step = lambda _step: None
    size = publisher.publish()
    reader = TileReader(DirectorySource(publisher.folder.path))
    leaves = [decode(reader.leaf(index, size)) for index in range(size)]
    assert size == count
    kinds = [leaf.kind for leaf in leaves[: FOUNDED + 2]]
    assert kinds == [64] * (FOUNDED - 10) + [65] * 3 + [66] * 7 + [69] * 2
    assert all(leaf.parent is None or leaf.parent < index for index, leaf in enumerate(leaves))


class Stopped(Exception):
    """The publisher ended here."""


def stopping_when_staged(step):
    if step == "staged":
        raise Stopped
