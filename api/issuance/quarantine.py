"""Quarantine over REST: whose it is sees why and appeals, officers release or refuse, platforms see what is theirs."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, StrictInt, StrictStr

from api.decisions.officers import officer_of
from api.door.caller import Principal
from api.door.fields import (
    AccountNumber,
    Body,
    Count,
    Grams,
    InChinese,
    InEnglish,
    Moment,
    NextCursor,
    Numbered,
    OfficerName,
    SourceNumber,
    said,
    words,
)
from api.door.numbers import MAX_EXACT, AccountId, Cursor, HeldId, Limit
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import Being, ForHolderOrReader, Purpose, note
from api.door.write import ByCentre, ByHolder, SiteOf
from api.issuance.shapes import Batch, BatchNumber
from registry.accounts.accounts import open_row
from registry.clock import rfc3339
from registry.errors import AccountErased, Conflict, Invalid, NotFound, PurposeMissing
from registry.identity.roles import Role
from registry.issuance import quarantine as room
from registry.issuance.deciding import CENTRE
from registry.issuance.quarantine import MAX_WORDS, MOST_NAMED, HeldState
from registry.issuance.release import begin_release

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["quarantine"])
OFFICERS = frozenset({Role.CENTRE, Role.BUREAU})
Looking = Annotated[Principal, Depends(Being(OFFICERS | {Role.PLATFORM}))]
Supervising = Annotated[Principal, Depends(Being(OFFICERS))]
OfState = Annotated[HeldState | None, Query(description="Only what stands so.", examples=["waiting"])]
HeldNumber = Annotated[Numbered, said("Its number in quarantine.", 12)]
Number = Annotated[StrictInt, said("A number in quarantine.", 12, ge=1, le=MAX_EXACT)]
Named = Annotated[list[Number], said("Their numbers in quarantine.", [12], max_length=MOST_NAMED)]


class Quarantined(BaseModel):
    """Something in quarantine."""

    quarantine: HeldNumber
    source: Annotated[SourceNumber, said("The source that reported it.")]
    batch: BatchNumber
    state: Annotated[HeldState, said("How it stands.")]
    reason: Annotated[str, said("Which rule caught it: a stable code.", "too-fast")]
    zh: Annotated[InChinese | None, said("Why, and what to do, in Chinese; null once it went with its account.")]
    en: Annotated[InEnglish | None, said("The same in English; null then too.", "It would need more than 30 km/h.")]
    quantity_g: Annotated[Grams | None, said("What it would be issued for; null then too.")]
    caught_at: Annotated[Moment, said("When it was caught.")]
    appeal_until: Annotated[Moment, said("Until when whose it is may appeal.")]
    lapses_at: Annotated[Moment, said("When it lapses, if nobody releases or refuses it and nobody appealed.")]
    appealed_at: Annotated[Moment | None, said("When whose it is appealed; null: not.")]
    decided_at: Annotated[Moment | None, said("When it was refused or released, or lapsed; null before.")]
    outcome: Annotated[str | None, said("Why it was refused, in a word; null where it was not.", "already-issued")]
    release: Annotated[BatchNumber | None, said("The batch by which it is released; null: none.")]

    @classmethod
    def of(cls, held: room.Held, **more: Any) -> Self:
        """Write one, with what a kind of reader sees beside."""
        return cls(
            quarantine=held.id, source=held.source_id, batch=held.batch_id, state=held.state, reason=held.reason,
            zh=held.zh, en=held.en, quantity_g=held.quantity_g, caught_at=rfc3339(held.caught_ms),
            appeal_until=rfc3339(held.appeal_until_ms), lapses_at=rfc3339(held.lapses_ms),
            appealed_at=_moment(held.appealed_ms), decided_at=_moment(held.decided_ms), outcome=held.outcome,
            release=held.release_id, **more,
        )  # fmt: skip


class OneQuarantined(Quarantined):
    """Something in quarantine, as whose it is sees it."""

    reference: Annotated[str | None, said("The platform's own number; null once it went.", "A-7")]
    begins_at: Annotated[Moment | None, said("When it began; null then too.")]
    ends_at: Annotated[Moment | None, said("When it ended; null then too.")]
    appeal: Annotated[str | None, said("The appeal, in its own words; null: none.", "I rode downhill.")]
    words: Annotated[str | None, said("Why an officer refused it; null: none did.", "It was on a lorry.")]

    @classmethod
    def whole(cls, held: room.Held, **more: Any) -> Self:
        """Write all that there is."""
        return cls.of(
            held, reference=held.reference, begins_at=_moment(held.starts_ms), ends_at=_moment(held.ends_ms),
            appeal=held.appeal, words=held.words, **more,
        )  # fmt: skip


class SupervisedQuarantined(OneQuarantined):
    """Something in quarantine, as an officer sees it."""

    account: Annotated[AccountNumber | None, said("Whose it is; null once the account was erased.")]
    decided_by: Annotated[OfficerName | None, said("Who decided about it first; null: nobody.")]


class QuarantinePage(BaseModel):
    """A page of quarantine, newest first."""

    items: Annotated[list[Quarantined], said("Newest first.")]
    next_cursor: NextCursor


class OwnQuarantinePage(BaseModel):
    """A page of what is an account's, newest first."""

    items: Annotated[list[OneQuarantined], said("Newest first.")]
    next_cursor: NextCursor


