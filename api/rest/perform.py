"""Every write goes through here: one transaction, an idempotency key, and the first answer kept."""

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, Header, Request, Response

from api.auth import Caller, Principal
from api.rest import views
from api.site import Site
from registry.accounts.accounts import refuse_erased
from registry.clock import rfc3339
from registry.database.engine import BEHIND
from registry.errors import Behind, KeyForgotten
from registry.ledger.idempotency import KEY_PATTERN, Answer, Claim, claim, forget, keep
from registry.ledger.movement import Kind, serial
from registry.ledger.posting import Posted

CREATED = 201
Act = Callable[[sa.Connection], Mapping[str, Any]]


async def get_site(request: Request) -> Site:
    """The running installation. Like every dependency here it waits for nothing, so it takes no thread."""
    site: Site = request.app.state.site
    return site


SiteOf = Annotated[Site, Depends(get_site)]
IdempotencyKey = Annotated[
    str,
    Header(
        description="The same key with the same body returns the first answer.",
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
        self._account = request.path_params.get("account_id")
        self._asked = f"{request.method} {request.scope['path']}"

    def perform(self, body: Mapping[str, Any], act: Act, *, erases: bool = False) -> Response:
        """Do the act once, however often it is asked for, and answer what it gave the first time.

        The answer is kept until the account that it is about is erased; that of the erasure itself never is.
        """
        if self.site.as_of is not None:  # first of all: what this database says of grams is not the last word
            raise Behind(BEHIND)
        asked = Claim.of(self.site.ledger.vault, self.caller.id, self._key, [self._asked, dict(body)])
        with self.site.database.transaction() as tx:
            earlier = self._earlier(tx, asked)
            if earlier is not None:
                return _answer(json.dumps(earlier.response, ensure_ascii=False), earlier.status, replayed=True)
            said = act(tx)
            text = json.dumps(said, ensure_ascii=False)
            if erases:
                forget(tx, asked)
            else:
                keep(tx, asked, self._about(said), CREATED, text)
        return _answer(text, CREATED, replayed=False)

    def _earlier(self, tx: sa.Connection, asked: Claim) -> Answer | None:
        """Give the first answer; to who was erased not even that there was one. (An act by itself refuses them.)"""
        try:
            return claim(tx, asked)
        except KeyForgotten:
            if self.caller.account is not None:
                refuse_erased(tx, self.caller.account)
            raise

    def _about(self, said: Mapping[str, Any]) -> int | None:
        """Tell the account that an answer is about: the one that was asked for, or the one that was opened."""
        number = self._account or said.get("id")
        return None if number is None else int(number)


async def write_of(request: Request, site: SiteOf, caller: Caller, idempotency_key: IdempotencyKey) -> Write:
    """Gather a write from its request."""
    return Write(request, site, caller, idempotency_key)


WriteOf = Annotated[Write, Depends(write_of)]


def _answer(text: str, status: int, *, replayed: bool) -> Response:
    headers = {"Idempotency-Replayed": "true"} if replayed else None
    return Response(text, status, headers, "application/json")


def posted(of: Posted) -> dict[str, Any]:
    """Write an act as it was written to the ledger; it is recorded, and not yet logged."""
    return {
        "act": str(of.act_id),
        "kind": of.kind,
        "at": rfc3339(of.at),
        **views.amount(of.quantity_g),
        "state": "recorded",
        "movements": [
            {
                "id": str(written.id),
                "serial": serial(written.movement.first, written.movement.last),
                "quantity_g": written.movement.quantity_g,
                "until": rfc3339(written.movement.until) if written.movement.until else None,
            }
            for written in of.movements
            if written.movement.kind != Kind.GATHER  # thousands of them; the bundle stands for all
        ],
    }


def bundled(of: Posted) -> dict[str, Any]:
    """Write a gathering as it was written to the ledger; its last movement is the bundle."""
    made = of.movements[-1].movement
    return posted(of) | {"bundle": serial(made.first, made.last)}
