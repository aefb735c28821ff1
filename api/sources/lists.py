"""Lists that applications are held against: imported by the centre, told to everybody; near matches, for officers."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Self

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, StrictBool, StrictInt, StrictStr

from api.decisions.officers import DECIDING, officer_of
from api.door.caller import Principal
from api.door.content import ContentDigest, ContentRoute, content_of, digest_in
from api.door.fields import (
    Body,
    CaseNumbered,
    Count,
    Moment,
    OfficerName,
    ReasonCode,
    Sha256,
    hexadecimal,
    one_of,
    said,
)
from api.door.numbers import MAX_EXACT, CaseNumber
from api.door.problems import documented
from api.door.reasons import read_reason
from api.door.route import StrictRoute
from api.door.who import CENTRE
from api.door.write import ByCentre, SiteOf, refuse_behind
from registry.clock import rfc3339
from registry.decisions.recording import prepare
from registry.errors import Behind, Conflict, DigestDiffers, DigestMissing, Invalid, NotFound, SetAside
from registry.identity.roles import Role
from registry.procedure.decision import PREFIXES, Record
from registry.sources.assets import Judgement, judge_match, matches
from registry.sources.assets import Match as Found
from registry.sources.deciding import source_of
from registry.sources.entries import FORMATS, read_entries
from registry.sources.lists import List, Purpose, all_lists, checked_list, import_list
from registry.sources.matching import ASSET_KINDS
from registry.sources.sources import get_source

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["lists"])
content_router = APIRouter(route_class=ContentRoute, prefix="/v1", tags=["lists"])
SENT = documented("unsupported-media-type", "too-large", Invalid, Conflict, DigestMissing, DigestDiffers, Behind)
_CENTRE = frozenset({str(Role.CENTRE)})
ListName = Annotated[str, Path(description="The list's name, a word.", examples=["ccer"], max_length=64)]
ListPurpose = Annotated[str, Query(description="What it is held against for.", examples=["registry"])]
ListDate = Annotated[str, Query(description="The date that the list says of itself.", examples=["2026-10-01"])]
ListOrigin = Annotated[
    str, Query(description="Who published it, and where.", examples=["ccer.com.cn, list of projects"], max_length=500)
]
ListFormat = Annotated[str, Query(alias="format", description="csv, or jsonl.", examples=["csv"])]
Place = Annotated[StrictInt, said("Its place in the list, from 1.", 12, ge=1, le=2**31 - 1)]
AssetKind = Annotated[str, one_of(ASSET_KINDS)]
ListNumber = Annotated[StrictInt, said("The list's number.", 3, ge=1, le=MAX_EXACT)]


class ImportedList(BaseModel):
    """A list as it was imported; its entries are for officers."""

    list: ListNumber
    name: Annotated[str, said("Its name.", "ccer")]
    purpose: Annotated[str, one_of(Purpose, "What applications are held against it for.")]
    dated: Annotated[str, said("The date that it says of itself.", "2026-10-01", json_schema_extra={"format": "date"})]
    origin: Annotated[str, said("Who published it, and where.", "ccer.com.cn, list of projects")]
    sha256: Annotated[Sha256, hexadecimal(32, "SHA-256 of the file as it came; decisions name it.")]
    entries: Annotated[Count, said("How many entries it has.", 3120)]
    imported_by: OfficerName
    imported_at: Moment
    counts: Annotated[bool, said("Whether it is the newest of its name.", True)]

    @classmethod
    def of(cls, of: List) -> Self:
        """Write a list."""
        return cls(
            list=of.id,
            name=of.name,
            purpose=of.purpose,
            dated=of.dated.isoformat(),
            origin=of.origin,
            sha256=of.sha256.hex(),
            entries=of.entries,
            imported_by=of.imported_by,
            imported_at=rfc3339(of.imported_ms),
            counts=of.counts,
        )


class ImportedLists(BaseModel):
    """Lists."""

    items: Annotated[list[ImportedList], said("The newest import first.")]


class Match(BaseModel):
    """An entry of a list that is what an application says, or near to it."""

    list: ListNumber
    name: Annotated[str, said("The list's name.", "ccer")]
    place: Place
    of: Annotated[str, said("What of the application it is near to.", "the meter 3101-0042-7781")]
    kind: Annotated[AssetKind | None, said("What its identifier is of; null without one.", "meter")]
    identifier: Annotated[str | None, said("Its identifier, as the list has it.", "3101-0042-7787")]
    entity: Annotated[str | None, said("Whose or what it is, as the list has it.", "某某光伏")]
    same: Annotated[bool, said("Whether it is the same to the letter, which is refused.", False)]
    judged_same: Annotated[bool | None, said("What an officer said of a near one; null before.", False)]
    judged_reason: Annotated[ReasonCode | None, said("Why, in a word.", "another-site")]
    judged_by: Annotated[OfficerName | None, said("Who said it.")]

    @classmethod
    def of_found(cls, of: Found) -> Self:
        """Write a match."""
        word = of.judgement
        return cls(
            list=of.list.id,
            name=of.list.name,
            place=of.place,
            of=of.of,
            kind=of.kind,
            identifier=of.identifier,
            entity=of.entity,
            same=of.is_same,
            judged_same=None if word is None else word.same,
            judged_reason=None if word is None else word.reason,
            judged_by=None if word is None else word.by,
        )


class Matches(BaseModel):
    """What the lists that count have of a source."""

    items: Annotated[list[Match], said("What is the same first.")]


class Judged(Body):
    """An officer's word on a near match."""

    list: ListNumber
    place: Place
    same: Annotated[StrictBool, said("Whether it is the same asset, or the same applicant.", False)]
    reason: Annotated[StrictStr, said("Why, in a word; public in the next decision.", "another-site")]


