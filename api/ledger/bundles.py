"""What grams are made of, and a gram's whole way: what anyone may read of bundles."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from api.door.numbers import GramId, GramQuery
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.write import SiteOf
from api.ledger import bundle_shapes as schemas
from api.ledger import views
from registry.errors import NotFound
from registry.ledger.bundles import get_bundle, made_of, number_before, trace
from registry.ledger.movement import read_serial

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["public"])
BundleName = Annotated[str, Path(description="The bundle's serial.", examples=["SHCER-1000-1999"])]
READ: dict[int | str, Any] = documented(NotFound)


@router.get("/bundles/{serial}", summary="Read a bundle", response_model=schemas.Bundle, responses=READ)
def read_bundle(serial: BundleName, site: SiteOf, gram_g: GramQuery = None) -> dict[str, Any]:
    """Read what a bundle is made of, and with `gram_g` the number that this gram of it had before."""
    grams = read_serial(serial)
    if grams is None:
        raise NotFound("A bundle is named SHCER-<first>-<last>.")
    if gram_g is not None and not grams[0] <= gram_g < grams[1]:
        raise NotFound(f"Gram {gram_g} is not in {serial}.")
    with site.database.reading() as tx:
        bundle = get_bundle(tx, *grams)
        before = None if gram_g is None else number_before(tx, gram_g)
        return views.bundle(bundle, made_of(tx, [grams])) | {"before_g": before}


@router.get("/grams/{gram}", summary="Follow a gram", response_model=schemas.Trace, responses=READ)
def read_gram(gram: GramId, site: SiteOf) -> dict[str, Any]:
    """Follow a gram from its issue to where it is now, through every bundle and back from any of its numbers.

    Of one that had very many numbers, those around this one are told; `earlier_g` and `later_g` lead on.
    """
    with site.database.reading() as tx:
        return views.trace(trace(tx, gram))
