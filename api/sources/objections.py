"""Objections by anybody to what is in publicity, with or without signing in; their answers, by the centre (R36)."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, StrictStr

from anchoring.connections import source_of as counted_as
from api.decisions.officers import DECIDING, officer_of
from api.door.caller import Principal
from api.door.fields import Body, CaseNumbered, Moment, OfficerName, Sha256, hexadecimal, one_of, said, words
from api.door.numbers import MAX_EXACT, CaseNumber, only_digits
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.write import ByCentre, SiteOf, refuse_behind
from registry.clock import rfc3339
from registry.errors import Behind, Conflict, Invalid, NotFound, SetAside, TooMany
from registry.identity.roles import Role
from registry.sources import objections
from registry.sources.deciding import source_of
from registry.sources.objections import MAX_TEXT_CHARS
from registry.sources.objections import Objection as Kept

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["objections"])
_CENTRE = frozenset({str(Role.CENTRE)})
ObjectionId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="The objection's number.", examples=[4]), only_digits]
Receipt = Annotated[str, Query(description="As it was answered.", examples=["5f0c" * 10], max_length=40)]
States = ("received", "recorded", "answered")


class NewObjection(Body):
    """What somebody has against it."""

    text: Annotated[
        StrictStr,
        words(MAX_TEXT_CHARS, "For the centre, not public; say how to reach you.", "该项目已另行申请。"),
    ]


class NewAnswer(Body):
    """The centre's answer."""

    text: Annotated[StrictStr, words(MAX_TEXT_CHARS, "For who objected, not public.", "经核实，情况不属实。")]


class Objection(BaseModel):
    """An objection, and how it stands."""

    objection: Annotated[int, said("Its number.", 4)]
    case: Annotated[CaseNumbered, said("What it is about.", "S-1")]
    made_at: Moment
    state: Annotated[str, one_of(States, "Received, named by a decision of the case, or answered.")]
    digest: Annotated[Sha256, hexadecimal(32, "SHA-256 of its document, which a decision of the case names.")]
    answered_at: Annotated[Moment | None, said("When the centre answered; null before.")]
    answered_by: Annotated[OfficerName | None, said("Who answered; null before.")]
    answer: Annotated[str | None, said("The answer; null before.", "经核实，情况不属实。")]

    @classmethod
    def facts(cls, of: Kept) -> dict[str, Any]:
        """Write an objection without its words."""
        return {
            "objection": of.id,
            "case": of.case,
            "made_at": rfc3339(of.made_ms),
            "state": of.state,
            "digest": of.digest.hex(),
            "answered_at": None if of.answered_ms is None else rfc3339(of.answered_ms),
            "answered_by": of.answered_by,
            "answer": of.answer,
        }


class Received(Objection):
    """An objection that was taken in."""

    receipt: Annotated[str, said("Keep it: with it you read the answer.", "5f0c" * 10)]


class ReadObjection(Objection):
    """An objection as officers read it."""

    text: Annotated[str, said("What it says.", "该项目已另行申请。")]

    @classmethod
    def of(cls, of: Kept) -> Self:
        """Write an objection."""
        return cls(**cls.facts(of), text=of.text)


class Objections(BaseModel):
    """The objections in a case."""

    items: Annotated[list[ReadObjection], said("Oldest first.")]


@router.post(
    "/cases/{number}/objections", summary="Object to what is in publicity", status_code=201, response_class=Response,
    responses={201: {"model": Received}, **documented(NotFound, Invalid, Conflict, SetAside, TooMany, Behind)},
)  # fmt: skip
def object_to_a_case(number: CaseNumber, body: NewObjection, request: Request, site: SiteOf) -> Response:
    """Object while a source is in publicity (第三十九条); nobody need sign in.

    The words are for the centre; the public log has a digest of them, and of the answer. The same words again are the
    same objection, so it needs no Idempotency-Key.
    """
    refuse_behind(site)
    address = counted_as(request.client.host) if request.client else ""
    with site.database.transaction() as tx:
        kept, receipt = objections.object_to(tx, site.ledger, source_of(number), body.text, address)
    answer = Received(**Objection.facts(kept), receipt=receipt)
    where = {"Location": f"/v1/cases/{kept.case}/objections/{kept.id}?receipt={receipt}"}
    return Response(answer.model_dump_json(), 201, where, "application/json")


@router.get("/cases/{number}/objections", summary="List the objections in a case", responses=documented(NotFound))
def read_objections(number: CaseNumber, site: SiteOf, _: Annotated[Principal, Depends(DECIDING)]) -> Objections:
    """List what was objected in a case, with its words, oldest first."""
    source_of(number)
    with site.database.reading() as tx:
        found = objections.list_objections(tx, site.ledger.vault, number)
    return Objections(items=[ReadObjection.of(one) for one in found])


@router.get("/cases/{number}/objections/{objection}", summary="Read one's objection", responses=documented(NotFound))
def read_an_objection(number: CaseNumber, objection: ObjectionId, receipt: Receipt, site: SiteOf) -> ReadObjection:
    """Read an objection and its answer, by the receipt that was given for it."""
    source_of(number)
    with site.database.reading() as tx:
        return ReadObjection.of(objections.by_receipt(tx, site.ledger.vault, objection, receipt))


@router.post(
    "/cases/{number}/objections/{objection}/answer", summary="Answer an objection", status_code=201,
    response_class=Response,
    responses={201: {"model": Objection}, **documented(NotFound, Invalid, Conflict, SetAside)},
)  # fmt: skip
def answer_an_objection(number: CaseNumber, objection: ObjectionId, body: NewAnswer, write: ByCentre) -> Response:
    """Answer an objection; who has its receipt reads it, and the decision `answer` names its digest."""
    ledger, officer = write.site.ledger, officer_of(write.caller, _CENTRE)
    source_of(number)

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        return Objection.facts(objections.answer(tx, ledger, number, objection, body.text, officer)) | {"answer": None}

    return write.perform(body.model_dump(), act, at="/v1/cases/{case}/objections")
