"""What officers decide: a proposal or a motion by one, its approval by another, each an act of its own (four eyes)."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, StrictBool, StrictInt, StrictStr

from api.decisions.shapes import DecisionCode
from api.decisions.sources import district_of
from api.door.caller import Principal
from api.door.fields import (
    AccountNumber,
    Assets,
    Body,
    CaseNumbered,
    Definition,
    District,
    Moment,
    MotionNumbered,
    OfficerName,
    PolicyValue,
    Rural,
    Shares,
    VersionNumber,
    WantedMoment,
    one_of,
    said,
    shares_of,
    words,
)
from api.door.numbers import CaseNumber, MotionId
from api.door.problems import documented
from api.door.reasons import read_reason
from api.door.route import StrictRoute
from api.door.times import read_time
from api.door.who import Being
from api.door.write import SiteOf, Write, by
from registry.accounts.accounts import MAX_NAME_CHARS
from registry.clock import rfc3339
from registry.decisions import motions
from registry.decisions.recording import By
from registry.errors import (
    AccountErased,
    Barred,
    BatchClosed,
    Conflict,
    DecisionRefused,
    DocumentTooLarge,
    Forbidden,
    Invalid,
    MethodologyUnsound,
    MovedOn,
    NotFound,
    RegisteredElsewhere,
    SetAside,
    TooManyBlocks,
    Unclassified,
    Unsettled,
    WithinQuota,
)
from registry.evidence.canonical import canonical
from registry.identity.roles import AUTHORITIES, Role
from registry.issuance import correction as corrections
from registry.issuance import deciding as issuances
from registry.ledger.ledger import Ledger
from registry.mall import providers
from registry.methodologies import deciding as methodologies
from registry.methodologies.record import parse
from registry.policies.policies import propose_policy, publish_proposed, withdraw_proposed
from registry.procedure.decision import PREFIXES, SOURCE_KINDS, Officer, Record
from registry.procedure.table import MAX_SAID, MAX_WORKING_DAYS
from registry.sources import deciding as sources
from registry.sources.approval import apply_for
from registry.sources.assets import Asset, checked_assets
from registry.sources.given import NOTHING, Given
from registry.sources.listed import cases_of_district
from registry.sources.sources import DECLARED, NewSource, checked_source

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["decisions"])

DECIDING = Being(frozenset({Role.BUREAU, Role.CENTRE, Role.EXCHANGE}))
ByOfficer = Annotated[Write, Depends(by(DECIDING))]
ByBureau = Annotated[Write, Depends(by(Being(frozenset({Role.BUREAU}))))]
ByCentre = Annotated[Write, Depends(by(Being(frozenset({Role.CENTRE}))))]
DECIDED = (NotFound, Conflict, DecisionRefused, SetAside, DocumentTooLarge)
"""What keeps a decision from being taken."""
WRITTEN = documented(*DECIDED)
OF_METHODOLOGY = documented(*DECIDED, MethodologyUnsound, Unclassified, Invalid)
OF_CASE = documented(
    *(*DECIDED, MethodologyUnsound, Unclassified, Invalid, BatchClosed, MovedOn, TooManyBlocks),
    *(RegisteredElsewhere, WithinQuota, Unsettled),
)
CASE = "/v1/cases/{case}"
"""Where what was decided is read, once it is logged."""
_BUREAU = frozenset({str(Role.BUREAU)})
Reason = Annotated[StrictStr | None, said("Why, in a word.", "illustrative")]
CaseOfDecision = Annotated[CaseNumbered, said("The number of its case.", "S-1")]


class Answer(BaseModel):
    """What came of it: the state that the case is in now, or the motion that waits for another officer."""

    case: CaseOfDecision
    state: Annotated[str | None, said("The state that the case is in now; null of a motion that waits.", "accepted")]
    motion: Annotated[MotionNumbered | None, said("Waits until another officer approves it; null where none waits.")]


class Motion(BaseModel):
    """A decision that waits for a second officer."""

    motion: MotionNumbered
    case: CaseOfDecision
    decision: DecisionCode
    mover: OfficerName
    reason: Annotated[str | None, said("Why, in a word; null without.", "illustrative")]
    moved_at: Moment


class Motions(BaseModel):
    """Motions that wait, oldest first."""

    items: Annotated[list[Motion], said("Oldest first.")]


class Proposal(Body):
    """A policy that is proposed."""

    name: Annotated[StrictStr, said("The policy's name.", "points")]
    value: PolicyValue
    in_force: Annotated[WantedMoment, said("A whole minute, after the approval.")]


class Application(Body):
    """A source that is applied for."""

    kind: Annotated[StrictStr, one_of(SOURCE_KINDS, "What is applied for.")]
    name_zh: Annotated[StrictStr, words(MAX_NAME_CHARS, "In Chinese; public.", "示例骑行")]
    name_en: Annotated[StrictStr, words(MAX_NAME_CHARS, "In English; public.", "Example rides")]
    applicant: Annotated[AccountNumber, said("The account that applies.", 7)]
    methodology: Annotated[StrictStr, said("The code of a published methodology.", "SHCER02020032024II")]
    version: VersionNumber
    valid_from: Annotated[WantedMoment, said("Since when it would be valid.")]
    valid_until: Annotated[WantedMoment, said("Until when it would be valid.", "2030-01-01T00:00:00.000Z")]
    district: District | None = None
    assets: Assets = Field(default_factory=list)
    rural: Rural = False
    shares: Shares = Field(default_factory=list)


class Submission(Body):
    """A methodology's text."""

    definition: Definition


