"""The ledger on a real PostgreSQL against a model of single grams, by seeded random sequences of all acts.

`python -m tests.simulation` does the same with every seed that it plays.
"""

import pytest
import sqlalchemy as sa

from registry.database.schema import movements
from registry.ledger.blocks import movement_of
from registry.ledger.movement import Kind
from registry.ledger.rules import broken_rule
from tests.support import naive_rules
from tests.support.simulation import Simulation

_HISTORY = sa.select(movements).where(movements.c.kind < 64).order_by(movements.c.id)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_the_ledger_is_what_a_model_of_single_grams_says(scheme, seed):
    simulation = Simulation(scheme, seed)
    simulation.run(300)
    kinds = replay(scheme.database, simulation.acts.cards)
    assert kinds == set(range(1, 13)), "every kind came about"
    assert sum(simulation.failed.values()) > 20, "and enough was refused"


def replay(database, cards):
    """Hold every movement in the database against the rules, and answer the kinds met."""
    with database.transaction() as tx:
        written = {row.id: movement_of(row) for row in tx.execute(_HISTORY)}
    taken = set()
    for movement in written.values():
        parent = None if movement.parent is None else written[movement.parent]
        assert broken_rule(movement, parent) is None
        assert naive_rules.allowed(movement, parent)
        grams = {(movement.parent, number) for number in range(movement.first, movement.last)}
        assert not grams & taken, "no gram leaves a parent twice, and none is issued twice"
        taken |= grams
    assert cards.issued == sum(m.quantity_g for m in written.values() if m.kind == Kind.ISSUE)
    assert cards.gathered == sum(m.quantity_g for m in written.values() if m.kind == Kind.BUNDLE)
    assert cards.gathered + cards.ended == sum(m.quantity_g for m in written.values() if m.is_end)
    return {movement.kind for movement in written.values()}
