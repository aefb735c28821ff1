"""The shapes of answers, for OpenAPI. What is answered is built in `views`; a test holds the two together."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

TEXT = {"type": "string"}
"""What is no JSON. Without a schema, generated clients throw such an answer away."""
FirstGram = Annotated[int, Field(description="First gram.")]
EndGram = Annotated[int, Field(description="One past the last gram; the serial names the last itself.")]
PeriodFrom = Annotated[str, Field(description="The beginning of a day in Shanghai.")]
PeriodUntil = Annotated[str, Field(description="The end of a day in Shanghai, exclusive.")]
State = Literal["recorded", "logged", "anchored", "final"]


class MovementOfAct(BaseModel):
    """A movement as an act's answer names it."""

    id: str
    serial: str
    quantity_g: int
    until: str | None


class ActAnswer(BaseModel):
    """An act as it was written."""

    act: str
    kind: str
    at: str
    quantity_g: int
    quantity_t: str
    state: State
    movement_count: int
    movements: list[MovementOfAct] = Field(description="The first thousand.")


class CancelAnswer(ActAnswer):
    """A cancellation as it was written, with its certificate's number."""

    certificate: str


class BundleAnswer(ActAnswer):
    """A gathering as it was written, with the serial of the bundle that came of it."""

    bundle: str


class StateAsked(BaseModel):
    """A state that will be recorded."""

    asked_at: str


class MovementFacts(BaseModel):
    """What a movement or record says, whoever reads it."""

    kind: str
    form: Literal["end", "reduction", "points"]
    flags: list[str]
    purpose: str | None
    serial: str | None
    first_g: FirstGram
    end_g: EndGram
    quantity_g: int
    quantity_t: str
    at: str
    until: str | None
    from_tag: str
    to_tag: str
    gathered_into: str | None
    evidence: str
    state_proof: str | None


class Leaf(MovementFacts):
    """A movement or record as everybody sees it, in the published log."""

    index: int = Field(description="Its place in the log, from 0.")
    parent_index: int | None = Field(description="The place of the movement whose grams it takes.")
    leaf: str = Field(description="The 114 bytes in the log, in hex.")
    state: Literal["logged", "anchored", "final"]
    receipt: str


class Leaves(BaseModel):
    """Part of the list of leaves."""

    items: list[Leaf]
    next_cursor: str | None


class OwnMovement(MovementFacts):
    """A movement as its parties see it: with its number and act, also while it is not in the published log yet."""

    id: str = Field(description="Its number, for its parties and the authorities only.")
    act: str = Field(description="The act that it belongs to.")
    index: int | None = Field(description="Its place in the log, under which everybody finds it; null until then.")
    parent_index: int | None
    leaf: str | None
    state: State
    receipt: str | None


class OwnMovements(BaseModel):
    """Part of a list of an account's movements."""

    items: list[OwnMovement]
    next_cursor: str | None


class SourceOfLot(BaseModel):
    """Where a lot comes from."""

    id: str
    name_zh: str
    name_en: str


class MethodologyOfLot(BaseModel):
    """How a lot was computed."""

    code: str
    version: int
    class_: Annotated[Literal["I", "II"], Field(alias="class")]
    status: Literal["official", "illustrative"]


class Lot(BaseModel):
    """What one issuance created."""

    id: str
    serial: str
    first_g: FirstGram
    end_g: EndGram
    quantity_g: int
    quantity_t: str
    source: SourceOfLot
    methodology: MethodologyOfLot
    period_from: PeriodFrom
    period_until: PeriodUntil
    issued_at: str


class Lots(BaseModel):
    """Part of the list of lots."""

    items: list[Lot]
    next_cursor: str | None


class Totals(BaseModel):
    """Grams by state, as of the published log."""

    issued_g: int
    issued_t: str
    reduction_g: int
    points_g: int
    ended_g: dict[str, int]


class Certificate(BaseModel):
    """A certificate as data, with the movements it stands for, as far as they are in the published log."""

    number: str
    purpose: str
    form: Literal["reduction", "points"]
    quantity_g: int
    quantity_t: str
    holder: str | None
    beneficiary: str | None
    statement: str | None
    issued_at: str
    state: State = Field(description="How far all its movements have come.")
    movements: list[Leaf]
    next_cursor: str | None


class EvidenceAnswer(BaseModel):
    """What a movement rests on: each field as [salt, value], or as its digest."""

    digest: str
    fields: dict[str, list[object] | str]


class LogAbout(BaseModel):
    """The log."""

    origin: str
    vkey: str
    url: str


class ChainAbout(BaseModel):
    """The chain and the contract."""

    rpc: str
    id: int
    contract: str


class Signer(BaseModel):
    """An authority that signs checkpoints."""

    id: str
    name_zh: str
    name_en: str
    address: str
    cosigner_vkey: str


class Condition(BaseModel):
    """What is out of the ordinary, since when it was noticed, and what it means."""

    name: Literal["convicted", "recovering", "stopped", "waiting", "clock"]
    since: str
    zh: str
    en: str


class Health(BaseModel):
    """How the registry is: `size` leaves are signed in the database, `known_size` is the most anybody holds."""

    status: Literal["ok", "recovering", "convicted", "stopped", "waiting", "clock", "set-aside"]
    writes: bool
    size: int
    known_size: int
    set_aside: int
    """Movements that are not logged because they are not as this program wrote them."""
    detail: str | None
    conditions: list[Condition]
    """All that is out of the ordinary, the gravest first; none when the status is `ok`."""


class Witness(Signer):
    """An authority that cosigns; `failing_since` is null while it does."""

    failing_since: str | None


class Witnesses(BaseModel):
    """Who cosigns. While `waiting_since` is set, too few do: acts are recorded, and the public log waits."""

    threshold: int
    waiting_since: str | None
    witnesses: list[Witness]


class About(BaseModel):
    """What an outsider needs to check this registry."""

    log: LogAbout
    chain: ChainAbout
    signers: list[Signer]
    threshold: int
    environment: Literal["development", "production"]
