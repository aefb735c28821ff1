"""What a source's owner lets a financier see, and the financier's look, which the owner is told of (R71)."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

import sqlalchemy as sa
from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.door.fields import (
    AccountNumber,
    Body,
    Grams,
    InChinese,
    InEnglish,
    Moment,
    Numbered,
    PeriodFrom,
    PeriodUntil,
    SourceNumber,
    said,
)
from api.door.numbers import AccountId, SourceId, TieId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.times import shown_time
from api.door.who import ForHolder, ForHolderOrReader
from api.door.write import ByHolder, SiteOf, refuse_behind
from registry.accounts.accounts import open_row
from registry.clock import rfc3339
from registry.errors import AccountErased, Behind, Conflict, NotFound
from registry.supports import disclosures

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["sources"])
WRITTEN = documented(NotFound, AccountErased, Conflict)
Financier = Annotated[AccountNumber, said("The financier's account: one with a financial support that stands.", 9)]


class NewDisclosure(Body):
    """Which source a financier may see."""

    source: SourceNumber
    financier: Financier


class Disclosure(BaseModel):
    """What a financier may see, or could until it was taken back."""

    disclosure: Numbered
    source: SourceNumber
    financier: Financier
    since: Annotated[Moment, said("Since when.")]
    ended_at: Annotated[Moment | None, said("When it was taken back; null of what stands.")]
    read_at: Annotated[list[Moment], said("When it was read, the newest 100; empty for the financier itself.")]

    @classmethod
    def of(cls, of: disclosures.Disclosure) -> Self:
        """Write it."""
        return cls(
            disclosure=of.id, source=of.source, financier=of.financier, since=rfc3339(of.given_ms),
            ended_at=shown_time(of.ended_ms), read_at=[rfc3339(at) for at in of.read_ms],
        )  # fmt: skip


class Disclosures(BaseModel):
    """Disclosures, newest first."""

    items: Annotated[list[Disclosure], said("Newest first.")]


class DisclosedLot(BaseModel):
    """A lot that was issued under it."""

    lot: Annotated[int, said("The lot's number.", 4)]
    period_from: PeriodFrom
    period_until: PeriodUntil
    issued_at: Moment
    quantity_g: Grams


class DisclosedSource(BaseModel):
    """A source as its owner lets a financier see it; what is public of it, /v1/sources/{source} says."""

    source: SourceNumber
    name_zh: InChinese
    name_en: InEnglish
    applicant: Annotated[str | None, said("The institution that applied.", "某某出行")]
    state: Annotated[str, said("Where its last decision led, by what is recorded.", "live")]
    valid_until: Moment
    lots: Annotated[list[DisclosedLot], said("What was issued under it, newest first, 1,000 at most.")]

    @classmethod
    def of(cls, of: disclosures.Disclosed) -> Self:
        """Write it."""
        return cls(
            source=of.source.id,
            name_zh=of.source.name_zh,
            name_en=of.source.name_en,
            applicant=of.applicant,
            state=of.state,
            valid_until=rfc3339(of.source.valid_until_ms),
            lots=[
                DisclosedLot(
                    lot=one.id, period_from=rfc3339(one.period_from_ms), period_until=rfc3339(one.period_until_ms),
                    issued_at=rfc3339(one.issued_ms), quantity_g=one.quantity_g,
                )
                for one in of.lots
            ],
        )  # fmt: skip


@router.post(
    "/accounts/{account_id}/disclosures", summary="Let a financier see a source", status_code=201,
    response_class=Response, responses={201: {"model": Disclosures}, **WRITTEN},
)  # fmt: skip
def let_a_financier_see(account_id: AccountId, body: NewDisclosure, write: ByHolder) -> Response:
    """Let one financier see one source of this account, from now until it is taken back."""

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        open_row(tx, account_id)
        disclosures.allow(tx, account_id, body.source, body.financier, write.site.ledger.clock())
        return _given(tx, account_id).model_dump()

    return write.perform(body.model_dump(), act, at=f"/v1/accounts/{account_id}/disclosures")


@router.get(
    "/accounts/{account_id}/disclosures", summary="List what financiers may see",
    responses=documented(NotFound, AccountErased), dependencies=[ForHolderOrReader],
)  # fmt: skip
def read_disclosures(account_id: AccountId, site: SiteOf) -> Disclosures:
    """List what the account let financiers see, also what it took back, and when each read it."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return _given(tx, account_id)


@router.post(
    "/accounts/{account_id}/disclosures/{disclosure}/end", summary="Take a disclosure back", status_code=201,
    response_class=Response, responses={201: {"model": Disclosures}, **WRITTEN},
)  # fmt: skip
def take_a_disclosure_back(account_id: AccountId, disclosure: TieId, write: ByHolder) -> Response:
    """Take it back: the financier reads nothing by it any more."""

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        disclosures.take_back(tx, account_id, disclosure, write.site.ledger.clock())
        return _given(tx, account_id).model_dump()

    return write.perform({}, act, at=f"/v1/accounts/{account_id}/disclosures")


@router.get(
    "/accounts/{account_id}/disclosed-sources", summary="List the sources that one is let see",
    responses=documented(NotFound, AccountErased), dependencies=[ForHolder],
)  # fmt: skip
def read_disclosed_sources(account_id: AccountId, site: SiteOf) -> Disclosures:
    """List, as a financier, which sources their owners let this account see now."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return Disclosures(items=[Disclosure.of(one) for one in disclosures.list_had(tx, account_id)])


@router.get(
    "/accounts/{account_id}/disclosed-sources/{source_id}", summary="See a source as its financier",
    responses=documented(NotFound, AccountErased, Behind), dependencies=[ForHolder],
)  # fmt: skip
def read_disclosed_source(account_id: AccountId, source_id: SourceId, site: SiteOf) -> DisclosedSource:
    """See what its owner lets this financier see; that it was read is noted first, and told to the owner."""
    refuse_behind(site)
    with site.database.transaction() as tx:
        open_row(tx, account_id)
        found = disclosures.read(tx, site.ledger.vault, account_id, source_id, site.ledger.clock())
    return DisclosedSource.of(found)


def _given(tx: sa.Connection, account: int) -> Disclosures:
    return Disclosures(items=[Disclosure.of(one) for one in disclosures.list_given(tx, account)])
