"""Webhooks in JSON."""

from typing import Annotated, Any

from pydantic import BaseModel, StrictInt, StrictStr

from api.door.fields import INT32, INT64, Body, Moment, WantedMoment, one_of, said
from api.door.numbers import MAX_EXACT
from api.events.shapes import EventNumber
from registry.clock import rfc3339
from registry.events.types import TYPES
from registry.webhooks import webhooks

WHERE = (
    "https, at port 443 or 8443, by a name that leads to public addresses only. In development also this machine, by "
    "http and at any port."
)
Target = Annotated[StrictStr, said(WHERE, "https://platform.city.example/gramledger")]
Types = Annotated[
    list[Annotated[StrictStr, one_of(TYPES)]] | None,
    said("Of these types; null for all that its owner may read.", ["consent.withdrawn", "lot.issued"]),
]
WebhookNumber = Annotated[int, said("The webhook's number.", 1, ge=1, json_schema_extra=INT64)]
WHY_DISABLED = ("owner", "failed", "gone", "nobody")
_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfoh5eQ1Z4="  # noqa: S105  (an example, of no webhook)


class NewWebhook(Body):
    """Where events are to be sent."""

    url: Target
    types: Types = None


class Rotation(Body):
    """How long both secrets are signed with."""

    overlap_hours: Annotated[
        StrictInt, said("Hours in which what is sent has both signatures.", 24, ge=0, le=168, json_schema_extra=INT32)
    ] = 24


class Replay(Body):
    """From where events are sent again: one of the two."""

    after: Annotated[
        StrictInt | None, said("Behind the event of this number.", 17, ge=0, le=MAX_EXACT, json_schema_extra=INT64)
    ] = None
    since: Annotated[WantedMoment | None, said("What happened since this time.")] = None


class Webhook(BaseModel):
    """A webhook as it stands."""

    webhook: WebhookNumber
    url: Target
    types: Types
    since: Annotated[Moment, said("When it was made.")]
    delivered: Annotated[EventNumber, said("The last event that need not be sent any more.", 17, ge=0)]
    tries: Annotated[int, said("Tries of the next event that failed.", 2, ge=0, json_schema_extra=INT32)]
    failing_since: Annotated[Moment | None, said("Since when tries fail; null while all is taken.")]
    failure: Annotated[str | None, said("What became of the last try; null while all is taken.", "answered 500")]
    next_try_at: Annotated[Moment | None, said("When it is tried again; null without a failure.")]
    disabled_at: Annotated[Moment | None, said("Since when nothing is sent; null while it is enabled.")]
    disabled_for: Annotated[
        Annotated[str, one_of(WHY_DISABLED)] | None,
        said("Its owner wanted it, days of failure, its answer 410, or an owner without a role; null while enabled."),
    ]

    @classmethod
    def of(cls, one: webhooks.Webhook) -> "Webhook":
        """Write it."""
        return cls(
            webhook=one.id,
            url=one.url,
            types=None if one.types is None else list(one.types),
            since=rfc3339(one.made_ms),
            delivered=one.delivered,
            tries=one.tries,
            failing_since=_time(one.failing_ms),
            failure=one.failure,
            next_try_at=_time(one.next_ms or None) if one.tries else None,
            disabled_at=_time(one.disabled_ms),
            disabled_for=one.disabled_for,
        )


class WebhookWithSecret(Webhook):
    """A webhook and its secret, which is shown this once: kept nowhere in the clear, and null when asked for again."""

    secret: Annotated[
        str | None, said("Verify by it, as the Standard Webhooks text says; null when asked for again.", _SECRET)
    ]


class Webhooks(BaseModel):
    """Webhooks, oldest first."""

    items: Annotated[list[Webhook], said("The caller's own; all of the account for its holder.")]


class EndedWebhook(BaseModel):
    """A webhook that is no more."""

    webhook: WebhookNumber


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def shown(one: webhooks.Webhook) -> dict[str, Any]:
    """Write it as an answer that is kept."""
    return Webhook.of(one).model_dump()
