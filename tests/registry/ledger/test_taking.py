"""What an act reads of an account that holds very many blocks, whatever the planner takes them to be."""

import pytest
import sqlalchemy as sa

from registry.accounts.accounts import receiving_account
from registry.errors import TooManyBlocks
from registry.ledger.blocks import Piece, Wanted
from registry.ledger.child import Step
from registry.ledger.ledger import to_account
from registry.ledger.movement import Form, Kind, Purpose
from registry.ledger.posting import post
from registry.ledger.taking import sorts_of, take

BLOCKS, GRAMS = 2_000, 3
READ = sa.text("SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables")


@pytest.fixture
def firm(scheme, owner):
    """An institution that holds many blocks, which the planner has counted."""
    firm, giver, vault = scheme.institution(), scheme.institution(), scheme.ledger.vault
    scheme.issue({giver: BLOCKS * GRAMS})
    with scheme.database.transaction() as tx:
        (whole,) = take(tx, Wanted(giver, Form.REDUCTION), None)
        pieces = [Piece(whole.block, first, first + GRAMS) for first in range(whole.first, whole.last, GRAMS)]
        step = Step(Kind.TRANSFER, scheme.clock(), Purpose.AGREEMENT)
        post(tx, vault, "transfer", giver, pieces, step, {}, to_account(receiving_account(tx, vault, firm)))
    with owner.transaction() as tx:
        tx.execute(sa.text("ANALYZE blocks, movements, acts"))
    return firm


def rows_read(scheme, act):
    """Count the rows that it reads of all tables."""
    with scheme.database.transaction() as tx:
        before = tx.execute(READ).scalar_one()
        act(tx)
        return int(tx.execute(READ).scalar_one() - before)


def test_what_is_taken_first_is_found_without_reading_all_blocks_with_their_movements(scheme, firm):
    def one_block(tx):
        assert len(take(tx, Wanted(firm, Form.REDUCTION), GRAMS)) == 1

    assert rows_read(scheme, one_block) < 2 * BLOCKS


def test_what_is_there_and_of_which_sorts_is_told_from_the_blocks_alone(scheme, firm):
    def too_many(tx):
        with pytest.raises(TooManyBlocks) as refused:
            take(tx, Wanted(firm, Form.REDUCTION, most=1), None)
        assert refused.value.quantity_g == BLOCKS * GRAMS

    def sorts(tx):
        assert len(sorts_of(tx, Wanted(firm, Form.REDUCTION), BLOCKS * GRAMS)) == 1

    assert rows_read(scheme, too_many) < 3 * BLOCKS
    assert rows_read(scheme, sorts) < 2 * BLOCKS
