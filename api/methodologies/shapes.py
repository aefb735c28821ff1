"""The shapes of methodologies and computations, and how they read in JSON."""

import re
from datetime import date
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from api.door.fields import (
    Body,
    CaseNumbered,
    Grams,
    InChinese,
    InEnglish,
    LeafIndex,
    MethodologyClass,
    MethodologyCode,
    Sha256,
    SourceKind,
    Status,
    VersionNumber,
    hexadecimal,
    one_of,
    said,
)
from registry.engine.acts import MAX_TEXT
from registry.engine.definition import Certainty, Selection
from registry.methodologies import computing
from registry.methodologies.computing import MAX_ACTS
from registry.methodologies.listed import Listed

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
Name = Annotated[str, StringConstraints(max_length=40)]
Written = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
Row = Annotated[dict[Name, Written], Field(max_length=64)]
ACTS: Final = [{"start_x": "121.522", "start_y": "31.289", "end_x": "121.514", "end_y": "31.307"}]
ATTRIBUTES: Final = {"household": [{"subject": "meter-1", "from": "2026-01-01", "persons": "3"}]}
EXAMPLE: Final[JsonDict] = {"examples": [{"acts": [dict(act) for act in ACTS]}]}
DAY: Final = "2026-11-28"
DefinitionDigest = Annotated[Sha256, hexadecimal(32, "SHA-256 of the definition in RFC 8785 form, in hex.")]


def _only_days(given: object) -> object:
    """Refuse what the framework would read as a day all the same: a number, a moment at midnight."""
    if given is not None and not (isinstance(given, str) and _DAY.fullmatch(given)):
        raise ValueError("write a day such as 2026-11-28")
    return given


class Summary(BaseModel):
    """A methodology, by its newest version."""

    code: MethodologyCode
    version: VersionNumber
    methodology_class: MethodologyClass
    kind: SourceKind
    status: Status
    name_zh: InChinese
    name_en: InEnglish
    formula_zh: Annotated[InChinese, said("The formula for people, in Chinese.", "里程 ×（基准 − 项目）")]
    formula_en: Annotated[InEnglish, said("The formula for people, in English.", "distance x (baseline - project)")]
    case: Annotated[CaseNumbered, said("The number of its case.", "M-1")]
    index: Annotated[LeafIndex, said("The leaf of the decision that published it.", 14)]
    sha256: DefinitionDigest

    @classmethod
    def of(cls, of: Listed) -> Self:
        """Write a version."""
        return cls(**_summary(of))


class Methodology(Summary):
    """A version of a methodology with its definition: all that the engine computes with, as it was published."""

    versions: Annotated[list[int], said("All versions that are published.", [1])]
    definition: Annotated[
        dict[str, Any], said("docs/methodologies.md says what is in it.", {"id": "bus", "version": 2})
    ]

    @classmethod
    def of_version(cls, of: Listed, versions: list[int]) -> Self:
        """Write a version with its definition."""
        return cls(**_summary(of), versions=versions, definition=dict(of.record))


class Methodologies(BaseModel):
    """Every methodology that is published."""

    items: Annotated[list[Summary], said("By code.")]


class Asked(Body):
    """Acts that are to be computed again. Nothing of it is kept."""

    model_config = ConfigDict(json_schema_extra=EXAMPLE)

    version: Annotated[VersionNumber | None, said("Of the methodology; else the newest.", 1)] = None
    issued: Annotated[
        date | None, said("The day of issuance; without it, today in Shanghai.", DAY), BeforeValidator(_only_days)
    ] = None
    acts: Annotated[
        list[Row],
        said(
            "Each with the methodology's inputs by name, written as strings; what is missing is left out.",
            ACTS,
            min_length=1,
            max_length=MAX_ACTS,
        ),
    ]
    attributes: Annotated[
        dict[Name, Annotated[list[Row], Field(max_length=MAX_ACTS)]],
        said("What was known of subjects by date: from, until, subject, columns.", ATTRIBUTES, max_length=10),
    ] = Field(default={})


class Step(BaseModel):
    """A step, and what it came to: exactly, as a decimal or a fraction."""

    name: Annotated[str, said("The step's name.", "distance")]
    value: Annotated[str, said("What it came to; `nothing` where it has no value.", "1990")]
    unit: Annotated[str | None, said("Its unit; null of a number, a text or a truth.", "metre")]
    expression: Annotated[str, said("The expression of the definition.", "root(width * width + height * height, [m])")]
    zh: Annotated[InChinese, said("What it is, in Chinese.", "骑行距离")]
    en: Annotated[InEnglish, said("What it is, in English.", "The distance of the ride")]


