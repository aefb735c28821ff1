"""Methodologies: what is published, and an act computed again by anybody (R64)."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.door.numbers import only_digits
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.write import SiteOf
from api.methodologies.shapes import Asked, Computation, Methodologies, Methodology, Summary
from registry.clock import in_shanghai
from registry.errors import ActUnsound, MethodologyUnsound, NotFound
from registry.methodologies.computing import compute_again
from registry.methodologies.listed import get_methodology, list_methodologies

router = APIRouter(route_class=StrictRoute, prefix="/v1/methodologies", tags=["public"])
Code = Annotated[str, Path(description="A methodology's code.", examples=["SHCER02020032024II"], max_length=40)]
Number = Annotated[
    int | None, Query(ge=1, le=2**31 - 1, description="Of the methodology; else the newest.", examples=[1]), only_digits
]


@router.get("", summary="List the methodologies")
def read_methodologies(site: SiteOf) -> Methodologies:
    """List each methodology by its newest version, as far as the log is published."""
    with site.database.reading() as tx:
        return Methodologies(items=[Summary.of(one) for one in list_methodologies(tx)])


@router.get("/{code}", summary="Read a methodology", responses=documented(NotFound))
def read_methodology(code: Code, site: SiteOf, version: Number = None) -> Methodology:
    """Read a version of a methodology with its whole definition: whoever has it computes as the registry does."""
    with site.database.reading() as tx:
        return Methodology.of_version(*get_methodology(tx, code, version))


@router.post(
    "/{code}/computations", summary="Compute acts again", responses=documented(NotFound, ActUnsound, MethodologyUnsound)
)
def compute_acts(code: Code, body: Asked, site: SiteOf) -> Computation:
    """Compute acts by a published methodology: grams, each parameter with its source, and each step. Nothing is kept.

    By exact fractions, the reference that the engines are held to.
    """
    with site.database.reading() as tx:
        found, _ = get_methodology(tx, code, body.version)
    issued = body.issued or in_shanghai(site.ledger.clock()).date()
    return Computation.of(compute_again(found.methodology(), body.acts, body.attributes, issued))
