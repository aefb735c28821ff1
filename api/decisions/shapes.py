"""The shapes of decisions and cases, and how they read in JSON."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel

from api.decisions import errands
from api.door.fields import CaseNumbered, InChinese, InEnglish, LeafIndex, Moment, NextCursor, Sha256, hexadecimal, said
from registry.clock import rfc3339
from registry.decisions import taken, worklist
from registry.ledger.queries import Page
from registry.procedure import table
from registry.procedure.decision import Record

Says = Annotated[
    dict[str, str | list[str]],
    said(
        "What its public document discloses, name by name; docs/design.md, section 11, says what each is.",
        {"record": "policy", "case": "P-3", "decision": "publish", "to": "published", "actor": "bureau:1"},
    ),
]
About = Annotated[str | None, said("A policy's name, or a methodology's code; null of others.", "points")]
OfRecord = Annotated[Record, said("What its case is about.")]
DecisionCode = Annotated[str, said("The step, as the life cycle in force has it.", "accept")]
Authorities = Annotated[list[str], said("Authorities that may take it.", ["centre"])]


class Decision(BaseModel):
    """A decision of a case: a leaf of the log, its digest, and what its public document discloses."""

    index: LeafIndex
    digest: Annotated[Sha256, hexadecimal(32, "SHA-256 of its document: the leaf's evidence, in hex.")]
    case: CaseNumbered
    record: OfRecord
    says: Says

    @classmethod
    def of(cls, of: taken.Taken) -> Self:
        """Write a decision."""
        says = dict(of.says)
        return cls(index=of.index, digest=of.digest.hex(), case=says["case"], record=says["record"], says=says)


class Decisions(BaseModel):
    """A page of decisions."""

    items: Annotated[list[Decision], said("Newest first.")]
    next_cursor: NextCursor

    @classmethod
    def of(cls, of: Page[taken.Taken]) -> Self:
        """Write a page."""
        return cls(items=[Decision.of(one) for one in of.items], next_cursor=of.next_cursor)


class Case(BaseModel):
    """A case: what it is about, how it stands, and a page of its decisions, newest first."""

    number: CaseNumbered
    about: About
    state: Annotated[str, said("Where its last published decision led.", "published")]
    items: Annotated[list[Decision], said("Newest first.")]
    next_cursor: NextCursor

    @classmethod
    def of(cls, of: taken.Case) -> Self:
        """Write a case."""
        items = [Decision.of(one) for one in of.decisions.items]
        return cls(number=of.number, about=of.about, state=of.state, items=items, next_cursor=of.decisions.next_cursor)


class Procedure(BaseModel):
    """The decisions behind a lot, in the order of the log."""

    decisions: Annotated[list[Decision], said("In the order of the log.")]


class Words(BaseModel):
    """What people read."""

    zh: Annotated[InChinese, said("In Chinese.", "公示")]
    en: Annotated[InEnglish, said("In English.", "open publicity")]

    @classmethod
    def of(cls, of: table.Words) -> Self:
        """Write words."""
        return cls(zh=of.zh, en=of.en)


class Possible(BaseModel):
    """A decision that may be taken of a case."""

    decision: Annotated[DecisionCode, said("The step, as the life cycle in force has it.", "open_publicity")]
    words: Annotated[Words, said("What people call it.")]
    to: Annotated[Words, said("The state that it leads to.")]
    by: Authorities
    second: Annotated[Authorities, said("Authorities of which another officer must approve it.")]
    not_before: Annotated[Moment | None, said("From when on; null while nothing says when it will be.")]

    @classmethod
    def of(cls, of: worklist.Possible) -> Self:
        """Write a step."""
        return cls(
            decision=of.decision,
            words=Words.of(of.words),
            to=Words.of(of.to),
            by=sorted(of.by),
            second=sorted(of.second),
            not_before=None if of.not_before is None else rfc3339(of.not_before),
        )


class Waiting(BaseModel):
    """A case that waits."""

    number: Annotated[CaseNumbered, said("The number of its case.", "S-1")]
    record: OfRecord
    about: About
    state: Annotated[Words, said("How it stands.")]
    since: Annotated[Moment, said("When it was decided last.")]
    steps: Annotated[list[Possible], said("What may be decided next.")]

    @classmethod
    def of(cls, of: worklist.Waiting) -> Self:
        """Write a case."""
        return cls(
            number=of.number,
            record=of.record,
            about=of.about,
            state=Words.of(of.state),
            since=rfc3339(of.since),
            steps=[Possible.of(step) for step in of.steps],
        )


class Reminder(BaseModel):
    """What an authority should see to although no case waits for it."""

    about: Annotated[str, said("A policy's name, or what else it is about.", "calendar/2027")]
    words: Annotated[Words, said("What is to be done, and why.")]
    by: Annotated[Authorities, said("Authorities whose it is.", ["bureau"])]
    due: Annotated[Moment, said("By when.")]

    @classmethod
    def of(cls, of: worklist.Reminder) -> Self:
        """Write a reminder."""
        return cls(about=of.about, words=Words.of(of.words), by=sorted(of.by), due=rfc3339(of.due))


class Errand(BaseModel):
    """Something that waits for the caller beside the cases."""

    what: Annotated[
        Literal[
            "motion",
            "submission",
            "opinion",
            "appointment",
            "finding",
            "appeal",
            "objection",
            "quarantine",
            "quarantine-appeal",
            "duplicate",
            "support",
        ],
        said("What it is."),
    ]
    number: Annotated[int, said("Its number.", 3)]
    about: Annotated[str, said("A case, a role, a finding.", "S-1 publish")]
    since: Annotated[Moment, said("Since when it waits.")]
    url: Annotated[str, said("Where it is read, or done.", "/v1/motions/3/approval")]

    @classmethod
    def of(cls, of: errands.Errand) -> Self:
        """Write an errand."""
        return cls.model_validate(
            {"what": of.what, "number": of.number, "about": of.about, "since": rfc3339(of.since_ms), "url": of.url}
        )


class Worklist(BaseModel):
    """What waits for the caller."""

    items: Annotated[list[Waiting], said("Cases with the decisions that may follow, the oldest first of each kind.")]
    errands: Annotated[list[Errand], said("What else waits, the oldest first of each kind.")]
    reminders: Annotated[list[Reminder], said("What is to be seen to in time, although no case waits for it.")]