class NextDecision(Body):
    """A decision of a case's life cycle."""

    decision: Annotated[StrictStr, said("As the life cycle in force has it.", "accept")]
    reason: Reason = None
    valid_until: Annotated[WantedMoment | None, said("Until when a source is renewed; with no other decision.")] = None
    mend_days: Annotated[
        StrictInt | None,
        said("In how many working days what was found of a source is to be mended.", 10, ge=1, le=MAX_WORKING_DAYS),
    ] = None
    rural: Annotated[
        StrictBool | None,
        said("Whether the rural mark that was declared holds; a review of such a source says it.", True),
    ] = None
    says: Annotated[
        dict[str, StrictStr] | None,
        said(
            "What the step of a source says by a SHA-256: a contract, a list of devices, the file of a test run.",
            {"contract_sha256": "5f" * 32},
            max_length=MAX_SAID,
        ),
    ] = None

    def given(self) -> Given:
        """Read what is given beside the step. Raises `Invalid`."""
        until = None if self.valid_until is None else read_time(self.valid_until)
        return Given(until, self.mend_days, self.says or {}, self.rural)


@router.post(
    "/policies", summary="Propose a policy", status_code=201, response_class=Response,
    responses={201: {"model": Answer}, **WRITTEN},
)  # fmt: skip
def propose_a_policy(body: Proposal, write: ByBureau) -> Response:
    """Propose a policy; another officer of the bureau approves the motion that is answered, and it is published."""
    ledger, officer, in_force = write.site.ledger, officer_of(write.caller, _BUREAU), read_time(body.in_force)

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        case = propose_policy(tx, ledger, body.name, body.value, in_force, By(officer))
        return _came(case, None, motions.move(tx, case, "publish", officer, ledger.clock()))

    return write.perform(body.model_dump(), act, at=CASE)


@router.post(
    "/sources", summary="Record an application", status_code=201, response_class=Response,
    responses={201: {"model": Answer}, **documented(*DECIDED, AccountErased, Barred, RegisteredElsewhere, WithinQuota)},
)  # fmt: skip
def record_an_application(body: Application, write: ByCentre) -> Response:
    """Record that somebody applies with a source; its case begins."""
    ledger, officer = write.site.ledger, officer_of(write.caller, frozenset({str(Role.CENTRE)}))
    valid = read_time(body.valid_from), read_time(body.valid_until)
    of = body.methodology, body.version
    declared = DECLARED if body.rural else None, shares_of(body.shares)
    names = body.name_zh, body.name_en
    new = checked_source(NewSource(body.kind, *names, body.applicant, *of, *valid, body.district, None, *declared))
    assets = checked_assets(new.kind, [Asset(one.kind, one.identifier) for one in body.assets])

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        source = apply_for(tx, ledger, new, By(officer), assets)
        return _came(f"{PREFIXES[Record.SOURCE]}{source.id}", "applied", None)

    return write.perform(body.model_dump(), act, at=CASE)


@router.post(
    "/methodologies", summary="Record a methodology that was submitted", status_code=201, response_class=Response,
    responses={201: {"model": Answer}, **OF_METHODOLOGY},
)  # fmt: skip
def record_a_submission(body: Submission, write: ByCentre) -> Response:
    """Record a methodology's text, checked and with its examples run; its case begins, or a new version waits in it.

    `gram methodology check` tells what is wrong line by line. A version of a methodology that is published waits for
    the bureau's decision `revise`.
    """
    ledger, officer = write.site.ledger, officer_of(write.caller, frozenset({str(Role.CENTRE)}))
    methodology = parse(canonical(body.definition))

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        case, state = methodologies.submit(tx, ledger, methodology, By(officer))
        return _came(case, state, None)

    return write.perform(body.model_dump(), act, at=CASE)


