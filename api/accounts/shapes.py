"""The shapes of answers about accounts, for OpenAPI. What is answered is built in `accounts` and `views`."""

from typing import Literal

from pydantic import BaseModel, Field

from api.ledger.shapes import ActAnswer, EndGram, FirstGram


class Block(BaseModel):
    """A live block of an account."""

    serial: str
    first_g: FirstGram
    end_g: EndGram
    quantity_g: int
    quantity_t: str
    form: Literal["reduction", "points"]
    flags: list[str]
    until: str | None
    movement: str
    bundle: str | None = Field(description="The bundle that the grams are of; then the next four are null.")
    lot: str | None
    source: str | None
    methodology: str | None
    methodology_version: int | None


class Blocks(BaseModel):
    """Part of a list of blocks."""

    items: list[Block]
    next_cursor: str | None


class Balance(BaseModel):
    """What an account holds in one form."""

    form: Literal["reduction", "points"]
    quantity_g: int
    quantity_t: str
    locked_g: int
    blocks: int
    earliest_until: str | None


class Account(BaseModel):
    """An account and its balances."""

    id: int
    kind: Literal["individual", "institution"]
    name: str | None
    opened_at: str
    erased_at: str | None
    balances: list[Balance]


class PointsUntil(BaseModel):
    """Points that can be used until then; an institution's have no end."""

    until: str | None
    quantity_g: int


class LockedGrams(BaseModel):
    """Grams that are listed, pledged or frozen."""

    form: Literal["reduction", "points"]
    purpose: str
    quantity_g: int


class ErasureChoices(BaseModel):
    """What may become of what is held."""

    reductions: list[str]
    points: list[str]


class BeforeErasure(BaseModel):
    """What an account holds and what its erasure would end; `confirm` names exactly this."""

    reductions_g: int
    points_g: int
    points: list[PointsUntil]
    expired_g: int
    locked: list[LockedGrams]
    refundable_g: int
    consents: int
    choices: ErasureChoices
    confirm: str


class SettledAct(ActAnswer):
    """An act that settled what an account held; a cancellation has a certificate."""

    certificate: str | None


class ErasedAccount(Account):
    """An account that was just erased, and the acts that settled what it held."""

    settled: list[SettledAct]


class OpenedAccount(BaseModel):
    """An account that was just opened."""

    id: int
    kind: Literal["individual", "institution"]
    opened_at: str
