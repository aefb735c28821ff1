"""A page as an HTTP answer: its headers, its language, the notices on it, and what an error looks like to a person."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from api.explorer import pages
from api.installation.site import Site, is_production
from registry.clock import rfc3339

FRESH = "public, max-age=2"
"""Pages change as the log grows; two seconds carry a crowd and fool nobody."""
MACHINE_PATHS = ("/v1", "/log", "/chain", "/openapi.json", "/static")
"""Under these, programs ask, and errors are problem documents; everything else is a page."""


def is_page(path: str) -> bool:
    """Whether a path is one that people open."""
    return not any(path == prefix or path.startswith(f"{prefix}/") for prefix in MACHINE_PATHS)


def language_of(request: Request) -> str:
    """Read `?lang=`."""
    return pages.language(request.query_params.get("lang"))


def answer(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    status: int = 200,
    *,
    query: str = "",
    any_chain: bool = False,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """Render a page. `query` is what was searched; `any_chain` lets its script ask the chain that the visitor names."""
    site: Site = request.app.state.site
    html = pages.render(
        template,
        lang=language_of(request),
        path=path_of(request),
        now_ms=site.ledger.clock(),
        notices=notices(site),
        query=query,
        **context,
    )
    always = {
        "Content-Security-Policy": pages.content_security_policy(any_chain=any_chain),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": FRESH if status == 200 else "no-store",
    }
    return HTMLResponse(html, status, always | (headers or {}))


def redirect(request: Request, path: str) -> RedirectResponse:
    """Send the visitor to another page of ours, in the same language."""
    if language_of(request) == "en":
        path += f"{'&' if '?' in path else '?'}lang=en"
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})


def problem_page(
    request: Request, status: int, title: str, detail: str, headers: dict[str, str] | None = None
) -> HTMLResponse | None:
    """Say to a person what a problem document says to a program; None for a path under which programs ask."""
    if not is_page(request.scope["path"]):
        return None
    if status == 404:
        return answer(request, "not_found.html", {"examples": []}, status, headers=headers)
    problem = {"status": status, "title": title, "detail": detail}
    return answer(request, "problem.html", {"problem": problem}, status, headers=headers)


def notices(site: Site) -> list[tuple[str, str | None]]:
    """Name what a visitor must know before believing a page, and since when it holds."""
    known = [(one.name, rfc3339(one.since_ms)) for one in site.conditions.read()]
    return [*known, *([("standin", None)] if site.where.embedded_chain or not is_production(site.settings) else [])]


def path_of(request: Request) -> str:
    """Give the path and query of this page without `lang`, safe to link to: never an address of another host."""
    path = "/" + quote(request.scope["path"].lstrip("/"))
    rest = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return f"{path}?{urlencode(rest)}" if rest else path
