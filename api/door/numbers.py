"""Numbers in paths and queries: decimal digits and nothing else, so that one thing has one address."""

import re
from typing import Annotated

from fastapi import Path, Query
from pydantic import BeforeValidator

from registry.ledger.queries import MAX_PAGE

MAX_EXACT = 2**53 - 1
"""Larger numbers are not exact in every JSON reader (RFC 8785)."""
MAX_BIGINT = 2**63 - 1
_DECIMAL = re.compile(r"0|-?[1-9][0-9]*")
"""With a sign, so that what is below a bound is told the bound."""


def only_decimals(given: object) -> object:
    """Refuse what the framework would read as a number all the same: `1_0`, `+1`, ` 1`, `1.0`, `01`, `-0`."""
    if isinstance(given, str) and _DECIMAL.fullmatch(given) is None:
        raise ValueError("write a whole number in decimal digits, without leading zeros")
    return given


only_digits = BeforeValidator(only_decimals)  # last, so that the bounds before it stay in the description
AccountId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="Account number.", examples=[2]), only_digits]
Index = Annotated[int, Path(ge=0, le=MAX_BIGINT, description="A leaf's index in the log.", examples=[12]), only_digits]
MovementId = Annotated[int, Path(ge=1, le=MAX_BIGINT, description="A movement's number.", examples=[7]), only_digits]
JobId = Annotated[int, Path(ge=1, le=MAX_BIGINT, description="Job number.", examples=[7]), only_digits]
LotId = Annotated[int, Path(ge=1, le=MAX_BIGINT, description="Lot number.", examples=[1]), only_digits]
SourceId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="A source's number.", examples=[1]), only_digits]
MotionId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="A motion's number.", examples=[3]), only_digits]
SubmissionId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="A submission's number.", examples=[4]), only_digits]
BatchId = Annotated[int, Path(ge=1, le=MAX_BIGINT, description="A batch's number.", examples=[7]), only_digits]
SharingId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="A sharing's number.", examples=[2]), only_digits]
DuplicateId = Annotated[int, Path(ge=1, le=MAX_BIGINT, description="A duplicate's number.", examples=[4]), only_digits]
SupportId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="A support's number.", examples=[3]), only_digits]
HeldId = Annotated[int, Path(ge=1, le=MAX_BIGINT, description="Its number.", examples=[12]), only_digits]
CallId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="A call's number.", examples=[2]), only_digits]
TieId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="Its number.", examples=[3]), only_digits]
RequestId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="A request's number.", examples=[5]), only_digits]
FindingId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="A finding's number.", examples=[2]), only_digits]
ProviderId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="A provider's number.", examples=[1]), only_digits]
OfferId = Annotated[int, Path(ge=1, le=MAX_EXACT, description="An offer's number.", examples=[4]), only_digits]
CaseNumber = Annotated[str, Path(description="A case's number.", examples=["P-3"])]
GramId = Annotated[int, Path(ge=0, le=MAX_BIGINT, description="A gram's number.", examples=[0]), only_digits]
GramQuery = Annotated[int | None, Query(ge=0, le=MAX_BIGINT, description="A gram's number.", examples=[5]), only_digits]
Limit = Annotated[
    int, Query(ge=1, le=MAX_PAGE, description="Items in one answer, at most.", examples=[50]), only_digits
]
Cursor = Annotated[str | None, Query(description="From the previous answer's next_cursor.", examples=["1234"])]
