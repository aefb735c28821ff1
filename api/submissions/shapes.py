"""The shapes of submissions, and how they read in JSON."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from api.acts.orders import one_of, words
from api.door.numbers import MAX_EXACT
from api.door.times import shown_time
from registry.accounts.accounts import MAX_NAME_CHARS
from registry.procedure.decision import SOURCE_KINDS
from registry.submissions.cases import Stands
from registry.submissions.submissions import MAX_WORDS_CHARS, Submission


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DraftText(_Body):
    """A methodology's text. A draft may have faults; what is handed in has none."""

    definition: Annotated[
        dict[str, Any], Field(description="As docs/methodologies.md says.", examples=[{"id": "bus", "version": 2}])
    ]


class DraftApplication(_Body):
    """An application for a source, by an institution."""

    kind: Annotated[StrictStr, one_of(SOURCE_KINDS), Field(description="What it is.", examples=["scenario"])]
    name_zh: Annotated[StrictStr, words(MAX_NAME_CHARS, "PUBLIC: the source's name in Chinese.")]
    name_en: Annotated[StrictStr, words(MAX_NAME_CHARS, "PUBLIC: the source's name in English.")]
    methodology: Annotated[
        StrictStr, Field(description="The code of a published methodology.", examples=["SHCER02020032024II"])
    ]
    version: Annotated[StrictInt, Field(description="Of the methodology.", ge=1, le=2**31 - 1, examples=[1])]
    valid_from: Annotated[StrictStr, Field(description="From when on.", examples=["2027-01-01T00:00:00.000Z"])]
    valid_until: Annotated[StrictStr, Field(description="Until when.", examples=["2030-01-01T00:00:00.000Z"])]
    district: Annotated[
        StrictStr | None, Field(description="In six digits (GB/T 2260); null: the whole city.", examples=["310104"])
    ] = None
    developer: Annotated[
        StrictInt | None,
        Field(
            description="The account of the developer, where another one is; it gave a mandate to apply.",
            ge=1,
            le=MAX_EXACT,
            examples=[7],
        ),
    ] = None
    commits: Annotated[
        StrictBool,
        Field(
            description="The applicant commits not to apply under another mechanism, and to trade no green power or "
            "certificates (第二十三条). What is handed in says true.",
            examples=[True],
        ),
    ] = False


class Correction(_Body):
    """What stands in a draft's place: a text, or an application, as the draft was."""

    definition: Annotated[
        dict[str, Any] | None, Field(description="Of a methodology.", examples=[{"id": "bus", "version": 2}])
    ] = None
    application: Annotated[DraftApplication | None, Field(description="Of a source.")] = None


class Verdict(_Body):
    """Why something is sent back."""

    reason: Annotated[StrictStr, Field(description="A word.", examples=["incomplete"])]
    message: Annotated[
        StrictStr | None, words(MAX_WORDS_CHARS, "What is to be mended; for who submitted alone, not public.")
    ] = None


class SubmissionState(BaseModel):
    """How a submission stands."""

    submission: Annotated[int, Field(description="Its number.", examples=[4])]
    state: Annotated[str, Field(description="draft, submitted, returned, recorded, refused or withdrawn.")]
    case: Annotated[str | None, Field(description="The case that it became.", examples=["M-3"])]

    @classmethod
    def of(cls, of: Submission) -> dict[str, Any]:
        """Write what an act answers, which is kept and so names nobody."""
        return {"submission": of.id, "state": str(of.state), "case": of.case}


class SubmissionSummary(SubmissionState):
    """A submission without its content."""

    record: Annotated[Literal["methodology", "source"], Field(description="What it is about.")]
    account: Annotated[int | None, Field(description="The account that applies for a source.", examples=[7])]
    district: Annotated[str | None, Field(description="In six digits, of a source.", examples=["310104"])]
    made_at: Annotated[str, Field(description="When it was begun.", examples=["2026-11-28T01:00:00.000Z"])]
    changed_at: Annotated[str, Field(description="When it changed last.", examples=["2026-11-28T02:00:00.000Z"])]
    officer: Annotated[str | None, Field(description="Who returned, recorded or refused it.", examples=["centre:1"])]
    reason: Annotated[str | None, Field(description="Why it was returned or refused, a word.", examples=["incomplete"])]
    message: Annotated[str | None, Field(description="What is to be mended, for who submitted alone.")]

    @classmethod
    def summary(cls, of: Submission) -> Self:
        """Write a submission without its content."""
        return cls(**_said(of))


class ReadSubmission(SubmissionSummary):
    """A submission with its content, and how its case stands."""

    content: Annotated[
        dict[str, Any] | None,
        Field(description="As it was sent; null once it was withdrawn.", examples=[{"definition": {"id": "bus"}}]),
    ]
    case_state: Annotated[
        str | None, Field(description="Where the last decision of its case led.", examples=["refused"])
    ]
    case_reason: Annotated[
        str | None, Field(description="The reason that this decision gives.", examples=["double-counting"])
    ]

    @classmethod
    def whole(cls, of: Submission, stands: Stands | None) -> Self:
        """Write a submission."""
        return cls(
            **_said(of),
            content=None if of.content is None else dict(of.content),
            case_state=None if stands is None else stands.state,
            case_reason=None if stands is None else stands.reason,
        )


class Submissions(BaseModel):
    """Submissions, without their contents."""

    items: list[SubmissionSummary]


def _said(of: Submission) -> dict[str, Any]:
    return {
        **SubmissionState.of(of),
        "record": str(of.record),
        "account": of.account,
        "district": of.district,
        "made_at": shown_time(of.made_ms),
        "changed_at": shown_time(of.changed_ms),
        "officer": of.officer,
        "reason": of.reason,
        "message": of.words,
    }
