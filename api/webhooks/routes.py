"""Webhooks over REST: made, listed, tried, set back, given another secret, and ended by those who are connected."""

from collections.abc import Callable
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Response

from api.door.caller import Principal
from api.door.numbers import MAX_EXACT, AccountId, only_digits
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.write import SiteOf, Write, answering, by
from api.events.routes import CONNECTED, Connected
from api.installation.settings import Environment
from api.webhooks import shapes
from api.webhooks.target import read_target
from registry.errors import AccountErased, Conflict, Invalid, NotFound
from registry.identity.roles import Role
from registry.procedure.fields import Unreadable, moment
from registry.webhooks import webhooks
from registry.webhooks.webhooks import Webhook

router = APIRouter(route_class=StrictRoute, prefix="/v1/accounts/{account_id}/webhooks", tags=["webhooks"])
FOUND = documented(NotFound)
ByConnected = Annotated[Write, Depends(by(CONNECTED))]
WebhookId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="A webhook's number.", examples=[1]), only_digits]


SHOWN, ENDED = answering(shapes.Webhook, NotFound), answering(shapes.EndedWebhook, NotFound)
AT = "/v1/accounts/{}/webhooks/{{webhook}}"
_ONCE = frozenset({"secret"})


@router.post("", summary="Have events sent", **answering(shapes.WebhookWithSecret, NotFound, AccountErased))
def make_a_webhook(account_id: AccountId, body: shapes.NewWebhook, write: ByConnected) -> Response:
    """Have what happens from now on sent to a URL, signed by the Standard Webhooks text: what your roles may read.

    Answer 2xx within 15 seconds. Events come in order, at least once; what fails is tried again for three days.
    """
    ledger, settings = write.site.ledger, write.site.settings
    read_target(body.url, in_development=settings.environment == Environment.DEVELOPMENT)

    def act(tx: sa.Connection) -> dict[str, Any]:
        owner = write.caller.digest
        number, secret = webhooks.make_webhook(tx, ledger, account_id, owner, body.url, body.types)
        return shapes.shown(webhooks.get_webhook(tx, account_id, owner, number)) | {"secret": secret}

    return write.perform(body.model_dump(), act, at=AT.format(account_id), once=_ONCE)


@router.get("", summary="List webhooks", responses=FOUND)
def read_webhooks(account_id: AccountId, site: SiteOf, caller: Connected) -> shapes.Webhooks:
    """List your own webhooks; as the account's holder, all of the account."""
    with site.database.reading() as tx:
        found = webhooks.list_webhooks(tx, account_id, _owner(caller, account_id))
    return shapes.Webhooks(items=[shapes.Webhook.of(one) for one in found])


@router.get("/{webhook}", summary="Read a webhook", responses=FOUND)
def read_webhook(account_id: AccountId, webhook: WebhookId, site: SiteOf, caller: Connected) -> shapes.Webhook:
    """Read how far a webhook is, and what became of the last try."""
    with site.database.reading() as tx:
        return shapes.Webhook.of(webhooks.get_webhook(tx, account_id, _owner(caller, account_id), webhook))


@router.post(
    "/{webhook}/secret", summary="Give a webhook a new secret", **answering(shapes.WebhookWithSecret, NotFound)
)
def rotate_a_secret(account_id: AccountId, webhook: WebhookId, body: shapes.Rotation, write: ByConnected) -> Response:
    """Give it a new secret. For some hours what is sent is signed under both, so that nothing is refused meanwhile."""
    ledger = write.site.ledger

    def act(tx: sa.Connection, found: Webhook) -> dict[str, Any]:
        overlap_ms = body.overlap_hours * 3_600_000
        return {"secret": webhooks.rotate_secret(tx, ledger.vault, found.id, overlap_ms, ledger.clock())}

    return _change(write, account_id, webhook, body.model_dump(), act, once=_ONCE)


@router.post("/{webhook}/disable", summary="Send a webhook nothing for now", **SHOWN)
def disable_a_webhook(account_id: AccountId, webhook: WebhookId, write: ByConnected) -> Response:
    """Send it nothing until it is enabled. What happens meanwhile is sent then, as long as it is kept."""
    clock = write.site.ledger.clock

    def act(tx: sa.Connection, found: Webhook) -> dict[str, Any]:
        webhooks.disable(tx, found.id, clock())
        return {}

    return _change(write, account_id, webhook, {}, act)


@router.post("/{webhook}/enable", summary="Send to a webhook again", **SHOWN)
def enable_a_webhook(account_id: AccountId, webhook: WebhookId, write: ByConnected) -> Response:
    """Send to it again, from where it was."""

    def act(tx: sa.Connection, found: Webhook) -> dict[str, Any]:
        webhooks.enable(tx, found.id)
        return {}

    return _change(write, account_id, webhook, {}, act)


@router.post("/{webhook}/test", summary="Try a webhook", **answering(shapes.Webhook, NotFound, Conflict))
def try_a_webhook(account_id: AccountId, webhook: WebhookId, write: ByConnected) -> Response:
    """Send it a `webhook.test`, behind what waits; where that failed, it is tried again now."""
    clock = write.site.ledger.clock

    def act(tx: sa.Connection, found: Webhook) -> dict[str, Any]:
        webhooks.send_test(tx, found, clock())
        return {}

    return _change(write, account_id, webhook, {}, act)


@router.post("/{webhook}/replay", summary="Send events again", **SHOWN)
def replay_events(account_id: AccountId, webhook: WebhookId, body: shapes.Replay, write: ByConnected) -> Response:
    """Send again what came after an event, or since a time, under the same `webhook-id`s."""
    since = None if body.since is None else _moment(body.since)

    def act(tx: sa.Connection, found: Webhook) -> dict[str, Any]:
        webhooks.replay(tx, found, body.after, since)
        return {}

    return _change(write, account_id, webhook, body.model_dump(), act)


@router.post("/{webhook}/end", summary="End a webhook", **ENDED)
def end_a_webhook(account_id: AccountId, webhook: WebhookId, write: ByConnected) -> Response:
    """End it for good; its secrets go with it."""

    def act(tx: sa.Connection) -> dict[str, Any]:
        webhooks.end(tx, webhooks.get_webhook(tx, account_id, _owner(write.caller, account_id), webhook).id)
        return {"webhook": webhook}

    return write.perform({}, act, at=f"/v1/accounts/{account_id}/webhooks")


Change = Callable[[sa.Connection, Webhook], dict[str, Any]]


def _change(
    write: Write,
    account_id: int,
    number: int,
    body: dict[str, Any],
    change: Change,
    once: frozenset[str] = frozenset(),
) -> Response:
    """Change a webhook that is the caller's, and answer with it as it is then."""
    owner = _owner(write.caller, account_id)

    def act(tx: sa.Connection) -> dict[str, Any]:
        more = change(tx, webhooks.get_webhook(tx, account_id, owner, number))
        return shapes.shown(webhooks.get_webhook(tx, account_id, owner, number)) | more

    return write.perform(body, act, at=AT.format(account_id), once=once)


def _owner(caller: Principal, account_id: int) -> bytes | None:
    """Whose webhooks somebody sees: their own; None for the account's holder, who sees all."""
    return None if account_id in caller.accounts(Role.HOLDER) else caller.digest


def _moment(text: str) -> int:
    try:
        return moment(text)
    except Unreadable as error:
        raise Invalid(f"A time {error}.") from None
