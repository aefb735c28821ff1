"""What a holder does with grams: convert, redeem, refund, return, gather, transfer, cancel."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.acts import orders
from api.acts.ordering import order
from api.door.causes import Cause
from api.door.numbers import AccountId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.write import ByBundler, ByHolder, ByProvider, ByProviderOrCentre, ByTrader
from api.jobs.shapes import Job
from api.ledger.shapes import ActAnswer, BundleAnswer, CancelAnswer
from registry.errors import (
    AccountErased,
    ChannelClosed,
    HolderUnknown,
    Insufficient,
    JobUnderWay,
    MovedOn,
    NotFound,
    RuleBroken,
    SetAside,
)

router = APIRouter(route_class=StrictRoute, prefix="/v1/accounts/{account_id}", tags=["acts"])


ACTING = (NotFound, AccountErased, HolderUnknown, Insufficient, RuleBroken, MovedOn, JobUnderWay, SetAside)


def answers(model: type[BaseModel], *causes: Cause) -> dict[str, Any]:
    """Describe what a route of an act answers, and what keeps it from being done beside what keeps any act."""
    job = {"model": Job, "description": "It takes longer than you would wait: a job does it, which Location names."}
    return {
        "status_code": 201,
        "response_class": Response,
        "responses": {201: {"model": model}, 202: job, **documented(*ACTING, *causes)},
    }


ANSWERS = answers(ActAnswer)


@router.post("/conversions", summary="Convert reductions to points", **ANSWERS)
def convert_reductions(account_id: AccountId, body: orders.Conversion, write: ByHolder) -> Response:
    """Turn an individual's scenario reductions into points, 1 g for 1 point (R21)."""
    return order(write, account_id, body)


@router.post("/redemptions", summary="Redeem points at a benefit provider", **ANSWERS)
def redeem_points(account_id: AccountId, body: orders.Redemption, write: ByHolder) -> Response:
    """Spend points, earliest expiry first (R23)."""
    return order(write, account_id, body)


@router.post("/refunds", summary="Refund redeemed points", **ANSWERS)
def refund_points(account_id: AccountId, body: orders.Refund, write: ByProvider) -> Response:
    """Give points back to the person who redeemed them; the provider asks."""
    return order(write, account_id, body)


@router.post("/returns", summary="Return collected points to reductions", **answers(BundleAnswer))
def return_collected_points(account_id: AccountId, body: orders.Return, write: ByProviderOrCentre) -> Response:
    """Turn the points a provider collected into the reductions they came from, as one bundle (R24)."""
    return order(write, account_id, body)


@router.post("/bundles", summary="Gather reductions into one bundle", **answers(BundleAnswer))
def gather_held_reductions(account_id: AccountId, body: orders.Bundling, write: ByBundler) -> Response:
    """Turn reductions that an institution holds in many blocks into one, which is traded or cancelled in one step."""
    return order(write, account_id, body)


@router.post("/transfers", summary="Transfer reductions to another account", **ANSWERS)
def transfer_reductions(account_id: AccountId, body: orders.Transfer, write: ByTrader) -> Response:
    """Transfer reductions by agreement, or as a donation."""
    return order(write, account_id, body)


@router.post("/cancellations", summary="Cancel grams for good", **answers(CancelAnswer, ChannelClosed))
def cancel_grams(account_id: AccountId, body: orders.Cancellation, write: ByHolder) -> Response:
    """End grams for a purpose, with a certificate (R25, R30, R31).

    The certificate is public to whoever has its number, with the holder's name and the words given here.
    """
    return order(write, account_id, body)
