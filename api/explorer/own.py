"""A person's own page: linking a scene step by step, when it was seen last, what is recognised, cards (R66).

Who has no phone does the same at the centre's desk, with a card: the page says how.
"""

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.door.caller import Principal
from api.door.numbers import AccountId, HeldId, SourceId
from api.door.same_site import refuse_other_sites
from api.door.write import SiteOf, refuse_behind
from api.explorer.answers import answer
from api.explorer.forms import Posted
from api.explorer.signing_in import visitor_of
from api.installation.site import Site
from api.points.routes import points_of
from registry.accounts.accounts import INDIVIDUAL, open_row
from registry.clock import rfc3339
from registry.errors import Forbidden, RegistryError
from registry.identity.belongings import list_belongings
from registry.identity.roles import Role
from registry.issuance import quarantine as held
from registry.issuance import recognition
from registry.points.standing_orders import end_order, give_order
from registry.sources import linking
from registry.sources.sources import named_with, revoke_consent

MOST_HELD: Final = 50
"""What of an account is in quarantine, the newest; the others, REST lists."""
MOST: Final = 20
"""Accounts of one person that the page shows."""
router = APIRouter(include_in_schema=False)


@router.get("/me", response_class=HTMLResponse)
def me(request: Request, site: SiteOf) -> Response:
    """Show who signed in what they may here, and of a person's own account what is linked."""
    visitor = visitor_of(request, site)
    return _sign_in() if visitor is None else _page(request, site, visitor)


@router.post("/me/accounts/{account_id}/scenes/{source_id}/code", response_class=HTMLResponse)
def ask_for_a_code(request: Request, account_id: AccountId, source_id: SourceId, site: SiteOf) -> Response:
    """Give a code for linking a scene, and say what to do with it."""
    codes = []

    def act(tx: sa.Connection) -> None:
        codes.append(linking.make_code(tx, site.ledger, account_id, source_id))

    return _do(request, site, account_id, act, lambda: {"source": source_id, "code": codes[0].text,
               "until": rfc3339(codes[0].ends_ms), "account": account_id})  # fmt: skip


@router.post("/me/accounts/{account_id}/scenes/{source_id}/withdrawal", response_class=HTMLResponse)
def take_back(request: Request, account_id: AccountId, source_id: SourceId, site: SiteOf) -> Response:
    """Take a consent back: nothing more is issued from that scene."""

    def act(tx: sa.Connection) -> None:
        revoke_consent(tx, source_id, account_id, site.ledger.clock())

    return _do(request, site, account_id, act, lambda: None)


@router.post("/me/accounts/{account_id}/standing-order", response_class=HTMLResponse)
def have_all_converted(request: Request, account_id: AccountId, site: SiteOf) -> Response:
    """Have whatever is issued become points by itself from now on."""
    return _do(request, site, account_id, lambda tx: give_order(tx, site.ledger, account_id), lambda: None)


@router.post("/me/accounts/{account_id}/standing-order/end", response_class=HTMLResponse)
def convert_by_choice(request: Request, account_id: AccountId, site: SiteOf) -> Response:
    """End that order."""
    return _do(request, site, account_id, lambda tx: end_order(tx, site.ledger, account_id), lambda: None)


@router.post("/me/accounts/{account_id}/quarantine/{quarantine}/appeal", response_class=HTMLResponse)
def appeal(request: Request, account_id: AccountId, quarantine: HeldId, posted: Posted, site: SiteOf) -> Response:
    """Appeal for what rules against abuse caught, once and in time."""

    def act(tx: sa.Connection) -> None:
        held.appeal(tx, site.ledger, quarantine, account_id, posted.get("message", ""))

    return _do(request, site, account_id, act, lambda: None)


