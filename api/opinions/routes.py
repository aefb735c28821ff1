"""Opinions of experts and technical service bodies: asked by the centre, given or declined by who is asked (R7)."""

from functools import partial
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response

from api.door.caller import Principal
from api.door.numbers import CaseNumber, RequestId
from api.door.problems import documented
from api.door.reasons import read_reason
from api.door.route import StrictRoute
from api.door.who import Being
from api.door.write import SiteOf, Write, answering, by
from api.opinions.shapes import Matter, NewOpinion, NewRequest, OpinionRequest, OpinionRequests, Recusal, RequestState
from registry.decisions.recording import read_officer
from registry.errors import Barred, Conflict, Forbidden, Invalid, NotFound, SetAside
from registry.identity.roles import POOL, Role
from registry.methodologies.deciding import text_of_case
from registry.opinions import opinions
from registry.opinions.opinions import Answer, Request, State
from registry.procedure.decision import PREFIXES, STANCES, Officer, Record
from registry.sources.deciding import source_of
from registry.sources.sources import get_source

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["opinions"])
READ = documented(NotFound)
OPINING = Being(POOL)
DECIDING = Being(frozenset({Role.BUREAU, Role.CENTRE, Role.EXCHANGE}))
ByExpert = Annotated[Write, Depends(by(OPINING))]
ByCentre = Annotated[Write, Depends(by(Being(frozenset({Role.CENTRE}))))]
AnExpert = Annotated[Principal, Depends(OPINING)]
ANSWERED = (NotFound, Conflict, SetAside)
OWN = "/v1/opinions/{request}"


made = partial(answering, RequestState)


@router.post("/cases/{number}/opinions", summary="Ask for an opinion", **made(*ANSWERED, Barred))
def ask_an_expert(number: CaseNumber, body: NewRequest, write: ByCentre) -> Response:
    """Ask an expert or service body for an opinion on a case of a methodology or a source, as it stands.

    Nobody is asked who is barred, acts for the applicant or the developer, or submitted what the case is about.
    """
    ledger, who = write.site.ledger, read_officer(body.expert)
    if who.authority not in POOL:
        raise Invalid("Experts and service bodies give opinions, such as expert:3; officers decide.")

    def act(tx: sa.Connection) -> dict[str, Any]:
        asked = opinions.ask(tx, ledger, number, who, _centre(write.caller))
        return {"request": asked, "state": str(State.ASKED), "digest": None}

    return write.perform(body.model_dump(), act, at=f"/v1/cases/{number}/opinions")


@router.get("/cases/{number}/opinions", summary="Read the opinions on a case", responses=READ)
def read_opinions(
    number: CaseNumber, site: SiteOf, _caller: Annotated[Principal, Depends(DECIDING)]
) -> OpinionRequests:
    """Read who was asked on a case and what they say, oldest first, for those who decide."""
    with site.database.reading() as tx:
        found = opinions.list_of_case(tx, site.ledger.vault, number)
    return OpinionRequests(items=[OpinionRequest.whole(one) for one in found])


@router.get("/opinions", summary="List what one is asked")
def read_requests(site: SiteOf, caller: AnExpert) -> OpinionRequests:
    """List what the caller is asked for an opinion on, what waits first."""
    with site.database.reading() as tx:
        found = opinions.list_asked(tx, site.ledger.vault, _expert(caller))
    return OpinionRequests(items=[OpinionRequest.whole(one) for one in found])


@router.get("/opinions/{request}", summary="Read what one is asked", responses=READ)
def read_request(request: RequestId, site: SiteOf, caller: AnExpert) -> Matter:
    """Read a request to the caller, with the methodology's text or what the source was applied for with."""
    with site.database.reading() as tx:
        found = opinions.own_request(tx, site.ledger.vault, request, _expert(caller))
        return Matter.of_request(found, _matter(tx, found))


@router.post("/opinions/{request}/answer", summary="Give an opinion", **made(*ANSWERED, Barred))
def give_an_opinion(request: RequestId, body: NewOpinion, write: ByExpert) -> Response:
    """Give the opinion that was asked for, once; its stance, its word and its digest become public with the decision.

    It counts for the next decision of the case alone, and for nothing once the caller is barred.
    """
    ledger = write.site.ledger
    if not body.no_interest:
        raise Invalid("Who has an interest in the case gives no opinion: decline the request instead.")
    if body.stance not in STANCES:
        raise Invalid(f"A stance is one of: {', '.join(STANCES)}.")
    answer = Answer(body.stance, read_reason(body.reason), body.text)

    def act(tx: sa.Connection) -> dict[str, Any]:
        return RequestState.of(opinions.give(tx, ledger, request, _expert(write.caller), answer))

    return write.perform(body.model_dump(), act, at=OWN)


@router.post("/opinions/{request}/recusal", summary="Decline to give an opinion", **made(NotFound, Conflict))
def decline_a_request(request: RequestId, body: Recusal, write: ByExpert) -> Response:
    """Decline to give an opinion, with a word that says why: an interest in the case, for one."""
    ledger, reason = write.site.ledger, read_reason(body.reason)

    def act(tx: sa.Connection) -> dict[str, Any]:
        opinions.recuse(tx, ledger, request, _expert(write.caller), reason)
        return {"request": request, "state": str(State.RECUSED), "digest": None}

    return write.perform(body.model_dump(), act, at=OWN)


@router.post("/cases/{number}/opinions/{request}/release", summary="Take a request back", **made(NotFound, Conflict))
def release_a_request(number: CaseNumber, request: RequestId, write: ByCentre) -> Response:
    """Take back a request for an opinion that nobody answered."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        opinions.release(tx, ledger, number, request)
        return {"request": request, "state": str(State.RELEASED), "digest": None}

    return write.perform({}, act, at=f"/v1/cases/{number}/opinions")


def _matter(tx: sa.Connection, found: Request) -> dict[str, Any]:
    if found.case.startswith(PREFIXES[Record.METHODOLOGY]):
        return {"definition": text_of_case(tx, found.case)}
    source = get_source(tx, source_of(found.case))
    return {
        "kind": source.kind,
        "name_zh": source.name_zh,
        "name_en": source.name_en,
        "methodology": source.methodology_code,
        "version": source.methodology_version,
        "district": source.district,
    }


def _expert(caller: Principal) -> Officer:
    """Give the expert or service body that the caller is; nobody is both."""
    found = [one for role in sorted(POOL) if (one := caller.officer(role)) is not None]
    if not found:
        raise Forbidden("This is for experts and service bodies.")
    return found[0]


def _centre(caller: Principal) -> Officer:
    officer = caller.officer(Role.CENTRE)
    assert officer is not None  # noqa: S101  (the route lets nobody else pass)
    return officer
