"""An institution's feed of events, for those who prefer to ask."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.door.caller import Principal
from api.door.numbers import MAX_BIGINT, AccountId, Limit, only_digits
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import Holding
from api.door.write import SiteOf
from api.events.shapes import Event, Events
from registry.errors import EventsGone
from registry.events.feed import read_feed
from registry.events.types import READERS, readable
from registry.identity.grants import roles_of

router = APIRouter(route_class=StrictRoute, prefix="/v1/accounts/{account_id}/events", tags=["events"])
CONNECTED = Holding(READERS)
Connected = Annotated[Principal, Depends(CONNECTED)]
After = Annotated[
    int | None,
    Query(ge=0, le=MAX_BIGINT, description="The number read last; without it from the oldest kept.", examples=[17]),
    only_digits,
]


@router.get("", summary="Read what happened", responses=documented(EventsGone))
def read_events(
    account_id: AccountId, site: SiteOf, caller: Connected, after: After = None, limit: Limit = 50
) -> Events:
    """Read what happened to what is the account's, in an order that lasts; of the types that the caller's roles read.

    Keep `after` and send it the next time: nothing is missed and nothing comes twice. An event is there within some
    seconds of what it tells. Events are kept for some months; behind a number that was deleted, `events-gone` says so.
    A person's account has no events.
    """
    types = readable(roles_of(caller.grants, account_id))
    with site.database.reading() as tx:
        found = read_feed(tx, site.ledger.vault, account_id, types, after, limit)
    items = [Event.of(one) for one in found.events]
    return Events(items=items, after=items[-1].id if items else after or 0, has_more=found.has_more)
