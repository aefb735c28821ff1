"""What becomes of an order: it is done while its caller waits, or noted as a job where it takes longer than that."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from fastapi import Response

from api.acts.orders import Order
from api.door.write import ACCEPTED, Write
from api.jobs import views
from registry.accounts.accounts import lock_account
from registry.errors import TooManyBlocks
from registry.jobs.jobs import add_job, get_job, refuse_beside

MOVEMENT = "/v1/movements/{movements[0][id]}"
"""Where the first movement of an act is read by its parties."""


def order(write: Write, account_id: int, ordered: Order) -> Response:
    """Do what a holder orders, and answer 201 with the act, or 202 with the job that will do it."""
    body, ledger = ordered.model_dump(), write.site.ledger

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        refuse_beside(tx, account_id)
        return ordered.act(tx, ledger, account_id)

    try:
        return write.perform(body, act, at=MOVEMENT)
    except TooManyBlocks as many:
        quantity_g = many.quantity_g

    def note(tx: sa.Connection) -> Mapping[str, Any]:
        refuse_beside(tx, account_id)
        lock_account(tx, ledger.vault, account_id)  # which may have been erased since the act was tried
        kept = ordered.model_dump(by_alias=True, exclude_none=True)
        number = add_job(tx, ledger.vault, account_id, ordered.kind, kept, quantity_g, ledger.clock())
        return views.job(get_job(tx, ledger.vault, account_id, number))

    return write.perform(body, note, at=MOVEMENT, status=ACCEPTED)
