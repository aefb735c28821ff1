"""The shapes of answers about a person's points."""

from typing import Annotated

from pydantic import BaseModel

from api.door.fields import Grams, InChinese, InEnglish, Moment, said


class Expiring(BaseModel):
    """Points that end together."""

    until: Annotated[Moment, said("The last moment at which they can be used.", "2028-11-28T15:59:59.999Z")]
    quantity_g: Grams


class Notice(BaseModel):
    """What was told of points that end soon."""

    until: Annotated[Moment, said("When they end.", "2026-12-05T15:59:59.999Z")]
    days_before: Annotated[int, said("So many days before, at most, it was told.", 7, ge=1)]
    quantity_g: Annotated[Grams, said("How many they were then.", 1000)]
    at: Annotated[Moment, said("When it was told.")]


class Honour(BaseModel):
    """A title for historical points, by the policy `honours`."""

    zh: Annotated[InChinese, said("In Chinese.", "绿色先行者")]
    en: Annotated[InEnglish, said("In English.", "Green pioneer")]
    from_g: Annotated[Grams, said("From how many historical points on.", 10000)]


class Points(BaseModel):
    """A person's points."""

    usable_g: Annotated[Grams, said("What can be used now.", 1500)]
    by_expiry: Annotated[list[Expiring], said("The same by the day on which they end, soonest first.")]
    locked_g: Annotated[Grams, said("Pledged, listed or frozen.", 0)]
    historical_g: Annotated[Grams, said("Historical points: what was not used in time. It is of no use but honour.", 0)]
    honour: Annotated[Honour | None, said("The title that they earn; null where none does.")]
    next_honour: Annotated[Honour | None, said("The next one; null where there is none.")]
    notices: Annotated[list[Notice], said("Of points that end soon, the latest notice of each day, soonest first.")]
    standing_order_since: Annotated[
        Moment | None, said("Since when all that is issued is converted by itself; null where it is not.")
    ]
