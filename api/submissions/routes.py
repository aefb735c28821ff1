"""Submissions: an author's or applicant's own way in, and the centre's desk, where they become cases (R3, R7, R10)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response

from api.door.caller import Principal
from api.door.numbers import AccountId, SubmissionId
from api.door.problems import documented
from api.door.reasons import read_reason
from api.door.route import StrictRoute
from api.door.who import SIGNED_IN, Being, Holding, SignedIn
from api.door.write import SiteOf, Write, answering, by
from api.submissions.shapes import (
    Correction,
    DraftApplication,
    DraftText,
    ReadSubmission,
    Submissions,
    SubmissionState,
    SubmissionSummary,
    Verdict,
)
from registry.accounts.accounts import MAX_NAME_CHARS
from registry.decisions.recording import By
from registry.errors import (
    AccountErased,
    Barred,
    Conflict,
    DecisionRefused,
    DocumentTooLarge,
    Forbidden,
    Invalid,
    MethodologyUnsound,
    NotFound,
    RegisteredElsewhere,
    SetAside,
    Unclassified,
    WithinQuota,
)
from registry.identity.roles import Role
from registry.methodologies.record import Methodology
from registry.methodologies.reproduced import must_reproduce_in_turn
from registry.procedure.decision import Officer, Record
from registry.sources.approval import must_be_institution
from registry.sources.assets import MAX_IDENTIFIER_CHARS
from registry.sources.sources import checked_district
from registry.submissions import cases, submissions
from registry.submissions.submissions import Draft, State, Submission, Submitter
from registry.words import checked_words

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["submissions"])
READ = documented(NotFound)
WRITTEN = (NotFound, Conflict)
JUDGED = (*WRITTEN, AccountErased, Barred, MethodologyUnsound, Unclassified, RegisteredElsewhere, WithinQuota)
"""Of what is handed in, or becomes a case."""
OF_APPLICANTS = frozenset({Role.HOLDER, Role.APPLICANT})
RECEIVING = Being(frozenset({Role.CENTRE, Role.BUREAU, Role.DISTRICT_BUREAU}))
ByAnybody = Annotated[Write, Depends(by(SIGNED_IN))]
ByApplicant = Annotated[Write, Depends(by(Holding(OF_APPLICANTS)))]
ByCentre = Annotated[Write, Depends(by(Being(frozenset({Role.CENTRE}))))]
Receiver = Annotated[Principal, Depends(RECEIVING)]
THERE = "/v1/submissions/{submission}"
AT_THE_DESK = "/v1/incoming/{submission}"


made = partial(answering, SubmissionState)


@router.post("/submissions", summary="Begin a methodology's submission", **made(Conflict))
def draft_a_methodology(body: DraftText, write: ByAnybody) -> Response:
    """Keep a methodology's text as a draft, faults and all; whoever signed in may (第十五条).

    `gram methodology check` tells what is wrong line by line.
    """
    return _begin(write, Draft(Record.METHODOLOGY, {"definition": body.definition}))


@router.post(
    "/accounts/{account_id}/applications",
    summary="Begin an application for a source",
    **made(NotFound, AccountErased, Conflict),
)
def draft_an_application(account_id: AccountId, body: DraftApplication, write: ByApplicant) -> Response:
    """Keep an application as a draft, in the name of the institution whose account this is (第十八条)."""
    return _begin(write, _application(account_id, body))


@router.get("/submissions", summary="List one's submissions")
def read_submissions(site: SiteOf, caller: SignedIn) -> Submissions:
    """List what the caller submitted, and the applications of accounts that they act for, newest first."""
    with site.database.reading() as tx:
        found = submissions.list_own(tx, site.ledger.vault, _submitter(caller))
    return Submissions(items=[SubmissionSummary.summary(one) for one in found])


@router.get("/submissions/{submission}", summary="Read a submission", responses=READ)
def read_submission(submission: SubmissionId, site: SiteOf, caller: SignedIn) -> ReadSubmission:
    """Read a submission of one's own: its content, why it was returned or refused, and how its case stands."""
    with site.database.reading() as tx:
        found = submissions.own(tx, site.ledger.vault, submission, _submitter(caller))
        return ReadSubmission.whole(found, cases.stands(tx, site.ledger.vault, found))


@router.post("/submissions/{submission}/correction", summary="Correct a draft", **made(*WRITTEN))
def correct_a_draft(submission: SubmissionId, body: Correction, write: ByAnybody) -> Response:
    """Put another content in a draft's place, or in that of one that the centre returned."""
    ledger = write.site.ledger

    def change(tx: sa.Connection, found: Submission) -> State:
        submissions.correct(tx, ledger.vault, found, _corrected(found, body), ledger.clock())
        return found.state

    return _change(write, submission, body.model_dump(), change)


@router.post("/submissions/{submission}/handing-in", summary="Hand a draft in", **made(*JUDGED))
def hand_a_draft_in(submission: SubmissionId, write: ByAnybody) -> Response:
    """Hand a draft in to the centre. A text's faults are told with their lines, and it stays a draft."""
    ledger = write.site.ledger

    def change(tx: sa.Connection, found: Submission) -> State:
        submissions.must_be_draft(found)
        judged = cases.judge(tx, ledger, found)
        if isinstance(judged, Methodology):
            must_reproduce_in_turn(tx, judged)
        submissions.hand_in(tx, found, ledger.clock())
        return State.SUBMITTED

    return _change(write, submission, {}, change)


