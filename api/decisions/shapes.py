"""The shapes of decisions and cases, and how they read in JSON."""

from typing import Annotated, Self

from pydantic import BaseModel, Field

from registry.clock import rfc3339
from registry.decisions import taken, worklist
from registry.ledger.queries import Page
from registry.procedure import table
from registry.procedure.decision import Record

Says = Annotated[
    dict[str, str | list[str]],
    Field(
        description="What its public document discloses, name by name; docs/design.md, section 11, says what each is.",
        examples=[{"record": "policy", "case": "P-3", "decision": "publish", "to": "published", "actor": "bureau:1"}],
    ),
]


class Decision(BaseModel):
    """A decision of a case: a leaf of the log, its digest, and what its public document discloses."""

    index: Annotated[int, Field(description="Its leaf's index in the log.", examples=[12])]
    digest: Annotated[str, Field(description="SHA-256 of its document: the leaf's evidence, in hex.")]
    case: Annotated[str, Field(description="The number of its case.", examples=["P-3"])]
    record: Annotated[Record, Field(description="What its case is about.")]
    says: Says

    @classmethod
    def of(cls, of: taken.Taken) -> Self:
        """Write a decision."""
        says = dict(of.says)
        return cls(index=of.index, digest=of.digest.hex(), case=says["case"], record=says["record"], says=says)


class Decisions(BaseModel):
    """A page of decisions."""

    items: list[Decision]
    next_cursor: str | None

    @classmethod
    def of(cls, of: Page[taken.Taken]) -> Self:
        """Write a page."""
        return cls(items=[Decision.of(one) for one in of.items], next_cursor=of.next_cursor)


class Case(BaseModel):
    """A case: what it is about, how it stands, and a page of its decisions, newest first."""

    number: Annotated[str, Field(examples=["P-3"])]
    about: Annotated[str | None, Field(description="A policy's name, or a methodology's code.", examples=["points"])]
    state: Annotated[str, Field(description="Where its last published decision led.", examples=["published"])]
    items: list[Decision]
    next_cursor: str | None

    @classmethod
    def of(cls, of: taken.Case) -> Self:
        """Write a case."""
        items = [Decision.of(one) for one in of.decisions.items]
        return cls(number=of.number, about=of.about, state=of.state, items=items, next_cursor=of.decisions.next_cursor)


class Procedure(BaseModel):
    """The decisions behind a lot, in the order of the log."""

    decisions: list[Decision]


class Words(BaseModel):
    """What people read."""

    zh: Annotated[str, Field(examples=["公示"])]
    en: Annotated[str, Field(examples=["open publicity"])]

    @classmethod
    def of(cls, of: table.Words) -> Self:
        """Write words."""
        return cls(zh=of.zh, en=of.en)


class Possible(BaseModel):
    """A decision that may be taken of a case."""

    decision: Annotated[str, Field(examples=["open_publicity"])]
    words: Words
    to: Words
    by: Annotated[list[str], Field(description="Authorities that may take it.", examples=[["centre"]])]
    second: Annotated[list[str], Field(description="Authorities of which another officer must approve it.")]
    not_before: Annotated[str | None, Field(description="From when on; null while nothing says when it will be.")]

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

    number: Annotated[str, Field(examples=["S-1"])]
    record: Record
    about: Annotated[str | None, Field(description="A policy's name, or a methodology's code.")]
    state: Words
    since: Annotated[str, Field(description="When it was decided last.")]
    steps: list[Possible]

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


class Worklist(BaseModel):
    """What waits for an authority."""

    items: list[Waiting]
