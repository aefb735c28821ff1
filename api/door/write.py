"""Every write goes through here: one transaction, an idempotency key, and the first answer kept."""

import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from api.door.caller import Callers, Principal
from api.door.causes import Cause, raising
from api.door.problems import documented
from api.door.who import BUNDLING, CENTRE, HOLDER, PROVIDING, PROVIDING_OR_CENTRE, TRADING, May
from api.installation.site import Site
from registry.accounts.accounts import refuse_erased
from registry.database.engine import BEHIND
from registry.errors import Behind, Invalid, KeyForgotten, KeyReused
from registry.identity.roles import Role
from registry.ledger.idempotency import KEY_PATTERN, Answer, Claim, claim, forget, keep

CREATED, ACCEPTED = 201, 202
ASK_AGAIN_S = "1"
"""After which a job may be further, or done."""
Act = Callable[[sa.Connection], Mapping[str, Any]]


def answering(model: type[BaseModel], *causes: Cause) -> dict[str, Any]:
    """Describe a write that answers 201: with what, and what keeps it from being done."""
    return {
        "status_code": CREATED,
        "response_class": Response,
        "responses": {CREATED: {"model": model}, **documented(*causes)},
    }


async def get_site(request: Request) -> Site:
    """The running installation. Like every dependency here it waits for nothing, so it takes no thread."""
    site: Site = request.app.state.site
    return site


SiteOf = Annotated[Site, Depends(get_site)]
IdempotencyKey = Annotated[
    str,
    Header(
        description="The same key with the same body returns the first answer.",
        examples=["0b7e1a52-6c1f-4f0e-9a53-1c9d2a7f3b10"],
        json_schema_extra={"pattern": KEY_PATTERN},
    ),
]


class Write:
    """A write that is about to happen: who asks, under which key, for what."""

    def __init__(self, request: Request, site: Site, caller: Principal, idempotency_key: str) -> None:
        """Gather what FastAPI has read."""
        self.site = site
        self.caller = caller
        self._key = idempotency_key
        self._request = request
        self._account = _number(request.path_params.get("account_id"))
        self._asked = f"{request.method} {request.scope['path']}"

    def perform(
        self,
        body: Mapping[str, Any],
        act: Act,
        *,
        at: str,
        status: int = CREATED,
        erases: bool = False,
        once: frozenset[str] = frozenset(),
        opens: str | None = None,
    ) -> Response:
        """Do the act once, however often it is asked for, and answer what it gave the first time.

        `at` is the address of what came of it, with the answer's own values in braces.
        What of it is told `once` is kept nowhere: asked for again, it is null.
        The answer is kept until the account that it is about is erased; that of the erasure itself never is. That is
        the account in the path, or the one that the act `opens`: the name of the answer's field with its number.
        """
        refuse_behind(self.site)  # first of all: what this database says of grams is not the last word
        asked = Claim.of(self.site.ledger.vault, self.caller.id, self._key, [self._asked, dict(body)])
        with self.site.database.transaction() as tx:
            earlier = self._earlier(tx, asked)
            if earlier is not None:
                return _answer(earlier.response, earlier.status, at, _REPLAYED)
            said = act(tx)
            if erases:
                forget(tx, asked)
            else:
                keep(tx, asked, self._about(said, opens), status, _json({**said, **dict.fromkeys(once)}))
        if erases:
            callers: Callers = self._request.app.state.callers
            callers.forget(self.caller.digest)
        return _answer(said, status, at)

    def _earlier(self, tx: sa.Connection, asked: Claim) -> Answer | None:
        """Give the first answer; to who was erased not even that there was one. (An act by itself refuses them.)"""
        try:
            return claim(tx, asked)
        except KeyForgotten:
            if self._account is not None and self._account in self.caller.accounts(Role.HOLDER):
                refuse_erased(tx, self._account)
            raise

    def _about(self, said: Mapping[str, Any], opens: str | None) -> int | None:
        """Tell the account that an answer is about."""
        return self._account if opens is None else int(said[opens])


def refuse_behind(site: Site) -> None:
    """Raise `Behind` while a database that was set back is only read."""
    if site.as_of is not None:
        raise Behind(BEHIND)


def _number(found: Any) -> int | None:
    return None if found is None else int(found)


def by(may: May) -> Callable[..., Coroutine[Any, Any, Write]]:
    """Make what lets those write whom `may` lets pass."""

    @raising("idempotency-key-missing", "too-large", Invalid, KeyReused, KeyForgotten, Behind)
    async def write_of(
        request: Request, site: SiteOf, caller: Annotated[Principal, Depends(may)], idempotency_key: IdempotencyKey
    ) -> Write:
        return Write(request, site, caller, idempotency_key)

    return write_of


ByHolder = Annotated[Write, Depends(by(HOLDER))]
ByTrader = Annotated[Write, Depends(by(TRADING))]
ByProvider = Annotated[Write, Depends(by(PROVIDING))]
ByProviderOrCentre = Annotated[Write, Depends(by(PROVIDING_OR_CENTRE))]
ByBundler = Annotated[Write, Depends(by(BUNDLING))]
ByCentre = Annotated[Write, Depends(by(CENTRE))]


_REPLAYED = {"Idempotency-Replayed": "true"}


def _answer(said: Mapping[str, Any], status: int, at: str, headers: Mapping[str, str] | None = None) -> Response:
    is_job = status == ACCEPTED  # which an act that was asked for again may have become
    where = {"Location": said["url"], "Retry-After": ASK_AGAIN_S} if is_job else {"Location": at.format_map(said)}
    return Response(_json(said), status, {**where, **(headers or {})}, "application/json")


def _json(said: Mapping[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False)
