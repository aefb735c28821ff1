"""The shapes of the integrity record, and how they read in JSON."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, StrictBool, StrictStr

from api.door.fields import AccountNumber, Body, Moment, Numbered, OfficerName, WantedMoment, one_of, said, words
from api.door.times import shown_time
from registry.integrity.findings import MAX_WORDS_CHARS, Finding, State

_MESSAGE = words(
    MAX_WORDS_CHARS, "Read by who it is about and the authorities, not public.", "Half of the meters were never read."
)
FindingNumber = Annotated[Numbered, said("The finding's number.", 2)]
Party = Annotated[str | None, said("A number of the register; null of an account.", "service-body:2")]
Name = Annotated[str | None, said("An institution's; null of an expert or a person.", "某某技术服务有限公司")]
What = Annotated[str, said("What it is, a word.", "false-report")]
Case = Annotated[str | None, said("Its case in the log; null before it is approved.", "F-2")]
Bars = Annotated[
    StrictBool, said("Whether its party is barred meanwhile: not asked, not applying, not linking people.", True)
]
Until = Annotated[Moment, said("When it ends by itself.", "2028-01-01T00:00:00.000Z")]


class NewFinding(Body):
    """A finding about an expert, a service body, or an account: a person, or who applies or runs a platform."""

    expert: Annotated[StrictStr | None, said("A number of the register.", "service-body:2")] = None
    account: Annotated[AccountNumber | None, said("Or an account.", 7)] = None
    finding: Annotated[StrictStr, said("PUBLIC: what it is, a word.", "false-report")]
    reasons: Annotated[StrictStr, _MESSAGE]
    bars: Bars
    until: Annotated[WantedMoment, said("When it ends by itself, within ten years.", "2028-01-01T00:00:00.000Z")]


class Appeal(Body):
    """An appeal, by who the finding is about."""

    message: Annotated[StrictStr, _MESSAGE]


class AppealAnswer(Body):
    """An answer to an appeal."""

    upheld: Annotated[StrictBool, said("Whether the finding stands; else it is lifted at once.", True)]
    message: Annotated[StrictStr, _MESSAGE]


class FindingState(BaseModel):
    """A finding, as an act answers it."""

    finding: FindingNumber
    state: Annotated[str, one_of(State, "How it stands.")]

    @classmethod
    def of(cls, number: int, state: State) -> dict[str, Any]:
        """Write what an act answers."""
        return {"finding": number, "state": str(state)}


class PublicFinding(BaseModel):
    """A finding in force, as everybody may read it: an institution by its name, an expert by the number."""

    finding: FindingNumber
    case: Case
    expert: Party
    name: Name
    what: What
    bars: Bars
    since: Annotated[Moment, said("From when on.")]
    until: Until
    appealed: Annotated[bool, said("Whether its party appealed.", False)]
    answered: Annotated[bool, said("Whether the appeal was answered: it was upheld then.", False)]

    @classmethod
    def of(cls, of: Finding) -> Self:
        """Write a finding."""
        return cls(
            finding=of.id,
            case=of.case,
            expert=None if of.party.expert is None else str(of.party.expert),
            name=of.name,
            what=of.finding,
            bars=of.bars,
            since=shown_time(of.approved_ms or of.opened_ms) or "",
            until=shown_time(of.until_ms) or "",
            appealed=of.appeal is not None,
            answered=of.answered_ms is not None,
        )


class PublicFindings(BaseModel):
    """The findings in force, newest first."""

    items: Annotated[list[PublicFinding], said("Newest first.")]


class WholeFinding(FindingState):
    """A finding with its reasons, for who it is about and the authorities."""

    case: Case
    expert: Party
    account: Annotated[AccountNumber | None, said("The account; null of an expert.", 7)]
    name: Name
    what: What
    bars: Bars
    opened_by: Annotated[OfficerName, said("The officer who opened it.", "centre:1")]
    opened_at: Annotated[Moment, said("When it was opened.")]
    approved_by: Annotated[OfficerName | None, said("The officer who approved it; null before.", "centre:2")]
    since: Annotated[Moment | None, said("When it was approved, and holds from then on; null before.")]
    until: Until
    reasons: Annotated[str, said("Why.", "Half of the meters were never read.")]
    appeal: Annotated[str | None, said("What its party says against it; null without an appeal.", "They were.")]
    appealed_at: Annotated[Moment | None, said("When its party appealed; null before.")]
    answered_by: Annotated[OfficerName | None, said("The officer who answered; null before.", "bureau:1")]
    answer: Annotated[str | None, said("What was answered; null before.", "The logs show it.")]
    answered_at: Annotated[Moment | None, said("When the appeal was answered; null before.")]
    salt: Annotated[
        str | None,
        said(
            "With it the log's digests of reasons, appeal and answer can be had again; null before it is approved.",
            "kmV3bq2w7bTn3J3hJ4aXNA",
        ),
    ]

    @classmethod
    def whole(cls, of: Finding) -> Self:
        """Write a finding."""
        return cls(
            **FindingState.of(of.id, of.state),
            case=of.case,
            expert=None if of.party.expert is None else str(of.party.expert),
            account=of.party.account,
            name=of.name,
            what=of.finding,
            bars=of.bars,
            opened_by=of.opened_by,
            opened_at=shown_time(of.opened_ms) or "",
            approved_by=of.approved_by,
            since=shown_time(of.approved_ms),
            until=shown_time(of.until_ms) or "",
            reasons=of.reasons,
            appeal=of.appeal,
            appealed_at=shown_time(of.appealed_ms),
            answered_by=of.answered_by,
            answer=of.answer,
            answered_at=shown_time(of.answered_ms),
            salt=of.salt,
        )


class WholeFindings(BaseModel):
    """What was found about an account, newest first."""

    items: Annotated[list[WholeFinding], said("Newest first.")]
