"""How an event reads in JSON, asked for and sent alike."""

from typing import Annotated, Any

from pydantic import BaseModel

from api.door.fields import INT64, Moment, one_of, said
from registry.clock import rfc3339
from registry.events import feed
from registry.events.types import TYPES, EventType


def _fields(of: EventType) -> str:
    return ", ".join([*of.fields, *(["external_id"] if of.is_of_person else [])]) or "nothing"


_EACH = "; ".join(f"{one.name}: {_fields(one)}" for one in TYPES.values())
_DATA = {"act": "48", "movement": "119", "quantity_g": 100}
EventNumber = Annotated[
    int,
    said("Its number in the account's feed. Ascending, and never another event's.", 17, json_schema_extra=INT64),
]


class Event(BaseModel):
    """Something that happened to what is the account's."""

    id: EventNumber
    type: Annotated[str, one_of(TYPES, "What happened.")]
    timestamp: Moment
    data: Annotated[dict[str, Any], said(f"Numbers to look it up by: {_EACH}.", _DATA)]

    @classmethod
    def of(cls, event: feed.Event) -> "Event":
        """Write it."""
        return cls(id=event.number, type=event.type, timestamp=rfc3339(event.at_ms), data=dict(event.data))


class Events(BaseModel):
    """Events in the order of their numbers."""

    items: Annotated[list[Event], said("Those behind the number that was given, as many as asked for.")]
    after: Annotated[EventNumber, said("The number to go on from.", 17, ge=0)]
    has_more: Annotated[bool, said("Whether there are more by now; else ask again later.", False)]
