"""A person's points: what expires when, what is historical, and the order that converts whatever is issued."""

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Response

from api.door.numbers import AccountId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.times import shown_time
from api.door.who import ForHolderOrReader
from api.door.write import ByHolder, SiteOf, answering
from api.points import shapes
from registry.accounts.accounts import open_row
from registry.clock import rfc3339
from registry.errors import AccountErased, NotFound
from registry.ledger.ledger import Ledger
from registry.points.notices import list_notices
from registry.points.standing import standing_of
from registry.points.standing_orders import end_order, give_order, order_since
from registry.policies.points import Honour

router = APIRouter(route_class=StrictRoute, prefix="/v1/accounts/{account_id}", tags=["points"])
POINTS = "/v1/accounts/{account_id}/points"
ANSWERS = answering(shapes.Points, NotFound, AccountErased)


@router.get(
    "/points", summary="Read how a person's points stand", dependencies=[ForHolderOrReader],
    responses=documented(NotFound, AccountErased),
)  # fmt: skip
def read_points(account_id: AccountId, site: SiteOf) -> shapes.Points:
    """Read which points end when, what has become historical and how it is honoured (R22, R59)."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return points_of(tx, site.ledger, account_id)


@router.post("/standing-order", summary="Convert whatever is issued by itself", **ANSWERS)
def give_a_standing_order(account_id: AccountId, write: ByHolder) -> Response:
    """Have all that is issued to a person become points by itself, now and from now on, within a minute (R21).

    The person alone gives it and ends it; given twice it is one. What a policy keeps from points stays as it is.
    """
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        give_order(tx, ledger, account_id)
        return points_of(tx, ledger, account_id).model_dump()

    return write.perform({}, act, at=POINTS.format(account_id=account_id))


@router.post("/standing-order/end", summary="End the standing order", **ANSWERS)
def end_a_standing_order(account_id: AccountId, write: ByHolder) -> Response:
    """Let what is issued from now on stay as reductions, until it is converted by choice."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        open_row(tx, account_id)
        end_order(tx, ledger, account_id)
        return points_of(tx, ledger, account_id).model_dump()

    return write.perform({}, act, at=POINTS.format(account_id=account_id))


def points_of(tx: sa.Connection, ledger: Ledger, account: int) -> shapes.Points:
    """Give what is shown of an account's points."""
    standing = standing_of(tx, ledger, account)
    return shapes.Points(
        usable_g=sum(one.quantity_g for one in standing.usable),
        by_expiry=[shapes.Expiring(until=rfc3339(one.until_ms), quantity_g=one.quantity_g) for one in standing.usable],
        locked_g=standing.locked_g,
        historical_g=standing.historical_g,
        honour=_honour(standing.honour),
        next_honour=_honour(standing.next),
        notices=[
            shapes.Notice(
                until=rfc3339(one.until_ms), days_before=one.days, quantity_g=one.quantity_g, at=rfc3339(one.at_ms)
            )
            for one in list_notices(tx, ledger, account)
        ],
        standing_order_since=shown_time(order_since(tx, account)),
    )


def _honour(title: Honour | None) -> shapes.Honour | None:
    return None if title is None else shapes.Honour(zh=title.zh, en=title.en, from_g=title.from_g)
