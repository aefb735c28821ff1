"""What the fields of bodies and answers are: each kind said once, with an example and, where there is one, a format.

A shape that has more to say of a field says it beside it, `Annotated[Moment, said("When it ended.")]`, and keeps the
rest. Of what may be null the shape says when.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from api.door.numbers import MAX_EXACT
from registry.accounts.accounts import MAX_NAME_CHARS
from registry.ledger.movement import Flag, Kind, Purpose
from registry.procedure.decision import CLASSES, SOURCE_KINDS
from registry.sources.assets import MAX_IDENTIFIER_CHARS
from registry.sources.matching import ASSET_KINDS
from registry.sources.shares import MOST as MOST_SHARES
from registry.sources.shares import SHARERS, WHOLE, Share, checked_shares

INT32, INT64 = {"format": "int32"}, {"format": "int64"}
MAX_INT32: Final = 2**31 - 1


class Body(BaseModel):
    """What is sent. A field that nobody knows is refused: whoever sent it meant something by it."""

    model_config = ConfigDict(extra="forbid")


def said(meaning: str, *examples: Any, **more: Any) -> Any:
    """Say what a field is, beside what its type says."""
    told: dict[str, Any] = {"examples": list(examples)} if examples else {}
    return Field(description=meaning, **told, **more)


def one_of(words: Iterable[str], meaning: str | None = None) -> Any:
    """Describe a field that takes one of these words. The programme knows them, and refuses others itself."""
    known: list[Any] = [*words]
    return Field(description=meaning, examples=known[:1], json_schema_extra={"enum": known})


def words(most: int, meaning: str, example: str) -> Any:
    """Describe a field of people's words. The programme judges them, so that empty and unseen are told one thing."""
    return Field(description=meaning, examples=[example], json_schema_extra={"minLength": 1, "maxLength": most})


