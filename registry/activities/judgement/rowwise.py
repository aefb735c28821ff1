"""What each row is by itself: its reference, whose it is, of which things, and the first reason against it.

Columns that are added: `reference`, `given` (what could be read of it), `account_id`, `thing_<n>`, `why` and `detail`.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Mapping
from typing import Any, Final

import ibis
from ibis import Table
from ibis.expr.types import BooleanValue, StringValue

from registry.activities.judgement.reasons import Reason
from registry.activities.judgement.timed import UTC, milliseconds
from registry.activities.judgement.typed import DAYS, LOCAL, NUMBER, VALUE
from registry.activities.profiles.fitting import Fed
from registry.activities.profiles.profile import BEGINS, DERIVED, ENDS, JOURNEY, ColumnType, Known, Profile
from registry.activities.reading.reading import TEXT
from registry.engine.compiling import PREFIX
from registry.engine.definition import InputType
from registry.policies.activities import Evidence

THING: Final = "thing_"
MAX_REFERENCE: Final = 200


def described(rows: Table, profile: Profile, feds: list[Fed]) -> Table:
    """Add reference, things, taps' journeys, and the inputs that are moments."""
    rows = rows.mutate(reference=_reference(rows, profile), given=_given(rows, profile))
    rows = rows.mutate(**{f"{THING}{n}": rows[VALUE + thing.column] for n, thing in enumerate(profile.things)})
    rows = _journeys(rows, profile)
    sources = {BEGINS: "begins_ms", ENDS: "ends_ms", JOURNEY: "journey"}
    late = {
        PREFIX + fed.input.name: rows[sources.get(fed.of, UTC + fed.of)]
        for fed in feds
        if fed.of in DERIVED or fed.input.type is InputType.TIME
    }
    rows = rows.mutate(**late)
    return rows.drop(*(name for name in rows.columns if name.startswith((TEXT, LOCAL))))


def _reference(rows: Table, profile: Profile) -> StringValue:
    parts = [_part(rows, profile, name) for name in profile.reference]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + "/" + part
    return joined


def _part(rows: Table, profile: Profile, name: str) -> StringValue:
    match profile.of(name).type:
        case ColumnType.TIME:
            return rows[UTC + name].cast("string")
        case ColumnType.DAY:
            return rows[DAYS + name].cast("string")
        case ColumnType.NUMBER:
            return rows[NUMBER + name]
    return rows[VALUE + name]


def _given(rows: Table, profile: Profile) -> StringValue:
    """Give the reference as the file has it, for people: cut, since nobody checked it."""
    written = [rows[TEXT + name] for name in profile.reference if profile.of(name).constant is None]
    joined = written[0].fill_null("") if written else ibis.literal("")
    for part in written[1:]:
        joined = joined + "/" + part.fill_null("")
    return joined.substr(0, MAX_REFERENCE).nullif("")


def _journeys(rows: Table, profile: Profile) -> Table:
    """Pair each entry with the exit that is next of its card; gives `journey` and `unpaired`."""
    taps = profile.taps
    if taps is None:
        return rows.mutate(unpaired=ibis.literal(False))
    order = ibis.window(group_by=VALUE + taps.card, order_by=["begins_ms", "row"])
    gate = rows[VALUE + taps.gate]
    before, after = gate.lag().over(order), gate.lead().over(order)
    is_exit = gate == taps.exit
    began = rows.begins_ms.lag().over(order)
    paired = is_exit.ifelse(before == taps.entry, after == taps.exit).fill_null(False)
    return rows.mutate(unpaired=~paired, journey=is_exit.ifelse(began, rows.begins_ms).cast("string"))


def linked(rows: Table, profile: Profile, links: Table, *, dated: bool) -> Table:
    """Add `account_id`: whose a row is. `links` has `name`, `account_id`, `from_ms`, `until_ms`."""
    if profile.who is None:
        return rows.mutate(account_id=ibis.null("int64"))
    who = rows[VALUE + profile.who.column]
    met: list[Any] = [who == links.name]
    if dated:
        met += [rows.begins_ms >= links.from_ms, rows.begins_ms < links.until_ms]
    columns = rows.columns
    joined = rows.left_join(links, met)
    return joined.select(*columns, "account_id")


