"""Sources for officers: centre, exchange and bureau see all, a district bureau those of its district (R2)."""

from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel

from api.door.caller import Principal
from api.door.fields import (
    CaseNumbered,
    District,
    Grams,
    InChinese,
    InEnglish,
    MethodologyCode,
    Moment,
    NextCursor,
    SourceKind,
    SourceNumber,
    VersionNumber,
    said,
)
from api.door.numbers import Cursor, Limit
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import AnOfficer
from api.door.write import SiteOf
from registry.clock import rfc3339
from registry.errors import Forbidden, Invalid
from registry.identity.roles import Role
from registry.sources.listed import Supervised, list_sources

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["decisions"])
EVERYWHERE = (Role.CENTRE, Role.EXCHANGE, Role.BUREAU)
"""Whose officers see what is of every district."""


class SupervisedSource(BaseModel):
    """A source as its authorities see it."""

    source: SourceNumber
    case: Annotated[CaseNumbered, said("Its case.", "S-1")]
    state: Annotated[str, said("Where its last decision led, by what is recorded.", "live")]
    kind: SourceKind
    name_zh: InChinese
    name_en: InEnglish
    applicant: Annotated[str | None, said("The institution that applied; null once its account is erased.", "某某出行")]
    district: Annotated[District | None, said("In six digits; null: the whole city.")]
    methodology: MethodologyCode
    version: VersionNumber
    valid_from: Annotated[Moment, said("From when on it is approved, or applied for.")]
    valid_until: Annotated[Moment, said("Until when.")]
    issued_g: Annotated[Grams, said("Grams that were issued under it.")]

    @classmethod
    def of(cls, of: Supervised) -> Self:
        """Write a source."""
        source = of.source
        return cls(
            source=source.id,
            case=of.case,
            state=of.state,
            kind=source.kind,
            name_zh=source.name_zh,
            name_en=source.name_en,
            applicant=of.applicant,
            district=source.district,
            methodology=source.methodology_code,
            version=source.methodology_version,
            valid_from=rfc3339(source.valid_from_ms),
            valid_until=rfc3339(source.valid_until_ms),
            issued_g=of.issued_g,
        )


class SupervisedSources(BaseModel):
    """A page of sources, newest first."""

    items: Annotated[list[SupervisedSource], said("Newest first.")]
    next_cursor: NextCursor


@router.get("/supervision/sources", summary="List the sources that one supervises", responses=documented(Invalid))
def read_supervised_sources(
    site: SiteOf, caller: AnOfficer, cursor: Cursor = None, limit: Limit = 50
) -> SupervisedSources:
    """List sources and how they stand, newest first; an officer of a district bureau sees those of the district."""
    with site.database.reading() as tx:
        page = list_sources(tx, site.ledger.vault, district_of(caller), cursor=cursor, limit=limit)
    return SupervisedSources(items=[SupervisedSource.of(one) for one in page.items], next_cursor=page.next_cursor)


def district_of(caller: Principal) -> str | None:
    """Give the district that an officer is bounded to, None for who sees all. Raises `Forbidden` for one without."""
    if caller.has(*EVERYWHERE):
        return None
    if caller.district is None:
        raise Forbidden("This officer of a district bureau is of no district. The bureau names them for one.")
    return caller.district
