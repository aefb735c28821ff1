"""The shapes of answers, for OpenAPI. What is answered is built in `views`; a test holds the two together."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

TEXT = {"type": "string"}
"""What is no JSON. Without a schema, generated clients throw such an answer away."""
FirstGram = Annotated[int, Field(description="First gram.")]
EndGram = Annotated[int, Field(description="One past the last gram; the serial names the last itself.")]
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


class Movement(BaseModel):
    """A movement as the public sees it."""

    id: str
    kind: str
    form: Literal["end", "reduction", "points"]
    flags: list[str]
    purpose: str | None
    serial: str | None
    first_g: FirstGram
    end_g: EndGram
    quantity_g: int
    quantity_t: str
    parent: str | None
    parent_index: int | None
    index: int | None
    at: str
    until: str | None
    from_tag: str
    to_tag: str
    gathered_into: str | None
    evidence: str
    leaf: str | None
    state: State
    receipt: str | None
    state_proof: str | None


class Movements(BaseModel):
    """Part of a list of movements."""

    items: list[Movement]
    next_cursor: str | None


class OwnMovement(Movement):
    """A movement as its parties see it: with the act that it belongs to."""

    act: str


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
    period_from: str
    period_until: str
    issued_at: str


class Lots(BaseModel):
    """Part of the list of lots."""

    items: list[Lot]
    next_cursor: str | None


class Totals(BaseModel):
    """Grams by state."""

    issued_g: int
    issued_t: str
    reduction_g: int
    points_g: int
    ended_g: dict[str, int]


class Certificate(BaseModel):
    """A certificate as data, with the movements it stands for."""

    number: str
    purpose: str
    form: Literal["reduction", "points"]
    quantity_g: int
    quantity_t: str
    holder: str | None
    beneficiary: str | None
    statement: str | None
    issued_at: str
    movements: list[Movement]


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

    name: Literal["convicted", "recovering", "stopped", "waiting"]
    since: str
    zh: str
    en: str


class Health(BaseModel):
    """How the registry is: `size` leaves are signed in the database, `known_size` is the most anybody holds."""

    status: Literal["ok", "recovering", "convicted", "stopped", "waiting", "set-aside"]
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
