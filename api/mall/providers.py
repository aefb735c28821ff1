"""Benefit providers: they apply with the form, the exchange takes it up; decisions follow as of any case."""

from functools import partial
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response

from api.decisions.officers import officer_of
from api.door.caller import Principal
from api.door.numbers import AccountId, ProviderId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import Being, ForHolder
from api.door.write import ByHolder, SiteOf, Write, answering, by
from api.mall.shapes import (
    Applications,
    Form,
    OwnProvider,
    ProviderState,
    PublicProvider,
    PublicProviders,
)
from registry.accounts.accounts import open_row
from registry.decisions.recording import By
from registry.errors import AccountErased, Barred, Conflict, DecisionRefused, DocumentTooLarge, NotFound, SetAside
from registry.identity.roles import Role
from registry.mall import providers

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["mall"])
EXCHANGE = Being(frozenset({Role.EXCHANGE}))
ByExchange = Annotated[Write, Depends(by(EXCHANGE))]
AnExchange = Annotated[Principal, Depends(EXCHANGE)]
OFFICERS = frozenset({str(Role.EXCHANGE)})
PUBLIC = ("live", "suspended", "leaving")
THERE = "/v1/accounts/{account_id}/provider"


made = partial(answering, ProviderState)


@router.post(
    "/accounts/{account_id}/provider-application", summary="Apply as a benefit provider",
    **made(NotFound, AccountErased, Conflict, Barred),
)  # fmt: skip
def apply_as_provider(account_id: AccountId, body: Form, write: ByHolder) -> Response:
    """Apply to the exchange for the mall, with the form of the points guide (R27); nobody else reads it."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        number = providers.apply(tx, ledger, account_id, body.model_dump())
        return ProviderState.of(providers.get_provider(tx, ledger.vault, number)).model_dump()

    return write.perform(body.model_dump(), act, at=THERE.format(account_id=account_id))


@router.post(
    "/accounts/{account_id}/provider-application/withdrawal", summary="Take an application back",
    **made(NotFound, AccountErased),
)  # fmt: skip
def withdraw_a_provider_application(account_id: AccountId, write: ByHolder) -> Response:
    """Take back what the exchange has not taken up; its form is deleted."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        open_row(tx, account_id)
        providers.withdraw(tx, ledger, account_id)
        return _own(tx, write.site, account_id).model_dump(exclude={"form"})

    return write.perform({}, act, at=THERE.format(account_id=account_id))


@router.get(
    "/accounts/{account_id}/provider", summary="Read how one's own application stands", dependencies=[ForHolder],
    responses=documented(NotFound, AccountErased),
)  # fmt: skip
def read_own_provider(account_id: AccountId, site: SiteOf) -> OwnProvider:
    """Read how the latest application of an account stands, with its form."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return _own(tx, site, account_id)


@router.get("/provider-applications", summary="List the applications that wait")
def read_provider_applications(site: SiteOf, _caller: AnExchange) -> Applications:
    """List what the exchange has not taken up, oldest first, with the forms."""
    with site.database.reading() as tx:
        waiting = providers.list_providers(tx, site.ledger.vault, (providers.HANDED_IN,))
    return Applications(items=[OwnProvider.whole(one) for one in waiting])


@router.post(
    "/provider-applications/{provider}/case", summary="Take an application up",
    **made(NotFound, Conflict, DecisionRefused, SetAside, DocumentTooLarge),
)  # fmt: skip
def take_up_a_provider(provider: ProviderId, write: ByExchange) -> Response:
    """Begin the case of an application; its next decisions are taken at `/v1/cases/{number}/decisions`."""
    ledger, officer = write.site.ledger, officer_of(write.caller, OFFICERS)

    def act(tx: sa.Connection) -> dict[str, Any]:
        providers.take_up(tx, ledger, provider, By(officer))
        return ProviderState.of(providers.get_provider(tx, ledger.vault, provider)).model_dump()

    return write.perform({}, act, at="/v1/cases/{case}")


@router.get("/providers", summary="List the providers of the mall")
def read_providers(site: SiteOf) -> PublicProviders:
    """List who provides benefits for points now, suspended ones too."""
    vault = site.ledger.vault
    with site.database.reading() as tx:
        found = providers.list_providers(tx, vault, PUBLIC)
        return PublicProviders(
            items=[
                PublicProvider(
                    provider=one.id, name=providers.name_of(tx, vault, one.account), state=one.state, case=one.case
                )
                for one in found
            ]
        )


def _own(tx: sa.Connection, site: Any, account_id: int) -> OwnProvider:
    found = providers.latest_of(tx, site.ledger.vault, account_id)
    if found is None:
        raise NotFound("This account never applied as a benefit provider.")
    return OwnProvider.whole(found)
