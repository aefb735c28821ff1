"""Judging by columns names what judging one by one names: on the golden logs, altered logs and many movements."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anchoring.decisions.columns import ColumnReplay
from anchoring.decisions.origins import Bundles
from anchoring.leaf import LEAF_DTYPE, encode
from anchoring.replaying.history import rows_of
from registry.ledger.movement import Flag, Kind
from registry.procedure.replay import Replay, faults
from tests.support import procedure_cases
from tests.support.decisions import moment, to_live

CONVERTED = Flag.SCENARIO | Flag.INDIVIDUAL | Flag.CONVERTED


def rows_for(entries):
    return rows_of(np.frombuffer(b"".join(encode(entry.movement) for entry in entries), LEAF_DTYPE))


def by_columns(entries, replay, cuts=()):
    columns, found = ColumnReplay(replay, Bundles()), []
    for start, end in zip([0, *cuts], [*cuts, len(entries)], strict=True):
        records = [entry for entry in entries[start:end] if entry.movement.is_record]
        found += columns.take(rows_for(entries[start:end]), start, records)
    return found, list(replay.findings())


def one_by_one(entries, replay):
    return list(faults(entries, replay)), list(replay.findings())


def test_the_golden_logs():
    for case in procedure_cases.cases():
        entries, origins = case.book.entries, procedure_cases.origins_of(case.origins)
        expected = one_by_one(entries, Replay(origins))
        assert by_columns(entries, Replay(origins)) == expected, case.name
        assert by_columns(entries, Replay(origins), range(1, len(entries))) == expected, case.name


BOOK = to_live()
LOT = BOOK.issuance(1, BOOK.live, BOOK.methodology_digest, accounts=8)
BOOK.issuance(2, BOOK.live, BOOK.methodology_digest, first=1000, quantity=6, accounts=6)
BOOK.policy(BOOK.numbers["points"], "points", {"validity_years": 3}, in_force="2026-02-03 12:00")
BOOK.correct(1, LOT, ["0 100", "100 500"], 400, 100)
BOOK.correct(2, LOT, ["600 1000"], 400)
DECIDED = list(BOOK.entries)
MOMENTS = ["2026-02-02 23:59", "2026-02-03 00:00", "2026-02-03 11:59", "2026-02-03 12:00", "2026-02-04 00:00"]
ENDS = [moment(f"{day} 00:00") - 1 for day in ("2028-02-03", "2028-02-04", "2029-02-04", "2029-02-05")]
CUTS = [0, 1, 100, 400, 500, 600, 994, 995, 999, 1000, 1001, 1003, 1006, 1010, 1020, 1030]
KINDS = [
    Kind.ISSUE,
    Kind.ISSUE,
    Kind.ISSUE,
    Kind.CONVERT,
    Kind.TRANSFER,
    Kind.VOID,
    Kind.VOID,
    Kind.BUNDLE,
    Kind.BUNDLE,
]


@st.composite
def movements(draw):
    book = BOOK
    del book.entries[len(DECIDED) :]
    for _ in range(draw(st.integers(0, 12))):
        book.at = moment(draw(st.sampled_from(MOMENTS))) - 60_000
        first, end = sorted(draw(st.lists(st.sampled_from(CUTS), min_size=2, max_size=2, unique=True)))
        kind = draw(st.sampled_from(KINDS))
        if kind == Kind.CONVERT:
            book.move(kind, first, end, CONVERTED, until=draw(st.sampled_from(ENDS)))
        else:
            flags = draw(st.sampled_from([Flag.SCENARIO, Flag.SCENARIO, Flag.SCENARIO | Flag.INDIVIDUAL, Flag.CLASS_I]))
            book.move(kind, first, end, flags)
    return list(book.entries)


@settings(max_examples=200, deadline=None)
@given(movements())
def test_movements_of_every_kind_between_decisions(entries):
    assert by_columns(entries, Replay()) == one_by_one(entries, Replay())


def test_a_bundle_into_which_nothing_was_gathered():
    del BOOK.entries[len(DECIDED) :]
    BOOK.at = moment(MOMENTS[0])
    BOOK.move(Kind.BUNDLE, 1001, 1030)
    BOOK.move(Kind.VOID, 1001, 1030)
    entries, bundles = list(BOOK.entries), Bundles()
    rows = rows_for(entries)
    bundles.reach(rows)
    found = ColumnReplay(Replay(bundles.origins), bundles).take(
        rows, 0, [one for one in entries if one.movement.is_record]
    )
    assert [fault.leaf for fault in found] == [len(DECIDED)], "numbers of a lot; other rules tell of the rest"
