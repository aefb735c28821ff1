"""The shapes of batches, and how they read in JSON."""

from typing import Annotated, Self

from pydantic import BaseModel, StrictInt, StrictStr

from api.door.fields import (
    INT64,
    Body,
    CaseNumbered,
    Count,
    Grams,
    InChinese,
    InEnglish,
    Moment,
    NextCursor,
    Numbered,
    SourceNumber,
    WantedMoment,
    hexadecimal,
    said,
)
from api.door.numbers import MAX_EXACT
from api.door.problems import TYPE_BASE
from registry.clock import rfc3339
from registry.issuance import batch as batches
from registry.issuance import listing
from registry.issuance.batch import MOST_BYTES, State, Work
from registry.ledger.queries import Page

Counts = Annotated[dict[str, int], said("How many rows, by the reason's code.", {"overlapping": 3})]
BatchNumber = Annotated[Numbered, said("The batch's number.", 7)]
Profile = Annotated[StrictStr, said("How the file is read.", "shanghai-rides", max_length=64)]
FileDigest = Annotated[StrictStr, hexadecimal(32, "SHA-256 of the whole file, in hex.")]
FileBytes = Annotated[StrictInt, said("Bytes of the whole file.", 48_213, ge=1, le=MOST_BYTES, json_schema_extra=INT64)]
ByteNumber = Annotated[int, said("A byte of the file, from 0.", 1_048_576, json_schema_extra=INT64)]
BatchVersion = Annotated[StrictInt, said("One more with each change.", 4, ge=1, le=MAX_EXACT, json_schema_extra=INT64)]
Rows = Annotated[Count, said("Rows in the file.", 400)]


class NewBatch(Body):
    """A batch that is declared before its parts come."""

    profile: Profile
    bytes: FileBytes
    sha256: FileDigest
    period_from: Annotated[WantedMoment, said("The activities are of a time from here on.")]
    period_until: Annotated[
        WantedMoment, said("The end of that time, exclusive; a year later at most.", "2027-02-01T00:00:00.000Z")
    ]


class SeenBatch(Body):
    """Which version was seen."""

    version: Annotated[BatchVersion, said("The batch's, as it was read.")]


class MissingBytes(BaseModel):
    """Bytes that did not come yet, half open."""

    first: Annotated[ByteNumber, said("The first that is missing.")]
    end: Annotated[ByteNumber, said("One past the last that is missing.", 2_097_152)]


class BatchSummary(BaseModel):
    """What the file comes to."""

    rows: Rows
    accepted: Annotated[Count, said("Activities that stand.", 380)]
    accounts: Annotated[Count, said("Accounts whose they are.", 190)]
    quantity_g: Annotated[Grams, said("Grams that they are worth.", 241_338)]
    refused: Counts
    provisional: Annotated[Count, said("Activities that only the end of their year tells; not issued before.", 12)] = 0
    provisional_g: Annotated[Grams, said("What they would be worth if the year ended so; nobody's.", 8400)] = 0
    held: Annotated[Counts, said("Rows that wait in quarantine, by the reason's code.")]


class BatchProgress(BaseModel):
    """How far the work on a batch is."""

    stage: Annotated[str, said("What is done now.", "judging")]
    rows: Annotated[Rows | None, said("Rows that this is about; null before they are known.")]


class BatchProblem(BaseModel):
    """What kept the last work on a batch from being done, or why the batch was refused."""

    type: Annotated[str, said("What went wrong, for programs.", TYPE_BASE + "outdated")]
    title: Annotated[str, said("The cause, in short.", "It rests on what has changed")]
    detail: Annotated[str, said("What is wrong and what to do.", "Move it again.")]


class Batch(BaseModel):
    """A batch as it stands."""

    batch: BatchNumber
    source: Annotated[SourceNumber, said("The source that it is of.")]
    profile: Profile
    bytes: Annotated[Count, said("Bytes of the whole file; 0 of a release.", 48_213)]
    is_release: Annotated[bool, said("It is of what was released from quarantine, and of no file.", False)]
    period_from: Annotated[Moment, said("The activities are of a time from here on.")]
    period_until: Annotated[Moment, said("The end of that time, exclusive.")]
    state: Annotated[State, said("How it stands.")]
    version: BatchVersion
    begun_at: Annotated[Moment, said("When it was declared.")]
    changed_at: Annotated[Moment, said("When it changed last.")]
    missing: Annotated[list[MissingBytes], said("Of its bytes, while it is uploaded; a hundred gaps at most.")]
    work: Annotated[Work | None, said("What is being done with it, or waits to be; null: nothing.")]
    progress: Annotated[BatchProgress | None, said("How far that is; null while nothing is done.")]
    summary: Annotated[BatchSummary | None, said("By the last judging; null before it.")]
    problem: Annotated[BatchProblem | None, said("Why the last work on it was not done; null where none failed.")]
    case: Annotated[CaseNumbered | None, said("The case of its issuance; null before.", "I-5")]
    lot: Annotated[Numbered | None, said("The lot that it became; null before.", 5)]

    @classmethod
    def of(cls, of: batches.Batch, missing: list[tuple[int, int]]) -> Self:
        """Write a batch."""
        return cls(
            batch=of.id,
            source=of.source_id,
            profile=of.profile,
            bytes=of.size_bytes,
            is_release=of.is_release,
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

    items: Annotated[list[Batch], said("Newest first.")]
    next_cursor: NextCursor

    @classmethod
    def of(cls, of: Page[batches.Batch]) -> Self:
        """Write a page."""
        return cls(items=[Batch.of(one, []) for one in of.items], next_cursor=of.next_cursor)


class AbnormalRow(BaseModel):
    """A row that does not stand, why, and what can be done about it."""

    row: Annotated[Count, said("Its line in the file, the header being 1.", 17)]
    reference: Annotated[str | None, said("The platform's own number; null where it was not read.", "A-7")]
    reason: Annotated[str, said("A stable code.", "too-fast")]
    zh: Annotated[InChinese, said("Why, and what to do, in Chinese.", "请补全后重报。")]
    en: Annotated[InEnglish, said("Why, and what to do, in English.", "Report it again with one.")]
    held: Annotated[bool, said("Not refused: it waits in quarantine.", False)]


class AbnormalRows(BaseModel):
    """A page of them, in the order of the file."""

    items: Annotated[list[AbnormalRow], said("In the order of the file.")]
    next_cursor: NextCursor

    @classmethod
    def of(cls, of: Page[listing.Abnormal]) -> Self:
        """Write a page."""
        items = [AbnormalRow.model_validate(one, from_attributes=True) for one in of.items]
        return cls(items=items, next_cursor=of.next_cursor)
