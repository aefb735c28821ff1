"""The course of a judgement: text, values, times, whose, reasons, grams, what was before, overlaps.

Each stage is a table of the engine, made from the one before and dropped after it. Activities are rows where the
methodology computes by row, and groups of rows (a meter's month, a journey's taps) where it computes by group.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import ibis
import pyarrow as pa
from ibis import Table
from ibis.backends import BaseBackend
from ibis.expr.types import BooleanValue, StringValue

from registry.activities.judgement.grouped import attribute_tables, groups_of, key_text
from registry.activities.judgement.known import Known, Met, links_table, meets, spans_table, table_of
from registry.activities.judgement.noticing import GAPS, NOTE, gaps, noted, said_of
from registry.activities.judgement.overlap import Span, resolve
from registry.activities.judgement.placed import PLACE, caught_by_place, placed
from registry.activities.judgement.reasons import UNMET, Reason
from registry.activities.judgement.risky import caught, place_in_day, run_of_same, too_fast
from registry.activities.judgement.rowwise import THING, described, judged, linked
from registry.activities.judgement.timed import timed
from registry.activities.judgement.typed import VALUE, typed
from registry.activities.profiles.fitting import Fed
from registry.activities.profiles.profile import By, Profile
from registry.activities.subjects import PERSON, VEHICLE
from registry.engine.compiling import PREFIX, compute
from registry.engine.typed import ROW, Program
from registry.methodologies.record import Window
from registry.policies.activities import Positions, Risk

_FOREVER_MS: Final = 1 << 52


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out, in the order of the file.

    `accepted`: `row, reference, account_id, begins_ms, ends_ms, grams, thing_<n>`; `refused`: `row, given, why,
    detail`; `quarantined`: all of these, grams being nothing of a reading. `met`: of the activities that something
    issued was in the way of, the same as of `accepted`.
    """

    accepted: pa.Table
    refused: pa.Table
    quarantined: pa.Table
    met: pa.Table
    noticed: dict[str, int]
    provisional: tuple[int, int]
    """Of what is refused as not settled: how many activities, and the grams that they have until their year is over."""


