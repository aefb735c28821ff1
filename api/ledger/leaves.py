"""Movements as everybody may read them: leaves of the published log, by their index, with their receipts."""

from typing import Any

from fastapi import APIRouter, Response

from anchoring.errors import Malformed, NotYet, Refuted, Unreachable
from api.door.causes import Cause
from api.door.numbers import Cursor, Index, Limit
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.write import SiteOf
from api.installation.site import Site
from api.ledger import shapes as schemas
from api.ledger import views
from api.ledger.receipts import file_name, make_receipt, receipt_note
from registry.errors import Invalid, NotFound
from registry.ledger.logged import leaf_at, list_leaves

PROVING = (NotFound, NotYet, Unreachable, Malformed, Refuted)
"""What keeps a receipt from being made: there is no such leaf, or the log's files cannot be read or are damaged."""


def receipts(*causes: Cause) -> dict[int | str, dict[str, Any]]:
    """Describe an answer that is a receipt, and what keeps it from being made beside what keeps any."""
    receipt = {"content": {"text/plain": {"schema": schemas.TEXT}}, "description": "c2sp.org/tlog-proof@v1"}
    return {200: receipt, **documented(*PROVING, *causes)}


router = APIRouter(route_class=StrictRoute, prefix="/v1/leaves", tags=["public"])


@router.get("", summary="List leaves of the log", response_model=schemas.Leaves, responses=documented(Invalid))
def read_leaves(site: SiteOf, cursor: Cursor = None, limit: Limit = 50) -> dict[str, Any]:
    """List movements and records in the published log, newest first. What is only recorded is not there."""
    with site.database.reading() as tx:
        page = list_leaves(tx, cursor=cursor, limit=limit)
    return {"items": [views.leaf(leaf) for leaf in page.items], "next_cursor": page.next_cursor}


@router.get("/{index}", summary="Read a leaf of the log", response_model=schemas.Leaf, responses=documented(NotFound))
def read_leaf(index: Index, site: SiteOf) -> dict[str, Any]:
    """Read a movement or record in the published log, with its state."""
    with site.database.reading() as tx:
        return views.leaf(leaf_at(tx, index))


@router.get("/{index}/receipt", summary="Get a leaf's receipt", response_class=Response, responses=receipts())
def read_leaf_receipt(index: Index, site: SiteOf) -> Response:
    """Get a proof that verifies offline, under the last anchored checkpoint with the leaf, or the last published."""
    return receipt_of(site, index)


def receipt_of(site: Site, index: int) -> Response:
    """Answer with a leaf's receipt. Raises `NotFound` for one that is not in the published log."""
    with site.database.reading() as tx:
        leaf = leaf_at(tx, index)
        note = receipt_note(tx, index)
    headers = {"Content-Disposition": f'attachment; filename="{file_name(index)}"', "Cache-Control": "no-cache"}
    link = views.state_proof(leaf.movement)
    if link is not None:
        headers["Link"] = f'<{link}>; rel="related"; title="the state of these grams at the last epoch"'
    return Response(make_receipt(site, leaf, *note), 200, headers, "text/plain; charset=utf-8")
