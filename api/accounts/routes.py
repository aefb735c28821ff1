"""Accounts: opened by the centre, read by their holder, erased on request."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Response
from pydantic import StrictStr

from api.accounts import shapes
from api.acts import views as act_views
from api.door.fields import AccountNumber, Body, one_of, said, words
from api.door.numbers import AccountId, Cursor, Limit
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import READERS, ForHolder, ForHolderOrReader, HolderOrReader
from api.door.write import ByCentre, ByHolder, SiteOf
from api.ledger import shapes as schemas
from api.ledger import views
from registry.accounts.accounts import (
    INDIVIDUAL,
    INSTITUTION,
    MAX_NAME_CHARS,
    account_row,
    name_in,
    open_account,
    open_row,
)
from registry.accounts.vault import Vault
from registry.clock import rfc3339
from registry.errors import (
    AccountErased,
    ChannelClosed,
    HolderUnknown,
    HoldingsChanged,
    Insufficient,
    JobUnderWay,
    MovedOn,
    NotFound,
    RuleBroken,
    SetAside,
    Unconfirmed,
    Unsettled,
)
from registry.ledger.movement import Form
from registry.ledger.queries import holdings, list_blocks, list_movements
from registry.upkeep import erasure

READ = documented(NotFound, AccountErased)
SETTLING = (HolderUnknown, RuleBroken, ChannelClosed, Insufficient, MovedOn, JobUnderWay, SetAside)
"""What may keep the acts that settle an account from being done."""

router = APIRouter(route_class=StrictRoute, prefix="/v1/accounts", tags=["accounts"])
ACCOUNT = "/v1/accounts/{id}"


class NewAccount(Body):
    """An account to open."""

    kind: Annotated[StrictStr, one_of((INDIVIDUAL, INSTITUTION), "A person, or an organisation.")]
    name: Annotated[
        StrictStr,
        words(MAX_NAME_CHARS, "Printed on the account's certificates, which are public.", "Example Institution"),
    ]


@router.post(
    "",
    summary="Open an account",
    status_code=201,
    response_class=Response,
    responses={201: {"model": shapes.OpenedAccount}},
)
def open_an_account(body: NewAccount, write: ByCentre) -> Response:
    """Open an account; the centre does."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        at = ledger.clock()
        number = open_account(tx, ledger.vault, kind=body.kind, name=body.name, at=at)
        # No name: this answer is kept for the key's next use, and would outlive the account's erasure.
        return {"id": number, "kind": body.kind, "opened_at": rfc3339(at)}

    return write.perform(body.model_dump(), act, at=ACCOUNT, opens="id")


@router.get("/{account_id}", summary="Read an account and its balances", response_model=shapes.Account, responses=READ)
def read_account(account_id: AccountId, caller: HolderOrReader, site: SiteOf) -> dict[str, Any]:
    """Read an account with what it holds. Of an erased one authorities read that it was there, nobody more."""
    with site.database.reading() as tx:
        row = account_row(tx, account_id) if caller.has(*READERS) else open_row(tx, account_id)
        return _account(site.ledger.vault, row) | {
            "balances": _balances(tx, account_id) if row.erased_ms is None else []
        }


