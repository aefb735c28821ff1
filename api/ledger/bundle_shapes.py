"""The shapes of answers about bundles, for OpenAPI. What is answered is built in `views`."""

from typing import Annotated

from pydantic import BaseModel

from api.door.fields import (
    BundleSerial,
    Count,
    EndGram,
    FirstGram,
    GramNumber,
    Grams,
    PeriodFrom,
    PeriodUntil,
    Tonnes,
    said,
)
from api.ledger.shapes import Leaf, LotNumber, MethodologyOfLot, SourceOfLot


class Part(BaseModel):
    """Grams of a bundle that were issued in one lot."""

    lot: LotNumber
    quantity_g: Grams
    quantity_t: Tonnes
    source: Annotated[SourceOfLot, said("Where the lot comes from.")]
    methodology: Annotated[MethodologyOfLot, said("How the lot was computed.")]
    period_from: PeriodFrom
    period_until: PeriodUntil


class Bundle(BaseModel):
    """A bundle with what it is made of."""

    serial: BundleSerial
    first_g: FirstGram
    end_g: EndGram
    quantity_g: Grams
    quantity_t: Tonnes
    pieces: Annotated[Count, said("Blocks that were gathered, which may be of bundles themselves.", 400)]
    made_of: Annotated[list[Part], said("By grams, the largest first; 200 lots at most.")]
    other_lots: Annotated[Count, said("Lots that are not among these.", 0)]
    other_g: Annotated[Grams, said("Grams of them.", 0)]
    movement: Annotated[Leaf, said("The leaf of the bundle.")]
    before_g: Annotated[
        GramNumber | None, said("The number that `gram_g` had before; null when none was asked for.", 5)
    ]


class Stretch(BaseModel):
    """A gram under one of its numbers: what it went through under it, oldest first."""

    gram_g: GramNumber
    movements: Annotated[list[Leaf], said("Oldest first.")]
    earlier: Annotated[Count, said("Movements before these that are not told.", 0)]


class Trace(BaseModel):
    """A gram's way, from its issue on; each stretch but the last ends in a gathering."""

    stretches: Annotated[list[Stretch], said("The gram under each of its numbers, in order.")]
    earlier_g: Annotated[
        GramNumber | None, said("The number before the first of these; ask for it to go on. Null: none.", 5)
    ]
    later_g: Annotated[
        GramNumber | None, said("The number after the last of these; ask for it to go on. Null: none.", 1005)
    ]
