"""Transfers of reductions between accounts: by agreement, or as a donation.

Listed trades and pledge executions take grams out of a lock; they come with the market.
"""

import sqlalchemy as sa

from registry.accounts.accounts import lock_account
from registry.errors import Invalid
from registry.ledger.blocks import Wanted
from registry.ledger.child import Step
from registry.ledger.ledger import Amount, Ledger, in_time, receiver, reference_facts, to_account
from registry.ledger.movement import Form, Kind, Purpose
from registry.ledger.posting import Posted, post

PURPOSES = {"agreement": Purpose.AGREEMENT, "donation": Purpose.DONATION_TRANSFER}
NO_POINTS = (
    "Points are not transferred: a person redeems them at a provider or cancels them (form: points), an institution "
    "returns them to reductions first."
)


def transfer(
    tx: sa.Connection,
    ledger: Ledger,
    account_id: int,
    to_id: int,
    amount: Amount,
    purpose: str,
    reference: str | None = None,
) -> Posted:
    """Transfer reductions to another account, for "agreement" or "donation"; `reference` names the agreement."""
    if purpose not in PURPOSES:
        raise Invalid("The purpose of a transfer is agreement or donation.")
    named = reference_facts(reference)
    lock_account(tx, ledger.vault, account_id)
    wanted = Wanted(account_id, Form.REDUCTION, most=ledger.most)
    at, pieces = in_time(ledger, lambda _: amount.of(tx, wanted, NO_POINTS))
    to = receiver(tx, ledger, account_id, to_id)
    step = Step(Kind.TRANSFER, at, PURPOSES[purpose])
    return post(
        tx,
        ledger.vault,
        "transfer",
        account_id,
        pieces,
        step,
        {"purpose": purpose} | named,
        to_account(to),
        tuple(named),
        ledger.tell,
    )
