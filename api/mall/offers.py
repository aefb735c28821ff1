"""Offers: proposed by a provider, decided by the exchange, read by everybody."""

from functools import partial
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response

from api.decisions.officers import officer_of
from api.door.numbers import AccountId, Cursor, Limit, OfferId
from api.door.problems import documented
from api.door.reasons import read_reason
from api.door.route import StrictRoute
from api.door.times import read_time
from api.door.who import PROVIDING
from api.door.write import ByProvider, SiteOf, answering
from api.mall.providers import OFFICERS, AnExchange, ByExchange
from api.mall.shapes import MoreStock, NewCodes, NewOffer, Offer, OfferDecision, Offers, OwnOffer, OwnOffers
from registry.accounts.accounts import open_row
from registry.errors import AccountErased, Conflict, NotFound, OfferClosed
from registry.ledger.queries import bounded, read_cursor
from registry.mall import offers

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["mall"])
OWN = "/v1/accounts/{account_id}/offers"
CHANGED = (NotFound, AccountErased, Conflict)


made = partial(answering, OwnOffer)


@router.post("/accounts/{account_id}/offers", summary="Propose an offer", **made(*CHANGED, OfferClosed))
def propose_an_offer(account_id: AccountId, body: NewOffer, write: ByProvider) -> Response:
    """Propose what is given for points; the exchange lists it, or refuses it with a reason."""
    ledger = write.site.ledger
    new = offers.NewOffer(
        body.kind, body.name_zh, body.name_en, body.text_zh, body.text_en, body.price, body.stock, body.budget,
        read_time(body.until),
    )  # fmt: skip

    def act(tx: sa.Connection) -> dict[str, Any]:
        open_row(tx, account_id)
        return _shown(tx, offers.propose(tx, ledger, account_id, new))

    return write.perform(body.model_dump(), act, at=OWN.format(account_id=account_id))


@router.get(
    "/accounts/{account_id}/offers", summary="List one's own offers", dependencies=[Depends(PROVIDING)],
    responses=documented(NotFound, AccountErased),
)  # fmt: skip
def read_own_offers(account_id: AccountId, site: SiteOf, cursor: Cursor = None, limit: Limit = 50) -> OwnOffers:
    """List the offers of an account, in every state."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        found, behind = _page(tx, offers.STATES, account_id, cursor, limit)
    return OwnOffers(items=[OwnOffer.whole(one) for one in found], next_cursor=behind)


@router.post("/accounts/{account_id}/offers/{offer}/end", summary="End an offer", **made(*CHANGED))
def end_an_offer(account_id: AccountId, offer: OfferId, write: ByProvider) -> Response:
    """End an offer; what was ordered is still owed."""

    def act(tx: sa.Connection) -> dict[str, Any]:
        offers.end(tx, account_id, offer)
        return _shown(tx, offer)

    return write.perform({}, act, at=OWN.format(account_id=account_id))


@router.post("/accounts/{account_id}/offers/{offer}/stock", summary="Put more goods to an offer", **made(*CHANGED))
def add_to_stock(account_id: AccountId, offer: OfferId, body: MoreStock, write: ByProvider) -> Response:
    """Put more pieces to an offer of goods."""

    def act(tx: sa.Connection) -> dict[str, Any]:
        offers.add_stock(tx, account_id, offer, body.pieces)
        return _shown(tx, offer)

    return write.perform(body.model_dump(), act, at=OWN.format(account_id=account_id))


@router.post("/accounts/{account_id}/offers/{offer}/codes", summary="Put in voucher codes", **made(*CHANGED))
def add_voucher_codes(account_id: AccountId, offer: OfferId, body: NewCodes, write: ByProvider) -> Response:
    """Put in codes; each is given to one buyer, and shown to nobody else."""
    vault = write.site.ledger.vault

    def act(tx: sa.Connection) -> dict[str, Any]:
        offers.add_codes(tx, vault, account_id, offer, body.codes)
        return _shown(tx, offer)

    return write.perform(body.model_dump(), act, at=OWN.format(account_id=account_id))


@router.get("/offers", summary="List the offers of the mall")
def read_offers(site: SiteOf, cursor: Cursor = None, limit: Limit = 50) -> Offers:
    """List what is offered for points now."""
    with site.database.reading() as tx:
        found, behind = _page(tx, (offers.LISTED,), None, cursor, limit, at=site.ledger.clock())
    return Offers(items=[Offer.of(one) for one in found], next_cursor=behind)


@router.get("/offers/{offer}", summary="Read an offer", responses=documented(NotFound))
def read_offer(offer: OfferId, site: SiteOf) -> Offer:
    """Read an offer that is listed, or was."""
    with site.database.reading() as tx:
        found = offers.get_offer(tx, offer)
    if found.decided_by is None or found.state == offers.REFUSED:
        raise NotFound(f"There is no offer {offer}.")
    return Offer.of(found)


@router.get("/offer-proposals", summary="List the offers that wait")
def read_offer_proposals(site: SiteOf, _caller: AnExchange, cursor: Cursor = None, limit: Limit = 50) -> OwnOffers:
    """List what providers propose and the exchange has not decided, oldest first."""
    with site.database.reading() as tx:
        found, behind = _page(tx, (offers.PROPOSED,), None, cursor, limit)
    return OwnOffers(items=[OwnOffer.whole(one) for one in found], next_cursor=behind)


@router.post("/offers/{offer}/decision", summary="List an offer, or refuse it", **made(NotFound, Conflict, OfferClosed))
def decide_of_an_offer(offer: OfferId, body: OfferDecision, write: ByExchange) -> Response:
    """List an offer at its price, by the rules of exchange in force, or refuse it with a reason."""
    ledger, officer = write.site.ledger, officer_of(write.caller, OFFICERS)
    reason = None if body.reason is None else read_reason(body.reason)

    def act(tx: sa.Connection) -> dict[str, Any]:
        offers.decide(tx, ledger, offer, str(officer), listed=body.listed, reason=reason)
        return _shown(tx, offer)

    return write.perform(body.model_dump(), act, at=f"/v1/offers/{offer}")


def _page(
    tx: sa.Connection,
    states: tuple[str, ...],
    provider: int | None,
    cursor: str | None,
    limit: int,
    *,
    at: int | None = None,
) -> tuple[list[offers.Offer], str | None]:
    limit = bounded(limit)
    after = 0 if cursor is None else read_cursor(cursor)
    found = offers.list_offers(tx, offers.Wanted(states, provider, at, after, limit))
    return found[:limit], str(found[limit - 1].id) if len(found) > limit else None


def _shown(tx: sa.Connection, number: int) -> dict[str, Any]:
    return OwnOffer.whole(offers.get_offer(tx, number)).model_dump()
