"""The web application: REST under /v1, the log under /log, the chain under /chain, the explorer at /."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from operator import attrgetter

import httpx2
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from api.accounts import routes as accounts
from api.acts import routes as acts
from api.chain import routes as chain
from api.decisions import officers, sources
from api.decisions import routes as decisions
from api.door.caller import Callers
from api.door.edge import AsOf, Edge
from api.door.issuer import Issuer
from api.door.openapi import describe
from api.door.problems import add_handlers
from api.door.table import Table
from api.door.tokens import Tokens
from api.events import routes as events
from api.explorer import base as explorer_base
from api.explorer import own, signing_in
from api.explorer import routes as explorer
from api.explorer.answers import problem_page
from api.explorer.pages import STATIC
from api.identity import consents, delegates, offices, ties
from api.identity.relying_party import RelyingParty
from api.installation import logs
from api.installation.development_issuer import PAGES
from api.installation.site import Site, site_from_environment
from api.integrity import routes as integrity
from api.issuance import batches, duplicates, quarantine, recognitions, reconciliations
from api.issuance import corrections as issued_wrong
from api.jobs import routes as jobs
from api.ledger import bundles, leaves, movements
from api.log import routes as log
from api.mall import offers, orders, providers
from api.methodologies import routes as methodologies
from api.opinions import routes as opinions
from api.points import routes as points
from api.policies import routes as policies
from api.public import routes as public
from api.sources import disclosures, lists, objections, supports
from api.sources import public as information_base
from api.state import routes as state
from api.submissions import calls
from api.submissions import routes as submissions
from api.webhooks import routes as webhooks
from registry.clock import system_clock

DESCRIPTION = (
    "A registry for carbon inclusion (碳普惠). Amounts are integers in grams of CO2e, times RFC 3339, errors problem "
    "documents (RFC 9457). Every write takes an Idempotency-Key."
)


def create(site: Site | None = None) -> FastAPI:
    """Make the application for a running site; without one, for the site the supervisor handed to this process."""
    logs.configure()
    app = routed()
    app.state.site = site or site_from_environment()
    _know_issuer(app)
    settings = app.state.site.settings
    counts, lines = settings.metrics_port is not None, settings.request_log
    if counts or lines is not None:
        from api.serving.measuring import Measuring  # where its counters are is settled when it is imported

        app.add_middleware(Measuring, clock=system_clock, counts=counts, lines=lines)
    return app


def _know_issuer(app: FastAPI) -> None:
    """Have those who tell callers and visitors by the identity service's word."""
    site: Site = app.state.site
    settings, name = site.settings, site.issuer_name
    # A proxy from the environment does not know our loopback.
    issuer = Issuer(site.where.issuer, system_clock, by_proxy=not site.is_issuer_embedded)
    tokens = Tokens(issuer, name, settings.audience, system_clock)
    app.state.callers = Callers(tokens, lambda: site.database, lambda: site.ledger.vault, system_clock)
    client = settings.client_id or (PAGES if site.is_issuer_embedded else None)
    secret = None if settings.client_secret is None else settings.client_secret.get_secret_value()
    app.state.relying_party = client and RelyingParty(
        issuer, name, (client, secret), lambda: site.ledger.vault, system_clock
    )


def routed() -> FastAPI:
    """Make the application without a site: its routes and their description."""
    app = FastAPI(
        title="Gramledger",
        version="0.1.0",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redirect_slashes=False,  # it would send the caller to whatever host his Host header names, over http
        lifespan=_lifespan,
        generate_unique_id_function=attrgetter("name"),
    )
    app.openapi = partial(describe, app)  # type: ignore[method-assign]  # FastAPI's own way to change it
    app.add_middleware(AsOf)
    app.add_middleware(Edge, apart=chain.PATH)
    add_handlers(app, problem_page)
    strict = (
        *(accounts, acts, jobs, movements, public, leaves, bundles, state, decisions, officers, policies),
        methodologies,
        *(consents, ties, delegates, offices, submissions, opinions, integrity, sources),
        *(batches, quarantine, duplicates, recognitions, reconciliations, issued_wrong),
        *(events, webhooks, lists, objections, points, providers, offers, orders),
        *(information_base, supports, disclosures, calls),
    )
    more = batches.parts_router, batches.lines_router, lists.content_router, integrity.of_accounts
    routers = [*(room.router for room in strict), *more]
    app.router.routes.append(Table(routers))
    for router in (*routers, log.router, chain.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(explorer.router)
    app.include_router(explorer_base.router)
    app.include_router(signing_in.router)
    app.include_router(own.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    remote = not app.state.site.where.embedded_chain  # a proxy from the environment does not know our loopback
    async with httpx2.AsyncClient(timeout=chain.TIMEOUT_S, trust_env=remote) as client:
        app.state.chain_client = client
        yield
    app.state.site.close()
