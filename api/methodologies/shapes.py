"""The shapes of methodologies and computations, and how they read in JSON."""

import re
from datetime import date
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StringConstraints
from pydantic.config import JsonDict

from registry.engine.acts import MAX_TEXT
from registry.methodologies import computing
from registry.methodologies.computing import MAX_ACTS
from registry.methodologies.listed import Listed

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
Name = Annotated[str, StringConstraints(max_length=40)]
Written = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
Row = Annotated[dict[Name, Written], Field(max_length=64)]
EXAMPLE: JsonDict = {
    "examples": [{"acts": [{"start_x": "121.522", "start_y": "31.289", "end_x": "121.514", "end_y": "31.307"}]}]
}


def _only_days(given: object) -> object:
    """Refuse what the framework would read as a day all the same: a number, a moment at midnight."""
    if given is not None and not (isinstance(given, str) and _DAY.fullmatch(given)):
        raise ValueError("write a day such as 2026-11-28")
    return given


class Summary(BaseModel):
    """A methodology, by its newest version."""

    code: Annotated[str, Field(examples=["SHCER02020032024II"])]
    version: Annotated[int, Field(examples=[1])]
    methodology_class: Annotated[str, Field(description="I or II.", examples=["II"])]
    kind: Annotated[str, Field(description="What it is for.", examples=["scenario"])]
    status: Annotated[str, Field(description="official, or illustrative.", examples=["illustrative"])]
    name_zh: Annotated[str, Field(examples=["互联网租赁自行车"])]
    name_en: Annotated[str, Field(examples=["Shared bicycle"])]
    formula_zh: str
    formula_en: str
    case: Annotated[str, Field(description="The number of its case.", examples=["M-1"])]
    index: Annotated[int, Field(description="The leaf of the decision that published it.", examples=[14])]
    sha256: Annotated[str, Field(description="SHA-256 of the definition in RFC 8785 form.")]

    @classmethod
    def of(cls, of: Listed) -> Self:
        """Write a version."""
        return cls(**_summary(of))


class Methodology(Summary):
    """A version of a methodology with its definition: all that the engine computes with, as it was published."""

    versions: Annotated[list[int], Field(description="All versions that are published.", examples=[[1]])]
    definition: Annotated[dict[str, Any], Field(description="docs/methodologies.md says what is in it.")]

    @classmethod
    def of_version(cls, of: Listed, versions: list[int]) -> Self:
        """Write a version with its definition."""
        return cls(**_summary(of), versions=versions, definition=dict(of.record))


class Methodologies(BaseModel):
    """Every methodology that is published."""

    items: list[Summary]


class Asked(BaseModel):
    """Acts that are to be computed again. Nothing of it is kept."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=EXAMPLE)

    version: Annotated[
        StrictInt | None, Field(ge=1, le=2**31 - 1, description="Of the methodology; else the newest.")
    ] = None
    issued: Annotated[
        date | None,
        Field(description="The day of issuance; without it, today in Shanghai."),
        BeforeValidator(_only_days),
    ] = None
    acts: Annotated[
        list[Row],
        Field(
            min_length=1,
            max_length=MAX_ACTS,
            description="Each with the methodology's inputs by name, written as strings; what is missing is left out.",
        ),
    ]
    attributes: Annotated[
        dict[Name, Annotated[list[Row], Field(max_length=MAX_ACTS)]],
        Field(max_length=10, description="What was known of subjects by date: from, until, subject, columns."),
    ] = {}


class Step(BaseModel):
    """A step, and what it came to: exactly, as a decimal or a fraction."""

    name: Annotated[str, Field(examples=["distance"])]
    value: Annotated[str, Field(examples=["1990"])]
    unit: Annotated[str | None, Field(examples=["metre"])]
    expression: Annotated[str, Field(examples=["root(width * width + height * height, [m])"])]
    zh: str
    en: str


class Parameter(BaseModel):
    """A parameter with the value that counted, and where it is from."""

    name: Annotated[str, Field(examples=["baseline_factor"])]
    value: Annotated[str, Field(examples=["0.106"])]
    unit: Annotated[str, Field(examples=["kgCO2e/km"])]
    selection: Annotated[str, Field(description="at-act, at-issuance or latest-published.", examples=["at-act"])]
    source: str
    certainty: Annotated[str, Field(examples=["unconfirmed"])]
    zh: str
    en: str


class Result(BaseModel):
    """What came of an act, or of a group of acts."""

    key: Annotated[dict[str, str], Field(description="What a group's acts agree in; empty where each counts alone.")]
    acts: Annotated[list[int], Field(description="Places of its acts among those given, from 0.", examples=[[0]])]
    grams: Annotated[int, Field(description="Grams of CO2e.", examples=[193])]
    reason: Annotated[str | None, Field(description="Why there are none: a requirement's name, or a word of ours.")]
    reason_zh: str | None
    reason_en: str | None
    provisional: Annotated[bool, Field(description="Whether it waits for the end of its year.")]
    parameters: list[Parameter]
    steps: list[Step]
    benefits: Annotated[dict[str, str], Field(description="Other benefits, in their steps' units; never traded.")]

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

    code: Annotated[str, Field(examples=["SHCER02020032024II"])]
    version: Annotated[int, Field(examples=[1])]
    status: Annotated[str, Field(description="official, or illustrative.", examples=["illustrative"])]
    sha256: Annotated[str, Field(description="SHA-256 of the definition in RFC 8785 form.")]
    issued: Annotated[date, Field(description="The day of issuance that it was computed for.")]
    grams: Annotated[int, Field(description="Of all results.", examples=[193])]
    results: list[Result]

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
