"""Who acts for an account over REST: its holder names an applicant, platform, provider or trader, and ends the role."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Response
from pydantic import BaseModel, StrictStr

from api.door.fields import Body, Moment, WantedMoment, one_of, said, words
from api.door.numbers import AccountId, TieId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.times import maybe_time, shown_time
from api.door.who import ForHolder
from api.door.write import ByHolder, SiteOf
from api.identity.offices import TO, EndsAt, GrantNumber
from registry.accounts.accounts import open_row
from registry.clock import rfc3339
from registry.errors import AccountErased, Conflict, Invalid, NotFound
from registry.identity.delegates import DELEGATED, end_delegate, list_delegates, name_delegate
from registry.identity.grants import Grant
from registry.identity.roles import Role
from registry.identity.subjects import MAX_SUBJECT_CHARS, Subject

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["identity"])
WRITTEN = documented(NotFound, AccountErased, Conflict)


class NewDelegate(Body):
    """Somebody who is to act for the account."""

    role: Annotated[StrictStr, one_of(sorted(DELEGATED), "What they are to be.")]
    subject: Annotated[
        StrictStr,
        words(MAX_SUBJECT_CHARS, "Who, as the identity service's tokens name them (`sub`).", "riding-platform"),
    ]
    until: Annotated[WantedMoment | None, said("When the role ends by itself; null: when it is ended.", TO)] = None


class Delegate(BaseModel):
    """A role of the account that stands. Whose it is is not shown."""

    grant: GrantNumber
    role: Annotated[str, one_of(sorted(DELEGATED), "What it lets somebody be.")]
    since: Annotated[Moment, said("From when on.")]
    until: EndsAt
    granted_by: Annotated[str, said("Who gave it: the account's holder, or officers.", "account:7")]


class Delegates(BaseModel):
    """The roles of an account that stand."""

    items: Annotated[list[Delegate], said("Newest first.")]


@router.post(
    "/accounts/{account_id}/delegates", summary="Let somebody act for the account", status_code=201,
    response_class=Response, responses={201: {"model": Delegates}, **WRITTEN},
)  # fmt: skip
def name_a_delegate(account_id: AccountId, body: NewDelegate, write: ByHolder) -> Response:
    """Let somebody of one's own apply, run the platform, provide or trade for the account; never be its holder.

    Every process knows it within two seconds.
    """
    site = write.site
    subject, until = Subject(site.issuer_name, body.subject), maybe_time(body.until)

    def act(tx: sa.Connection) -> dict[str, Any]:
        at = site.ledger.clock()
        name_delegate(tx, site.ledger.vault, subject, Grant(_role(body.role), account_id), at, until)
        return _delegates(tx, account_id, at).model_dump()

    return write.perform(body.model_dump(), act, at=f"/v1/accounts/{account_id}/delegates")


@router.get(
    "/accounts/{account_id}/delegates", summary="List who acts for the account",
    responses=documented(NotFound, AccountErased), dependencies=[ForHolder],
)  # fmt: skip
def read_delegates(account_id: AccountId, site: SiteOf) -> Delegates:
    """List the roles of the account that stand, by whomever they were given."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return _delegates(tx, account_id, site.ledger.clock())


@router.post(
    "/accounts/{account_id}/delegates/{grant}/end", summary="End what somebody does for the account", status_code=201,
    response_class=Response, responses={201: {"model": Delegates}, **WRITTEN},
)  # fmt: skip
def end_a_delegate(account_id: AccountId, grant: TieId, write: ByHolder) -> Response:
    """End a role of the account at once, by whomever it was given; two seconds later nobody acts by it."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        at = ledger.clock()
        end_delegate(tx, account_id, grant, at)
        return _delegates(tx, account_id, at).model_dump()

    return write.perform({}, act, at=f"/v1/accounts/{account_id}/delegates")


def _role(text: str) -> Role:
    if text not in DELEGATED:
        raise Invalid(f"A holder lets others be one of: {', '.join(sorted(DELEGATED))}.")
    return Role(text)


def _delegates(tx: sa.Connection, account_id: int, at: int) -> Delegates:
    return Delegates(
        items=[
            Delegate(
                grant=one.id,
                role=str(one.grant.role),
                since=rfc3339(one.granted_ms),
                until=shown_time(one.until_ms),
                granted_by=one.granted_by,
            )
            for one in list_delegates(tx, account_id, at)
        ]
    )
