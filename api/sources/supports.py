"""What is on offer to sources: policies that the bureau enters, finance that the centre approves (R71)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Self

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, StrictInt, StrictStr

from api.decisions.officers import officer_of
from api.door.fields import Body, District, InChinese, InEnglish, Moment, Numbered, WantedMoment, one_of, said, words
from api.door.numbers import MAX_EXACT, AccountId, SupportId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.times import maybe_time, shown_time
from api.door.who import Being, ForHolderOrReader
from api.door.write import ByCentre, ByHolder, SiteOf, Write, answering, by
from registry.accounts.accounts import MAX_NAME_CHARS, open_row
from registry.clock import rfc3339
from registry.errors import AccountErased, Conflict, NotFound
from registry.identity.roles import Role
from registry.procedure.decision import SOURCE_KINDS
from registry.supports import supports
from registry.supports.supports import KINDS, MAX_CODE_CHARS, MAX_TEXT_CHARS, MOST_NAMED, POLICY, State, Terms

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["sources"])
ByBureau = Annotated[Write, Depends(by(Being(frozenset({Role.BUREAU}))))]
ByEnder = Annotated[Write, Depends(by(Being(frozenset({Role.BUREAU, Role.CENTRE}))))]
_BUREAU, _CENTRE = frozenset({str(Role.BUREAU)}), frozenset({str(Role.CENTRE)})
SupportNumber = Annotated[Numbered, said("The support's number.", 3)]
Bound = Annotated[StrictInt | None, said("Grams issued under it; null: not asked.", 1_000_000, ge=0, le=MAX_EXACT)]
Kind = Annotated[StrictStr, one_of(SOURCE_KINDS)]
Code = Annotated[StrictStr, words(MAX_CODE_CHARS, "A methodology's code.", "SHCER02020032024II")]


class NewPolicy(Body):
    """A policy or support of an authority, and which sources it fits. Everything of it is public."""

    title_zh: Annotated[StrictStr, words(MAX_NAME_CHARS, "PUBLIC: in Chinese.", "分布式光伏补贴（示例）")]
    title_en: Annotated[StrictStr, words(MAX_NAME_CHARS, "PUBLIC: in English.", "Support of rooftop power (example)")]
    text_zh: Annotated[StrictStr, words(MAX_TEXT_CHARS, "PUBLIC: what it is and whom to ask.", "每千瓦补贴。")]
    text_en: Annotated[StrictStr, words(MAX_TEXT_CHARS, "PUBLIC: the same in English.", "A grant by kilowatt.")]
    kinds: Annotated[list[Kind] | None, said("It fits these kinds of source; null: all.", ["project"])] = None
    districts: Annotated[
        list[District] | None, said("Sources of these districts; null: all.", ["310104"], max_length=MOST_NAMED)
    ] = None
    methodologies: Annotated[
        list[Code] | None, said("Sources by these methodologies; null: all.", max_length=MOST_NAMED)
    ] = None
    least_g: Bound = None
    most_g: Bound = None
    until: Annotated[WantedMoment | None, said("Until when it is open; null: until it is ended.")] = None

    def terms(self) -> Terms:
        """Read what is offered. Raises `Invalid`."""
        told = self.model_dump(exclude={"until", "by_name"})
        return Terms(**told, until_ms=maybe_time(self.until))


class NewFinance(NewPolicy):
    """A financial support, and which sources it fits. Everything of it is public once the centre approved it."""

    by_name: Annotated[StrictStr, words(MAX_NAME_CHARS, "PUBLIC: who offers it.", "某某银行")]


class Fitting(BaseModel):
    """A policy or a financial support that fits a source."""

    support: SupportNumber
    what: Annotated[str, one_of(KINDS, "A policy of an authority, or finance.")]
    by_name: Annotated[str | None, said("Who offers finance; null of a policy.", "某某银行")]
    title_zh: InChinese
    title_en: InEnglish

    @classmethod
    def of(cls, of: supports.Support) -> Self:
        """Write it."""
        return cls(
            support=of.id, what=of.what, by_name=of.by_name, title_zh=of.terms.title_zh, title_en=of.terms.title_en
        )


class Support(Fitting):
    """What is on offer, and what it declares of the sources that it fits."""

    text_zh: InChinese
    text_en: InEnglish
    kinds: Annotated[list[str] | None, said("It fits these kinds of source; null: all.", ["project"])]
    districts: Annotated[list[District] | None, said("Sources of these districts; null: all.", ["310104"])]
    methodologies: Annotated[list[str] | None, said("Sources by these methodologies; null: all.", ["none"])]
    least_g: Bound
    most_g: Bound
    until: Annotated[Moment | None, said("Until when it is open; null: until it is ended.")]
    entered_at: Moment
    state: Annotated[str, one_of(State, "How it stands.")]

    @classmethod
    def of(cls, of: supports.Support) -> Self:
        """Write it."""
        told = of.terms
        return cls(
            **Fitting.of(of).model_dump(),
            text_zh=told.text_zh,
            text_en=told.text_en,
            kinds=_list(told.kinds),
            districts=_list(told.districts),
            methodologies=_list(told.methodologies),
            least_g=told.least_g,
            most_g=told.most_g,
            until=shown_time(told.until_ms),
            entered_at=rfc3339(of.entered_ms),
            state=of.state,
        )


class Supports(BaseModel):
    """What is on offer."""

    items: Annotated[list[Support], said("Newest first.")]


made = partial(answering, Support)


@router.get("/supports", summary="List what is on offer to sources")
def read_supports(site: SiteOf) -> Supports:
    """List the policies and finance that are open now; each source lists those that fit it."""
    with site.database.reading() as tx:
        found = supports.list_standing(tx, site.ledger.clock())
    return Supports(items=[Support.of(one) for one in found])


@router.post("/supports", summary="Enter a policy", **made(Conflict))
def enter_a_policy(body: NewPolicy, write: ByBureau) -> Response:
    """Enter a policy or support of an authority; sources that are what it declares show it at once."""
    ledger, officer, terms = write.site.ledger, officer_of(write.caller, _BUREAU), body.terms()

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        return _said(supports.get_support(tx, supports.enter_policy(tx, terms, officer, ledger.clock())))

    return write.perform(body.model_dump(), act, at="/v1/supports")


@router.get(
    "/accounts/{account_id}/supports", summary="List what an account offers",
    responses=documented(NotFound, AccountErased), dependencies=[ForHolderOrReader],
)  # fmt: skip
def read_own_supports(account_id: AccountId, site: SiteOf) -> Supports:
    """List what an institution offered, newest first, also what waits, was refused or ended."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return Supports(items=[Support.of(one) for one in supports.list_own(tx, account_id)])


