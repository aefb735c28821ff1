"""Every type of event: what it says, and which roles of its account may read it. A capability declares its own here.

An event names what happened by numbers that its reader can look up. It says nothing that its reader could not read over
REST with the same role: what a platform calls a person only that platform is told.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from registry.identity.roles import Role

_OF_SOURCES: Final = frozenset({Role.HOLDER, Role.APPLICANT, Role.PLATFORM})
_OF_POINTS: Final = frozenset({Role.HOLDER, Role.PROVIDER})
READERS: Final = _OF_SOURCES | _OF_POINTS
"""Who has a feed at all."""


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event, by its name; the fields of its data, and who of the account's may read it."""

    name: str
    meaning: str
    fields: tuple[str, ...]
    readers: frozenset[Role]
    is_of_person: bool = False
    """Whether it is about a person, whom its data name as the platform does: `external_id`, null once erased."""


LOT_ISSUED: Final = EventType(
    "lot.issued",
    "Reductions were issued from a source of yours.",
    ("lot", "source", "quantity_g", "accounts"),
    _OF_SOURCES,
)
QUARANTINE_CAUGHT: Final = EventType(
    "quarantine.caught",
    "Activities of a batch of yours wait in quarantine, by rules against abuse.",
    ("batch", "source", "activities"),
    frozenset({Role.PLATFORM}),
)
QUARANTINE_ENDED: Final = EventType(
    "quarantine.ended",
    "Activities of a batch of yours left quarantine: they were released, refused, or lapsed.",
    ("batch", "source", "state", "activities"),
    frozenset({Role.PLATFORM}),
)
SOURCE_DECIDED: Final = EventType(
    "source.decided", "A decision was taken of a source of yours.", ("case", "decision", "state"), _OF_SOURCES
)
BATCH_JUDGED: Final = EventType(
    "batch.judged",
    "A batch was judged: how many of its rows stand, and the grams they come to; the others are listed with reasons.",
    ("batch", "source", "rows", "accepted", "quantity_g"),
    frozenset({Role.PLATFORM}),
)
BATCH_PROPOSED: Final = EventType(
    "batch.proposed",
    "An officer proposed that a batch is issued, judged anew; another decides.",
    ("batch", "source", "case", "accepted", "quantity_g"),
    frozenset({Role.PLATFORM}),
)
BATCH_SETTLED: Final = EventType(
    "batch.settled",
    "A batch came to its end: `issued`, `refused` or `withdrawn`; read it for its lot, or for why.",
    ("batch", "source", "state"),
    frozenset({Role.PLATFORM}),
)
CORRECTION_PROPOSED: Final = EventType(
    "correction.proposed",
    "Grams of a source of yours, issued to you or caused by you are said to come from abnormal data.",
    ("case", "lot", "reason", "quantity_g"),
    READERS,
)
CORRECTION_SETTLED: Final = EventType(
    "correction.settled",
    "Such a correction was `ordered`, which voided what lives of the grams, whoever holds it, or `dismissed`.",
    ("case", "lot", "state", "voided_g", "shortfall_g"),
    READERS,
)
CONSENT_GIVEN: Final = EventType(
    "consent.given",
    "A person was linked to a source of yours.",
    ("source",),
    frozenset({Role.PLATFORM}),
    is_of_person=True,
)
CONSENT_WITHDRAWN: Final = EventType(
    "consent.withdrawn",
    "A person took the consent back: nothing more is issued to them from that source.",
    ("source",),
    frozenset({Role.PLATFORM}),
    is_of_person=True,
)
BALANCE_CHANGED: Final = EventType(
    "balance.changed",
    "Who consents converted reductions to points; what they have now is read as before, and they see that it was.",
    ("source",),
    frozenset({Role.PLATFORM}),
    is_of_person=True,
)
POINTS_EXPIRING: Final = EventType(
    "points.expiring",
    "Points of who consents can be used until the end of the day `until` (in Shanghai), `days` days from now at most.",
    ("source", "until", "days"),
    frozenset({Role.PLATFORM}),
    is_of_person=True,
)
REDEMPTION_RECEIVED: Final = EventType(
    "redemption.received", "Points were redeemed with you.", ("act", "movement", "quantity_g"), _OF_POINTS
)
REDEMPTION_REFUNDED: Final = EventType(
    "redemption.refunded",
    "Redeemed points were given back; `redemption` is the act that had brought them.",
    ("act", "movement", "quantity_g", "redemption"),
    _OF_POINTS,
)
ORDER_PLACED: Final = EventType(
    "order.placed",
    "Somebody ordered and paid what you offer.",
    ("order", "offer", "pieces", "quantity_g"),
    _OF_POINTS,
)
ORDER_CANCELLED: Final = EventType(
    "order.cancelled", "An order that was not sent yet was cancelled: its points went back.", ("order", "quantity_g"),
    _OF_POINTS,
)  # fmt: skip
ORDER_COMPLAINED: Final = EventType(
    "order.complained", "The buyer of an order complains; read it there, and answer.", ("order",), _OF_POINTS
)
RETURN_DONE: Final = EventType(
    "return.done", "Collected points became one bundle of reductions.", ("act", "bundle", "quantity_g"), _OF_POINTS
)
TRANSFER_RECEIVED: Final = EventType(
    "transfer.received",
    "Reductions were transferred to you.",
    ("act", "movement", "quantity_g"),
    frozenset({Role.HOLDER}),
)
WEBHOOK_TEST: Final = EventType("webhook.test", "Somebody asked that a webhook is tried.", ("webhook",), READERS)
WEBHOOK_DISABLED: Final = EventType(
    "webhook.disabled",
    "A webhook is sent nothing more: for days of failure (`failed`), its answer 410 (`gone`), or because its owner has "
    "no role here any more (`nobody`).",
    ("webhook", "reason"),
    READERS,
)
REGISTRY_RECOVERED: Final = EventType(
    "registry.recovered",
    "The registry's database was restored from a backup. What was told after it was made may be missing here: compare.",
    (),
    READERS,
)
TYPES: Final[Mapping[str, EventType]] = {
    one.name: one
    for one in (
        LOT_ISSUED,
        QUARANTINE_CAUGHT,
        QUARANTINE_ENDED,
        SOURCE_DECIDED,
        BATCH_JUDGED,
        BATCH_PROPOSED,
        BATCH_SETTLED,
        CORRECTION_PROPOSED,
        CORRECTION_SETTLED,
        CONSENT_GIVEN,
        CONSENT_WITHDRAWN,
        BALANCE_CHANGED,
        POINTS_EXPIRING,
        REDEMPTION_RECEIVED,
        REDEMPTION_REFUNDED,
        ORDER_PLACED,
        ORDER_CANCELLED,
        ORDER_COMPLAINED,
        RETURN_DONE,
        TRANSFER_RECEIVED,
        WEBHOOK_TEST,
        WEBHOOK_DISABLED,
        REGISTRY_RECOVERED,
    )
}


def readable(roles: Collection[Role]) -> list[str]:
    """Name the types that somebody with these roles of an account may read."""
    return [one.name for one in TYPES.values() if one.readers & set(roles)]
