"""Adds up a log's grams from its rows: by kind, form and purpose, and by lot as a registry shows them.

A lot is what one issuance created. The log shows it as ISSUEs, in any order, whose grams adjoin, of one minute and of
one sort. Where the decisions are not known, two of one sort that were issued one after the other in one minute look
like one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anchoring.auditing.report import Lot, Totals
from anchoring.replaying.history import OTHER_KIND, OTHER_PURPOSE, UNREAD, Rows
from anchoring.replaying.judging import grams_of
from registry.ledger.movement import ENDS, Flag, Form, Kind, Purpose
from registry.procedure.lots import Issuance

LISTED_LOTS: Final = 10_000
"""Lots listed each by itself, the last by gram number; all the earlier ones are added up as nobody's."""
CHUNK: Final = 1 << 20
"""Rows looked at together: 1,048,576, of 92 MB."""

_PURPOSES = (0, *range(Purpose.VOLUNTARY_CANCELLATION, Purpose.OTHER_REGISTRY + 1), 48, OTHER_PURPOSE)
_ENDS: Final = sorted(ENDS - {Kind.GATHER})
"""Kinds whose grams do not go on under other numbers; what was gathered is a figure of its own."""
_ENDED = [(int(kind), purpose) for kind in _ENDS for purpose in _PURPOSES]
_MOVED = range(OTHER_KIND + 1)
_MADE, _TAKEN = len(_MOVED) + len(_ENDED), len(_MOVED) + len(_ENDED) + 4
_COLUMNS = _TAKEN + 4
"""Grams moved by kind, ended by kind and purpose, and made in and taken from each of four forms."""
_LOW = np.uint64(2**32 - 1)


def _end_columns() -> NDArray[np.intp]:
    """Make the table of kind and purpose -> column of that end; 0 for what is no end."""
    table = np.zeros((OTHER_KIND + 1, OTHER_PURPOSE + 1), np.intp)
    for kind in _ENDS:
        table[kind] = len(_MOVED) + _ENDED.index((kind, OTHER_PURPOSE))
    for column, end in enumerate(_ENDED, start=len(_MOVED)):
        table[end] = column
    return table


_END_COLUMN = _end_columns()


@dataclass(frozen=True, slots=True)
class LotBounds:
    """The lots of a log by first gram: parallel arrays, `issuance` the index of its record, -1 for none."""

    first: NDArray[np.uint64]
    last: NDArray[np.uint64]
    issuance: NDArray[np.int64]
    count: int
    """All lots, the earlier ones that are not listed too."""


def find_lots(rows: Rows, issuances: Sequence[Issuance]) -> LotBounds:
    """Find the lots, and the record of each; `issuances` are those that are known."""
    issues = np.concatenate([
        np.flatnonzero((part["codes"] >> 14 == Kind.ISSUE) & (part["first"] < part["last"])) + start
        for start, part in _chunks(rows, 0, len(rows))
    ] or [np.empty(0, np.intp)])  # fmt: skip
    issues = issues[np.argsort(rows["first"][issues], kind="stable")]
    if not len(issues):
        return LotBounds(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64), 0)
    first, last, at = (rows[name][issues] for name in ("first", "last", "at"))
    sort = rows["codes"][issues] >> 6 & (Flag.CLASS_I | Flag.SCENARIO)
    records = _records_at(first, issuances)
    is_new = (first[1:] != last[:-1]) | (at[1:] != at[:-1]) | (sort[1:] != sort[:-1]) | (records[1:] >= 0)
    starts = np.flatnonzero(np.concatenate(([True], is_new)))
    listed = slice(max(0, len(starts) - LISTED_LOTS), None)
    ends = np.append(starts[1:], len(issues)) - 1
    return LotBounds(first[starts][listed], last[ends][listed], records[starts][listed], len(starts))


def _records_at(first: NDArray[np.uint64], issuances: Sequence[Issuance]) -> NDArray[np.int64]:
    """Give, for each first gram of an ISSUE, the record of the issuance that begins there; -1 for none."""
    records = np.full(len(first), -1, np.int64)
    begins = np.array([issuance.first_g for issuance in issuances], np.uint64)
    place = np.minimum(np.searchsorted(first, begins), len(first) - 1)
    is_there = first[place] == begins
    records[place[is_there]] = np.array([issuance.leaf for issuance in issuances], np.int64)[is_there]
    return records


