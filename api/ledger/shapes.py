"""The shapes of answers, for OpenAPI. What is answered is built in `views`; a test holds the two together."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from api.door.fields import (
    INT64,
    BundleSerial,
    CertificateNumber,
    Count,
    Digits,
    EndGram,
    FirstGram,
    Flags,
    Grams,
    InChinese,
    InEnglish,
    KindName,
    LeafIndex,
    Link,
    MethodologyClass,
    MethodologyCode,
    Moment,
    NextCursor,
    PeriodFrom,
    PeriodUntil,
    PurposeName,
    Serial,
    Sha256,
    Status,
    Tag,
    Tonnes,
    Url,
    VersionNumber,
    hexadecimal,
    said,
)

TEXT = {"type": "string"}
"""What is no JSON. Without a schema, generated clients throw such an answer away."""
HOW_FAR: Final = "How far it is: recorded here, logged in public, anchored on the chain, final there."
State = Annotated[Literal["recorded", "logged", "anchored", "final"], said(HOW_FAR)]
LoggedState = Annotated[Literal["logged", "anchored", "final"], said(HOW_FAR)]
Form = Annotated[Literal["reduction", "points"], said("What the grams are.")]
Until = Annotated[Moment | None, said("Until when the points can be used; null where they have no end.")]
MovementNumber = Annotated[Digits, said("The movement's number, for its parties and the authorities only.")]
ActNumber = Annotated[Digits, said("The act's number.")]
ActKind = Annotated[str, said("What was done.", "convert")]
LotNumber = Annotated[Digits, said("The lot's number.")]
Receipt = Annotated[Link, said("Where its receipt is.", "/v1/leaves/12/receipt")]
LeafBytes = Annotated[str, hexadecimal(114, "The 114 bytes in the log, in hex.")]
Threshold = Annotated[int, said("How many of them must sign.", 2, ge=1, json_schema_extra=INT64)]


class MovementOfAct(BaseModel):
    """A movement as an act's answer names it."""

    id: MovementNumber
    serial: Serial
    quantity_g: Grams
    until: Until


class ActAnswer(BaseModel):
    """An act as it was written."""

    act: ActNumber
    kind: ActKind
    at: Moment
    quantity_g: Grams
    quantity_t: Tonnes
    state: State
    movement_count: Annotated[Count, said("Movements of the act; of a gathering the bundle stands for all.", 1)]
    movements: Annotated[list[MovementOfAct], said("The first thousand.")]


class CancelAnswer(ActAnswer):
    """A cancellation as it was written, with its certificate's number."""

    certificate: CertificateNumber


class BundleAnswer(ActAnswer):
    """A gathering as it was written, with the serial of the bundle that came of it."""

    bundle: BundleSerial


class StateAsked(BaseModel):
    """A state that will be recorded."""

    asked_at: Moment


class MovementFacts(BaseModel):
    """What a movement or record says, whoever reads it."""

    kind: KindName
    form: Annotated[Literal["end", "reduction", "points"], said("What the grams are after it; `end` of a record too.")]
    flags: Flags
    purpose: Annotated[PurposeName | None, said("Why; null where there is no purpose.", "agreement")]
    serial: Annotated[Serial | None, said("Names the grams, first and last; null of a record.")]
    first_g: FirstGram
    end_g: EndGram
    quantity_g: Grams
    quantity_t: Tonnes
    at: Annotated[Moment, said("When, to the minute; of a record the moment.")]
    until: Until
    from_tag: Tag
    to_tag: Tag
    gathered_into: Annotated[
        Serial | None, said("The numbers under which the grams go on in a bundle; null of what gathers none.")
    ]
    evidence: Annotated[str, hexadecimal(32, "SHA-256 of what it rests on, in hex.")]
    state_proof: Annotated[
        Link | None, said("Where the state of its grams is proven; null of a record.", "/v1/state?first_g=0&end_g=1000")
    ]


