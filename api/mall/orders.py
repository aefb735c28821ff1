"""Orders: placed and paid by people, fulfilled by providers, complaints answered by them or by the exchange."""

from collections.abc import Callable
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Response

from api.decisions.officers import officer_of
from api.door.numbers import AccountId, Cursor, Limit
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.times import read_day
from api.door.who import PROVIDING, ForHolder
from api.door.write import ByHolder, ByProvider, SiteOf, Write, answering
from api.mall.providers import OFFICERS, AnExchange, ByExchange
from api.mall.shapes import (
    Collected,
    Complaints,
    DayStatement,
    Message,
    NewOrder,
    Order,
    OrderAnswer,
    Orders,
    OwnOrder,
    OwnOrders,
    Settled,
)
from registry.accounts.accounts import open_row
from registry.consumption.channels import uses_of
from registry.errors import (
    AccountErased,
    Conflict,
    HolderUnknown,
    Insufficient,
    JobUnderWay,
    MovedOn,
    NotFound,
    OfferClosed,
    RuleBroken,
    SetAside,
    SoldOut,
)
from registry.jobs.jobs import refuse_beside
from registry.ledger.queries import MAX_BIGINT, bounded, read_cursor
from registry.mall import orders, statements

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["mall"])
OrderId = Annotated[
    str,
    Path(description="An order's number.", examples=["GLO-20261128-7K2M9QX4TB"], max_length=40),
]
Day = Annotated[
    str, Path(description="A day in Shanghai.", examples=["2026-11-28"], pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
]
ForProvider = Depends(PROVIDING)
MOVING = (NotFound, AccountErased, HolderUnknown, Insufficient, RuleBroken, MovedOn, JobUnderWay, SetAside, Conflict)
"""What keeps points from moving for an order."""
OWN, SOLD = "/v1/accounts/{account_id}/orders/{number}", "/v1/accounts/{account_id}/sales/{number}"


@router.post(
    "/accounts/{account_id}/orders",
    summary="Order and pay an offer",
    **answering(OrderAnswer, *MOVING, OfferClosed, SoldOut),
)
def order_and_pay(account_id: AccountId, body: NewOrder, write: ByHolder) -> Response:
    """Pay an offer with points, earliest expiry first (R23). A voucher is given at once, goods are sent."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        refuse_beside(tx, account_id)
        number = orders.place(tx, ledger, account_id, orders.Wish(body.offer, body.pieces, body.delivery))
        return _state(orders.of_buyer(tx, ledger.vault, account_id, number), codes=True)

    return write.perform(body.model_dump(), act, at=f"/v1/accounts/{account_id}/orders/{{order}}")


@router.get(
    "/accounts/{account_id}/orders", summary="List one's orders", dependencies=[ForHolder],
    responses=documented(NotFound, AccountErased),
)  # fmt: skip
def read_own_orders(account_id: AccountId, site: SiteOf, cursor: Cursor = None, limit: Limit = 50) -> OwnOrders:
    """List what a person ordered, newest first."""
    found, behind = _page(site, account_id, cursor, limit, is_buyer=True)
    return OwnOrders(items=[OwnOrder.whole(one) for one in found], next_cursor=behind)


@router.get(
    "/accounts/{account_id}/orders/{number}", summary="Read one of one's orders", dependencies=[ForHolder],
    responses=documented(NotFound, AccountErased),
)  # fmt: skip
def read_own_order(account_id: AccountId, number: OrderId, site: SiteOf) -> OwnOrder:
    """Read an order, with the codes of its voucher."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return OwnOrder.whole(orders.of_buyer(tx, site.ledger.vault, account_id, number))


@router.post(
    "/accounts/{account_id}/orders/{number}/receipt", summary="Say that an order arrived",
    **answering(OrderAnswer, NotFound, AccountErased, Conflict),
)  # fmt: skip
def receive_an_order(account_id: AccountId, number: OrderId, write: ByHolder) -> Response:
    """Say that the goods arrived."""
    return _done(write, account_id, number, orders.receive)


@router.post(
    "/accounts/{account_id}/orders/{number}/cancellation", summary="Cancel an order",
    **answering(OrderAnswer, *MOVING, OfferClosed),
)  # fmt: skip
def cancel_an_order(account_id: AccountId, number: OrderId, write: ByHolder) -> Response:
    """Cancel what was not sent: the points are there again at once, with the days that they had."""
    return _done(write, account_id, number, orders.cancel_order, moves_points=True)


@router.post(
    "/accounts/{account_id}/orders/{number}/complaint", summary="Complain about an order",
    **answering(OrderAnswer, NotFound, AccountErased, Conflict),
)  # fmt: skip
def complain_about_an_order(account_id: AccountId, number: OrderId, body: Message, write: ByHolder) -> Response:
    """Complain once; the provider answers, or the exchange does."""
    return _done(write, account_id, number, orders.complain, body)


@router.get(
    "/accounts/{account_id}/sales", summary="List the orders one was paid for", dependencies=[ForProvider],
    responses=documented(NotFound, AccountErased),
)  # fmt: skip
def read_sales(account_id: AccountId, site: SiteOf, cursor: Cursor = None, limit: Limit = 50) -> Orders:
    """List what was ordered of a provider, newest first, with where it goes; who ordered is not said."""
    found, behind = _page(site, account_id, cursor, limit, is_buyer=False)
    return Orders(items=[Order.of(one) for one in found], next_cursor=behind)


@router.post(
    "/accounts/{account_id}/sales/{number}/shipment", summary="Say that goods were sent",
    **answering(OrderAnswer, NotFound, AccountErased, Conflict),
)  # fmt: skip
def ship_an_order(account_id: AccountId, number: OrderId, write: ByProvider) -> Response:
    """Say that the goods of an order were sent; from now on its buyer does not cancel it."""
    return _done(write, account_id, number, orders.ship, is_sale=True)


@router.post(
    "/accounts/{account_id}/sales/{number}/refund", summary="Give the points of an order back",
    **answering(OrderAnswer, *MOVING, OfferClosed),
)  # fmt: skip
def refund_an_order(account_id: AccountId, number: OrderId, write: ByProvider) -> Response:
    """Give back what an order was paid with, within the days that the policy in force says."""
    return _done(write, account_id, number, orders.refund_order, is_sale=True, moves_points=True)


@router.post(
    "/accounts/{account_id}/sales/{number}/answer", summary="Answer a complaint about an order",
    **answering(OrderAnswer, NotFound, AccountErased, Conflict),
)  # fmt: skip
def answer_as_provider(account_id: AccountId, number: OrderId, body: Message, write: ByProvider) -> Response:
    """Answer what a buyer complains of, once."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        found = orders.of_provider(tx, ledger.vault, account_id, number, lock=True)
        orders.answer_complaint(tx, ledger, found, body.message, "provider")
        return _state(found)

    return write.perform(body.model_dump(), act, at=SOLD.format(account_id=account_id, number=number))


@router.get(
    "/accounts/{account_id}/settlements/{day}", summary="Read a day's statement", dependencies=[ForProvider],
    responses=documented(NotFound, AccountErased),
)  # fmt: skip
def read_settlement(account_id: AccountId, day: Day, site: SiteOf) -> DayStatement:
    """Read what a provider's orders of a day came to, and what its collected points would return to (R60)."""
    begin, end = read_day(day)
    with site.database.reading() as tx:
        open_row(tx, account_id)
        found = statements.statement_of(tx, account_id, begin, end)
        collected = statements.collected_by(tx, account_id)
        uses = uses_of(tx, site.ledger, site.ledger.clock())
    return DayStatement(
        day=day,
        offers=[
            Settled(
                offer=one.offer, name_zh=one.name_zh, name_en=one.name_en, orders=one.orders, points=one.quantity_g,
                given_back=one.given_back, given_back_points=one.given_back_g,
            )
            for one in found
        ],
        points=sum(one.quantity_g for one in found),
        given_back_points=sum(one.given_back_g for one in found),
        collected=[
            Collected(
                methodology_class=one.of_class, points=one.quantity_g,
                uses=[use for use, classes in uses.items() if one.of_class in classes],
            )
            for one in collected
        ],
    )  # fmt: skip


@router.get("/complaints", summary="List the complaints that wait")
def read_complaints(site: SiteOf, _caller: AnExchange) -> Complaints:
    """List the orders whose complaint nobody answered, for the exchange; who complains is not said."""
    with site.database.reading() as tx:
        found = orders.list_complaints(tx, site.ledger.vault)
    return Complaints(items=[Order.of(one).model_copy(update={"delivery": None}) for one in found])


@router.post("/complaints/{number}/answer", summary="Answer a complaint", **answering(OrderAnswer, NotFound, Conflict))
def answer_as_exchange(number: OrderId, body: Message, write: ByExchange) -> Response:
    """Answer what a buyer complains of, when the provider does not."""
    ledger, officer = write.site.ledger, officer_of(write.caller, OFFICERS)

    def act(tx: sa.Connection) -> dict[str, Any]:
        found = orders.with_complaint(tx, ledger.vault, number, lock=True)
        orders.answer_complaint(tx, ledger, found, body.message, str(officer))
        return _state(found)

    return write.perform(body.model_dump(), act, at="/v1/complaints")


def _done(
    write: Write, account: int, number: str, done: Callable[..., None], body: Message | None = None, *,
    is_sale: bool = False, moves_points: bool = False,
) -> Response:  # fmt: skip
    """Do an act of its buyer on an order, or of who sold it, with what it says; answer how the order stands then."""
    ledger, words = write.site.ledger, () if body is None else (body.message,)
    at, read = (SOLD, orders.of_provider) if is_sale else (OWN, orders.of_buyer)

    def act(tx: sa.Connection) -> dict[str, Any]:
        if moves_points:
            refuse_beside(tx, account)
        done(tx, ledger, account, number, *words)
        return _state(read(tx, ledger.vault, account, number))

    sent = {} if body is None else body.model_dump()
    return write.perform(sent, act, at=at.format(account_id=account, number=number))


def _page(
    site: Any, account_id: int, cursor: str | None, limit: int, *, is_buyer: bool
) -> tuple[list[orders.Order], str | None]:
    limit = bounded(limit)
    before = MAX_BIGINT if cursor is None else read_cursor(cursor)
    whose = {"buyer": account_id} if is_buyer else {"provider": account_id}
    with site.database.reading() as tx:
        open_row(tx, account_id)
        found = orders.list_orders(tx, site.ledger.vault, **whose, before=before, limit=limit)
    return [one for _, one in found[:limit]], str(found[limit - 1][0]) if len(found) > limit else None


def _state(found: orders.Order, *, codes: bool = False) -> dict[str, Any]:
    return OrderAnswer(order=found.number, state=found.state, codes=list(found.codes) if codes else []).model_dump()