@router.get(
    "/{account_id}/blocks",
    summary="List an account's live blocks",
    response_model=shapes.Blocks,
    dependencies=[ForHolderOrReader],
    responses=READ,
)
def read_account_blocks(
    account_id: AccountId, site: SiteOf, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """List live blocks by gram number."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        page = list_blocks(tx, account_id, cursor=cursor, limit=limit)
    return {"items": [views.block(row) for row in page.items], "next_cursor": page.next_cursor}


@router.get(
    "/{account_id}/movements",
    summary="List an account's movements",
    response_model=schemas.OwnMovements,
    dependencies=[ForHolderOrReader],
    responses=READ,
)
def read_account_movements(
    account_id: AccountId, site: SiteOf, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """List what the account gave and received, newest first."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        page = list_movements(tx, account_id, cursor=cursor, limit=limit)
    return {"items": [views.own_movement(seen) for seen in page.items], "next_cursor": page.next_cursor}


CONFIRM = "As the GET of this path gives it: without it nothing is erased."


class Erasure(Body):
    """What becomes of what the account holds, and what its holder was shown of that."""

    confirm: Annotated[StrictStr, said(CONFIRM, "5f0c1e9b37a2d846" * 4, pattern="^[0-9a-f]{64}$")] | None = None
    reductions: Annotated[StrictStr, one_of(erasure.CHOICES["reductions"], "What becomes of reductions.")] | None = None
    points: Annotated[StrictStr, one_of(erasure.CHOICES["points"], "What becomes of points.")] | None = None
    to: Annotated[AccountNumber | None, said("The account that transferred reductions go to.", 7)] = None


@router.get(
    "/{account_id}/erasure",
    summary="See what an erasure would end",
    response_model=shapes.BeforeErasure,
    dependencies=[ForHolder],
    responses=documented(NotFound, AccountErased, HolderUnknown),
)
def read_erasure(account_id: AccountId, site: SiteOf) -> dict[str, Any]:
    """Show what the account holds, what may become of it, and the `confirm` that the erasure is to repeat."""
    with site.database.reading() as tx:
        return _before(erasure.read_held(tx, site.ledger, account_id))


@router.post(
    "/{account_id}/erasure",
    summary="Erase an account",
    status_code=201,
    response_class=Response,
    responses={
        201: {"model": shapes.ErasedAccount},
        **documented(*SETTLING, NotFound, AccountErased, Unconfirmed, HoldingsChanged, Unsettled),
    },
)
def erase_an_account(account_id: AccountId, write: ByHolder, body: Erasure | None = None) -> Response:
    """Settle what the account holds, and destroy its key and its personal data (R5). It cannot be undone.

    Every proof still verifies. `voluntary-cancellation` and `donation` end the grams, with certificates that name
    nobody; `transfer` gives reductions to the account `to`; `forfeit` leaves them where nobody can move them: points
    expire in their time. While grams are locked, nothing is erased. The answer is not kept: who asks again is told
    that the account was erased.
    """
    ledger = write.site.ledger
    said = body or Erasure()
    choice = erasure.Choice(said.reductions, said.points, said.to)

    def act(tx: sa.Connection) -> dict[str, Any]:
        settled = erasure.settle_and_erase(tx, ledger, account_id, choice, said.confirm)
        return _account(ledger.vault, account_row(tx, account_id)) | {
            "balances": _balances(tx, account_id),
            "settled": [act_views.posted(one.posted) | {"certificate": one.certificate} for one in settled],
        }

    return write.perform(said.model_dump(), act, at=ACCOUNT, erases=True)


def _before(held: erasure.Held) -> dict[str, Any]:
    return {
        "reductions_g": held.reductions_g,
        "points_g": held.points_g,
        "points": [{"until": rfc3339(until) if until else None, "quantity_g": grams} for until, grams in held.points],
        "expired_g": held.expired_g,
        "locked": [{"form": form, "purpose": purpose, "quantity_g": grams} for form, purpose, grams in held.locked],
        "refundable_g": held.refundable_g,
        "consents": held.consents,
        "choices": {form: list(choices) for form, choices in erasure.CHOICES.items()},
        "confirm": held.digest,
    }


def _account(vault: Vault, row: sa.Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "name": name_in(vault, row),
        "opened_at": rfc3339(row.opened_ms),
        "erased_at": None if row.erased_ms is None else rfc3339(row.erased_ms),
    }


def _balances(tx: sa.Connection, number: int) -> list[dict[str, Any]]:
    held = holdings(tx, number)
    balances = []
    for form in (Form.REDUCTION, Form.POINTS):
        rows = [row for row in held if row.form == form]
        expiries = [row.next_until for row in rows if row.next_until]
        balances.append(
            {
                "form": views.FORMS[form],
                **views.amount(sum(row.grams for row in rows)),
                "locked_g": sum(row.grams for row in rows if row.locked),
                "blocks": sum(row.blocks for row in rows),
                "earliest_until": rfc3339(min(expiries)) if expiries else None,
            }
        )
    return balances
