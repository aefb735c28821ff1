"""Batches over REST: a platform uploads its file, reads what does not stand, and takes it back; the centre proposes."""

from collections.abc import Mapping
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from api.decisions.officers import officer_of
from api.door.caller import Principal
from api.door.content import LINES, ContentDigest, ContentRoute, LinesRoute, content_of, digest_in
from api.door.numbers import BatchId, Cursor, Limit, SourceId, only_digits
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.times import read_time
from api.door.who import Being
from api.door.write import ByCentre, SiteOf, Write, by, refuse_behind
from api.installation.site import Site
from api.issuance.shapes import AbnormalRows, Batch, Batches, NewBatch, SeenBatch
from api.ledger.shapes import TEXT
from registry.activities.profiles.profile import Format
from registry.activities.profiles.shelf import find
from registry.errors import (
    BatchClosed,
    BatchQuota,
    BatchReported,
    Behind,
    DigestDiffers,
    DigestMissing,
    Forbidden,
    Invalid,
    NotFound,
    PartDiffers,
    VersionStale,
)
from registry.identity.roles import Role
from registry.issuance import batch as batches
from registry.issuance import listing
from registry.issuance.batch import State
from registry.issuance.deciding import CENTRE, propose_issuance
from registry.issuance.parts import Place, missing, put_part
from registry.sources.sources import Source, get_source

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["batches"])
parts_router = APIRouter(route_class=ContentRoute, prefix="/v1", tags=["batches"])
lines_router = APIRouter(route_class=LinesRoute, prefix="/v1", tags=["batches"])
READ = documented(NotFound, Invalid)
BEGUN = documented(NotFound, Invalid, BatchReported, BatchQuota)
SENT = documented(
    *("unsupported-media-type", "too-large", Invalid, NotFound, DigestMissing, DigestDiffers, PartDiffers, BatchClosed),
    Behind,
)
PUSHED = documented(
    *("unsupported-media-type", "too-large", Invalid, NotFound, DigestMissing, DigestDiffers, BatchReported, BatchQuota)
)
WITHDRAWN = documented(NotFound, BatchClosed)
PROPOSED = documented(NotFound, VersionStale, BatchClosed)
PLATFORM = Being(frozenset({Role.PLATFORM}))
LOOKING = Being(frozenset({Role.PLATFORM, Role.CENTRE, Role.BUREAU}))
ByPlatform = Annotated[Write, Depends(by(PLATFORM))]
OfPlatform = Annotated[Principal, Depends(PLATFORM)]
Looking = Annotated[Principal, Depends(LOOKING)]
FirstByte = Annotated[
    int, Path(ge=0, le=batches.MOST_BYTES, description="The part's first byte in the file.", examples=[0]), only_digits
]
ByProfile = Annotated[
    str, Query(description="The profile that reads JSON lines.", examples=["shanghai-rides-lines"], max_length=64)
]
PeriodFrom = Annotated[
    str, Query(description="The activities are of a time from here on.", examples=["2027-01-01T00:00:00.000Z"])
]
PeriodUntil = Annotated[
    str, Query(description="The end of that time, exclusive.", examples=["2027-02-01T00:00:00.000Z"])
]
OfState = Annotated[State | None, Query(description="Only batches that stand so.", examples=["judged"])]
BATCH = "/v1/batches/{batch}"


@router.post(
    "/sources/{source_id}/batches", summary="Begin a batch", status_code=201, response_class=Response,
    responses={201: {"model": Batch}, **BEGUN},
)  # fmt: skip
def begin_a_batch(source_id: SourceId, body: NewBatch, write: ByPlatform) -> Response:
    """Declare a file of activities; its parts come by PUT, in any order, and with the last one it is judged.

    A file that is on its way already, or was issued, is told so. Nothing is issued before officers have decided.
    """
    ledger = write.site.ledger
    find(body.profile)
    new = batches.NewBatch(
        body.profile, body.bytes, _sha256(body.sha256), (read_time(body.period_from), read_time(body.period_until))
    )

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        return _said(tx, batches.begin_batch(tx, ledger, _own_source(tx, write.caller, source_id), new))

    return write.perform(body.model_dump(), act, at=BATCH)