class Left(BaseModel):
    """How many near matches are still to be judged."""

    case: Annotated[CaseNumbered, said("The source's case.", "S-1")]
    left: Annotated[Count, said("Near matches that nobody judged yet.", 0)]


@content_router.put(
    "/lists/{name}", summary="Import a list", response_class=Response, responses={200: {"model": ImportedList}, **SENT}
)
def import_a_list(
    name: ListName,
    request: Request,
    site: SiteOf,
    caller: Annotated[Principal, Depends(CENTRE)],
    content_digest: ContentDigest,
    purpose: ListPurpose,
    dated: ListDate,
    origin: ListOrigin,
    form: ListFormat = FORMATS[0],
) -> Response:
    """Import a list of another registry, or of who is in the quota boundary: a megabyte of CSV or JSON lines at most.

    Its columns are `entity`, and `kind` with `identifier` where it has those. The newest of a name counts. The same
    list twice is no fault, so it needs no Idempotency-Key.
    """
    refuse_behind(site)
    sha256, content = digest_in(content_digest), content_of(request)
    if hashlib.sha256(content).digest() != sha256:
        raise DigestDiffers("The list does not have the SHA-256 that Content-Digest says. Send it again.")
    new = checked_list(name, purpose, dated, origin)
    entries = read_entries(content, form)
    with site.database.transaction() as tx:
        kept = import_list(tx, new, content, entries, officer_of(caller, _CENTRE), site.ledger.clock())
    return Response(ImportedList.of(kept).model_dump_json(), media_type="application/json")


@router.get("/lists", summary="List what applications are held against")
def read_lists(site: SiteOf) -> ImportedLists:
    """List the lists that were imported: each with its own date, where it is from, and the SHA-256 of its file."""
    with site.database.reading() as tx:
        return ImportedLists(items=[ImportedList.of(one) for one in all_lists(tx)])


@router.get("/cases/{number}/matches", summary="List what is near to a source", responses=documented(NotFound, Invalid))
def read_matches(number: CaseNumber, site: SiteOf, _: Annotated[Principal, Depends(DECIDING)]) -> Matches:
    """List what the lists have of a source's assets and names, the same or near, and what officers said of it."""
    with site.database.reading() as tx:
        source = get_source(tx, source_of(number))
        return Matches(items=[Match.of_found(one) for one in matches(tx, site.ledger.vault, source)])


@router.post(
    "/cases/{number}/matches", summary="Judge a near match", status_code=201, response_class=Response,
    responses={201: {"model": Left}, **documented(NotFound, Conflict, Invalid, SetAside)},
)  # fmt: skip
def judge_a_match(number: CaseNumber, body: Judged, write: ByCentre) -> Response:
    """Say whether a near match is the same, and why; the next decision on the source names it."""
    ledger, officer = write.site.ledger, officer_of(write.caller, _CENTRE)
    said_of = Judgement(str(officer), body.same, read_reason(body.reason))

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        source = get_source(tx, source_of(number))
        prepare(tx, ledger, Record.SOURCE, f"{PREFIXES[Record.SOURCE]}{source.id}")
        return {"case": number, "left": len(judge_match(tx, ledger, source, body.list, body.place, said_of))}

    return write.perform(body.model_dump(), act, at="/v1/cases/{case}")