class Parameter(BaseModel):
    """A parameter with the value that counted, and where it is from."""

    name: Annotated[str, said("The parameter's name.", "baseline_factor")]
    value: Annotated[str, said("The value that counted.", "0.106")]
    unit: Annotated[str, said("Its unit.", "kgCO2e/km")]
    selection: Annotated[str, one_of(Selection, "Which of its values counts.")]
    source: Annotated[str, said("Where it is from.", "SH/T 0001-2024, table 2")]
    certainty: Annotated[str, one_of(Certainty, "How sure it is.")]
    zh: Annotated[InChinese, said("What it is, in Chinese.", "基准线因子")]
    en: Annotated[InEnglish, said("What it is, in English.", "The baseline's factor")]


class Result(BaseModel):
    """What came of an act, or of a group of acts."""

    key: Annotated[dict[str, str], said("What a group's acts agree in; empty where each counts alone.", {"day": DAY})]
    acts: Annotated[list[int], said("Places of its acts among those given, from 0.", [0])]
    grams: Annotated[Grams, said("Grams of CO2e.", 193)]
    reason: Annotated[
        str | None,
        said("Why there are none: a requirement's name, or a word of ours; null where there are.", "nothing"),
    ]
    reason_zh: Annotated[InChinese | None, said("The same in Chinese.", "不足一克。")]
    reason_en: Annotated[InEnglish | None, said("The same in English.", "It comes to less than a gram.")]
    provisional: Annotated[bool, said("Whether it waits for the end of its year.", False)]
    parameters: Annotated[list[Parameter], said("The parameters that counted.")]
    steps: Annotated[list[Step], said("Each step, in order.")]
    benefits: Annotated[dict[str, str], said("Other benefits, in their steps' units; never traded.", {"nox": "0.2"})]

    @classmethod
    def of(cls, of: computing.Computed) -> Self:
        """Write what came out."""
        return cls(
            key=dict(of.key),
            acts=list(of.acts),
            grams=of.grams,
            reason=of.reason,
            reason_zh=None if of.why is None else of.why.zh,
            reason_en=None if of.why is None else of.why.en,
            provisional=of.provisional,
            parameters=[
                Parameter(
                    name=used.name,
                    value=used.value,
                    unit=used.unit,
                    selection=used.selection,
                    source=used.source,
                    certainty=used.certainty,
                    zh=used.text.zh,
                    en=used.text.en,
                )
                for used in of.parameters
            ],
            steps=[
                Step(
                    name=step.name,
                    value=step.value,
                    unit=step.unit,
                    expression=step.expression,
                    zh=step.text.zh,
                    en=step.text.en,
                )
                for step in of.steps
            ],
            benefits=dict(of.benefits),
        )


class Computation(BaseModel):
    """Acts computed again, with the methodology, version and day that they were computed by."""

    code: MethodologyCode
    version: VersionNumber
    status: Status
    sha256: DefinitionDigest
    issued: Annotated[date, said("The day of issuance that it was computed for.", DAY)]
    grams: Annotated[Grams, said("Of all results.", 193)]
    results: Annotated[list[Result], said("One for each act, or each group of acts.")]

    @classmethod
    def of(cls, of: computing.Computation) -> Self:
        """Write a computation."""
        return cls(
            code=of.methodology.key,
            version=of.methodology.version,
            status=str(of.methodology.status),
            sha256=of.sha256.hex(),
            issued=of.issued,
            grams=sum(result.grams for result in of.results),
            results=[Result.of(result) for result in of.results],
        )


def _summary(of: Listed) -> dict[str, Any]:
    record = of.record
    return {
        "code": of.code,
        "version": of.version,
        "methodology_class": record["methodology_class"],
        "kind": record["kind"],
        "status": record["status"],
        "name_zh": record["name"]["zh"],
        "name_en": record["name"]["en"],
        "formula_zh": record["formula"]["zh"],
        "formula_en": record["formula"]["en"],
        "case": of.case,
        "index": of.index,
        "sha256": of.digest.hex(),
    }
