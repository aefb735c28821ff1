"""Movements as their parties read them, by their number in the database, from the moment they are recorded."""

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response

from api.door.caller import Principal
from api.door.numbers import MovementId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import READERS, READING, PartyOrReader, Purpose, note
from api.door.write import SiteOf
from api.ledger import shapes as schemas
from api.ledger import views
from api.ledger.leaves import receipt_of, receipts
from api.ledger.receipts import index_of
from registry.accounts.accounts import refuse_erased
from registry.database.schema import evidence
from registry.errors import AccountErased, Invalid, NotFound, PurposeMissing
from registry.ledger.documents import whole
from registry.ledger.queries import Seen, get_movement

OWN = (NotFound, AccountErased, PurposeMissing, Invalid)

router = APIRouter(route_class=StrictRoute, prefix="/v1/movements/{movement}", tags=["movements"])


@router.get("", summary="Read a movement of one's own", response_model=schemas.OwnMovement, responses=documented(*OWN))
def read_movement(
    movement: MovementId, caller: PartyOrReader, site: SiteOf, request: Request, purpose: Purpose = None
) -> dict[str, Any]:
    """Read a movement that one gave or received: with its act, and with its log index once it is logged."""
    with site.database.reading() as tx:
        return views.own_movement(_own(request, tx, caller, movement, purpose))


@router.get(
    "/evidence",
    summary="Read what a movement rests on",
    response_model=schemas.EvidenceAnswer,
    responses=documented(*OWN),
)
def read_evidence(
    movement: MovementId, caller: PartyOrReader, site: SiteOf, request: Request, purpose: Purpose = None
) -> dict[str, Any]:
    """Read a movement's evidence with its salts, so that any field can be shown to others and checked alone."""
    with site.database.reading() as tx:
        seen = _own(request, tx, caller, movement, purpose)
        row = tx.execute(sa.select(evidence).where(evidence.c.digest == seen.movement.evidence)).one()
    fields = whole(site.ledger.vault, row)
    if fields is None:
        raise NotFound("This document was lost with a database. Its digest is in the leaf: a copy can be given back.")
    return {"digest": seen.movement.evidence.hex(), "fields": fields}


@router.get(
    "/receipt", summary="Get the receipt of one's own movement", response_class=Response, responses=receipts(*OWN)
)
def read_receipt(
    movement: MovementId, caller: PartyOrReader, site: SiteOf, request: Request, purpose: Purpose = None
) -> Response:
    """Get a movement's receipt, the same that everybody gets by its log index."""
    with site.database.reading() as tx:
        seen = _own(request, tx, caller, movement, purpose)
    return receipt_of(site, index_of(seen))


def _own(request: Request, tx: sa.Connection, caller: Principal, number: int, purpose: str | None) -> Seen:
    """Read a movement for a party or an authority. For anybody else it is not there, whether it is or not."""
    mine = caller.accounts(*READING)
    for account in mine:
        refuse_erased(tx, account)
    seen = get_movement(tx, number)
    if not caller.has(*READERS) and not mine & {seen.giver_id, seen.account_id}:
        raise NotFound(f"There is no movement {number}.")
    if not mine & {seen.giver_id, seen.account_id}:
        parties = frozenset(one for one in (seen.giver_id, seen.account_id) if one is not None)
        note(request, caller, parties, purpose, *READERS)
    return seen
