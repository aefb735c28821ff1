"""Gathering reductions: what an institution holds in many blocks becomes one, to be traded, pledged or cancelled so."""

import sqlalchemy as sa

from registry.ledger.gathering import gather_held
from registry.ledger.ledger import Amount, Ledger
from registry.ledger.movement import Form
from registry.ledger.posting import Posted


def gather_reductions(
    tx: sa.Connection, ledger: Ledger, account_id: int, amount: Amount | None, of_class: str | None = None
) -> Posted:
    """Turn reductions that an institution holds into one bundle of the same grams.

    `amount` None takes all, `of_class` only those of a class ("I", "II"). Raises `RuleBroken` for a person's, and for
    reductions that are not all of one sort (`registry.ledger.gathering`).
    """
    return gather_held(tx, ledger, account_id, Form.REDUCTION, amount, of_class)
