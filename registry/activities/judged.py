"""A file, judged: what stands as activities, what was refused and what is in quarantine, each with its reason.

It is kept in columns, since files have millions of rows; activities and sentences are made as one goes over them.
"""

# mypy: disable-error-code="import-untyped"
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, overload

import pyarrow as pa
import pyarrow.compute as pc

from registry.activities.activities import Activity
from registry.activities.judgement.reasons import Limits, sentence
from registry.activities.judgement.stages import Outcome
from registry.activities.profiles.profile import Profile
from registry.activities.reading.reading import ReadFile
from registry.activities.subjects import Subject, thing_of
from registry.engine.definition import Text
from registry.engine.typed import Program
from registry.errors import Invalid
from registry.policies.activities import Risk

_AT_ONCE: Final = 20_000
_SENTENCES: Final = 1_000
THING: Final = "thing_"


class Thing(NamedTuple):
    """What kind of thing a column of `things` names, and whether its names are the platform's own."""

    kind: str
    everywhere: bool


class Refusal(NamedTuple):
    """A row that is not accepted: its line in the file, its reference as far as it could be read, and why."""

    row: int
    reference: str | None
    reason: str
    said: Text


class Quarantined(NamedTuple):
    """A row in quarantine, and what it would be issued for; None of a reading, which is no activity by itself."""

    row: int
    reference: str | None
    reason: str
    said: Text
    activity: Activity | None


class Activities(Sequence[Activity]):
    """Activities in columns: `reference, account_id, begins_ms, ends_ms, grams, thing_<n>`, made as one goes over them.

    `platform` is the account of the applicant: things are called what it calls them.
    """

    def __init__(self, table: pa.Table, things: Sequence[Thing], platform: int | None, *, in_person: bool) -> None:
        self.table, self.things, self.platform, self.in_person = table, things, platform, in_person

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[Activity]:
        for batch in self.table.to_batches(max_chunksize=_AT_ONCE):
            names = ("reference", "account_id", "begins_ms", "ends_ms", "grams")
            columns = [batch.column(name).to_pylist() for name in names]
            subjects = [batch.column(f"{THING}{n}").to_pylist() for n in range(len(self.things))]
            for place, values in enumerate(zip(*columns, strict=True)):
                yield self._activity(values, [column[place] for column in subjects])

    @overload
    def __getitem__(self, at: int) -> Activity: ...
    @overload
    def __getitem__(self, at: slice) -> "Activities": ...
    def __getitem__(self, at: "int | slice") -> "Activity | Activities":
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            if step != 1:
                raise ValueError("activities are sliced one after the other")
            part = self.table.slice(start, max(0, stop - start))
            return Activities(part, self.things, self.platform, in_person=self.in_person)
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return next(iter(self[at % len(self) : at % len(self) + 1]))

    def of_platform(self, platform: int) -> "Activities":
        """Give the same, of this applicant."""
        return Activities(self.table, self.things, platform, in_person=self.in_person)

    @property
    def quantity_g(self) -> int:
        """Grams of all of them."""
        return int(pc.sum(self.table["grams"]).as_py() or 0)

    def _activity(self, values: tuple[Any, ...], names: Sequence[str | None]) -> Activity:
        subjects: list[Subject] = []
        for thing, name in zip(self.things, names, strict=True):
            if name is not None:
                subjects.append(thing_of(thing.kind, None if thing.everywhere else self.platform, name))
        reference, account_id, begins, ends, grams = values
        return Activity(reference, account_id, begins, ends, grams, tuple(subjects), self.in_person)