class Stages:
    """One judgement on one engine."""

    def __init__(
        self,
        backend: BaseBackend,
        profile: Profile,
        feds: list[Fed],
        program: Program,
        windows: Sequence[Window],
        risk: Risk,
        issued: date,
        known: Known,
    ) -> None:
        """Take what everything is judged by."""
        self.backend, self.profile, self.feds, self.program = backend, profile, feds, program
        self.windows, self.risk, self.issued, self.known = windows, risk, issued, known
        self.things = [f"{THING}{n}" for n in range(len(profile.things))]
        self.by_row = program.per == ROW

    def run(self, rows: Path) -> Outcome:
        """Judge the rows of text in a Parquet file."""
        table = self._keep("typed", typed(self.backend.read_parquet(rows), self.profile, self.feds))
        described_rows = described(timed(table, self.profile, self.backend), self.profile, self.feds)
        table = self._keep("described", self._linked(described_rows), drop="typed")
        table = self._keep("judged", self._judged(table), drop="described")
        if self.by_row:
            table = self._keep("computed", self._computed(table), drop="judged")
            self.backend.drop_table("placed", force=True)
            activities = table
        else:
            table, activities = self._grouped(table)
        return self._outcome(table, activities)

    def _keep(self, name: str, table: Table, drop: str | None = None) -> Table:
        made = self.backend.create_table(name, table, overwrite=True)
        if drop is not None:
            self.backend.drop_table(drop)
        return made

    # Whose, and what was before

    def _linked(self, rows: Table) -> Table:
        who = self.profile.who
        if who is None:
            return linked(rows, self.profile, links_table(()), dated=False)
        names = self._distinct(rows.select(whose=VALUE + who.column), "whose")
        links = list(self.known.find_links(names))
        return linked(rows, self.profile, links_table(links), dated=who.by is not By.USER)

    def _distinct(self, table: Table, name: str) -> list[Any]:
        found = self.backend.to_pyarrow(table.select(name).filter(table[name].notnull()).distinct())
        values: list[Any] = found[name].to_pylist()
        return values

    def _judged(self, rows: Table) -> Table:
        """Add the first reason against each row by itself, and what the rules catch of it."""
        begins_ms = max(window.from_ms for window in self.windows)
        closes_ms = min(_FOREVER_MS if window.until_ms is None else window.until_ms for window in self.windows)
        if self.by_row:
            rows = self._met(rows, rows.account_id.notnull() | rows.account_id.isnull())
        else:
            rows = rows.mutate(is_known=ibis.literal(False), caught_before=ibis.literal(False))
        lasts_ms = rows.ends_ms - rows.begins_ms
        more = {
            "is_known": rows.is_known,
            "evidence": [one.value for one in self.risk.evidence],
            "caught_before": rows.caught_before,
            "too_long": lasts_ms > self.risk.longest_s * 1000,
            "outside": (rows.begins_ms < begins_ms) | (rows.ends_ms > closes_ms),
        }
        rows = judged(rows, self.profile, more)
        rows = noted(run_of_same(rows, self.risk), self.profile, self.feds)
        flags = {reason: (condition, detail) for reason, (condition, detail) in self._caught(rows).items()}
        return rows.mutate(
            **{f"is_{reason.name.lower()}": condition.fill_null(False) for reason, (condition, _) in flags.items()},
            **{f"about_{reason.name.lower()}": detail for reason, (_, detail) in flags.items()},
        )

    def _caught(self, rows: Table) -> dict[Reason, tuple[BooleanValue, StringValue]]:
        still = {Reason.STANDING_STILL: (rows.stands_still, ibis.null("string"))}
        return still | caught(rows, self.profile, self.risk)

    def _met(self, rows: Table, among: BooleanValue) -> Table:
        """Add `is_known`: whether an activity was issued before, or something of its subjects at its time."""
        asked = rows.filter(among)
        references = self._distinct(asked, "reference")
        reported, known_caught = list(self.known.find_reported(references)), list(self.known.find_caught(references))
        busy = self.known.find_busy(self._meeting(asked))
        rows = rows.mutate(
            is_known=rows.reference.isin(table_of(reference=(reported, pa.string())).reference),
            caught_before=rows.reference.isin(table_of(reference=(known_caught, pa.string())).reference),
        )
        spans = []
        if self.profile.in_person and busy.persons:
            spans.append(("account_id", spans_table(pa.int64(), busy.persons)))
        for place, name in enumerate(self.things):
            of = [(thing, starts, ends) for n, thing, starts, ends in busy.things if n == place]
            if of:
                spans.append((name, spans_table(pa.string(), of)))
        for key, table in spans:
            met = meets(rows, table, key)
            rows = rows.mutate(is_known=rows.is_known | rows.row.isin(met.row))
        return rows

    def _meeting(self, rows: Table) -> Met:
        bounds = self.backend.to_pyarrow(
            rows.aggregate(since=rows.begins_ms.min(), until=rows.ends_ms.max())
        ).to_pylist()[0]
        accounts = self._distinct(rows, "account_id") if self.profile.in_person else []
        things = [self._distinct(rows, name) for name in self.things]
        return Met(accounts, things, bounds["since"] or 0, bounds["until"] or 0)

    # Grams

    def _computed(self, rows: Table) -> Table:
        """Compute each row, and add what the methodology says of it to the reasons."""
        before = rows.columns
        found = compute(self.program, rows, "duckdb", self.issued)
        speed = self.risk.speed
        stored = None if speed is None else found.stored[speed.of]
        table = found.table
        fast = too_fast(table, self.risk, self.program, stored)
        table = table.mutate(
            is_too_fast=fast, about_too_fast=ibis.null("string"), said=self._said(table),
            **placed(table, self.risk.positions),
        )  # fmt: skip
        table = table.mutate(why=table.why.coalesce(table.said))
        kept = [name for name in before if name != "why" and not name.startswith((PREFIX, "t_", "l_", "n_", "u_"))]
        kept += [name for name in table.columns if name.startswith(PLACE)]
        table = table.select(*kept, "why", "grams", "is_too_fast", "about_too_fast")
        return self._held(table)

    def _said(self, table: Table) -> StringValue:
        """Give the methodology's reason against an activity."""
        words = {requirement: UNMET + requirement.replace("_", "-") for requirement in self.program.requirements}
        return ibis.cases(
            *((table.reason == requirement, word) for requirement, word in words.items()),
            (table.provisional & table.reason.isnull(), Reason.NOT_SETTLED.value),
            else_=table.reason,
        )

    def _held(self, rows: Table) -> Table:
        """Turn those that the rules catch, and nothing else speaks against, to quarantine: `held` is why."""
        flags = [
            name.removeprefix("is_") for name in rows.columns if f"about_{name.removeprefix('is_')}" in rows.columns
        ]
        order = [reason for reason in Reason if reason.name.lower() in flags]
        caught_by = ibis.cases(*((rows[f"is_{reason.name.lower()}"], reason.value) for reason in order))
        about = ibis.cases(
            *((rows[f"is_{reason.name.lower()}"], rows[f"about_{reason.name.lower()}"]) for reason in order)
        )
        rows = rows.mutate(held=rows.why.isnull().ifelse(caught_by, ibis.null("string")), about=about)
        rows = rows.drop(*(f"about_{flag}" for flag in flags))
        if self.risk.positions is not None and self.by_row:
            rows = self._caught_by_place(self._keep("placed", rows), self.risk.positions)
        if self.risk.most_a_day is not None and self.by_row:
            stands = rows.why.isnull() & rows.held.isnull()
            many = stands & (place_in_day(rows, stands) >= self.risk.most_a_day)
            rows = rows.mutate(held=many.ifelse(ibis.literal(Reason.TOO_MANY_A_DAY.value), rows.held))
        return rows

    def _caught_by_place(self, rows: Table, rule: Positions) -> Table:
        keys = {PERSON: "account_id"} if self.profile.in_person else {}
        vehicles = [name for name, thing in zip(self.things, self.profile.things, strict=True) if thing.kind == VEHICLE]
        if vehicles:
            keys[VEHICLE] = vehicles[0]
        found = self._keep("found", caught_by_place(rows, keys, rule, self.risk.clock_resolution_s))
        rows = rows.left_join(found.rename(held_there="held", about_there="about"), "row").drop("row_right")
        flags = {
            f"is_{reason.name.lower()}": (rows.held_there == reason.value).fill_null(False)
            for reason in (Reason.ELSEWHERE, Reason.COPIED)
        }
        rows = rows.mutate(
            held=rows.held.coalesce(rows.held_there), about=rows.about.coalesce(rows.about_there), **flags
        )
        return rows.drop("held_there", "about_there")

    # Groups

    def _grouped(self, rows: Table) -> tuple[Table, Table]:
        """Compute groups of rows; gives the rows with the place of their activity, and the activities."""
        rows = self._keep("held", self._held(rows), drop="judged")
        readings = rows.why.isnull() | (rows.why == Reason.FLAGGED.value)
        yields = self._yields(rows.mutate(stands=readings), self.things)
        rows = self._keep("parted", _with_yields(rows, yields), drop="held")
        counted = rows.filter(rows.why.isnull() | (rows.why == Reason.FLAGGED.value))
        attributes = attribute_tables(self.program, self.known.attributes)
        found = compute(self.program, self._marked(counted), "duckdb", self.issued, attributes)
        keys = list(found.keys)
        of_rows = self._keep("keyed", found.rows.select("row", *keys))
        grams = self._keep("grams", found.table.select(*keys, "grams", "reason", "provisional"))
        made = groups_of(rows, of_rows, grams, keys, self.things, key_text(self.program, of_rows))
        groups = self._keep("made", made.mutate(said=self._said(made)))
        met = self._met(groups, groups.account_id.notnull())
        why = ibis.cases(
            (met.hands > 1, Reason.CHANGED_HANDS.value), (met.is_known, Reason.ALREADY_ISSUED.value), else_=met.said
        )
        nothing = ibis.null("string")
        groups = self._keep("activities", met.mutate(why=why, detail=nothing, held=nothing, about=nothing))
        of_group = of_rows.join(groups.select(*keys, group="row"), keys).select("row", "group")
        placed = rows.left_join(of_group, "row").drop("row_right")
        return self._keep("rows", placed), groups

    def _marked(self, rows: Table) -> Table:
        """Tell the methodology of readings that stand still, where it asks for their quality."""
        quality = self.profile.quality
        for fed in self.feds if quality is not None else ():
            if quality is not None and fed.of == quality.column and "stale" in fed.input.choices:
                name = PREFIX + fed.input.name
                rows = rows.mutate(**{name: rows.is_standing_still.ifelse(ibis.literal("stale"), rows[name])})
        return rows

    # Overlaps

    def _yields(self, rows: Table, keys: list[str]) -> dict[int, int]:
        """Give which of the rows that stand yield to which; only those of whom two overlap are looked at."""
        if not keys:
            return {}
        contended = _contended(rows, keys)
        found = self.backend.to_pyarrow(
            contended.filter(contended.contended).select("begins_ms", "row", "ends_ms", *keys)
        )
        columns = [found[name].to_pylist() for name in ("begins_ms", "row", "ends_ms", *keys)]
        return resolve(
            Span(
                starts, row, ends, tuple((key, name) for key, name in zip(keys, busy, strict=True) if name is not None)
            )
            for starts, row, ends, *busy in zip(*columns, strict=True)
        )

    # The end

    def _outcome(self, rows: Table, activities: Table) -> Outcome:
        keys = [*(["account_id"] if self.profile.in_person else []), *self.things]
        stands = activities.why.isnull() & activities.held.isnull()
        yields = self._yields(activities.mutate(stands=stands), keys)
        activities = self._keep("settled", _with_yields(activities, yields))
        if self.by_row:
            rows = activities
        else:
            group = activities.select(group="row", group_why="why", group_detail="detail")
            rows = rows.left_join(group, "group").drop("group_right")
            rows = rows.mutate(
                why=rows.why.coalesce(rows.held.isnull().ifelse(rows.group_why, ibis.null("string"))),
                detail=rows.detail.coalesce(rows.group_detail),
                grams=ibis.null("int64"),
            )
        common = ("row", "reference", "account_id", "begins_ms", "ends_ms", "grams", *self.things)
        accepted = activities.filter(activities.why.isnull() & activities.held.isnull()).select(*common).order_by("row")
        refused = rows.filter(rows.why.notnull()).select("row", "given", "why", "detail").order_by("row")
        held = rows.filter(rows.why.isnull() & rows.held.notnull())
        held = held.mutate(why=held.held, detail=held.about)
        held = held.select(*common, "given", "why", "detail").order_by("row")
        met = activities.filter(activities.why == Reason.ALREADY_ISSUED.value)
        met = met.select(*common).order_by("row")
        stand, fall, wait, before = (self.backend.to_pyarrow(table) for table in (accepted, refused, held, met))
        return Outcome(stand, fall, wait, before, self._noticed(rows), self._provisional(activities))

    def _provisional(self, activities: Table) -> tuple[int, int]:
        waiting = activities.filter(activities.why == Reason.NOT_SETTLED.value)
        found = self.backend.to_pyarrow(waiting.aggregate(n=waiting.count(), grams=waiting.grams.sum())).to_pylist()[0]
        return int(found["n"]), int(found["grams"] or 0)

    def _noticed(self, rows: Table) -> dict[str, int]:
        flags = [name for name in rows.columns if name.startswith(("is_", NOTE)) and name != "is_known"]
        asked = {name: rows[name].sum() for name in flags}
        if NOTE + GAPS in rows.columns:
            asked |= gaps(rows, self.things)
        found = self.backend.to_pyarrow(rows.aggregate(**asked)).to_pylist()[0]
        return {_noted(name): int(count) for name, count in found.items() if count}