def sum_by_lot(rows: Rows, start: int, end: int, lots: LotBounds) -> NDArray[np.uint64]:
    """Add up the leaves `[start, end)`: shape (2, lots + 1, columns), low and high 32 bits apart, row 0 for no lot."""
    sums = np.zeros((2, len(lots.first) + 1, _COLUMNS), np.uint64)
    for at, part in _chunks(rows, start, end):
        grams = grams_of(part)
        lot = np.searchsorted(lots.first, part["first"], "right")
        is_inside = (lot > 0) & (part["first"] < np.append(lots.last, np.uint64(0))[lot - 1])
        lot = np.where(is_inside, lot, 0)
        kind, form, purpose = part["codes"] >> 14, part["codes"] >> 12 & 3, part["codes"] & 63
        is_movement = kind <= OTHER_KIND
        _add(sums, lot, kind, grams, is_movement)
        _add(sums, lot, _MADE + form, grams, is_movement)
        column = _END_COLUMN[np.minimum(kind, OTHER_KIND), purpose]
        _add(sums, lot, column, grams, is_movement & (column > 0))
        codes, is_taken = _parent_codes(rows, at, part)
        _add(sums, lot, _TAKEN + (codes >> 12 & 3), grams, is_taken & (part["codes"] != UNREAD))
    return sums


def totals(sums: NDArray[np.uint64], lots: LotBounds, kinds: Counter[int], frontier: int) -> Totals:
    """Name the sums: of everything, and of each lot that is listed."""
    exact = sums[0].astype(object) + (sums[1].astype(object) << 32)
    whole = exact.sum(axis=0)
    moved = {kind: int(whole[kind]) for kind in _MOVED if whole[kind]}
    live = {form: int(whole[_MADE + form] - whole[_TAKEN + form]) for form in range(1, 4)}
    return Totals(
        leaves=dict(kinds),
        moved_g=moved,
        ended_g=_ended(whole),
        live_g={form: grams for form, grams in live.items() if grams},
        frontier_g=frontier,
        lots=tuple(_lot(row, lots, number) for number, row in enumerate(exact[1:])),
        lot_count=lots.count,
    )


def _lot(row: NDArray[np.object_], lots: LotBounds, number: int) -> Lot:
    ended: Counter[int] = Counter()
    for (_, purpose), grams in _ended(row).items():
        ended[purpose] += grams
    issuance = int(lots.issuance[number])
    return Lot(
        first=int(lots.first[number]),
        last=int(lots.last[number]),
        issuance=None if issuance < 0 else issuance,
        issued_g=int(row[Kind.ISSUE]),
        gathered_g=int(row[Kind.GATHER]),
        reduction_g=int(row[_MADE + Form.REDUCTION] - row[_TAKEN + Form.REDUCTION]),
        points_g=int(row[_MADE + Form.POINTS] - row[_TAKEN + Form.POINTS]),
        ended_g=dict(ended),
    )


def _ended(row: NDArray[np.object_]) -> dict[tuple[int, int], int]:
    return {end: int(row[column]) for column, end in enumerate(_ENDED, start=len(_MOVED)) if row[column]}


def _chunks(rows: Rows, start: int, end: int) -> list[tuple[int, Rows]]:
    return [(at, rows[at : min(end, at + CHUNK)]) for at in range(start, end, CHUNK)]


def _parent_codes(rows: Rows, start: int, part: Rows) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Give the codes of each row's parent, and whether it has one that was read."""
    is_before = part["parent"] < np.arange(start, start + len(part), dtype=np.uint64)
    codes = rows["codes"][np.where(is_before, part["parent"], 0).astype(np.intp)]
    return codes, is_before & (codes != UNREAD)


def _add(
    sums: NDArray[np.uint64],
    lot: NDArray[np.intp],
    column: NDArray[Any],
    grams: NDArray[np.uint64],
    is_meant: NDArray[np.bool_],
) -> None:
    """Add grams to their cells, by halves of 32 bits, so that 2^32 leaves cannot overflow."""
    place = (lot * _COLUMNS + column)[is_meant]
    for half, part in enumerate((grams[is_meant] & _LOW, grams[is_meant] >> np.uint64(32))):
        np.add.at(sums[half].reshape(-1), place, part)
