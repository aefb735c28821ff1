"""Calls (征集) for applications: everybody reads them, the centre opens and ends them (R56)."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

import sqlalchemy as sa
from fastapi import APIRouter, Response
from pydantic import BaseModel, StrictStr

from api.door.fields import Body, InChinese, InEnglish, Moment, Numbered, WantedMoment, one_of, said, words
from api.door.numbers import CallId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.times import read_time, shown_time
from api.door.write import ByCentre, SiteOf
from api.submissions.routes import centre_of
from registry.accounts.accounts import MAX_NAME_CHARS
from registry.clock import rfc3339
from registry.errors import Conflict, NotFound
from registry.procedure.decision import SOURCE_KINDS
from registry.submissions import calls
from registry.submissions.calls import MOST_DOCUMENTS, VERIFICATIONS

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["submissions"])
Kinds = Annotated[list[Annotated[StrictStr, one_of(SOURCE_KINDS)]], said("For these kinds of source.", ["project"])]
Documents = Annotated[
    list[Annotated[StrictStr, said("A document's code, a word.", "monitoring-plan")]],
    said("Documents that each application names by their SHA-256.", ["monitoring-plan"], max_length=MOST_DOCUMENTS),
]
Verification = Annotated[
    StrictStr, one_of(VERIFICATIONS, "By the applicant, or by a service body, whose verification-report is asked for.")
]


class NewCall(Body):
    """A call. Everything of it is public."""

    title_zh: Annotated[StrictStr, words(MAX_NAME_CHARS, "PUBLIC: in Chinese.", "第一批减排项目征集（示例）")]
    title_en: Annotated[StrictStr, words(MAX_NAME_CHARS, "PUBLIC: in English.", "First call for projects (example)")]
    kinds: Kinds
    opens: Annotated[WantedMoment, said("From when on something is handed in under it.")]
    closes: Annotated[WantedMoment, said("Until when.", "2027-03-01T00:00:00.000Z")]
    documents: Documents
    verification: Verification


class Call(BaseModel):
    """A call, and whether it is open."""

    call: Annotated[Numbered, said("The call's number.", 2)]
    title_zh: InChinese
    title_en: InEnglish
    kinds: Kinds
    opens_at: Annotated[Moment, said("From when on something is handed in under it.")]
    closes_at: Annotated[Moment, said("Until when.")]
    documents: Documents
    verification: Verification
    ended_at: Annotated[Moment | None, said("When it was ended before its time; null: it was not.")]
    is_open: Annotated[bool, said("Whether something may be handed in under it now.", True)]

    @classmethod
    def of(cls, of: calls.Call, at: int) -> Self:
        """Write it."""
        told = of.terms
        return cls(
            call=of.id,
            title_zh=told.title_zh,
            title_en=told.title_en,
            kinds=list(told.kinds),
            opens_at=rfc3339(told.opens_ms),
            closes_at=rfc3339(told.closes_ms),
            documents=list(told.documents),
            verification=told.verification,
            ended_at=shown_time(of.ended_ms),
            is_open=of.is_open(at),
        )


class Calls(BaseModel):
    """Calls."""

    items: Annotated[list[Call], said("Newest first, also those that are over.")]


@router.get("/calls", summary="List the calls for applications")
def read_calls(site: SiteOf) -> Calls:
    """List the calls for applications, and which are open now. An application names its call, or none."""
    at = site.ledger.clock()
    with site.database.reading() as tx:
        return Calls(items=[Call.of(one, at) for one in calls.list_calls(tx)])


@router.post(
    "/calls", summary="Open a call for applications", status_code=201, response_class=Response,
    responses={201: {"model": Call}},
)  # fmt: skip
def open_a_call(body: NewCall, write: ByCentre) -> Response:
    """Open a call: what is handed in under it is in its window, and has each document that it asks for."""
    ledger, officer = write.site.ledger, centre_of(write.caller)
    window = read_time(body.opens), read_time(body.closes)
    new = calls.NewCall(
        body.title_zh, body.title_en, body.kinds, *window, body.documents, body.verification
    )  # fmt: skip

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        at = ledger.clock()
        return Call.of(calls.get_call(tx, calls.open_call(tx, new, officer, at)), at).model_dump()

    return write.perform(body.model_dump(), act, at="/v1/calls")


@router.post(
    "/calls/{call}/end", summary="End a call", status_code=201, response_class=Response,
    responses={201: {"model": Call}, **documented(NotFound, Conflict)},
)  # fmt: skip
def end_a_call(call: CallId, write: ByCentre) -> Response:
    """End a call before its time; what was handed in under it goes on."""
    ledger, officer = write.site.ledger, centre_of(write.caller)

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        at = ledger.clock()
        return Call.of(calls.end_call(tx, call, officer, at), at).model_dump()

    return write.perform({}, act, at="/v1/calls")