class Leaf(MovementFacts):
    """A movement or record as everybody sees it, in the published log."""

    index: LeafIndex
    parent_index: Annotated[LeafIndex | None, said("The place of the movement whose grams it takes; null: none.", 7)]
    leaf: LeafBytes
    state: LoggedState
    receipt: Receipt


class Leaves(BaseModel):
    """Part of the list of leaves."""

    items: Annotated[list[Leaf], said("Newest first.")]
    next_cursor: NextCursor


class OwnMovement(MovementFacts):
    """A movement as its parties see it: with its number and act, also while it is not in the published log yet."""

    id: MovementNumber
    act: Annotated[ActNumber, said("The act that it belongs to.")]
    index: Annotated[
        LeafIndex | None, said("Its place in the log, under which everybody finds it; null until it is there.")
    ]
    parent_index: Annotated[LeafIndex | None, said("The place of the movement whose grams it takes; null: none.", 7)]
    leaf: Annotated[LeafBytes | None, hexadecimal(114, "The 114 bytes in the log, in hex; null until it is there.")]
    state: State
    receipt: Annotated[Receipt | None, said("Where its receipt is; null until it is in the log.")]


class OwnMovements(BaseModel):
    """Part of a list of an account's movements."""

    items: Annotated[list[OwnMovement], said("Newest first.")]
    next_cursor: NextCursor


class SourceOfLot(BaseModel):
    """Where a lot comes from."""

    id: Annotated[Digits, said("The source's number.")]
    name_zh: InChinese
    name_en: InEnglish


class MethodologyOfLot(BaseModel):
    """How a lot was computed."""

    code: MethodologyCode
    version: VersionNumber
    class_: Annotated[MethodologyClass, Field(alias="class")]
    status: Status


class Lot(BaseModel):
    """What one issuance created."""

    id: LotNumber
    serial: Serial
    first_g: FirstGram
    end_g: EndGram
    quantity_g: Grams
    quantity_t: Tonnes
    source: Annotated[SourceOfLot, said("Where it comes from.")]
    methodology: Annotated[MethodologyOfLot, said("How it was computed.")]
    period_from: PeriodFrom
    period_until: PeriodUntil
    issued_at: Moment


class Lots(BaseModel):
    """Part of the list of lots."""

    items: Annotated[list[Lot], said("Newest first.")]
    next_cursor: NextCursor


class Totals(BaseModel):
    """Grams by state, as of the published log."""

    issued_g: Annotated[Grams, said("Issued in all.", 2000)]
    issued_t: Annotated[Tonnes, said("The same in tonnes.", "0.002000")]
    reduction_g: Annotated[Grams, said("Alive as reductions.")]
    points_g: Annotated[Grams, said("Alive as points.", 400)]
    ended_g: Annotated[
        dict[str, int], said("Ended, by purpose; `expired` of points.", {"donation": 500, "expired": 100})
    ]


class Certificate(BaseModel):
    """A certificate as data, with the movements it stands for, as far as they are in the published log."""

    number: CertificateNumber
    purpose: Annotated[PurposeName, said("What the grams were cancelled for.", "voluntary-cancellation")]
    form: Form
    quantity_g: Grams
    quantity_t: Tonnes
    holder: Annotated[str | None, said("Who held the grams; null of a person who left.", "Example Institution")]
    beneficiary: Annotated[str | None, said("For whom, in the holder's words; nobody checks it.", "Example Town")]
    statement: Annotated[str | None, said("What for, in the holder's words; nobody checks it.", "Our fair of 2026")]
    issued_at: Moment
    state: Annotated[State, said("How far all its movements have come.")]
    movements: Annotated[list[Leaf], said("In the order of the log.")]
    next_cursor: NextCursor