@router.post(
    "/cases/{number}/decisions", summary="Decide of a case, or move it", status_code=201, response_class=Response,
    responses={201: {"model": Answer}, **OF_CASE},
)  # fmt: skip
def decide_of_a_case(number: CaseNumber, body: NextDecision, write: ByOfficer) -> Response:
    """Take the next decision of a case; one that needs a second officer waits as a motion."""
    ledger, choose = write.site.ledger, partial(officer_of, write.caller)
    room, given = _ROOMS.get(number[:2]), body.given()
    if room is not None and given != NOTHING:
        raise Invalid("`valid_until`, `mend_days` and `says` belong to decisions on a source.")

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        asked = tx, ledger, number, body.decision, choose, _reason(body.reason)
        return _came(number, *(sources.decide_or_move(*asked, given) if room is None else room.decide_or_move(*asked)))

    return write.perform(body.model_dump(), act, at=CASE)


@router.get("/motions", summary="List the motions that wait")
def read_motions(site: SiteOf, caller: Annotated[Principal, Depends(Being(frozenset(AUTHORITIES)))]) -> Motions:
    """List the decisions that wait for a second officer, oldest first; a district bureau sees its district's."""
    district = district_of(caller)
    with site.database.reading() as tx:
        found = motions.list_open(tx)
        cases = None if district is None else cases_of_district(tx, district)
    return Motions(items=[_motion(one) for one in found if cases is None or one.case in cases])


@router.post(
    "/motions/{motion}/approval", summary="Approve a motion", status_code=201, response_class=Response,
    responses={201: {"model": Answer}, **OF_CASE},
)  # fmt: skip
def approve_a_motion(motion: MotionId, write: ByOfficer) -> Response:
    """Approve what another officer moved: the decision is taken, with both in it."""
    ledger, choose = write.site.ledger, partial(officer_of, write.caller)

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        moved = motions.take_up(tx, motion)
        state, second = _approve(tx, ledger, moved, choose)
        motions.end(tx, motion, second, ledger.clock(), approved=True)
        return _came(moved.case, state, None)

    return write.perform({}, act, at=CASE)


@router.post(
    "/motions/{motion}/withdrawal", summary="Withdraw a motion", status_code=201, response_class=Response,
    responses={201: {"model": Answer}, **WRITTEN},
)  # fmt: skip
def withdraw_a_motion(motion: MotionId, write: ByOfficer) -> Response:
    """Take back what waits: its mover does, or another officer of the same authority."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        moved = motions.take_up(tx, motion)
        officer = officer_of(write.caller, frozenset({moved.mover.authority}))
        state = None
        if moved.case.startswith(PREFIXES[Record.POLICY]):
            withdraw_proposed(tx, ledger, moved.case, By(officer))
            state = "withdrawn"
        motions.end(tx, motion, officer, ledger.clock(), approved=False)
        return _came(moved.case, state, None)

    return write.perform({}, act, at=CASE)


def _approve(tx: sa.Connection, ledger: Ledger, moved: motions.Motion, choose: motions.Choose) -> tuple[str, Officer]:
    if not moved.case.startswith(PREFIXES[Record.POLICY]):
        found: tuple[str, Officer] = _ROOMS.get(moved.case[:2], sources).approve_moved(tx, ledger, moved, choose)
        return found
    second = motions.approver(tx, choose, _BUREAU, moved.mover)
    publish_proposed(tx, ledger, moved.case, moved.by(second))
    return "published", second


def officer_of(caller: Principal, authorities: frozenset[str]) -> Officer:
    """Give the officer that the caller is, of one of some authorities. Raises `Forbidden`."""
    for authority in sorted(authorities & set(AUTHORITIES)):
        officer = caller.officer(Role(authority))
        if officer is not None:
            return officer
    raise Forbidden(f"This is for officers of: {', '.join(sorted(authorities))}.")


_ROOMS: Final = {
    PREFIXES[Record.METHODOLOGY]: methodologies,
    PREFIXES[Record.ISSUANCE]: issuances,
    PREFIXES[Record.CORRECTION]: corrections,
    PREFIXES[Record.PROVIDER]: providers,
}
"""Who decides a case, by what its number begins with; all others are a source's, which says more."""


def _reason(text: str | None) -> str | None:
    return None if text is None else read_reason(text)


def _came(case: str, state: str | None, motion: int | None) -> dict[str, Any]:
    return {"case": case, "state": state, "motion": motion}


def _motion(of: motions.Motion) -> Motion:
    return Motion(
        motion=of.id,
        case=of.case,
        decision=of.decision,
        mover=str(of.mover),
        reason=of.reason,
        moved_at=rfc3339(of.moved_ms),
    )