def _noted(name: str) -> str:
    return Reason[name.removeprefix("is_").upper()].value if name.startswith("is_") else said_of(name)


def _contended(rows: Table, keys: list[str]) -> Table:
    """Add `contended`: of those that stand, two of the same subject overlap."""
    found = ibis.literal(False)
    for key in keys:
        before = ibis.window(group_by=[key, "stands"], order_by=["begins_ms", "row"], preceding=(None, 1))
        meets_one = (rows.ends_ms.max().over(before) > rows.begins_ms).fill_null(False) & rows[key].notnull()
        rows = rows.mutate(**{f"{key}_met": meets_one})
    for key in keys:
        found = found | rows[f"{key}_met"].max().over(ibis.window(group_by=[key, "stands"]))
    return rows.mutate(contended=rows.stands & found)


def _with_yields(rows: Table, yields: dict[int, int]) -> Table:
    if not yields:
        return rows
    pairs = table_of(row=(yields.keys(), pa.int64()), yields_to=(yields.values(), pa.int64()))
    joined = rows.left_join(pairs, "row").drop("row_right")
    return joined.mutate(
        why=joined.yields_to.notnull().ifelse(ibis.literal(Reason.OVERLAPPING.value), joined.why),
        detail=joined.yields_to.notnull().ifelse(joined.yields_to.cast("string"), joined.detail),
    ).drop("yields_to")