def _do(
    request: Request,
    site: Site,
    account: int,
    act: Callable[[sa.Connection], None],
    shown: Callable[[], dict[str, Any] | None],
) -> Response:
    """Do what the visitor asks for an account of theirs, from a page of ours, and show the page as it is then."""
    refuse_other_sites(request, site.base_url(str(request.base_url)))
    refuse_behind(site)
    visitor = visitor_of(request, site)
    if visitor is None:
        return _sign_in()
    if account not in _accounts(visitor):
        raise Forbidden("This account is not yours.")
    with site.database.transaction() as tx:
        act(tx)
    return _page(request, site, visitor, shown())


def _sign_in() -> Response:
    return RedirectResponse("/sign-in?return=/me", 303, {"Cache-Control": "no-store"})


def _accounts(visitor: Principal) -> list[int]:
    return sorted(visitor.accounts(Role.HOLDER))[:MOST]


def _page(request: Request, site: Site, visitor: Principal, code: dict[str, Any] | None = None) -> Response:
    with site.database.reading() as tx:
        people = [found for number in _accounts(visitor) if (found := _person(tx, site, number)) is not None]
    context = {"grants": [str(one) for one in visitor.grants], "people": people, "code": code}
    return answer(request, "me.html", context, headers={"Cache-Control": "no-store"})


def _person(tx: sa.Connection, site: Site, number: int) -> dict[str, Any] | None:
    """Show a person's account; None for an institution's, and one that is gone."""
    try:
        if open_row(tx, number).kind != INDIVIDUAL:
            return None
    except RegistryError:
        return None
    consents = [one for one in linking.list_consents(tx, site.ledger.vault, number) if one.revoked_ms is None]
    linked = {one.source.id for one in consents}
    at = site.ledger.clock()
    return {
        "number": number,
        "points": points_of(tx, site.ledger, number),
        "scenes": [
            {
                "source": one.source.id,
                "name": {"zh": one.source.name_zh, "en": one.source.name_en},
                "since": rfc3339(one.given_ms),
                "seen": None if one.seen_ms is None else rfc3339(one.seen_ms),
                "named": [_name(other) for other in one.named],
                "since_named": [_name(other) for other in one.since_named],
            }
            for one in consents
        ],
        "others": [
            {"source": row.id, "name": _name(row), "named": [_name(other) for other in named_with(tx, row.id)]}
            for row in tx.execute(_OPEN, {"at": at})
            if row.id not in linked
        ],
        "recognised": [
            {"name": {"zh": one.name_zh, "en": one.name_en}, "acts": one.acts, "saved_g": one.quantity_g}
            for one in recognition.of_account(tx, number)
        ],
        "held": [
            _held(one, at) for one in held.list_held(tx, site.ledger.vault, account=number, limit=MOST_HELD).items
        ],
        "things": [
            {"kind": str(one.kind), "ending": one.number[-4:], "since": rfc3339(one.from_ms)}
            for one in list_belongings(tx, site.ledger.vault, number)
            if one.until_ms is None
        ],
    }


def _name(of: Any) -> dict[str, str]:
    return {"zh": of.name_zh, "en": of.name_en}


def _held(of: held.Held, at: int) -> dict[str, Any]:
    """Show something in quarantine: why, until when one may appeal, and what became of it."""
    is_open = of.state in {held.HeldState.WAITING, held.HeldState.REFUSED} and of.appealed_ms is None
    return {
        "number": of.id,
        "state": str(of.state),
        "why": {"zh": of.zh, "en": of.en},
        "begins": None if of.starts_ms is None else rfc3339(of.starts_ms),
        "grams": of.quantity_g,
        "appeal": of.appeal,
        "words": of.words,
        "appeal_until": rfc3339(of.appeal_until_ms) if is_open and at <= of.appeal_until_ms else None,
    }


_OPEN = sa.text("""
    SELECT id, name_zh, name_en FROM sources WHERE kind <> 'project' AND valid_from_ms <= :at AND valid_until_ms > :at
    ORDER BY id LIMIT 100
""")