@router.post(
    "/accounts/{account_id}/supports", summary="Offer finance", **made(NotFound, AccountErased, Conflict)
)  # fmt: skip
def offer_finance(account_id: AccountId, body: NewFinance, write: ByHolder) -> Response:
    """Offer finance as an institution; once the centre approved it, it is public and shown with what it fits."""
    ledger, terms = write.site.ledger, body.terms()

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        return _said(
            supports.get_support(tx, supports.enter_finance(tx, account_id, body.by_name, terms, ledger.clock()))
        )

    return write.perform(body.model_dump(), act, at=f"/v1/accounts/{account_id}/supports")


@router.post(
    "/accounts/{account_id}/supports/{support}/end", summary="End one's support",
    **made(NotFound, AccountErased, Conflict),
)  # fmt: skip
def end_own_support(account_id: AccountId, support: SupportId, write: ByHolder) -> Response:
    """End a support of one's own. Who has no support that stands is let see no more sources."""

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        open_row(tx, account_id)
        return _said(supports.end(tx, support, write.site.ledger.clock(), account=account_id))

    return write.perform({}, act, at=f"/v1/accounts/{account_id}/supports")


@router.post("/supports/{support}/approval", summary="Approve a financial support", **made(NotFound, Conflict))
def approve_a_support(support: SupportId, write: ByCentre) -> Response:
    """Approve what an institution offers: it is public from now on, and its institution a financier."""
    return _by_officer(write, lambda tx, who, at: supports.decide(tx, support, who, at, approved=True))


@router.post("/supports/{support}/refusal", summary="Refuse a financial support", **made(NotFound, Conflict))
def refuse_a_support(support: SupportId, write: ByCentre) -> Response:
    """Refuse what an institution offers: nobody but it and officers sees it."""
    return _by_officer(write, lambda tx, who, at: supports.decide(tx, support, who, at, approved=False))


@router.post("/supports/{support}/end", summary="End a support", **made(NotFound, Conflict))
def end_a_support(support: SupportId, write: ByEnder) -> Response:
    """End a policy as the bureau, a financial support as the centre."""

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        of_policy = supports.get_support(tx, support).what == POLICY
        who = officer_of(write.caller, _BUREAU if of_policy else _CENTRE)
        return _said(supports.end(tx, support, write.site.ledger.clock(), by=who))

    return write.perform({}, act, at="/v1/supports")


def _by_officer(write: ByCentre, change: Callable[[sa.Connection, Any, int], supports.Support]) -> Response:
    officer = officer_of(write.caller, _CENTRE)
    return write.perform({}, lambda tx: _said(change(tx, officer, write.site.ledger.clock())), at="/v1/supports")


def _said(of: supports.Support) -> dict[str, Any]:
    return Support.of(of).model_dump()


def _list(of: Any) -> list[str] | None:
    return None if of is None else list(of)
