"""The information base: every source as everybody reads it."""

from collections.abc import Iterable
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.door.fields import (
    CaseNumbered,
    DeclaredShare,
    District,
    Grams,
    InChinese,
    InEnglish,
    LeafIndex,
    MethodologyCode,
    Moment,
    NextCursor,
    SourceKind,
    SourceNumber,
    VersionNumber,
    said,
)
from api.door.numbers import Cursor, Limit, SourceId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.times import shown_time
from api.door.write import SiteOf
from api.sources.supports import Fitting
from registry.errors import Invalid, NotFound
from registry.procedure.decision import SOURCE_KINDS
from registry.sources.public import Benefit, PublicSource, Wanted, get_public, list_public
from registry.supports.supports import Support, fitting, list_standing

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["sources"])
OfKind = Annotated[
    str | None,
    Query(description="Only of this kind.", examples=["project"], json_schema_extra={"enum": [*SOURCE_KINDS]}),
]
OfDistrict = Annotated[str | None, Query(description="Only of this district, six digits.", examples=["310104"])]
OfMethodology = Annotated[str | None, Query(description="Only by this methodology.", examples=["SHCER02020032024II"])]
InState = Annotated[str | None, Query(description="Only those that stand so.", examples=["live"])]
OfRural = Annotated[bool | None, Query(description="Only with a rural mark, or without.", examples=[True])]


class CoBenefit(BaseModel):
    """What its methodology computes beside carbon, in a unit of its own; it is never traded."""

    zh: InChinese
    en: InEnglish
    unit: Annotated[str | None, said("Its unit; null where it has none.", "L")]

    @classmethod
    def of(cls, of: Benefit) -> Self:
        """Write it."""
        return cls(zh=of.zh, en=of.en, unit=of.unit)


class Source(BaseModel):
    """A source by its last published decision."""

    source: SourceNumber
    case: Annotated[CaseNumbered, said("Its case, with every decision.", "S-1")]
    index: Annotated[LeafIndex, said("The leaf of its last published decision.")]
    state: Annotated[str, said("Where that decision led.", "live")]
    kind: SourceKind
    name_zh: InChinese
    name_en: InEnglish
    district: Annotated[District | None, said("In six digits; null: the whole city.")]
    methodology: MethodologyCode
    version: VersionNumber
    valid_from: Annotated[Moment | None, said("From when on it is approved, or applied for; null where none is said.")]
    valid_until: Annotated[Moment | None, said("Until when; null where none is said.")]
    rural: Annotated[
        str | None,
        said(
            "Its rural mark (乡村振兴): `declared` by its applicant, `reviewed` once its review said so; or null.",
            "declared",
        ),
    ]
    shares: Annotated[list[DeclaredShare], said("Who shares its benefits; empty where it is not said.")]
    benefits: Annotated[list[CoBenefit], said("What its methodology computes beside carbon.")]
    issued_g: Annotated[Grams, said("Grams that were issued under it, as far as the log is published.")]
    fits: Annotated[list[Fitting], said("Policies and financial offers that it fits by what they declare.")]

    @classmethod
    def of(cls, of: PublicSource, on_offer: Iterable[Support]) -> Self:
        """Write a source."""
        return cls(
            source=of.id,
            case=of.case,
            index=of.index,
            state=of.state,
            kind=of.kind,
            name_zh=of.name_zh,
            name_en=of.name_en,
            district=of.district,
            methodology=of.methodology_code,
            version=of.methodology_version,
            valid_from=shown_time(of.valid_from_ms),
            valid_until=shown_time(of.valid_until_ms),
            rural=of.rural,
            shares=[DeclaredShare(sharer=one.sharer, name=one.name, parts=one.parts) for one in of.shares],
            benefits=[CoBenefit.of(one) for one in of.benefits],
            issued_g=of.issued_g,
            fits=[Fitting.of(one) for one in fitting(on_offer, of)],
        )


class Sources(BaseModel):
    """A page of sources."""

    items: Annotated[list[Source], said("Newest first.")]
    next_cursor: NextCursor


@router.get("/sources", summary="List the sources", responses=documented(Invalid))
def read_sources(
    site: SiteOf,
    kind: OfKind = None,
    district: OfDistrict = None,
    methodology: OfMethodology = None,
    state: InState = None,
    rural: OfRural = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Sources:
    """List every source of which a decision is published, newest first: who applied is named nowhere."""
    with site.database.reading() as tx:
        wanted = Wanted(kind, district, methodology, state, rural)
        page = list_public(tx, wanted, cursor=cursor, limit=limit)
        on_offer = list_standing(tx, site.ledger.clock())
    return Sources(items=[Source.of(one, on_offer) for one in page.items], next_cursor=page.next_cursor)


@router.get("/sources/{source_id}", summary="Read a source", responses=documented(NotFound))
def read_source(source_id: SourceId, site: SiteOf) -> Source:
    """Read a source by its last published decision."""
    with site.database.reading() as tx:
        return Source.of(get_public(tx, source_id), list_standing(tx, site.ledger.clock()))
