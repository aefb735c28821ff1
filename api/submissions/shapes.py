"""The shapes of submissions, and how they read in JSON."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from api.door.fields import (
    AccountNumber,
    Assets,
    Body,
    CaseNumbered,
    Definition,
    District,
    Moment,
    Numbered,
    OfficerName,
    ReasonCode,
    Rural,
    Shares,
    VersionNumber,
    WantedMoment,
    hexadecimal,
    one_of,
    said,
    words,
)
from api.door.numbers import MAX_EXACT
from api.door.times import shown_time
from registry.accounts.accounts import MAX_NAME_CHARS
from registry.procedure.decision import SOURCE_KINDS
from registry.submissions.calls import MOST_DOCUMENTS
from registry.submissions.cases import Stands
from registry.submissions.submissions import MAX_WORDS_CHARS, State, Submission

Wish = Annotated[
    StrictBool,
    said(
        "The applicant commits not to apply under another mechanism, and to trade no green power or certificates "
        "(第二十三条). What is handed in says true.",
        True,
    ),
]
SubmissionNumber = Annotated[Numbered, said("The submission's number.", 4)]


class DraftText(Body):
    """A methodology's text. A draft may have faults; what is handed in has none."""

    definition: Definition


class Paper(Body):
    """A document that a call asks for. The file itself goes to the centre, which holds it against this."""

    document: Annotated[StrictStr, said("Its code, as the call has it.", "monitoring-plan")]
    sha256: Annotated[StrictStr, hexadecimal(32, "SHA-256 of the file.")]


class DraftApplication(Body):
    """An application for a source, by an institution."""

    kind: Annotated[StrictStr, one_of(SOURCE_KINDS, "What it is.")]
    name_zh: Annotated[StrictStr, words(MAX_NAME_CHARS, "PUBLIC: the source's name in Chinese.", "示例骑行")]
    name_en: Annotated[StrictStr, words(MAX_NAME_CHARS, "PUBLIC: the source's name in English.", "Example rides")]
    methodology: Annotated[StrictStr, said("The code of a published methodology.", "SHCER02020032024II")]
    version: VersionNumber
    valid_from: Annotated[WantedMoment, said("From when on.")]
    valid_until: Annotated[WantedMoment, said("Until when.", "2030-01-01T00:00:00.000Z")]
    district: District | None = None
    developer: Annotated[
        AccountNumber | None,
        said("The account of the developer, where another one is; it gave a mandate to apply.", 7),
    ] = None
    assets: Assets = Field(default_factory=list)
    rural: Rural = False
    shares: Shares = Field(default_factory=list)
    call: Annotated[
        StrictInt | None,
        said("The call that it answers, open when it is handed in; or none.", 2, ge=1, le=MAX_EXACT),
    ] = None
    papers: Annotated[
        list[Paper], said("PUBLIC: the documents that the call asks for, each once.", max_length=MOST_DOCUMENTS)
    ] = Field(default_factory=list)
    verifier: Annotated[
        StrictStr | None,
        said("PUBLIC: the service body that verified, where a call asks for one.", "service-body:3"),
    ] = None
    commits: Wish = False


class Correction(Body):
    """What stands in a draft's place: a text, or an application, as the draft was."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"definition": {"id": "bus", "version": 2}}]})

    definition: Annotated[Definition | None, said("Of a methodology.")] = None
    application: Annotated[DraftApplication | None, said("Of a source.")] = None


class Verdict(Body):
    """Why something is sent back."""

    reason: ReasonCode
    message: Annotated[
        StrictStr | None,
        words(MAX_WORDS_CHARS, "What is to be mended; for who submitted alone, not public.", "Table 2 is missing."),
    ] = None


class SubmissionState(BaseModel):
    """How a submission stands."""

    submission: SubmissionNumber
    state: Annotated[str, one_of(State, "How it stands.")]
    case: Annotated[CaseNumbered | None, said("The case that it became; null before.", "M-3")]

    @classmethod
    def of(cls, of: Submission) -> dict[str, Any]:
        """Write what an act answers, which is kept and so names nobody."""
        return {"submission": of.id, "state": str(of.state), "case": of.case}


class SubmissionSummary(SubmissionState):
    """A submission without its content."""

    record: Annotated[Literal["methodology", "source"], said("What it is about.")]
    account: Annotated[AccountNumber | None, said("The account that applies for a source; null of a text.", 7)]
    district: Annotated[District | None, said("Of a source, in six digits; null: the whole city.")]
    made_at: Annotated[Moment, said("When it was begun.")]
    changed_at: Annotated[Moment, said("When it changed last.")]
    officer: Annotated[OfficerName | None, said("Who returned, recorded or refused it; null before.")]
    reason: Annotated[ReasonCode | None, said("Why it was returned or refused, in a word; null of others.")]
    message: Annotated[str | None, said("What is to be mended, for who submitted alone.", "Table 2 is missing.")]

    @classmethod
    def summary(cls, of: Submission) -> Self:
        """Write a submission without its content."""
        return cls(**_facts(of))


class ReadSubmission(SubmissionSummary):
    """A submission with its content, and how its case stands."""

    content: Annotated[
        dict[str, Any] | None,
        said("As it was sent; null once it was withdrawn.", {"definition": {"id": "bus"}}),
    ]
    case_state: Annotated[str | None, said("Where the last decision of its case led; null without one.", "refused")]
    case_reason: Annotated[ReasonCode | None, said("The reason that this decision gives.", "double-counting")]

    @classmethod
    def whole(cls, of: Submission, stands: Stands | None) -> Self:
        """Write a submission."""
        return cls(
            **_facts(of),
            content=None if of.content is None else dict(of.content),
            case_state=None if stands is None else stands.state,
            case_reason=None if stands is None else stands.reason,
        )


class Submissions(BaseModel):
    """Submissions, without their contents."""

    items: Annotated[list[SubmissionSummary], said("Each without its content.")]


def _facts(of: Submission) -> dict[str, Any]:
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
