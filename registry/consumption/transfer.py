"""Transfers of reductions between accounts: by agreement, or as a donation.

Listed trades and pledge executions take grams out of a lock; they come with the market.
"""

import sqlalchemy as sa

from registry.accounts.accounts import lock_account
from registry.consumption.channels import Open, open_channel
from registry.errors import Invalid
from registry.events.outbox import tell
from registry.events.types import TRANSFER_RECEIVED
from registry.ledger.blocks import Piece, Wanted
from registry.ledger.child import Step
from registry.ledger.ledger import Amount, Ledger, in_time, receiver, reference_facts, to_account
from registry.ledger.movement import Form, Kind, Purpose
from registry.ledger.posting import Posted, post
from registry.policies.behaviours import kept_from_trade, telling

PURPOSES = {"agreement": Purpose.AGREEMENT, "donation": Purpose.DONATION_TRANSFER}
CHANNEL_OF = {"agreement": "trading", "donation": "donation"}
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
    """Transfer reductions to another account, for "agreement" or "donation"; `reference` names the agreement.

    Raises `ChannelClosed` when the policy in force does not open that use.
    """
    if purpose not in PURPOSES:
        raise Invalid("The purpose of a transfer is agreement or donation.")
    named = reference_facts(reference)
    lock_account(tx, ledger.vault, account_id)

    channels: list[Open] = []

    def take(at: int) -> list[Piece]:
        channels.append(open_channel(tx, ledger, CHANNEL_OF[purpose], Form.REDUCTION, at))
        kept = kept_from_trade(tx, ledger, at) if purpose == "agreement" else ()
        has, lacks = channels[-1].has, channels[-1].lacks
        wanted = Wanted(account_id, Form.REDUCTION, has=has, lacks=lacks, most=ledger.most, kept=kept)
        with telling(kept):
            return amount.of(tx, wanted, NO_POINTS)

    at, pieces = in_time(ledger, take)
    to = receiver(tx, ledger, account_id, to_id)
    step = Step(Kind.TRANSFER, at, PURPOSES[purpose])
    moved = post(
        tx,
        ledger.vault,
        "transfer",
        account_id,
        pieces,
        step,
        {"purpose": purpose, "policy_sha256": channels[-1].policy_sha256} | named,
        to_account(to),
        tuple(named),
        ledger.tell,
    )
    if not to.is_individual:
        tell(tx, TRANSFER_RECEIVED, to.id, at, moved.told)
    return moved
