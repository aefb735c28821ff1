"""The shapes of batches, and how they read in JSON."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from api.door.numbers import MAX_EXACT
from api.door.problems import TYPE_BASE
from registry.clock import rfc3339
from registry.issuance import batch as batches
from registry.issuance import listing
from registry.issuance.batch import MOST_BYTES, State, Work
from registry.ledger.queries import Page

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-20T08:00:00.000Z"])]
Counts = Annotated[
    dict[str, int], Field(description="How many rows, by the reason's code.", examples=[{"overlapping": 3}])
]
Number = Annotated[int, Field(description="The batch's number.", examples=[7])]
Version = Annotated[int, Field(description="One more with each change.", examples=[4])]
Profile = Annotated[StrictStr, Field(description="How the file is read.", examples=["shanghai-rides"], max_length=64)]
Sha256 = Annotated[
    StrictStr,
    Field(
        description="Of the whole file, in hex.", json_schema_extra={"pattern": "^[0-9a-f]{64}$"}, examples=["0" * 64]
    ),
]


class Body(BaseModel):
    """What is sent has nothing in it that is not known here."""

    model_config = ConfigDict(extra="forbid")


class NewBatch(Body):
    """A batch that is declared before its parts come."""

    profile: Profile
    bytes: Annotated[StrictInt, Field(description="Of the whole file.", ge=1, le=MOST_BYTES, examples=[48_213])]
    sha256: Sha256
    period_from: Annotated[Moment, Field(description="The activities are of a time from here on.")]
    period_until: Annotated[Moment, Field(description="The end of that time, exclusive; a year later at most.")]


class SeenBatch(Body):
    """Which version was seen."""

    version: Annotated[StrictInt, Field(description="The batch's, as it was read.", ge=1, le=MAX_EXACT, examples=[4])]


class MissingBytes(BaseModel):
    """Bytes that did not come yet, half open."""

    first: Annotated[int, Field(description="The first that is missing.", examples=[1_048_576])]
    end: Annotated[int, Field(description="One past the last that is missing.", examples=[2_097_152])]


class BatchSummary(BaseModel):
    """What the file comes to."""

    rows: Annotated[int, Field(description="Rows in the file.", examples=[400])]
    accepted: Annotated[int, Field(description="Activities that stand.", examples=[380])]
    accounts: Annotated[int, Field(description="Whose they are, by number.", examples=[190])]
    quantity_g: Annotated[int, Field(description="Grams that they are worth.", examples=[241_338])]
    refused: Counts
    held: Annotated[Counts, Field(description="Rows that wait in quarantine, by the reason's code.")]


class BatchProgress(BaseModel):
    """How far the work on a batch is."""

    stage: Annotated[str, Field(description="What is done now.", examples=["judging"])]
    rows: Annotated[int | None, Field(description="Rows that this is about, once they are known.", examples=[400])]


class BatchProblem(BaseModel):
    """What kept the last work on a batch from being done, or why the batch was refused."""

    type: Annotated[str, Field(description="As of a problem document.", examples=[TYPE_BASE + "outdated"])]
    title: Annotated[str, Field(description="The cause, in short.", examples=["It rests on what has changed"])]
    detail: Annotated[str, Field(description="What is wrong and what to do.", examples=["Move it again."])]


class Batch(BaseModel):
    """A batch as it stands."""

    batch: Number
    source: Annotated[int, Field(description="The source that it is of.", examples=[1])]
    profile: Profile
    bytes: Annotated[int, Field(description="Of the whole file, as it was declared.", examples=[48_213])]
    period_from: Moment
    period_until: Moment
    state: Annotated[State, Field(description="How it stands.")]
    version: Version
    begun_at: Moment
    changed_at: Moment
    missing: Annotated[
        list[MissingBytes], Field(description="Of its bytes, while it is uploaded; a hundred gaps at most.")
    ]
    work: Annotated[Work | None, Field(description="What is being done with it, or waits to be.")]
    progress: BatchProgress | None
    summary: Annotated[BatchSummary | None, Field(description="By the last judging.")]
    problem: BatchProblem | None
    case: Annotated[str | None, Field(description="The case of its issuance.", examples=["I-5"])]
    lot: Annotated[int | None, Field(description="The lot that it became.", examples=[5])]

    @classmethod
    def of(cls, of: batches.Batch, missing: list[tuple[int, int]]) -> Self:
        """Write a batch."""
        return cls(
            batch=of.id,
            source=of.source_id,
            profile=of.profile,
            bytes=of.size_bytes,
            period_from=rfc3339(of.period[0]),
            period_until=rfc3339(of.period[1]),
            state=of.state,
            version=of.version,
            begun_at=rfc3339(of.begun_ms),
            changed_at=rfc3339(of.changed_ms),
            missing=[MissingBytes(first=first, end=end) for first, end in missing],
            work=of.work,
            progress=BatchProgress(stage=of.progress["stage"], rows=of.progress.get("rows")) if of.progress else None,
            summary=BatchSummary.model_validate(of.summary) if of.summary else None,
            problem=BatchProblem(**{**of.problem, "type": TYPE_BASE + of.problem["type"]}) if of.problem else None,
            case=of.case,
            lot=of.lot_id,
        )


class Batches(BaseModel):
    """A page of batches, newest first."""

    items: list[Batch]
    next_cursor: Annotated[str | None, Field(description="For the next page; null on the last.", examples=["7"])]

    @classmethod
    def of(cls, of: Page[batches.Batch]) -> Self:
        """Write a page."""
        return cls(items=[Batch.of(one, []) for one in of.items], next_cursor=of.next_cursor)


class AbnormalRow(BaseModel):
    """A row that does not stand, why, and what can be done about it."""

    row: Annotated[int, Field(description="Its line in the file, the header being 1.", examples=[17])]
    reference: Annotated[str | None, Field(description="The platform's own number, if it was read.", examples=["A-7"])]
    reason: Annotated[str, Field(description="A stable code.", examples=["too-fast"])]
    zh: Annotated[str, Field(description="Why, and what to do, in Chinese.", examples=["请补全后重报。"])]
    en: Annotated[str, Field(description="Why, and what to do, in English.", examples=["Report it again with one."])]
    held: Annotated[bool, Field(description="Not refused: it waits in quarantine.", examples=[False])]


class AbnormalRows(BaseModel):
    """A page of them, in the order of the file."""

    items: list[AbnormalRow]
    next_cursor: Annotated[str | None, Field(description="For the next page; null on the last.", examples=["9120"])]

    @classmethod
    def of(cls, of: Page[listing.Abnormal]) -> Self:
        """Write a page."""
        items = [AbnormalRow.model_validate(one, from_attributes=True) for one in of.items]
        return cls(items=items, next_cursor=of.next_cursor)
