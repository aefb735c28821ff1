"""The shapes of answers about bundles, for OpenAPI. What is answered is built in `views`."""

from pydantic import BaseModel, Field

from api.ledger.shapes import EndGram, FirstGram, Leaf, MethodologyOfLot, PeriodFrom, PeriodUntil, SourceOfLot


class Part(BaseModel):
    """Grams of a bundle that were issued in one lot."""

    lot: str
    quantity_g: int
    quantity_t: str
    source: SourceOfLot
    methodology: MethodologyOfLot
    period_from: PeriodFrom
    period_until: PeriodUntil


class Bundle(BaseModel):
    """A bundle with what it is made of."""

    serial: str
    first_g: FirstGram
    end_g: EndGram
    quantity_g: int
    quantity_t: str
    pieces: int = Field(description="Blocks that were gathered, which may be of bundles themselves.")
    made_of: list[Part] = Field(description="By grams, the largest first; 200 lots at most.")
    other_lots: int = Field(description="Lots that are not among these.")
    other_g: int = Field(description="Grams of them.")
    movement: Leaf
    before_g: int | None = Field(description="The number that `gram_g` had before; null when none was asked for.")


class Stretch(BaseModel):
    """A gram under one of its numbers: what it went through under it, oldest first."""

    gram_g: int
    movements: list[Leaf]
    earlier: int = Field(description="Movements before these that are not told.")


class Trace(BaseModel):
    """A gram's way, from its issue on; each stretch but the last ends in a gathering."""

    stretches: list[Stretch]
    earlier_g: int | None = Field(description="The number before the first of these; ask for it to go on. Null: none.")
    later_g: int | None = Field(description="The number after the last of these.")
