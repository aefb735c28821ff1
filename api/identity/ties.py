"""What is tied to an account from a date until a date: mandates to trade, cards, plates and meters; and who read it."""

from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, StrictStr

from api.door.caller import Principal
from api.door.fields import AccountNumber, Body, Moment, NextCursor, Numbered, WantedMoment, one_of, said
from api.door.numbers import AccountId, Cursor, Limit, TieId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.times import maybe_time, shown_time
from api.door.who import HOLDER, ForHolder, ForHolderOrReader, Holding, SignedIn
from api.door.write import ByHolder, SiteOf, Write, by
from registry.accounts.accounts import open_row
from registry.clock import rfc3339
from registry.errors import AccountErased, Conflict, Invalid, NotFound
from registry.identity import belongings, mandates
from registry.identity.reads import list_reads
from registry.identity.roles import Role
from registry.ledger.ledger import Ledger

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["identity"])
READ = documented(NotFound, AccountErased)
WRITTEN = documented(NotFound, AccountErased, Conflict)
HELPED = Holding(roles=frozenset({Role.CENTRE}))
ByHolderOrCentre = Annotated[Write, Depends(by(HELPED))]


TO: Final = "2027-01-01T00:00:00.000Z"
Agent = Annotated[AccountNumber, said("An institution's account, which acts for this one.", 7)]
MandateKind = Annotated[
    StrictStr, one_of(mandates.KINDS, "To trade what the account holds, or to apply for what it develops.")
]
BelongingKind = Annotated[StrictStr, one_of(belongings.KINDS, "What it is.")]


class Me(BaseModel):
    """Who asks, as the registry knows them: by what they may."""

    roles: Annotated[list[str], said("What one may, a role each.", ["holder of account 2", "centre:7"])]


class NewMandate(Body):
    """Which account may act for this one, in what, and until when."""

    kind: MandateKind = mandates.TRADE

    agent: Agent
    until: Annotated[WantedMoment | None, said("When it ends; without it, when it is ended.", TO)] = None


class Mandate(BaseModel):
    """A mandate."""

    mandate: Numbered
    kind: MandateKind
    agent: Agent
    since: Annotated[Moment, said("When it was given.")]
    until: Annotated[Moment | None, said("When it ends by itself; null where it does not.", TO)]
    ended_at: Annotated[Moment | None, said("When it was ended before; null of one that was not.")]


class Mandates(BaseModel):
    """Mandates that an account gave, newest first."""

    items: Annotated[list[Mandate], said("Newest first.")]


class NewLink(Body):
    """What is linked."""

    kind: BelongingKind
    number: Annotated[StrictStr, said("Spaces, hyphens and case do not matter.", "沪A·D12345")]


class Link(BaseModel):
    """A card, plate or meter, from when until when it is the account's."""

    link: Numbered
    kind: BelongingKind
    number: Annotated[str, said("As it is kept.", "沪AD12345")]
    linked_by: Annotated[str, said("`holder`, or the officer who helped.", "holder")]
    since: Annotated[Moment, said("From when on it is the account's.")]
    until: Annotated[Moment | None, said("Until when it was; null while it is.")]


class Links(BaseModel):
    """What is linked to an account, newest first."""

    items: Annotated[list[Link], said("Newest first.")]


class Read(BaseModel):
    """Somebody else's reading."""

    reader: Annotated[str, said("An officer, or a platform.", "centre:7")]
    what: Annotated[str, said("What was read.", "GET /v1/accounts/{account_id}")]
    purpose: Annotated[str, said("What it was read for, in the reader's words.", "complaint 2026-118")]
    at: Moment


class Reads(BaseModel):
    """Who of others read what is the account's, newest first."""

    items: Annotated[list[Read], said("Newest first.")]
    next_cursor: NextCursor


@router.get("/me", summary="See what one may")
def read_me(caller: SignedIn) -> Me:
    """See what who asks may here."""
    return Me(roles=[str(one) for one in caller.grants])


@router.post(
    "/accounts/{account_id}/mandates", summary="Give a mandate", status_code=201, response_class=Response,
    responses={201: {"model": Mandates}, **WRITTEN},
)  # fmt: skip
def give_a_mandate(account_id: AccountId, body: NewMandate, write: ByHolder) -> Response:
    """Let another institution trade for this account, or apply for sources that this one develops (R3).

    Every process knows it within two seconds.
    """
    until = maybe_time(body.until)

    def act(tx: sa.Connection) -> dict[str, Any]:
        open_row(tx, account_id)
        mandates.give_mandate(tx, account_id, body.agent, write.site.ledger.clock(), until, body.kind)
        return _mandates(tx, account_id).model_dump()

    return write.perform(body.model_dump(), act, at=f"/v1/accounts/{account_id}/mandates")


