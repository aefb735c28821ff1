"""The shapes of decisions and cases, and how they read in JSON."""

from typing import Annotated, Self

from pydantic import BaseModel, Field

from registry.decisions import taken
from registry.ledger.queries import Page
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
