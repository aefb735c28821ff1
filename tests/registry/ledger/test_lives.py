"""Reading a block's life: by any gram, by any serial it ever had."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from anchoring.publishing.publisher import Publisher
from registry.accounts.accounts import get_account
from registry.consumption.cancel import Intent, cancel
from registry.errors import NotFound
from registry.ledger.blocks import Piece, Wanted
from registry.ledger.bundles import trace
from registry.ledger.child import Step
from registry.ledger.ledger import Amount, to_account
from registry.ledger.logged import (
    Logged,
    block_at,
    children,
    get_certificate,
    leaf_at,
    life_of_block,
    list_leaves,
)
from registry.ledger.lots import list_lots
from registry.ledger.movement import Form, Kind
from registry.ledger.posting import post
from registry.ledger.queries import MAX_PAGE
from registry.ledger.taking import take
from registry.ledger.totals import totals
from registry.points.points import convert, redeem, refund, return_points
from tests.support.backups import publisher_of
from tests.support.publishing import GATE, sign_alone
from tests.support.scheme import FOUNDED, Scheme


def kinds(seen: Sequence[Logged]) -> list[int]:
    return [one.movement.kind for one in seen]


@pytest.fixture
def publisher(scheme: Scheme, tmp_path: Path) -> Publisher:
    return publisher_of(scheme.database, tmp_path / "log", scheme.clock)


@pytest.fixture
def story(scheme: Scheme, publisher: Publisher) -> Scheme:
    """Grams 0-999 of one person, 1000-1999 of another; 0-599 become points, 0-99 are redeemed, 600-649 cancelled."""
    rider, other, provider = scheme.person(), scheme.person("Other"), scheme.institution()
    scheme.issue({rider: 1000, other: 1000})
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, rider, Amount(600))
        redeem(tx, scheme.ledger, rider, provider, 100)
        cancel(tx, scheme.ledger, rider, Amount(50), Intent("reduction", "voluntary-offset"))
    publisher.publish()
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
        assert (leaf_at(tx, maker).movement.kind, start, end) == (kind, first, last)


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


def test_a_long_life_says_how_much_came_before_what_is_shown(scheme: Scheme, publisher: Publisher) -> None:
    rider, shop = scheme.person(), scheme.institution()
    lot = scheme.issue({rider: 100})
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, rider, Amount(50))
        for _ in range(4):
            spent = redeem(tx, scheme.ledger, rider, shop, 10)
            refund(tx, scheme.ledger, shop, spent.act_id, Amount(10))
    publisher.publish()
    with scheme.database.transaction() as tx:
        shown, _ = life_of_block(tx, lot.first, lot.first + 10, limit=3)
        assert (kinds(shown.steps), shown.earlier) == ([Kind.REFUND, Kind.REDEEM, Kind.REFUND], 7)
        whole, _ = life_of_block(tx, lot.first, lot.first + 10)
        assert (len(whole.steps), whole.earlier) == (10, 0)
        old, _ = life_of_block(tx, lot.first, lot.first + 100, limit=1)
        assert (kinds(old.steps), old.earlier) == ([Kind.ISSUE], 0), "an early block is found under a long life"


def test_how_often_a_gram_moved_is_looked_back_so_far(scheme: Scheme, publisher: Publisher, monkeypatch) -> None:
    """Institutions say how often; a stranger who asks has no more read than this."""
    rider, shop = scheme.person(), scheme.institution()
    lot = scheme.issue({rider: 100})
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, rider, Amount(50))
        for _ in range(4):
            spent = redeem(tx, scheme.ledger, rider, shop, 10)
            refund(tx, scheme.ledger, shop, spent.act_id, Amount(10))
    publisher.publish()
    monkeypatch.setattr("registry.ledger.logged.MAX_WALK", 4)
    with scheme.database.transaction() as tx:
        shown, _ = life_of_block(tx, lot.first, lot.first + 10, limit=3)
        assert (len(shown.steps), shown.earlier, shown.more) == (3, 2, True)
        with pytest.raises(NotFound, match=f"in the last 4 steps of gram {lot.first}"):
            life_of_block(tx, lot.first, lot.first + 100)


PIECES = 600


def test_nothing_of_an_act_or_of_what_became_of_a_block_is_left_out(scheme: Scheme, publisher: Publisher) -> None:
    rider, firm = scheme.person(), scheme.institution()
    lot = scheme.issue({rider: 2 * PIECES})
    with scheme.database.transaction() as tx:
        block = take(tx, Wanted(rider, Form.REDUCTION), 1)[0].block
        odd = [Piece(block, gram, gram + 1) for gram in range(lot.first, lot.last, 2)]
        to = to_account(get_account(tx, scheme.ledger.vault, firm))
        post(tx, scheme.ledger.vault, "transfer", rider, odd, Step(Kind.TRANSFER, scheme.clock(), 1), {}, to)
        done = cancel(tx, scheme.ledger, firm, Amount(PIECES), Intent("reduction", "donation"))
    publisher.publish()
    with scheme.database.transaction() as tx:
        found = get_certificate(tx, scheme.ledger.vault, done.certificate)
        cancels = list(found.cancels)
        while found.next_cursor:
            assert len(found.cancels) == MAX_PAGE
            found = get_certificate(tx, scheme.ledger.vault, done.certificate, cursor=found.next_cursor)
            cancels += found.cancels
        assert len(cancels) == PIECES
        leaves = list_leaves(tx, cursor=str(FOUNDED + 10)).items
        (issue,) = (leaf for leaf in leaves if leaf.movement.kind == Kind.ISSUE)
        found, cursor = [], None
        while True:
            page = children(tx, issue.index, cursor=cursor)
            found += page.items
            if (cursor := page.next_cursor) is None:
                break
        assert [seen.movement.first for seen in found] == list(range(lot.first, lot.last, 2))
        middle = children(tx, issue.index, lot.first + 1, lot.first + 5)
        assert [seen.movement.first for seen in middle.items] == [lot.first + 2, lot.first + 4]


def test_what_is_only_recorded_is_not_there(story: Scheme, publisher: Publisher) -> None:
    """Grams stand where the published log has them, whoever took them since; all answers stay as they were."""
    queries = [(gram, gram + size) for gram in range(0, 2100, 25) for size in (1, 50, 300)]

    def told() -> list[object]:
        said: list[object] = []
        with story.database.transaction() as tx:
            said += [list_leaves(tx), totals(tx), totals(tx, 1), list_lots(tx)]
            for first, last in queries:
                for read in (block_at, trace):
                    try:
                        said.append(read(tx, first))
                    except NotFound as error:
                        said.append(str(error))
                try:
                    said.append(life_of_block(tx, first, last))
                except NotFound as error:
                    said.append(str(error))
        return said

    before = told()
    rider, provider = 2, 4
    with story.database.transaction() as tx:
        convert(tx, story.ledger, rider, Amount(100))
        redeem(tx, story.ledger, rider, provider, 300)
        return_points(tx, story.ledger, provider, None)
        cancel(tx, story.ledger, rider, Amount(20), Intent("points", "donation"))
    story.issue({rider: 50})
    assert told() == before
    sign_alone(story.database.transaction, publisher.folder, publisher.signer, story.clock, GATE)
    assert told() == before, "signed, and cosigned by nobody"
    publisher.publish()
    assert told() != before