@router.get(
    "/accounts/{account_id}/mandates", summary="List an account's mandates", responses=READ,
    dependencies=[ForHolderOrReader],
)  # fmt: skip
def read_mandates(account_id: AccountId, site: SiteOf) -> Mandates:
    """List the mandates that the account gave, also those that ended."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return _mandates(tx, account_id)


@router.post(
    "/accounts/{account_id}/mandates/{mandate}/end", summary="End a mandate", status_code=201, response_class=Response,
    responses={201: {"model": Mandates}, **WRITTEN},
)  # fmt: skip
def end_a_mandate(account_id: AccountId, mandate: TieId, write: ByHolder) -> Response:
    """End a mandate; nobody trades by it two seconds later."""

    def act(tx: sa.Connection) -> dict[str, Any]:
        mandates.end_mandate(tx, account_id, mandate, write.site.ledger.clock())
        return _mandates(tx, account_id).model_dump()

    return write.perform({}, act, at=f"/v1/accounts/{account_id}/mandates")


@router.post(
    "/accounts/{account_id}/links", summary="Link a card, plate or meter", status_code=201, response_class=Response,
    responses={201: {"model": Link}, **WRITTEN},
)  # fmt: skip
def link_a_belonging(account_id: AccountId, body: NewLink, write: ByHolderOrCentre) -> Response:
    """Link a card, plate or meter to the account from now on; it is one account's at a time (R48)."""
    ledger, caller = write.site.ledger, write.caller

    def act(tx: sa.Connection) -> dict[str, Any]:
        number = belongings.link(
            tx, ledger.vault, account_id, body.kind, body.number, _who(caller, account_id), ledger.clock()
        )
        found = belongings.list_belongings(tx, ledger.vault, account_id)
        return next(_link(one) for one in found if one.id == number).model_dump()

    return write.perform(body.model_dump(), act, at=f"/v1/accounts/{account_id}/links")


@router.get(
    "/accounts/{account_id}/links", summary="List cards, plates and meters", responses=READ,
    dependencies=[ForHolderOrReader],
)  # fmt: skip
def read_links(account_id: AccountId, site: SiteOf) -> Links:
    """List what is linked to the account, also what was."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return _links(tx, site.ledger, account_id)


@router.post(
    "/accounts/{account_id}/links/{link}/end", summary="End a link", status_code=201, response_class=Response,
    responses={201: {"model": Links}, **WRITTEN},
)  # fmt: skip
def end_a_link(account_id: AccountId, link: TieId, write: ByHolderOrCentre) -> Response:
    """End a link, as when a card changes hands; whoever has it next links it anew."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        belongings.unlink(tx, account_id, link, ledger.clock())
        return Links(
            items=[_link(one) for one in belongings.list_belongings(tx, ledger.vault, account_id)]
        ).model_dump()

    return write.perform({}, act, at=f"/v1/accounts/{account_id}/links")


@router.get(
    "/accounts/{account_id}/reads", summary="See who read it", responses=READ, dependencies=[ForHolder],
)  # fmt: skip
def read_the_reads(account_id: AccountId, site: SiteOf, cursor: Cursor = None, limit: Limit = 50) -> Reads:
    """See who of others read what is this person's, when, and what for (R5)."""
    if cursor is not None and not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise Invalid("This cursor is none that was given.")
    before = None if cursor is None else int(cursor)
    with site.database.reading() as tx:
        open_row(tx, account_id)
        page = list_reads(tx, site.ledger.vault, account_id, before=before, limit=limit)
    items = [Read(reader=one.reader, what=one.what, purpose=one.purpose, at=rfc3339(one.at_ms)) for one in page.items]
    return Reads(items=items, next_cursor=page.next_cursor)


def _who(caller: Principal, account_id: int) -> str:
    if account_id in caller.accounts(*HOLDER.of):
        return str(Role.HOLDER)
    return str(caller.officer(Role.CENTRE))


def _mandates(tx: sa.Connection, account_id: int) -> Mandates:
    return Mandates(
        items=[
            Mandate(
                mandate=one.id,
                kind=one.kind,
                agent=one.agent,
                since=rfc3339(one.given_ms),
                until=shown_time(one.until_ms),
                ended_at=shown_time(one.ended_ms),
            )
            for one in mandates.list_mandates(tx, account_id)
        ]
    )


def _links(tx: sa.Connection, ledger: Ledger, account_id: int) -> Links:
    return Links(items=[_link(one) for one in belongings.list_belongings(tx, ledger.vault, account_id)])


def _link(of: belongings.Belonging) -> Link:
    return Link(
        link=of.id,
        kind=of.kind,
        number=of.number,
        linked_by=of.linked_by,
        since=rfc3339(of.from_ms),
        until=shown_time(of.until_ms),
    )