class EvidenceAnswer(BaseModel):
    """What a movement rests on: each field as [salt, value], or as its digest."""

    digest: Annotated[Sha256, hexadecimal(32, "SHA-256 of the document, which the leaf has; in hex.")]
    fields: Annotated[
        dict[str, list[object] | str],
        said("Each by name: `[salt, value]`, or its digest.", {"at_ms": ["Zm9vYmFyYmF6cXV4MTIzNA", 1795827723004]}),
    ]


class LogAbout(BaseModel):
    """The log."""

    origin: Annotated[str, said("The first line of its checkpoints.", "registry.city.example/log")]
    vkey: Annotated[str, said("Its key, as C2SP signed notes name it.", "registry.city.example/log+0a1b2c3d+AR...")]
    url: Url


class ChainAbout(BaseModel):
    """The chain and the contract."""

    rpc: Annotated[Url, said("Where the chain's JSON-RPC answers.", "https://registry.city.example/chain")]
    id: Annotated[int, said("The chain's id (EIP-155).", 31337, json_schema_extra=INT64)]
    contract: Annotated[str, said("The contract's address.", "0x5FbDB2315678afecb367f032d93F642f64180aa3")]


class Signer(BaseModel):
    """An authority that signs checkpoints."""

    id: Annotated[str, said("Its short name.", "bureau")]
    name_zh: Annotated[InChinese, said("In Chinese.", "市生态环境局")]
    name_en: Annotated[InEnglish, said("In English.", "Municipal bureau")]
    address: Annotated[
        str, said("The address that signs for the contract.", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
    ]
    cosigner_vkey: Annotated[str, said("The key of its cosignatures (C2SP).", "witness1.city.example+0a1b2c3d+BK...")]


class Condition(BaseModel):
    """What is out of the ordinary, since when it was noticed, and what it means."""

    name: Annotated[Literal["convicted", "recovering", "stopped", "waiting", "clock"], said("Which it is.")]
    since: Annotated[Moment, said("When it was noticed.")]
    zh: Annotated[InChinese, said("What it means, in Chinese.", "公开日志在等待联署。")]
    en: Annotated[InEnglish, said("What it means, in English.", "The public log waits for cosignatures.")]


class Health(BaseModel):
    """How the registry is: `size` leaves are signed in the database, `known_size` is the most anybody holds."""

    status: Annotated[
        Literal["ok", "recovering", "convicted", "stopped", "waiting", "clock", "set-aside"],
        said("`ok`, or the gravest of what is out of the ordinary."),
    ]
    writes: Annotated[bool, said("Whether acts are recorded.", True)]
    size: Annotated[Count, said("Leaves that are signed in the database.", 120)]
    known_size: Annotated[Count, said("The most leaves that anybody holds a checkpoint of.", 120)]
    set_aside: Annotated[
        Count, said("Movements that are not logged because they are not as this program wrote them.", 0)
    ]
    detail: Annotated[str | None, said("What there is to know; null when all is well.", "The log stands still.")]
    conditions: Annotated[
        list[Condition], said("All that is out of the ordinary, the gravest first; none when the status is `ok`.")
    ]


class Witness(Signer):
    """An authority that cosigns."""

    failing_since: Annotated[Moment | None, said("Since when it does not cosign; null while it does.")]


class Witnesses(BaseModel):
    """Who cosigns. While `waiting_since` is set, too few do: acts are recorded, and the public log waits."""

    threshold: Threshold
    waiting_since: Annotated[Moment | None, said("Since when too few cosign; null while enough do.")]
    witnesses: Annotated[list[Witness], said("Every one that is asked.")]


class About(BaseModel):
    """What an outsider needs to check this registry."""

    log: Annotated[LogAbout, said("The public log.")]
    chain: Annotated[ChainAbout, said("Where the log is anchored.")]
    signers: Annotated[list[Signer], said("The authorities that sign.")]
    threshold: Threshold
    environment: Annotated[
        Literal["development", "production"], said("In `development` the registry may sign for the authorities.")
    ]