@dataclass(frozen=True, slots=True)
class Judged:
    """A file, judged. Everything is in the order of the file; `input_sha256`, 32 bytes, is of the file as it came.

    `rows_accepted` may be more than there are activities: readings of a month are one. `noticed` counts rows by each
    reason that applies, where a row is refused for its first alone, and what was noticed beside: gaps between readings,
    readings below and at zero. `provisional`: activities that wait for the end of their year, and their grams (R45).
    """

    profile: Profile
    rows: int
    rows_accepted: int
    activities: Activities
    refused_table: pa.Table
    quarantined_table: pa.Table
    met: "Activities"
    """Those that something issued was in the way of."""
    noticed: dict[str, int]
    input_sha256: bytes
    limits: Limits
    program: Program
    provisional: tuple[int, int]

    @property
    def quantity_g(self) -> int:
        """Grams of all activities that stand."""
        return self.activities.quantity_g

    def refused(self) -> Iterator[Refusal]:
        """Give the rows that are refused, each with its sentence."""
        said = lru_cache(_SENTENCES)(self.said)  # a million rows have few faults
        for row, reference, reason, detail in _rows(self.refused_table, "row", "given", "why", "detail"):
            yield Refusal(row, reference, reason, said(reason, detail))

    def quarantined(self) -> Iterator[Quarantined]:
        """Give the rows in quarantine, each with its sentence and its activity."""
        held = self._held()
        kept = iter(self.activities_held())
        columns = ("row", "given", "why", "detail", "grams")
        for row, reference, reason, detail, grams in _rows(held, *columns):
            activity = None if grams is None else next(kept)
            yield Quarantined(row, reference, reason, self.said(reason, detail), activity)

    def activities_held(self) -> Activities:
        """Give the activities in quarantine."""
        held = self._held()
        whole = held.filter(pc.is_valid(held["grams"]))
        of = self.activities
        return Activities(whole, of.things, of.platform, in_person=of.in_person)

    def _held(self) -> pa.Table:
        return self.quarantined_table

    def said(self, reason: str, detail: str | None) -> Text:
        """Say a reason, with what the judgement names of it."""
        return sentence(reason, detail or "", self.limits, self.program)

    def refused_by_reason(self) -> dict[str, int]:
        """Count the rows refused, most frequent first."""
        return _counts(self.refused_table)

    def quarantined_by_reason(self) -> dict[str, int]:
        """Count the rows in quarantine, most frequent first."""
        return _counts(self.quarantined_table)

    def of_platform(self, platform: int) -> "Judged":
        """Give the same with things of this applicant's account."""
        from dataclasses import replace

        return replace(self, activities=self.activities.of_platform(platform), met=self.met.of_platform(platform))


def judged_of(outcome: Outcome, read: ReadFile, profile: Profile, risk: Risk, program: Program) -> Judged:
    """Put together what the stages found."""
    things = [Thing(thing.kind, thing.everywhere) for thing in profile.things]
    limits = Limits(
        risk.longest_s // 60,
        "" if risk.speed is None else f"{risk.speed.most_m_per_h / 1000:g}",
        risk.most_a_day,
        risk.beside_within_s,
    )
    return Judged(
        profile,
        read.rows,
        read.rows - outcome.refused.num_rows - outcome.quarantined.num_rows,
        Activities(outcome.accepted, things, None, in_person=profile.in_person),
        outcome.refused,
        outcome.quarantined,
        Activities(outcome.met, things, None, in_person=profile.in_person),
        outcome.noticed,
        read.sha256,
        limits,
        program,
        outcome.provisional,
    )


def write_rejects(judged: Judged, path: Path) -> None:
    """Write what is not accepted as CSV, every value quoted: row, reference, outcome, reason, both sentences.

    Raises `Invalid`.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(("row", "reference", "outcome", "reason", "en", "zh"))
            for one in judged.refused():
                writer.writerow((one.row, _inert(one.reference or ""), "refused", one.reason, one.said.en, one.said.zh))
            for held in judged.quarantined():
                said = held.said
                writer.writerow((held.row, _inert(held.reference or ""), "quarantined", held.reason, said.en, said.zh))
    except OSError as error:
        raise Invalid(f"The rejects cannot be written to {path.name}: {error.strerror or error}.") from error


def _inert(value: str) -> str:
    """Keep a spreadsheet from running a value that a hostile file brought (`=cmd|...`)."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@")) else value


def _rows(table: pa.Table, *names: str) -> Iterator[tuple[Any, ...]]:
    for batch in table.to_batches(max_chunksize=_AT_ONCE):
        yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)


def _counts(table: pa.Table) -> dict[str, int]:
    counted = pc.value_counts(table["why"].combine_chunks()).to_pylist()
    return dict(Counter({entry["values"]: entry["counts"] for entry in counted}).most_common())