@router.post("/submissions/{submission}/withdrawal", summary="Withdraw a submission", **made(*WRITTEN))
def withdraw_a_submission(submission: SubmissionId, write: ByAnybody) -> Response:
    """Take a submission back before its case begins; its content is gone then."""
    ledger = write.site.ledger

    def change(tx: sa.Connection, found: Submission) -> State:
        submissions.withdraw(tx, found, ledger.clock())
        return State.WITHDRAWN

    return _change(write, submission, {}, change)


@router.get("/incoming", summary="List the submissions that wait")
def read_incoming(site: SiteOf, caller: Receiver) -> Submissions:
    """List what was handed in and waits for the centre, oldest first; a district bureau sees its own district's."""
    with site.database.reading() as tx:
        found = [one for one in submissions.list_waiting(tx, site.ledger.vault) if _may_see(caller, one)]
    return Submissions(items=[SubmissionSummary.summary(one) for one in found])


@router.get("/incoming/{submission}", summary="Read what was handed in", responses=READ)
def read_handed_in(submission: SubmissionId, site: SiteOf, caller: Receiver) -> ReadSubmission:
    """Read what was handed in, as an officer; a draft is its author's alone."""
    with site.database.reading() as tx:
        found = submissions.handed_in(tx, site.ledger.vault, submission)
        if not _may_see(caller, found):
            raise Forbidden("This submission is not of your district.")
        return ReadSubmission.whole(found, cases.stands(tx, site.ledger.vault, found))


@router.post(
    "/incoming/{submission}/recording",
    summary="Record a submission",
    **made(*JUDGED, DecisionRefused, SetAside, DocumentTooLarge),
)
def take_submission_in(submission: SubmissionId, write: ByCentre) -> Response:
    """Begin the case of what was handed in; the decision is the officer's, and names nobody else."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        found = submissions.handed_in(tx, ledger.vault, submission, lock=True)
        submissions.must_wait(found)
        case = cases.record(tx, ledger, found, By(centre_of(write.caller)))
        return SubmissionState.of(replace(found, state=State.RECORDED, case=case))

    return write.perform({}, act, at=AT_THE_DESK)


@router.post("/incoming/{submission}/return", summary="Return a submission", **made(*WRITTEN))
def return_a_submission(submission: SubmissionId, body: Verdict, write: ByCentre) -> Response:
    """Give a submission back to be mended: it is a draft again, with what is missing."""
    return _send_back(write, submission, body, State.RETURNED)


@router.post("/incoming/{submission}/refusal", summary="Refuse a submission", **made(*WRITTEN))
def refuse_a_submission(submission: SubmissionId, body: Verdict, write: ByCentre) -> Response:
    """Refuse a submission for good, with a reason: no case of it begins."""
    return _send_back(write, submission, body, State.REFUSED)


def _begin(write: Write, draft: Draft) -> Response:
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        if draft.account is not None:
            must_be_institution(tx, draft.account)
        number = submissions.begin(tx, ledger.vault, write.caller.digest, draft, ledger.clock())
        return {"submission": number, "state": str(State.DRAFT), "case": None}

    return write.perform(dict(draft.content), act, at=THERE)


def _change(
    write: Write, number: int, body: Mapping[str, Any], change: Callable[[sa.Connection, Submission], State]
) -> Response:
    def act(tx: sa.Connection) -> dict[str, Any]:
        found = submissions.own(tx, write.site.ledger.vault, number, _submitter(write.caller), lock=True)
        return SubmissionState.of(replace(found, state=change(tx, found)))

    return write.perform(body, act, at=THERE)


def _send_back(write: Write, number: int, body: Verdict, state: State) -> Response:
    ledger, reason = write.site.ledger, read_reason(body.reason)

    def act(tx: sa.Connection) -> dict[str, Any]:
        found = submissions.handed_in(tx, ledger.vault, number, lock=True)
        verdict = submissions.Verdict(state, centre_of(write.caller), reason, body.message)
        submissions.send_back(tx, ledger.vault, found, verdict, ledger.clock())
        return SubmissionState.of(replace(found, state=state))

    return write.perform(body.model_dump(), act, at=AT_THE_DESK if state is State.REFUSED else "/v1/incoming")


def _application(account: int, body: DraftApplication) -> Draft:
    """Take an application as a draft: it may lack what is handed in, but no word is longer or emptier than is said."""
    for name in (body.name_zh, body.name_en):
        checked_words(name, "A source's name", MAX_NAME_CHARS)
    for asset in body.assets:
        checked_words(asset.identifier, "An asset's identifier", MAX_IDENTIFIER_CHARS)
    return Draft(Record.SOURCE, body.model_dump(), account, checked_district(body.district))


def _corrected(found: Submission, body: Correction) -> Draft:
    if found.record is Record.METHODOLOGY and body.definition is not None and body.application is None:
        return Draft(Record.METHODOLOGY, {"definition": body.definition})
    if found.record is Record.SOURCE and body.application is not None and body.definition is None:
        return _application(found.account or 0, body.application)
    raise Invalid("Send a `definition` for a methodology's draft, an `application` for a source's, and no other.")


def _submitter(caller: Principal) -> Submitter:
    return Submitter(caller.digest, caller.accounts(*OF_APPLICANTS))


def _may_see(caller: Principal, found: Submission) -> bool:
    """Tell whether an officer sees a submission: a district bureau what is of its district, the others all."""
    if caller.has(Role.CENTRE, Role.BUREAU):
        return True
    return caller.district is not None and found.district == caller.district


def centre_of(caller: Principal) -> Officer:
    """Give the officer of the centre who asks, whom alone the route lets pass."""
    officer = caller.officer(Role.CENTRE)
    assert officer is not None  # noqa: S101  (the route lets nobody else pass)
    return officer
