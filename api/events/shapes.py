"""How an event reads in JSON, asked for and sent alike."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from registry.clock import rfc3339
from registry.events import feed
from registry.events.types import TYPES, EventType


def _fields(of: EventType) -> str:
    return ", ".join([*of.fields, *(["external_id"] if of.is_of_person else [])]) or "nothing"


_DATA = {"act": "48", "movement": "119", "quantity_g": 100}


class Event(BaseModel):
    """Something that happened to what is the account's."""

    id: Annotated[
        int,
        Field(
            description="Its number in the account's feed. Ascending, and never another event's.", ge=1, examples=[17]
        ),
    ]
    type: Annotated[str, Field(json_schema_extra={"enum": list(TYPES)}, examples=["redemption.received"])]
    timestamp: Annotated[str, Field(description="When it happened.", examples=["2026-11-28T08:00:00.000Z"])]
    data: Annotated[
        dict[str, Any],
        Field(
            description="Numbers to look it up by: "
            + "; ".join(f"{one.name}: {_fields(one)}" for one in TYPES.values()),
            examples=[_DATA],
        ),
    ]

    @classmethod
    def of(cls, event: feed.Event) -> "Event":
        """Write it."""
        return cls(id=event.number, type=event.type, timestamp=rfc3339(event.at_ms), data=dict(event.data))


class Events(BaseModel):
    """Events in the order of their numbers."""

    items: Annotated[list[Event], Field(description="Those behind the number that was given, as many as asked for.")]
    after: Annotated[int, Field(description="The number to go on from.", ge=0, examples=[17])]
    has_more: Annotated[
        bool, Field(description="Whether there are more by now; else ask again later.", examples=[False])
    ]
