"""Reading a block's life: by any gram, by any serial it ever had."""

from collections.abc import Sequence

import pytest

from registry.accounts.accounts import get_account
from registry.consumption.cancel import Intent, cancel
from registry.errors import NotFound
from registry.ledger.blocks import Piece, Wanted
from registry.ledger.child import Step
from registry.ledger.ledger import Amount, to_account
from registry.ledger.movement import Form, Kind
from registry.ledger.posting import post
from registry.ledger.publication import all_logged
from registry.ledger.queries import Seen, block_at, children, life_of_block, movement_at, movements_of_act
from registry.ledger.taking import take
from registry.points.points import convert, redeem, refund
from tests.support.scheme import Scheme


def kinds(seen: Sequence[Seen]) -> list[int]:
    return [one.movement.kind for one in seen]


@pytest.fixture
def story(scheme: Scheme) -> Scheme:
    """Grams 0-999 of one person, 1000-1999 of another; 0-599 become points, 0-99 are redeemed, 600-649 cancelled."""
    rider, other, provider = scheme.person(), scheme.person("Other"), scheme.institution()
    scheme.issue({rider: 1000, other: 1000})
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, rider, Amount(600))
        redeem(tx, scheme.ledger, rider, provider, 100)
        cancel(tx, scheme.ledger, rider, Amount(50), Intent("reduction", "voluntary-offset"))
    return scheme


@pytest.mark.parametrize(
    ("gram", "kind", "first", "last"),
    [
        (0, Kind.REDEEM, 0, 100),
        (99, Kind.REDEEM, 0, 100),
        (100, Kind.CONVERT, 100, 600),
        (600, Kind.CANCEL, 600, 650),
        (650, Kind.ISSUE, 650, 1000),
        (1999, Kind.ISSUE, 1000, 2000),
    ],
)
def test_a_gram_is_in_one_block(story: Scheme, gram: int, kind: Kind, first: int, last: int) -> None:
    with story.database.transaction() as tx:
        maker, start, end = block_at(tx, gram)
    assert (maker.movement.kind, start, end) == (kind, first, last)


@pytest.mark.parametrize("gram", [2000, 2**63 - 1, 2**63, 10**30])
def test_a_gram_that_was_not_issued_is_not_found(story: Scheme, gram: int) -> None:
    with story.database.transaction() as tx, pytest.raises(NotFound):
        block_at(tx, gram)


@pytest.mark.parametrize(
    ("first", "last", "life", "after"),
    [
        (0, 1000, [Kind.ISSUE], [Kind.CONVERT, Kind.CANCEL]),
        (0, 600, [Kind.ISSUE, Kind.CONVERT], [Kind.REDEEM]),
        (0, 100, [Kind.ISSUE, Kind.CONVERT, Kind.REDEEM], []),
        (100, 600, [Kind.ISSUE, Kind.CONVERT], []),
        (600, 1000, [Kind.ISSUE], [Kind.CANCEL]),  # what the conversion left, before the cancellation
        (600, 650, [Kind.ISSUE, Kind.CANCEL], []),
        (650, 1000, [Kind.ISSUE], []),
        (50, 60, [Kind.ISSUE, Kind.CONVERT, Kind.REDEEM], []),
    ],
)
def test_a_serial_keeps_naming_the_same_life(
    story: Scheme, first: int, last: int, life: list[Kind], after: list[Kind]
) -> None:
    with story.database.transaction() as tx:
        lived, took = life_of_block(tx, first, last)
    assert (kinds(lived.steps), lived.earlier, kinds(took.items)) == (life, 0, after)


@pytest.mark.parametrize(("first", "last"), [(0, 2000), (999, 1001), (5, 5), (7, 3), (1500, 2500), (2000, 2001)])
def test_grams_that_never_were_one_block_have_no_life(story: Scheme, first: int, last: int) -> None:
    with story.database.transaction() as tx, pytest.raises(NotFound):
        life_of_block(tx, first, last)


def test_a_long_life_says_how_much_came_before_what_is_shown(scheme: Scheme) -> None:
    rider, shop = scheme.person(), scheme.institution()
    lot = scheme.issue({rider: 100})
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, rider, Amount(50))
        for _ in range(4):
            spent = redeem(tx, scheme.ledger, rider, shop, 10)
            refund(tx, scheme.ledger, shop, spent.act_id, Amount(10))
        shown, _ = life_of_block(tx, lot.first, lot.first + 10, limit=3)
        assert (kinds(shown.steps), shown.earlier) == ([Kind.REFUND, Kind.REDEEM, Kind.REFUND], 7)
        whole, _ = life_of_block(tx, lot.first, lot.first + 10)
        assert (len(whole.steps), whole.earlier) == (10, 0)
        old, _ = life_of_block(tx, lot.first, lot.first + 100, limit=1)
        assert (kinds(old.steps), old.earlier) == ([Kind.ISSUE], 0), "an early block is found under a long life"


PIECES = 600


def test_nothing_of_an_act_or_of_what_became_of_a_block_is_left_out(scheme: Scheme) -> None:
    rider, firm = scheme.person(), scheme.institution()
    lot = scheme.issue({rider: 2 * PIECES})
    with scheme.database.transaction() as tx:
        block = take(tx, Wanted(rider, Form.REDUCTION), 1)[0].block
        odd = [Piece(block, gram, gram + 1) for gram in range(lot.first, lot.last, 2)]
        to = to_account(get_account(tx, scheme.ledger.vault, firm))
        post(tx, scheme.ledger.vault, "transfer", rider, odd, Step(Kind.TRANSFER, scheme.clock(), 1), {}, to)
        done = cancel(tx, scheme.ledger, firm, Amount(PIECES), Intent("reduction", "donation")).posted
        assert len(movements_of_act(tx, done.act_id)) == PIECES
        found, cursor = [], None
        while True:
            page = children(tx, lot.movements[0].id, cursor=cursor)
            found += page.items
            if (cursor := page.next_cursor) is None:
                break
        assert [seen.movement.first for seen in found] == list(range(lot.first, lot.last, 2))
        middle = children(tx, lot.movements[0].id, lot.first + 1, lot.first + 5)
        assert [seen.movement.first for seen in middle.items] == [lot.first + 2, lot.first + 4]


def test_nothing_is_logged_before_it_is_published(story: Scheme) -> None:
    with story.database.transaction() as tx:
        assert not all_logged(tx)
        assert not all_logged(tx, 999, 1000)
        assert all_logged(tx, 2000, 3000)
        with pytest.raises(NotFound):
            movement_at(tx, 0)
