"""Gathering reductions: what an institution holds in many blocks becomes one, to be traded, pledged or cancelled so."""

import sqlalchemy as sa

from registry.accounts.accounts import lock_account
from registry.errors import RuleBroken
from registry.ledger.blocks import Wanted
from registry.ledger.gathering import gather
from registry.ledger.ledger import Amount, Ledger
from registry.ledger.movement import Form
from registry.ledger.posting import Posted


def gather_reductions(tx: sa.Connection, ledger: Ledger, account_id: int, amount: Amount) -> Posted:
    """Turn reductions that an institution holds into one bundle of the same grams.

    Raises `RuleBroken` for a person's, and for reductions that are not all of one sort (`registry.ledger.gathering`).
    """
    account = lock_account(tx, ledger.vault, account_id)
    if account.is_individual:
        raise RuleBroken("Only an institution gathers reductions; a person's stay as they are.")
    return gather(tx, ledger, account, "bundle", amount.of(tx, Wanted(account_id, Form.REDUCTION)))