@parts_router.put(
    "/batches/{batch}/parts/{first_byte}", summary="Send a part of a batch", status_code=200, response_class=Response,
    responses={200: {"model": Batch}, **SENT},
)  # fmt: skip
def send_a_part(
    batch: BatchId,
    first_byte: FirstByte,
    request: Request,
    site: SiteOf,
    caller: OfPlatform,
    content_digest: ContentDigest,
) -> Response:
    """Send bytes of the file, a megabyte at most, from a byte on, with their SHA-256.

    The same part twice is no fault, so it needs no Idempotency-Key; another one in its place is refused.
    """
    refuse_behind(site)
    sha256, content = digest_in(content_digest), content_of(request)
    with site.database.transaction() as tx:
        found = _own_batch(tx, caller, batch, lock=True)
        now = put_part(tx, site.ledger.vault, place_of(site), found, first_byte, content, sha256, site.ledger.clock())
        said = Batch.of(now, missing(tx, now))
    return Response(said.model_dump_json(), media_type="application/json")


@lines_router.post(
    "/sources/{source_id}/lines", summary="Report JSON lines in one request", status_code=201, response_class=Response,
    responses={201: {"model": Batch}, **PUSHED},
)  # fmt: skip
def report_lines(
    source_id: SourceId,
    profile: ByProfile,
    period_from: PeriodFrom,
    period_until: PeriodUntil,
    request: Request,
    write: ByPlatform,
    content_digest: ContentDigest,
) -> Response:
    """Report activities as JSON lines, a megabyte at most, with their SHA-256: a batch that is there as a whole.

    It is what its declaration and its one part would have been, and is judged next. Larger ones come in parts.
    """
    sha256, content, ledger = digest_in(content_digest), content_of(request), write.site.ledger
    if find(profile).format is not Format.JSON_LINES:
        raise Invalid(f"Profile {profile} does not read JSON lines. Begin a batch, and send its file in parts.")
    period = read_time(period_from), read_time(period_until)
    new = batches.NewBatch(profile, len(content), sha256, period)

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        begun = batches.begin_batch(tx, ledger, _own_source(tx, write.caller, source_id), new)
        return _said(tx, put_part(tx, ledger.vault, place_of(write.site), begun, 0, content, sha256, ledger.clock()))

    asked = {"profile": profile, "period": list(period), "sha256": sha256.hex()}
    return write.perform(asked, act, at=BATCH)


@router.get("/batches", summary="List batches", responses=documented(Invalid))
def read_batches(
    site: SiteOf, caller: Looking, state: OfState = None, cursor: Cursor = None, limit: Limit = 50
) -> Batches:
    """List batches, newest first: a platform its own, the centre and the bureau all."""
    of = None if _is_officer(caller) else caller.accounts(Role.PLATFORM)
    with site.database.reading() as tx:
        return Batches.of(batches.list_batches(tx, of, state, cursor=cursor, limit=limit))


@router.get("/batches/{batch}", summary="Read a batch", responses=READ)
def read_a_batch(batch: BatchId, site: SiteOf, caller: Looking) -> Batch:
    """Read how a batch stands: which of its bytes are missing, what is being done, what it came to."""
    with site.database.reading() as tx:
        found = _seen_batch(tx, caller, batch)
        return Batch.of(found, missing(tx, found))


@router.get("/batches/{batch}/rows", summary="List a batch's abnormal rows", responses=READ)
def read_abnormal_rows(
    batch: BatchId, site: SiteOf, caller: Looking, cursor: Cursor = None, limit: Limit = 50
) -> AbnormalRows:
    """List every row that does not stand, in the order of the file, with its reason and what to do about it.

    They are there from when the batch is judged until it is settled.
    """
    return AbnormalRows.of(listing.read_page(site.ledger.vault, _listing(site, caller, batch), cursor, limit))


@router.get(
    "/batches/{batch}/rows.csv", summary="Download a batch's abnormal rows as CSV", response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": TEXT}}}, **READ},
)  # fmt: skip
def download_rows_as_csv(batch: BatchId, site: SiteOf, caller: Looking) -> Response:
    """Take the whole list as CSV, UTF-8: every value is quoted, and none is one that a spreadsheet would run."""
    return _download(
        listing.as_csv(site.ledger.vault, _listing(site, caller, batch)),
        "text/csv; charset=utf-8",
        f"batch-{batch}.csv",
    )