class QuarantineAppeal(Body):
    """Why it should be issued."""

    message: Annotated[StrictStr, words(MAX_WORDS, "For the officers who decide, and nobody else.", "I rode downhill.")]


class QuarantineRelease(Body):
    """What is to be issued after all."""

    items: Named


class QuarantineRefusal(Body):
    """What is not to be issued, and why."""

    items: Named
    message: Annotated[StrictStr, words(MAX_WORDS, "Those whose they are read it.", "The bicycle was on a lorry.")]


class QuarantineRefused(BaseModel):
    """What was refused."""

    refused: Annotated[Count, said("How many.", 1)]


@router.get(
    "/accounts/{account_id}/quarantine", summary="List what of an account is in quarantine",
    responses=documented(NotFound, AccountErased, Invalid), dependencies=[ForHolderOrReader],
)  # fmt: skip
def read_own_quarantine(
    account_id: AccountId, site: SiteOf, state: OfState = None, cursor: Cursor = None, limit: Limit = 50
) -> OwnQuarantinePage:
    """List what rules against abuse caught of the account's activities, why, and what became of it."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        page = room.list_held(
            tx, site.ledger.vault, account=account_id, state=state, cursor=cursor, limit=limit
        )  # fmt: skip
    return OwnQuarantinePage(items=[OneQuarantined.whole(one) for one in page.items], next_cursor=page.next_cursor)


@router.post(
    "/accounts/{account_id}/quarantine/{quarantine}/appeal", summary="Appeal for what is in quarantine",
    status_code=201, response_class=Response,
    responses={201: {"model": OneQuarantined}, **documented(NotFound, AccountErased, Conflict, Invalid)},
)  # fmt: skip
def appeal_for_it(account_id: AccountId, quarantine: HeldId, body: QuarantineAppeal, write: ByHolder) -> Response:
    """Say why it should be issued, once and in time: an officer decides, and it does not lapse until then.

    After a refusal another officer than the one who refused it decides.
    """

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        open_row(tx, account_id)
        held = room.appeal(tx, write.site.ledger, quarantine, account_id, body.message)
        return OneQuarantined.whole(held).model_dump(mode="json")

    return write.perform(body.model_dump(), act, at=f"/v1/accounts/{account_id}/quarantine")


@router.get("/quarantine", summary="List what is in quarantine", responses=documented(Invalid))
def read_quarantine(
    site: SiteOf, caller: Looking, state: OfState = None, cursor: Cursor = None, limit: Limit = 50
) -> QuarantinePage:
    """List what is or was in quarantine: a platform what it reported, the centre and the bureau all. It names nobody.

    Which rows they were, the list of the batch's abnormal rows said.
    """
    of = None if caller.has(*OFFICERS) else caller.accounts(Role.PLATFORM)
    with site.database.reading() as tx:
        page = room.list_held(tx, site.ledger.vault, of=of, state=state, cursor=cursor, limit=limit)
    return QuarantinePage(items=[Quarantined.of(one) for one in page.items], next_cursor=page.next_cursor)


@router.get(
    "/quarantine/{quarantine}",
    summary="Read what is in quarantine",
    responses=documented(NotFound, PurposeMissing, Invalid),
)
def read_one_in_quarantine(
    quarantine: HeldId, site: SiteOf, caller: Supervising, request: Request,
    purpose: Purpose = None,
) -> SupervisedQuarantined:  # fmt: skip
    """Read all that there is of one, with its appeal; whose it is sees that it was read, and what for."""
    with site.database.reading() as tx:
        held = room.get_held(tx, site.ledger.vault, quarantine)
    accounts = frozenset[int]() if held.account_id is None else frozenset({held.account_id})
    note(request, caller, accounts, purpose, *OFFICERS)
    return SupervisedQuarantined.whole(held, account=held.account_id, decided_by=held.decided_by)


@router.post(
    "/quarantine-releases", summary="Release from quarantine", status_code=201, response_class=Response,
    responses={201: {"model": Batch}, **documented(NotFound, Conflict, Invalid)},
)  # fmt: skip
def release_from_quarantine(body: QuarantineRelease, write: ByCentre) -> Response:
    """Have some of one source issued after all: a batch of their own, proposed in the caller's name.

    What they meet by now is refused. Another officer of the centre approves the motion; then the lot is written.
    """
    ledger, officer = write.site.ledger, officer_of(write.caller, CENTRE)

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        return Batch.of(begin_release(tx, ledger, body.items, officer), []).model_dump(mode="json")

    return write.perform(body.model_dump(), act, at="/v1/batches/{batch}")


@router.post(
    "/quarantine-refusals", summary="Refuse what is in quarantine", status_code=201, response_class=Response,
    responses={201: {"model": QuarantineRefused}, **documented(NotFound, Conflict, Invalid)},
)  # fmt: skip
def refuse_from_quarantine(body: QuarantineRefusal, write: ByCentre) -> Response:
    """Refuse some, with reasons that those whose they are read. They may appeal, if they did not yet."""
    ledger, officer = write.site.ledger, officer_of(write.caller, CENTRE)

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        return {"refused": room.refuse(tx, ledger, body.items, body.message, officer)}

    return write.perform(body.model_dump(), act, at="/v1/quarantine")


def _moment(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)