def hexadecimal(size: int, meaning: str) -> Any:
    """Describe so many bytes, written in lower-case hex."""
    example = ("5f0c1e9b37a2d846" * (size // 8 + 1))[: 2 * size]
    pattern = f"^[0-9a-f]{{{2 * size}}}$"
    return Field(description=meaning, examples=[example], json_schema_extra={"pattern": pattern})


def flag_names(flags: int) -> list[str]:
    """Name the properties that are set."""
    return [name for flag, name in FLAG_NAMES.items() if flags & flag]


class StatedAsset(Body):
    """What one of a source's assets is known by; kept sealed, for officers alone."""

    kind: Annotated[StrictStr, one_of(ASSET_KINDS, "What the identifier is of.")]
    identifier: Annotated[StrictStr, words(MAX_IDENTIFIER_CHARS, "As it stands on the asset.", "3101-0042-7781")]


Assets = Annotated[
    list[StatedAsset],
    said(
        "Meters, lists of plates, codes under other mechanisms, certificates of green power, the credit code of who "
        "owns them: held against the lists of other registries (第二十三条). A project states one at least."
    ),
]


class DeclaredShare(Body):
    """One who shares the benefits of a source."""

    sharer: Annotated[StrictStr, one_of(SHARERS, "What they are to the source.")]
    name: Annotated[StrictStr, words(MAX_NAME_CHARS, "PUBLIC: of an institution or a group, no person.", "某某村集体")]
    parts: Annotated[StrictInt, said("Ten-thousandths of the benefits.", 6000, ge=1, le=WHOLE)]


Shares = Annotated[
    list[DeclaredShare],
    said(
        "PUBLIC: who shares the benefits, 10,000 ten-thousandths in all. Who applies for a developer says it.",
        [{"sharer": "developer", "name": "某某村集体", "parts": 10_000}],
        max_length=MOST_SHARES,
    ),
]
Rural = Annotated[
    StrictBool, said("PUBLIC: whether it serves rural revitalisation (乡村振兴); a review judges it.", False)
]


def shares_of(declared: Iterable[DeclaredShare]) -> tuple[str, ...] | None:
    """Read declared shares as documents say them, None for none. Raises `Invalid`."""
    return checked_shares([Share(one.sharer, one.name, one.parts) for one in declared]) or None


MOMENT: Final = "2026-11-28T01:02:03.004Z"
KIND_NAMES: Final = {int(kind): kind.name.lower() for kind in Kind}
FLAG_NAMES: Final = {flag: flag.name.lower() for flag in Flag if flag.name}
PURPOSE_NAMES: Final = {int(purpose): purpose.name.lower().replace("_", "-") for purpose in Purpose if purpose}

# Numbers of things
AccountNumber = Annotated[StrictInt, said("Account number.", 2, ge=1, le=MAX_EXACT, json_schema_extra=INT64)]
SourceNumber = Annotated[StrictInt, said("A source's number.", 1, ge=1, le=MAX_EXACT, json_schema_extra=INT64)]
Numbered = Annotated[StrictInt, said("Its number, by which it is ended.", 3, ge=1, json_schema_extra=INT64)]
MotionNumbered = Annotated[StrictInt, said("The motion's number.", 3, ge=1, json_schema_extra=INT64)]
Count = Annotated[int, said("How many.", 3, ge=0, json_schema_extra=INT64)]
LeafIndex = Annotated[int, said("Its place in the log, from 0.", 12, ge=0, json_schema_extra=INT64)]
VersionNumber = Annotated[StrictInt, said("Of the methodology.", 1, ge=1, le=MAX_INT32, json_schema_extra=INT32)]
Digits = Annotated[str, said("Its number.", "7", json_schema_extra={"pattern": "^[0-9]+$"})]
"""A number that is handed on and not reckoned with; written as text, so that every JSON reader keeps all digits."""
CaseNumbered = Annotated[str, said("The number of its case.", "P-3", json_schema_extra={"pattern": "^[A-Z]-[0-9]+$"})]
CertificateNumber = Annotated[str, said("The certificate's number; who has it reads it.", "GLC-20261128-7K2M9QX4TB")]
BundleSerial = Annotated[str, said("The bundle's serial.", "SHCER-1000-1999")]

# Amounts
Grams = Annotated[int, said("Grams of CO2e, or points: 1 g = 1 point.", 1000, ge=0, json_schema_extra=INT64)]
Tonnes = Annotated[str, said("The same in tonnes.", "0.001000", json_schema_extra={"pattern": "^[0-9]+\\.[0-9]{6}$"})]
WantedGrams = Annotated[
    StrictInt,
    said("Whole grams of CO2e, or points: 1 g = 1 point.", 1000, ge=1, le=MAX_EXACT, json_schema_extra=INT64),
]
FirstGram = Annotated[int, said("First gram.", 0, ge=0, json_schema_extra=INT64)]
EndGram = Annotated[
    int, said("One past the last gram; the serial names the last itself.", 1000, ge=0, json_schema_extra=INT64)
]
GramNumber = Annotated[int, said("A gram's number.", 5, ge=0, json_schema_extra=INT64)]
Serial = Annotated[str, said("Names the grams, first and last.", "SHCER-0-999")]
WantedSerial = Annotated[StrictStr, said("Exactly the block of this serial.", "SHCER-0-999")]

# Times
Moment = Annotated[str, said("When: RFC 3339, UTC.", MOMENT, json_schema_extra={"format": "date-time"})]
WantedMoment = Annotated[
    StrictStr,
    said(
        "A time, to the millisecond: RFC 3339.", "2027-01-01T00:00:00.000Z", json_schema_extra={"format": "date-time"}
    ),
]
PeriodFrom = Annotated[Moment, said("The beginning of a day in Shanghai.", "2026-11-19T16:00:00.000Z")]
PeriodUntil = Annotated[Moment, said("The end of a day in Shanghai, exclusive.", "2026-11-20T16:00:00.000Z")]

# Words and codes
InChinese = Annotated[str, said("In Chinese.", "互联网租赁自行车")]
InEnglish = Annotated[str, said("In English.", "Shared bicycle")]
MethodologyCode = Annotated[str, said("A methodology's code.", "SHCER02020032024II")]
PolicyValue = Annotated[dict[str, Any], said("Its value: docs/design.md, section 11.", {"validity_years": 2})]
Definition = Annotated[dict[str, Any], said("As docs/methodologies.md says.", {"id": "bus", "version": 2})]
District = Annotated[StrictStr, said("In six digits (GB/T 2260); null: the whole city.", "310104")]
ReasonCode = Annotated[StrictStr, said("Why, in a word.", "incomplete")]
MethodologyClass = Annotated[str, one_of(CLASSES, "The class, which decides what the grams may be used for.")]
SourceKind = Annotated[str, one_of(SOURCE_KINDS, "What it is for.")]
Status = Annotated[str, one_of(("official", "illustrative"), "Whether an authority published it, or it illustrates.")]
OfficerName = Annotated[str, said("An authority and its officer's number.", "centre:7")]
ExternalId = Annotated[str, said("The platform's own name for the person.", "rider-7")]
Sha256 = Annotated[str, hexadecimal(32, "SHA-256, in hex.")]
Tag = Annotated[
    str, hexadecimal(20, "Stands for one acquisition by one holder, whom it does not name; zeros where there is none.")
]
Link = Annotated[str, said("Where it is read.", "/v1/leaves/12")]
Url = Annotated[
    str, said("Where it answers.", "https://registry.city.example/log", json_schema_extra={"format": "uri"})
]
NextCursor = Annotated[str | None, said("Give it as `cursor` to read on; null at the end.", "1234")]

# Codes of a movement
KindName = Annotated[str, one_of(KIND_NAMES.values(), "What it does; from `policy` on it records and moves no gram.")]
PurposeName = Annotated[str, one_of(PURPOSE_NAMES.values(), "Why.")]
Flags = Annotated[
    list[Annotated[str, one_of(FLAG_NAMES.values())]], said("Properties of the grams.", ["scenario", "individual"])
]
