"""The pages of the information base: all sources, and one."""

from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.door.write import SiteOf
from api.explorer.answers import answer
from api.explorer.routes import read_number, snapshot
from registry.clock import rfc3339
from registry.procedure.decision import SOURCE_KINDS, Record
from registry.procedure.table import shipped
from registry.sources.public import PublicSource, Wanted, get_public, list_public
from registry.sources.shares import Share
from registry.supports.supports import fitting, list_standing

SOURCES: Final = 20
"""Sources on one page."""

router = APIRouter(include_in_schema=False)


@router.api_route("/sources", methods=["GET", "HEAD"], response_class=HTMLResponse)
def sources(request: Request, site: SiteOf) -> Response:
    """Show the sources, newest first, of a kind and a district where they are asked for."""
    asked = {name: request.query_params.get(name, "") for name in ("kind", "district")}
    wanted = Wanted(asked["kind"] or None, asked["district"] or None)
    with snapshot(site) as tx:
        found = list_public(tx, wanted, cursor=request.query_params.get("cursor"), limit=SOURCES)
    after = {name: value for name, value in asked.items() if value} | {"cursor": found.next_cursor}
    context = {
        "sources": [_short(one) for one in found.items],
        "next": None if found.next_cursor is None else f"/sources?{urlencode(after)}",
        "kinds": SOURCE_KINDS,
        "wanted": asked,
    }
    return answer(request, "sources.html", context)


@router.api_route("/sources/{source_id}", methods=["GET", "HEAD"], response_class=HTMLResponse)
def source(request: Request, source_id: str, site: SiteOf) -> Response:
    """Show a source: what it is, how it stands, what it brings beside carbon, and who shares that."""
    with snapshot(site) as tx:
        found = get_public(tx, read_number(source_id))
        fits = fitting(list_standing(tx, site.ledger.clock()), found)
    context = _short(found) | {
        "case": found.case,
        "index": found.index,
        "methodology": found.methodology_code,
        "version": found.methodology_version,
        "valid_from": None if found.valid_from_ms is None else rfc3339(found.valid_from_ms),
        "valid_until": None if found.valid_until_ms is None else rfc3339(found.valid_until_ms),
        "shares": [{"sharer": one.sharer, "name": one.name, "percent": _percent(one)} for one in found.shares],
        "fits": [
            {
                "by": one.by_name,
                "title": {"zh": one.terms.title_zh, "en": one.terms.title_en},
                "text": {"zh": one.terms.text_zh, "en": one.terms.text_en},
            }
            for one in fits
        ],
        "benefits": [{"zh": one.zh, "en": one.en, "unit": one.unit} for one in found.benefits],
    }
    return answer(request, "source.html", {"source": context})


def _short(of: PublicSource) -> dict[str, Any]:
    words = shipped(Record.SOURCE).states.get(of.state)
    return {
        "number": of.id,
        "name": {"zh": of.name_zh, "en": of.name_en},
        "kind": of.kind,
        "state": {"zh": words.zh if words else of.state, "en": words.en if words else of.state},
        "district": of.district,
        "rural": of.rural,
        "issued_g": of.issued_g,
    }


def _percent(of: Share) -> str:
    whole, rest = divmod(of.parts, 100)
    return f"{whole}.{rest:02d}"
