"""The explorer's pages. Each is read as of one moment, so a page never contradicts itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.door.write import SiteOf
from api.explorer import decisions, guide, search, views
from api.explorer.answers import answer, redirect
from api.installation.site import Site
from registry.decisions.behind import behind_lot
from registry.decisions.taken import case_of_leaf, get_case
from registry.errors import NotFound
from registry.ledger.logged import children, get_certificate, leaf_at, life_of_block, list_leaves
from registry.ledger.lots import count_activities, get_lot, list_issues
from registry.ledger.publication import last_anchor, last_checkpoint
from registry.ledger.totals import totals
from registry.policies.versions import in_force_at

LATEST = 20
"""Leaves on the first page."""
ISSUES = 50
"""Issues on one page of a lot."""
DECISIONS = 50
"""Decisions on one page of a case."""

router = APIRouter(include_in_schema=False)


def page(path: str) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Register a page, for GET and HEAD."""
    return router.api_route(path, methods=["GET", "HEAD"], response_class=HTMLResponse)


@contextmanager
def snapshot(site: Site) -> Iterator[sa.Connection]:
    """Read everything as it was at one moment; nothing is locked and nobody waits."""
    with site.database.transaction() as tx:
        tx.execute(_SNAPSHOT)
        yield tx


@page("/")
def home(request: Request, site: SiteOf) -> Response:
    """Show the grams by state, the last checkpoint and anchor, and what happened last."""
    with snapshot(site) as tx:
        latest = list_leaves(tx, limit=LATEST)
        context = {
            "about": _about(request),
            "examples": search.examples(tx),
            "totals": views.totals_of(totals(tx)),
            "movements": views.movements(latest.items, site.settings),
            "checkpoint": views.checkpoint(last_checkpoint(tx), site),
            "anchor": views.anchor(last_anchor(tx)),
        }
    return answer(request, "home.html", context)


@page("/blocks/{name}")
def block(request: Request, name: str, site: SiteOf) -> Response:
    """Show a block's life, step by step."""
    first, last = search.read_serial(name)
    gram = _gram(request.query_params.get("gram"), first, last)
    cursor = request.query_params.get("cursor")
    with snapshot(site) as tx:
        try:
            life, after = life_of_block(tx, first, last, cursor=cursor)
        except NotFound:
            return redirect(request, search.lot_path(tx, first, last))
        context = {
            "about": _about(request),
            "block": views.block_of(life, first, last, moved=bool(after.items or cursor)),
            "gram": gram,
            "namesake": None if gram is None else search.namesake(tx, gram),
            "bundle": views.bundle_of(tx, first, gram),
            "origins": views.origins(tx, [(first, last)]),
            "life": views.movements(life.steps, site.settings),
            "earlier": f"{life.earlier}{'+' * life.more}" if life.earlier else "",
            "after": views.movements(after.items, site.settings),
            "next_cursor": after.next_cursor,
        }
    context["state"] = views.state_of(site, first, last)
    return answer(request, "block.html", context)


@page("/leaves/{index}")
def leaf(request: Request, index: str, site: SiteOf) -> Response:
    """Show one movement, byte by byte as it is in the log."""
    with snapshot(site) as tx:
        found = leaf_at(tx, read_number(index))
        followed = children(tx, found.index, cursor=request.query_params.get("cursor"))
        document = views.document_url(tx, found)
        of_case = case_of_leaf(tx, found.index)
    context = {
        "about": _about(request),
        "movement": views.movement(found, site.settings),
        "document_url": document,
        "case": of_case,
        "children": views.movements(followed.items, site.settings),
        "next_cursor": followed.next_cursor,
    }
    return answer(request, "leaf.html", context)


@page("/certificates/{number}")
def certificate(request: Request, number: str, site: SiteOf) -> Response:
    """Show a certificate, made to be printed."""
    with snapshot(site) as tx:
        found = get_certificate(tx, site.ledger.vault, number, cursor=request.query_params.get("cursor"))
        url = f"{site.base_url(str(request.base_url))}certificates/{found.row.number}"
        context = {
            "about": _about(request),
            "certificate": views.certificate(found, url),
            "movements": views.movements(found.cancels, site.settings),
            "origins": views.origins(tx, [(one.movement.first, one.movement.last) for one in found.cancels]),
            "next_cursor": found.next_cursor,
        }
    return answer(request, "certificate.html", context)


@page("/lots/{lot}")
def lot(request: Request, lot: str, site: SiteOf) -> Response:
    """Show what one issuance created and what became of it."""
    with snapshot(site) as tx:
        row = get_lot(tx, read_number(lot))
        issues = list_issues(tx, row, cursor=request.query_params.get("cursor"), limit=ISSUES)
        context = {
            "about": _about(request),
            "lot": views.lot_of(row) | {"activities": count_activities(tx, row.id)},
            "totals": views.totals_of(totals(tx, row.id), is_lot=True),
            "movements": views.movements(issues.items, site.settings),
            "next_cursor": issues.next_cursor,
            "procedure": decisions.decisions(behind_lot(tx, row.id)),
        }
    return answer(request, "lot.html", context)


@page("/cases/{number}")
def case(request: Request, number: str, site: SiteOf) -> Response:
    """Show a case: how it stands, and what was decided of it."""
    with snapshot(site) as tx:
        found = get_case(tx, number, cursor=request.query_params.get("cursor"), limit=DECISIONS)
    return answer(request, "case.html", {"about": _about(request), "case": decisions.case(found)})


@page("/policies")
def policies(request: Request, site: SiteOf) -> Response:
    """Show the policies that hold now."""
    with snapshot(site) as tx:
        found = in_force_at(tx, site.ledger.clock())
    return answer(request, "policies.html", {"policies": decisions.policies(found)})


@page("/verify")
def verify(request: Request) -> Response:
    """Let the visitor's own browser verify a receipt."""
    return answer(request, "verify.html", {"about": _about(request)}, any_chain=True)


@page("/docs")
def docs(request: Request) -> Response:
    """Show how a platform is connected: docs/connecting.md."""
    return answer(request, "docs.html", {"guide": guide.connecting()})


@page("/how-it-works")
def how(request: Request) -> Response:
    """Explain, and say what one needs to check everything."""
    return answer(request, "how.html", {"about": _about(request)})


@page("/search")
def look_up(request: Request, site: SiteOf) -> Response:
    """Go to what was searched, or say that nothing goes by that name."""
    query = request.query_params.get("q", "").strip()[: search.MAX_QUERY]
    if not query:
        return redirect(request, "/")
    with snapshot(site) as tx:
        try:
            return redirect(request, search.find(tx, site.ledger.vault, query))
        except NotFound:
            examples = search.examples(tx)
    return answer(request, "not_found.html", {"examples": examples}, 404, query=query)


_SNAPSHOT = sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _about(request: Request) -> dict[str, Any]:
    site = request.app.state.site
    return views.about(site, site.base_url(str(request.base_url)))


def read_number(text: str) -> int:
    """Read a number of an address. Raises `NotFound`."""
    if search.NUMBER.fullmatch(text) is None:
        raise NotFound("A number is decimal digits, without leading zeros.")
    return int(text)


def _gram(text: str | None, first: int, last: int) -> int | None:
    """Read `?gram=`; one that is not in the block says nothing here."""
    try:
        gram = read_number(text or "")
    except NotFound:
        return None
    return gram if first <= gram < last else None
