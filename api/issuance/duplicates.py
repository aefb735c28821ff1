"""Acts that two platforms report, over REST: the contract names the other, the centre settles what it does not name."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, StrictStr

from api.decisions.officers import officer_of
from api.door.caller import Principal
from api.door.fields import Body, Count, Moment, NextCursor, Numbered, SourceNumber, said, words
from api.door.numbers import Cursor, DuplicateId, Limit, SharingId, SourceId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import Being, SignedIn
from api.door.write import ByCentre, SiteOf
from api.issuance.shapes import BatchNumber
from registry.clock import rfc3339
from registry.errors import Conflict, Invalid, NotFound
from registry.identity.roles import Role
from registry.issuance import duplicates
from registry.issuance.deciding import CENTRE
from registry.issuance.duplicates import MAX_NOTE_CHARS
from registry.sources.sources import get_source

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["batches"])
OFFICERS = frozenset({Role.CENTRE, Role.BUREAU})
Looking = Annotated[Principal, Depends(Being(OFFICERS | {Role.PLATFORM}))]


class NewSharing(Body):
    """Which source of another platform gets the same acts."""

    source: Annotated[SourceNumber, said("Whose contract it is.")]
    other: Annotated[SourceNumber, said("The source that gets the same acts.", 2)]


class Sharing(BaseModel):
    """That a source's contract names another platform's."""

    sharing: Annotated[Numbered, said("Its number, by which it is ended.", 2)]
    source: Annotated[SourceNumber, said("Whose contract it is.")]
    other: Annotated[SourceNumber, said("The source that gets the same acts.", 2)]
    since: Annotated[Moment, said("When it was recorded.")]
    until: Annotated[Moment | None, said("When it was ended; null while it stands.")]

    @classmethod
    def of(cls, of: duplicates.Sharing) -> Self:
        """Write one."""
        until = None if of.ended_ms is None else rfc3339(of.ended_ms)
        return cls(sharing=of.id, source=of.source_id, other=of.other_id, since=rfc3339(of.named_ms), until=until)


class Sharings(BaseModel):
    """What a source's contract names, or named."""

    items: Annotated[list[Sharing], said("Newest first, a thousand at most.")]


class Duplicate(BaseModel):
    """Acts of one batch that were issued before to the source of another platform."""

    duplicate: Annotated[Numbered, said("Its number.", 4)]
    source: Annotated[SourceNumber, said("The source that reported them again.")]
    other: Annotated[SourceNumber, said("The source that they were issued to.", 2)]
    batch: BatchNumber
    activities: Annotated[Count, said("How many.", 12)]
    is_named: Annotated[bool, said("The contract named the other source then; if not, it is a finding.", False)]
    at: Annotated[Moment, said("When its batch was settled.")]
    settled_at: Annotated[Moment | None, said("When the centre settled it; null before, and where it is named.")]
    note: Annotated[str | None, said("How it was settled; null before.", "The contract was mended.")]

    @classmethod
    def of(cls, of: duplicates.Duplicate) -> Self:
        """Write one."""
        settled = None if of.settled_ms is None else rfc3339(of.settled_ms)
        return cls(
            duplicate=of.id, source=of.source_id, other=of.other_id, batch=of.batch_id, activities=of.activities,
            is_named=of.is_named, at=rfc3339(of.at_ms), settled_at=settled, note=of.note,
        )  # fmt: skip


class Duplicates(BaseModel):
    """A page of duplicates."""

    items: Annotated[list[Duplicate], said("Newest first.")]
    next_cursor: NextCursor


class DuplicateSettlement(Body):
    """How it was settled."""

    note: Annotated[StrictStr, words(MAX_NOTE_CHARS, "On record; names nobody.", "The contract was mended.")]


@router.get("/sharings/{source_id}", summary="List who gets the same acts", responses=documented(NotFound))
def read_sharings(source_id: SourceId, site: SiteOf, _caller: SignedIn) -> Sharings:
    """List which other platforms' sources get the acts of this one, by its contract: who consents consents to that."""
    with site.database.reading() as tx:
        get_source(tx, source_id)
        return Sharings(items=[Sharing.of(one) for one in duplicates.list_sharings(tx, source_id)])


@router.post(
    "/sharings", summary="Name who gets the same acts", status_code=201, response_class=Response,
    responses={201: {"model": Sharing}, **documented(NotFound, Conflict, Invalid)},
)  # fmt: skip
def name_a_sharing(body: NewSharing, write: ByCentre) -> Response:
    """Record that a source's contract names the source of another platform that gets the same acts."""
    ledger, officer = write.site.ledger, officer_of(write.caller, CENTRE)

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        made = duplicates.name_other(tx, body.source, body.other, officer, ledger.clock())
        return Sharing.of(made).model_dump(mode="json")

    return write.perform(body.model_dump(), act, at="/v1/sharings/{source}")


@router.post(
    "/sharings/{sharing}/end", summary="End a sharing", status_code=201, response_class=Response,
    responses={201: {"model": Sharing}, **documented(NotFound)},
)  # fmt: skip
def end_a_sharing(sharing: SharingId, write: ByCentre) -> Response:
    """Record that a source's contract names the other no more."""

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        return Sharing.of(
            duplicates.end_sharing(tx, sharing, write.site.ledger.clock())
        ).model_dump(mode="json")  # fmt: skip

    return write.perform({}, act, at="/v1/sharings/{source}")


@router.get("/duplicates", summary="List duplicates", responses=documented(Invalid))
def read_duplicates(site: SiteOf, caller: Looking, cursor: Cursor = None, limit: Limit = 50) -> Duplicates:
    """List acts that were reported though they were issued to another platform: a platform those of its own batches.

    They are refused and counted. Where the contract does not name the other source, it is a finding.
    """
    of = None if caller.has(*OFFICERS) else caller.accounts(Role.PLATFORM)
    with site.database.reading() as tx:
        page = duplicates.list_duplicates(tx, of, cursor=cursor, limit=limit)
    return Duplicates(items=[Duplicate.of(one) for one in page.items], next_cursor=page.next_cursor)


@router.post(
    "/duplicates/{duplicate}/settlement", summary="Settle a duplicate", status_code=201, response_class=Response,
    responses={201: {"model": Duplicate}, **documented(NotFound, Conflict, Invalid)},
)  # fmt: skip
def settle_a_duplicate(duplicate: DuplicateId, body: DuplicateSettlement, write: ByCentre) -> Response:
    """Settle what no contract names with a note, which its platform reads."""
    officer = officer_of(write.caller, CENTRE)

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        done = duplicates.settle(tx, duplicate, officer, body.note, write.site.ledger.clock())
        return Duplicate.of(done).model_dump(mode="json")

    return write.perform(body.model_dump(), act, at="/v1/duplicates")
