"""The pages on which people sign in and out."""

import re
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.door.caller import Callers, Principal
from api.door.same_site import refuse_other_sites
from api.door.write import SiteOf
from api.identity.relying_party import LIFE_MS, RelyingParty
from api.installation.site import Site
from registry.errors import NotFound
from registry.identity import sessions

SESSION: Final = "__Host-gramledger"
SIGN_IN: Final = "__Host-gramledger-sign-in"
"""`__Host-`: of this host alone, for every path, and never without TLS (a browser counts its own machine as safe)."""
_PATH: Final = re.compile(r"/(?![/\\])[!-~]{0,500}")

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
def sign_in(request: Request, site: SiteOf) -> Response:
    """Send a visitor to the identity service."""
    begun = _party(request).begin(_back(request, site), path_asked(request.query_params.get("return")))
    answered = RedirectResponse(begun.location, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    _set(answered, SIGN_IN, begun.cookie, LIFE_MS // 1000)
    return answered


@router.get("/sign-in/callback")
def come_back(request: Request, site: SiteOf) -> Response:
    """Take up who comes back from the identity service, and begin a session."""
    query = dict(request.query_params)
    signed_in = _party(request).finish(_back(request, site), query, request.cookies.get(SIGN_IN))
    digest, before = signed_in.subject.digest(site.ledger.vault), request.cookies.get(SESSION)
    with site.database.transaction() as tx:
        if before is not None:
            sessions.end(tx, before)
        secret = sessions.begin(tx, digest, site.ledger.clock())
    answered = RedirectResponse(signed_in.path, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    _set(answered, SESSION, secret, sessions.LIFE_MS // 1000)
    _set(answered, SIGN_IN, "", 0)
    return answered


@router.post("/sign-out")
def sign_out(request: Request, site: SiteOf) -> Response:
    """End the session. At the identity service a visitor stays signed in; that is its own to end."""
    refuse_other_sites(request, site.base_url(str(request.base_url)))
    secret = request.cookies.get(SESSION)
    if secret is not None:
        with site.database.transaction() as tx:
            sessions.end(tx, secret)
    answered = RedirectResponse("/", 303, {"Cache-Control": "no-store"})
    _set(answered, SESSION, "", 0)
    return answered


def visitor_of(request: Request, site: Site) -> Principal | None:
    """Tell who is signed in with this browser; None for nobody."""
    secret = request.cookies.get(SESSION)
    if secret is None:
        return None
    with site.database.reading() as tx:
        digest = sessions.subject_in(tx, secret, site.ledger.clock())
    callers: Callers = request.app.state.callers
    return None if digest is None else callers.known(digest)


def path_asked(text: str | None) -> str:
    """Read to which of our pages a visitor goes: a path here, and never another host's."""
    return text if text is not None and _PATH.fullmatch(text) and not urlsplit(text).netloc else "/me"


def _party(request: Request) -> RelyingParty:
    party: RelyingParty | None = request.app.state.relying_party
    if party is None:
        raise NotFound("Nobody can sign in on these pages: GRAMLEDGER_CLIENT_ID is not set.")
    return party


def _back(request: Request, site: Site) -> str:
    return f"{site.base_url(str(request.base_url))}sign-in/callback"


def _set(answered: Response, name: str, value: str, seconds: int) -> None:
    answered.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")
