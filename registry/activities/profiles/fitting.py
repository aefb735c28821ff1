"""Whether a profile and a methodology fit: each input has a column of its kind, in a unit that can be converted."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from registry.activities.profiles.profile import DERIVED, JOURNEY, ColumnType, Profile
from registry.engine.definition import Input, InputType
from registry.engine.exact import MAX_DIGITS
from registry.engine.typed import Program
from registry.engine.units import factor, unit
from registry.errors import Invalid
from registry.policies.activities import Risk

MAX_WHOLE_DIGITS: Final = 9
"""Before the point of a number."""
_TYPES: Final = {
    InputType.TEXT: {ColumnType.NAME, ColumnType.TEXT, ColumnType.CHOICE},
    InputType.FLAG: {ColumnType.CHOICE},
    InputType.TIME: {ColumnType.TIME},
    InputType.DAY: {ColumnType.DAY},
    InputType.NUMBER: {ColumnType.NUMBER},
}


@dataclass(frozen=True, slots=True)
class Fed:
    """An input and where it comes from; `times` makes of a value as it stands whole multiples of its last decimal."""

    input: Input
    of: str
    times: Fraction = Fraction(1)


def fit(profile: Profile, program: Program, risk: Risk) -> list[Fed]:
    """Give every input of a methodology with its column. Raises `Invalid` with what does not fit."""
    inputs = {of.name: of for of in program.definition.inputs}
    feeds = {feed.input: feed for feed in profile.feeds}
    unknown = [name for name in feeds if name not in inputs]
    unfed = [name for name, of in inputs.items() if name not in feeds and not of.optional]
    if unknown or unfed or len(feeds) != len(profile.feeds):
        raise Invalid(
            f"The profile {profile.id} is not one for this methodology, which is computed from {', '.join(inputs)}."
        )
    _check_risk(program, risk)
    return [_fed(profile, feed.of, inputs[name], held=feed.held) for name, feed in feeds.items()]


def _fed(profile: Profile, of: str, wanted: Input, *, held: bool) -> Fed:
    if of in DERIVED:
        fits = wanted.type is (InputType.TEXT if of == JOURNEY else InputType.TIME)
        if not fits or (of == JOURNEY and profile.taps is None):
            raise Invalid(f"The input {wanted.name} is not fed by {of}.")
        return Fed(wanted, of)
    column = profile.of(of)
    if column.type not in _TYPES[wanted.type]:
        raise Invalid(f"The input {wanted.name} is a {wanted.type}, and the column {of} holds a {column.type}.")
    means = set((column.values or {}).values())
    allowed = {"true", "false"} if wanted.type is InputType.FLAG else set(wanted.choices)
    if allowed and not means <= allowed:
        raise Invalid(f"The input {wanted.name} is one of {', '.join(sorted(allowed))}; the column {of} means others.")
    if wanted.type is not InputType.NUMBER:
        return Fed(wanted, of)
    times = _times(column.unit or "1", wanted, (profile.span.interval_s or 0) * 1000 if held else None)
    if times is None:
        raise Invalid(f"The input {wanted.name} is in {wanted.unit}, and {of} in {column.unit} cannot be made that.")
    whole = times * 10**wanted.decimals
    if MAX_WHOLE_DIGITS + column.decimals + len(str(2 * max(whole.numerator, whole.denominator))) > MAX_DIGITS:
        raise Invalid(f"The column {of} has more decimals than can be converted exactly; say fewer.")
    return Fed(wanted, of, whole)


def _times(given: str, wanted: Input, held_ms: int | None) -> Fraction | None:
    if held_ms is None:
        return factor(unit(given), unit(wanted.unit or "1"))
    found = factor(unit(given) * unit("ms"), unit(wanted.unit or "1"))
    return None if found is None else found * held_ms


def _check_risk(program: Program, risk: Risk) -> None:
    kinds = program.kinds
    named = [rule.of for rule in (risk.speed, risk.still) if rule is not None]
    missing = [name for name in named if name not in kinds]
    if missing:
        raise Invalid(f"The rules against abuse name {', '.join(missing)}, which this methodology has not.")
    positions = () if risk.positions is None else (*risk.positions.begins, *risk.positions.ends)
    inputs = {of.name: of for of in program.definition.inputs}
    if any(name not in inputs or (inputs[name].unit, inputs[name].decimals) != ("degree", 6) for name in positions):
        raise Invalid("The rules against abuse take positions from inputs in degrees with six decimals, and find none.")
    if risk.speed is not None:
        of = program.type_of(risk.speed.of)
        if of.unit is None or factor(of.unit, unit("m")) is None or of.grain != "row":
            raise Invalid(f"The rules against abuse take {risk.speed.of} for a distance of each row, and it is none.")