@router.get(
    "/batches/{batch}/rows.jsonl", summary="Download a batch's abnormal rows", response_class=StreamingResponse,
    responses={200: {"content": {LINES: {"schema": TEXT}}}, **READ},
)  # fmt: skip
def download_rows(batch: BatchId, site: SiteOf, caller: Looking) -> Response:
    """Take the whole list as JSON lines."""
    return _download(
        listing.json_lines(site.ledger.vault, _listing(site, caller, batch)), LINES, f"batch-{batch}.jsonl"
    )


@router.post(
    "/batches/{batch}/withdrawal", summary="Withdraw a batch", status_code=201, response_class=Response,
    responses={201: {"model": Batch}, **WITHDRAWN},
)  # fmt: skip
def withdraw_a_batch(batch: BatchId, write: ByPlatform) -> Response:
    """Take a batch back that no officer proposed yet; its file and its rows are deleted."""

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        found = _own_batch(tx, write.caller, batch, lock=True)
        return _said(tx, batches.withdraw(tx, found, write.site.ledger.clock()))

    return write.perform({}, act, at=BATCH)


@router.post(
    "/batches/{batch}/proposal", summary="Propose the issuance of a batch", status_code=201, response_class=Response,
    responses={201: {"model": Batch}, **PROPOSED},
)  # fmt: skip
def propose_the_issuance(batch: BatchId, body: SeenBatch, write: ByCentre) -> Response:
    """Have a judged batch judged anew, and its issuance proposed in the caller's name: a case, and a motion in it.

    Another officer of the centre approves the motion; then the lot is written. Both happen beside this, as the batch
    shows. The officers refuse it as a decision of the case. Of a behaviour (行为场景) that issues nothing by the policy
    in force there is no case: what stands is recognised, without grams, and the batch is settled.
    """
    ledger, officer = write.site.ledger, officer_of(write.caller, CENTRE)

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        return _said(tx, propose_issuance(tx, ledger, batch, body.version, officer))

    return write.perform(body.model_dump(), act, at=BATCH)


def place_of(site: Site) -> Place:
    """Give where the files of batches lie."""
    return Place(site.folder.batches)


def _said(tx: sa.Connection, of: batches.Batch) -> Mapping[str, Any]:
    return Batch.of(of, missing(tx, of)).model_dump(mode="json")


def _download(pieces: Any, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def _listing(site: Site, caller: Principal, number: int) -> Any:
    with site.database.reading() as tx:
        return place_of(site).listing(_seen_batch(tx, caller, number).id)


def _is_officer(caller: Principal) -> bool:
    return caller.has(Role.CENTRE, Role.BUREAU)


def _seen_batch(tx: sa.Connection, caller: Principal, number: int) -> batches.Batch:
    return batches.get_batch(tx, number) if _is_officer(caller) else _own_batch(tx, caller, number)


def _own_batch(tx: sa.Connection, caller: Principal, number: int, *, lock: bool = False) -> batches.Batch:
    """Read a batch of the platform's own. Raises `Forbidden`, whether there is another's or not."""
    mine = sorted(caller.accounts(Role.PLATFORM))
    if tx.execute(_OWN_BATCH, {"batch": number, "accounts": mine}).one_or_none() is None:
        raise Forbidden("This batch is not your platform's.")
    return batches.get_batch(tx, number, lock=lock)


def _own_source(tx: sa.Connection, caller: Principal, source_id: int) -> Source:
    """Read a source of the platform's own. Raises `Forbidden`, whether there is another's or not."""
    mine = sorted(caller.accounts(Role.PLATFORM))
    if tx.execute(_OWN_SOURCE, {"source": source_id, "accounts": mine}).one_or_none() is None:
        raise Forbidden("This source is not your platform's.")
    return get_source(tx, source_id)


def _sha256(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32 or found.hex() != text:
        raise Invalid("A SHA-256 is 64 lower-case hex digits.")
    return found


_OWN_SOURCE = sa.text("SELECT id FROM sources WHERE id = :source AND applicant_id = ANY (:accounts)")
_OWN_BATCH = sa.text("""
    SELECT b.id FROM batches b JOIN sources s ON s.id = b.source_id
    WHERE b.id = :batch AND s.applicant_id = ANY (:accounts)
""")
