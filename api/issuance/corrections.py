"""Corrections over REST: the centre proposes what is wrong, a second officer approves, whom it meets sees why (R20)."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

import sqlalchemy as sa
from fastapi import APIRouter, Response
from pydantic import BaseModel, StrictInt, StrictStr, model_validator

from api.decisions.officers import officer_of
from api.door.fields import AccountNumber, Body, said, words
from api.door.numbers import MAX_EXACT, AccountId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import ForHolderOrReader
from api.door.write import ByCentre, SiteOf
from registry.accounts.accounts import open_row
from registry.activities.activities import reference_digest
from registry.clock import rfc3339
from registry.decisions import motions
from registry.errors import AccountErased, Conflict, DecisionRefused, Invalid, NotFound, SetAside
from registry.issuance import correction
from registry.issuance.correction import MAX_WORDS, MOST_RANGES, ORDERS, Told, Wrong, propose_correction
from registry.issuance.deciding import CENTRE
from registry.issuance.living import issued_as, issued_to, of_activity
from registry.ledger.ledger import Ledger
from registry.ledger.movement import read_serial, serial
from registry.procedure.fields import Range, Unreadable, word

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["corrections"])
Grams = Annotated[int, said("Whole grams of CO2e.", 1200)]
Lot = Annotated[int, said("A lot's number.", 5)]
Case = Annotated[str, said("The case of the correction.", "C-1")]
Serials = Annotated[list[str], said("Grams by the numbers that they were issued under.", ["SHCER-0-999"])]


class ReportedActivity(Body):
    """An activity that was reported wrongly."""

    source: Annotated[StrictInt, said("The source that reported it.", 1, ge=1, le=MAX_EXACT)]
    reference: Annotated[StrictStr, said("The platform's own number.", "A-7", max_length=1000)]


class NewCorrection(Body):
    """What is wrong: grams under any of their numbers, all that was issued to an account, or one activity."""

    grams: Annotated[list[StrictStr] | None, said("Serials.", ["SHCER-0-9"], max_length=MOST_RANGES)] = None
    account: Annotated[AccountNumber | None, said("To which it was issued.", 2)] = None
    lot: Annotated[StrictInt | None, said("Only what is of this lot; with an account.", 5, ge=1, le=MAX_EXACT)] = None
    activity: Annotated[ReportedActivity | None, said("Which activity it was.")] = None
    reason: Annotated[StrictStr, said("A word that everybody reads.", "meter-fault")]
    explanation: Annotated[StrictStr, words(MAX_WORDS, "For whom it meets, and nobody else.", "The meter stood still.")]
    caused_by: Annotated[AccountNumber | None, said("Who caused it; without it, the source's applicant.", 3)] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if [self.grams, self.account, self.activity].count(None) != 2 or (self.lot and self.account is None):
            raise ValueError("give grams, account (with a lot or without) or activity, and one of them only")
        return self


class Proposed(BaseModel):
    """A correction that waits for a second officer."""

    case: Case
    motion: Annotated[int, said("Waits until another officer approves it.", 3)]
    lot: Lot
    ranges: Serials
    quantity_g: Grams


class ProposedCorrections(BaseModel):
    """One for each lot that the grams were issued in."""

    case: Annotated[str, said("The first of the cases.", "C-1")]
    items: Annotated[list[Proposed], said("In the order of the lots.")]


class CorrectionMet(BaseModel):
    """A correction as it meets an account."""

    case: Case
    lot: Lot
    state: Annotated[str, said("How it stands: proposed, ordered or dismissed.", "ordered")]
    reason: Annotated[str, said("In a word.", "meter-fault")]
    explanation: Annotated[str | None, said("Why; null once somebody it meets was erased.", "The meter stood still.")]
    changed_at: Annotated[str, said("When it was proposed, ordered or dismissed.", "2026-11-28T01:02:03.004Z")]
    issued_g: Annotated[int, said("Of the wrong grams, those that were issued to the account.", 1200)]
    voided_g: Annotated[int, said("Grams voided that the account held.", 800)]
    shortfall_g: Annotated[int, said("Grams gone already that are put down to the account.", 400)]


class CorrectionsMet(BaseModel):
    """What meets an account, newest first."""

    items: Annotated[list[CorrectionMet], said("A thousand at most.")]


@router.post(
    "/corrections", summary="Propose a correction", status_code=201, response_class=Response,
    responses={
        201: {"model": ProposedCorrections},
        **documented(NotFound, AccountErased, Invalid, Conflict, DecisionRefused, SetAside),
    },
)  # fmt: skip
def propose_a_correction(body: NewCorrection, write: ByCentre) -> Response:
    """Propose that grams of abnormal data are corrected: a case and a motion for each lot that they were issued in.

    When another officer of the centre approves, what lives of them is voided wherever it is, through bundles too; the
    rest is a shortfall of who caused it.
    """
    ledger, officer = write.site.ledger, officer_of(write.caller, CENTRE)
    reason = _word(body.reason)

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        if body.caused_by is not None:
            open_row(tx, body.caused_by)
        items = []
        for lot, ranges in _wrong(tx, ledger, body).items():
            if not ranges:
                continue
            told = Told(reason, body.explanation, body.caused_by)
            case = propose_correction(tx, ledger, Wrong(lot, ranges), told, officer)
            motion = motions.move(tx, case, ORDERS, officer, ledger.clock(), reason)
            grams = sum(end - first for first, end in ranges)
            shown = [serial(first, end) for first, end in ranges]
            items.append({"case": case, "motion": motion, "lot": lot, "ranges": shown, "quantity_g": grams})
        if not items:
            raise NotFound("Of this nothing was issued, or all of it was corrected before.")
        return {"case": items[0]["case"], "items": items}

    return write.perform(body.model_dump(), act, at="/v1/cases/{case}")


@router.get(
    "/accounts/{account_id}/corrections", summary="List the corrections that meet an account",
    responses=documented(NotFound, AccountErased), dependencies=[ForHolderOrReader],
)  # fmt: skip
def read_corrections(account_id: AccountId, site: SiteOf) -> CorrectionsMet:
    """List what was corrected of what was issued to the account, or held by it, what is put down to it, and why."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return CorrectionsMet(
            items=[_met(one) for one in correction.list_corrections(tx, site.ledger.vault, account_id)]
        )


def _wrong(tx: sa.Connection, ledger: Ledger, body: NewCorrection) -> Mapping[int, tuple[Range, ...]]:
    if body.account is not None:
        open_row(tx, body.account)
        return issued_to(tx, body.account, body.lot)
    if body.activity is not None:
        digest = reference_digest(ledger.vault, body.activity.source, body.activity.reference)
        return of_activity(tx, body.activity.source, digest)
    spans = [_span(text) for text in body.grams or ()]
    if not spans:
        raise Invalid("Name at least one serial.")
    return issued_as(tx, spans)


def _span(text: str) -> Range:
    grams = read_serial(text)
    if grams is None or grams[1] > 2**63 - 1:
        raise Invalid("A serial is SHCER-<first>-<last>, as blocks and bundles show it.")
    return grams


def _word(text: str) -> str:
    try:
        return word(text)
    except Unreadable as error:
        raise Invalid(f"A reason is a word, and this {error}.") from None


def _met(of: correction.Met) -> CorrectionMet:
    return CorrectionMet(
        case=of.case,
        lot=of.lot_id,
        state=of.state,
        reason=of.reason,
        explanation=of.explanation,
        changed_at=rfc3339(of.changed_ms),
        issued_g=of.issued_g,
        voided_g=of.voided_g,
        shortfall_g=of.shortfall_g,
    )
