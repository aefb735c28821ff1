"""The replay against a naive one, written from the text alone: on the golden logs, and on logs altered at random."""

from dataclasses import replace
from typing import NamedTuple

from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from registry.evidence.document import digest
from registry.ledger.movement import Flag, Kind
from registry.procedure.decision import Record
from registry.procedure.lots import as_issued
from registry.procedure.replay import Replay
from registry.procedure.table import shipped_value
from tests.support import procedure_cases
from tests.support.decisions import HEX, to_issued, to_live
from tests.support.naive_procedure import NaiveReplay
from tests.support.rewriting import follow, placed, written

SHIPPED = shipped_value(Record.POLICY)


def judged(entries, origins):
    replay = Replay(origins)
    return [None if (fault := replay.take(entry)) is None else str(fault.rule) for entry in entries]


def naively(entries, origins):
    naive = NaiveReplay(SHIPPED, origins)
    return [naive.rule(entry) for entry in entries]


def test_both_name_the_same_rule_for_each_leaf_of_the_golden_logs():
    for case in procedure_cases.cases():
        origins = procedure_cases.origins_of(case.origins)
        entries = [entry if is_own(entry) else entry._replace(document=None) for entry in case.book.entries]
        assert judged(entries, origins) == naively(entries, origins), case.name


def is_own(entry):
    return entry.document is None or digest(entry.document.fields) == entry.movement.evidence


def a_long_story():
    book = to_issued()
    book.correct(1, book.lot, ["0 100", "400 500"], 150, 50)
    book.move(Kind.VOID, 0, 100)
    book.move(Kind.VOID, 450, 500)
    book.issuance(2, book.live, book.methodology_digest, first=1000, accounts=1)
    book.move(Kind.ISSUE, 1000, 2000)
    book.sanction()
    book.sanction(2, until="2026-02-02T01:20:00.000Z", party="service-body:1")
    book.methodology(2, opinions=[f"service-body:2 for sound {HEX}"])
    book.answer("lift", "lifted")
    book.methodology(3)
    book.decide("I-3", "propose", "proposed")
    book.decide("I-3", "refuse", "refused", reason="doubtful")
    book.policy(book.numbers["points"], "points", {"validity_years": 3}, in_force="2026-02-03 00:00")
    return book


def a_project():
    book = to_live("project", {"class_": "I"})
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    book.move(Kind.ISSUE, 0, 1000, Flag.CLASS_I)
    book.issuance(2, book.live, book.methodology_digest, first=1000, accounts=1, period_from="2026-01-19T16:00:00.000Z",
                  period_until="2026-01-20T16:00:00.000Z")  # fmt: skip
    book.source("S-1", "exclude", "excluded", book.terms, second="centre:9")
    return book


STORIES = [a_long_story().entries, a_project().entries]
WORDS = [
    "none", HEX, "published", "live", "issued", "proposed", "propose", "publish", "issue", "refuse", "centre:1",
    "centre:2", "exchange:1", "bureau:1", "bureau:2", "project", "scenario", "I", "II", "0", "1", "2", "100", "1000",
    "points", "P-1", "S-1", "2026-01-05T01:00:00.000Z", "2026-02-02T01:00:00.000Z", "2028-01-01T00:00:00.000Z", "",
]  # fmt: skip


class Altered(NamedTuple):
    """A log, and what was done to it."""

    what: str
    entries: list

    def __repr__(self):
        return "Altered(...)"  # whole logs are too long to print


@st.composite
def altered(draw, story):
    """A leaf with one field of its document, or of its movement, altered; what comes after may follow it or not."""
    entries = list(STORIES[story])
    at = draw(st.integers(0, len(entries) - 1))
    entry = entries[at]
    if entry.document is None:
        change = draw(st.sampled_from(["first", "last", "flags", "until", "at"]))
        by = draw(st.sampled_from([-100, -1, 1, 2, 60_000, 100]))
        moved_on = max(0, getattr(entry.movement, change) + by)
        entries[at] = entry._replace(movement=replace(entry.movement, **{change: moved_on}))
        assume(entries[at].movement.quantity_g > 0)  # RANGE is another's to find
        return Altered(f"story {story}, leaf {at}: {change} {by:+}", entries)
    values = entry.document.values
    name = draw(st.sampled_from([*values, "second", "reason", "remark"]))
    others = [other.document.values[name] for other in entries if other.document and name in other.document.values]
    value = draw(st.sampled_from([*others, *WORDS]))
    values = {other: said for other, said in values.items() if other != name} | ({name: value} if value else {})
    entries[at] = written(entry, values)
    is_followed = draw(st.booleans())
    what = f"story {story}, leaf {at}: {name} {str(value)[:80]!r}{', followed' if is_followed else ''}"
    return Altered(what, follow(entries, at, entry) if is_followed else entries)


@st.composite
def moved(draw, story):
    """A log of which a leaf is missing, stands twice, or stands elsewhere."""
    entries = list(STORIES[story])
    at = draw(st.integers(0, len(entries) - 1))
    places = draw(st.lists(st.integers(0, len(entries) - 1), max_size=2))
    entry = entries.pop(at)
    for place in places:
        entries.insert(place, entry)
    return Altered(f"story {story}, leaf {at} at {places}", [placed(entry, at) for at, entry in enumerate(entries)])


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(range(len(STORIES))).flatmap(lambda story: altered(story) | moved(story)))
def test_both_name_the_same_rule_for_each_leaf_of_an_altered_log(log):
    note(log.what)
    assert judged(log.entries, as_issued) == naively(log.entries, as_issued)