def judged(rows: Table, profile: Profile, more: Mapping[str, Any]) -> Table:
    """Add `why` and `detail`, the first reason against each row, and `is_<reason>` whether each applies.

    `more` has `is_known`, `caught_before`, `too_long`, `outside`: conditions of the terms and of what is known; and the
    `evidence` that is taken.
    """
    # Few are there twice: a join with those is less work than a window over all.
    alike = rows.group_by(again="reference").aggregate(first=rows.row.min(), count=rows.count())
    alike = alike.filter((alike["count"] > 1) & alike.again.notnull()).drop("count")
    rows = rows.left_join(alike, rows.reference == alike.again).drop("again")
    rows = rows.mutate(first_row=rows["first"].coalesce(rows.row)).drop("first")
    tests = _tests(rows, profile, more)
    rows = rows.mutate(**{_flag(reason): condition.fill_null(False) for reason, (condition, _) in tests.items()})
    why = ibis.cases(*((rows[_flag(reason)], reason.value) for reason in tests))
    detail = ibis.cases(
        *((rows[_flag(reason)], detail(rows)) for reason, (_, detail) in tests.items()), else_=ibis.null("string")
    )
    return rows.mutate(why=why, detail=detail)


def _flag(reason: Reason) -> str:
    return f"is_{reason.name.lower()}"


def _nothing(_rows: Table) -> StringValue:
    return ibis.null("string")


def _tests(rows: Table, profile: Profile, more: Mapping[str, Any]) -> dict[Reason, tuple[BooleanValue, Any]]:
    whose = profile.who
    evidence = _evidence(rows, profile)
    quality, personal = profile.quality, profile.personal
    never = ibis.literal(False)
    lasts = rows.ends_ms - rows.begins_ms
    instant = profile.taps is not None
    sound = rows.fault.isnull()
    return {
        Reason.MALFORMED: (rows.fault.notnull(), lambda of: of.fault),
        Reason.MISSING: (rows.absent.notnull() & sound, lambda of: of.absent),
        Reason.WRONG_TYPE: (rows.wrong.notnull(), lambda of: of.wrong),
        Reason.OUT_OF_RANGE: (rows.beyond.notnull(), lambda of: of.beyond),
        Reason.NO_SUCH_TIME: (rows.gap.notnull(), lambda of: of.gap),
        Reason.TIME_TWICE: (rows.twice.notnull(), lambda of: of.twice),
        Reason.UNPAIRED_TAP: (rows.unpaired & sound, _nothing),
        Reason.NOBODY_NAMED: (ibis.literal(whose is None), _nothing),
        Reason.SELF_DECLARED: (evidence == Evidence.SELF_DECLARED.value, _nothing),
        Reason.WEAK_EVIDENCE: (
            evidence.notnull() & ~evidence.isin(list(more["evidence"])), lambda of: _evidence(of, profile)
        ),
        Reason.SHARED_USER: (
            never if personal is None else rows[VALUE + personal.column] != personal.private, _nothing,
        ),
        Reason.NOT_CONSENTED: (never if whose is None else rows.account_id.isnull() & sound, _nothing),
        Reason.REPEATED: (rows.row > rows.first_row, lambda of: of.first_row.cast("string")),
        Reason.ALREADY_ISSUED: (more["is_known"], _nothing),
        Reason.CAUGHT_BEFORE: (more["caught_before"], _nothing),
        Reason.ENDS_BEFORE_START: (never if instant else lasts <= 0, _nothing),
        Reason.TOO_LONG: (more["too_long"], _nothing),
        Reason.OUTSIDE_VALIDITY: (more["outside"], _nothing),
        Reason.FLAGGED: (
            never if quality is None else rows[VALUE + quality.column] != quality.good,
            _nothing if quality is None else lambda of: of[VALUE + quality.column],
        ),
    }  # fmt: skip


def _evidence(rows: Table, profile: Profile) -> StringValue:
    of = profile.evidence
    return rows[VALUE + of.column] if isinstance(of, Known) else ibis.literal(of.value)


def disagree(rows: Table, profile: Profile, within_s: int) -> BooleanValue:
    """Whether two statements of one duration are further apart than that."""
    span = profile.span
    if span.beside is None:
        return ibis.literal(False)
    if span.duration is not None:
        apart = (rows[UTC + span.beside] - rows.ends_ms).abs()
    else:
        stated = milliseconds(rows, profile.of(span.beside))
        apart = (rows.ends_ms - rows.begins_ms - stated).abs()
    return (apart > within_s * 1000).fill_null(False)
