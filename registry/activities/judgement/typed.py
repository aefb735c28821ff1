"""Rows of text to rows of values, as Ibis expressions: what has not its type is no value, and the row says which.

Values come in as text, so that a wrong type is a refused row and never a failed query; quantities are whole numbers,
never floats. Columns: `v_<name>` names, texts and the meanings of choices; `l_<name>` times as local Unix seconds, or
UTC where an offset is written; `d_<name>` days since 1970; `n_<name>` numbers as text with a point; `m_<input>` the
numbers, texts and conditions that the methodology takes, in its units.
"""

# mypy: disable-error-code="import-untyped"
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Final

import ibis
from ibis import Table
from ibis.expr.types import BooleanValue, IntegerValue, StringValue

from registry.activities.profiles.fitting import MAX_WHOLE_DIGITS, Fed
from registry.activities.profiles.moments import Pattern, read_pattern
from registry.activities.profiles.profile import DERIVED, Column, ColumnType, Profile, Rounding
from registry.activities.reading.reading import TEXT
from registry.engine.compiling import PREFIX
from registry.engine.definition import InputType
from registry.engine.lowering import bounds_of
from registry.engine.machine import WIDE, IbisMachine

VALUE, LOCAL, DAYS, NUMBER = "v_", "l_", "d_", "n_"
_NAME: Final = r"^[0-9A-Za-z._:-]{1,64}$"
"""`$` and `^` are the text's ends: the reader lets no line break through."""
MAX_TEXT: Final = 80
_WHOLE_DIGITS: Final = MAX_WHOLE_DIGITS
_DAY_S: Final = 86_400
_MACHINE: Final = IbisMachine("duckdb")


def typed(rows: Table, profile: Profile, feds: Iterable[Fed]) -> Table:
    """Add values; `absent` and `wrong` name the first column that is missing or not of its type, `beyond` an input."""
    given = {column.name: _given(rows, column, profile) for column in profile.columns}
    values, wrongs = _values(profile, given)
    fed, beyond = _inputs(profile, feds, values, wrongs)
    absent = [
        (given[column.name].isnull(), column.column or column.name)
        for column in profile.columns
        if not column.optional and column.constant is None
    ]
    rows = rows.mutate(**values, **fed)
    wrong = [
        (given[column.name].notnull() & wrongs[column.name], column.column or column.name)
        for column in profile.columns
        if column.name in wrongs
    ]
    return rows.mutate(absent=_first(absent), wrong=_first(wrong), beyond=_first(beyond))


def _first(cases: list[tuple[BooleanValue, str]]) -> StringValue:
    return ibis.cases(*cases) if cases else ibis.null("string")


def _given(rows: Table, column: Column, profile: Profile) -> StringValue:
    if column.constant is not None:
        return ibis.literal(column.constant)
    text = rows[TEXT + column.name]
    return text.isin(list(profile.missing)).ifelse(ibis.null("string"), text) if profile.missing else text


def _values(profile: Profile, given: dict[str, StringValue]) -> tuple[dict[str, Any], dict[str, BooleanValue]]:
    values: dict[str, Any] = {}
    wrongs: dict[str, BooleanValue] = {}
    for column in profile.columns:
        prefix, value = _value(column, given[column.name], profile)
        values[prefix + column.name] = value
        wrongs[column.name] = value.isnull()
    return values, wrongs


def _value(column: Column, text: StringValue, profile: Profile) -> tuple[str, Any]:
    match column.type:
        case ColumnType.NAME:
            return VALUE, _matching(text, _NAME)
        case ColumnType.TEXT:
            return VALUE, text.length().between(1, MAX_TEXT).fill_null(False).ifelse(text, ibis.null("string"))
        case ColumnType.CHOICE:
            meanings = (column.values or {}).items()
            return VALUE, ibis.cases(*((text == written, ibis.literal(means)) for written, means in meanings))
        case ColumnType.NUMBER:
            return NUMBER, _number(column, text, profile.decimal_mark)
    pattern = read_pattern(column.pattern or "")
    if column.type is ColumnType.DAY:
        seconds = _seconds(text, pattern)
        return DAYS, _MACHINE.quotient(seconds, _MACHINE.whole(_DAY_S, wide=False), wide=False)
    return LOCAL, _seconds(text, pattern)


def _matching(text: StringValue, regex: str) -> StringValue:
    return text.re_search(regex).fill_null(False).ifelse(text, ibis.null("string"))


def _number(column: Column, text: StringValue, mark: str) -> StringValue:
    decimals = rf"(\{mark}[0-9]{{1,{column.decimals}}})?" if column.decimals else ""
    matching = _matching(text, rf"^-?[0-9]{{1,{_WHOLE_DIGITS}}}{decimals}$")
    return matching if mark == "." else matching.replace(mark, ".")


def _seconds(text: StringValue, pattern: Pattern) -> IntegerValue:
    """Give a time as Unix seconds by its own clock, or UTC where it has an offset; nothing for what is no time."""
    sound = _matching(text, pattern.regex)
    at = pattern.at

    def part(token: str) -> StringValue:
        return sound.substr(at[token], len(token))

    if at["YYYY"] == 0 and at["MM"] == 5 and at["DD"] == 8 and at.get("HH", 11) == 11 and at.get("mm", 14) == 14:
        head = sound.substr(0, 16 if "HH" in at else 10)
    else:
        head = part("YYYY") + "-" + part("MM") + "-" + part("DD")
        head = head + " " + part("HH") + ":" + part("mm") if "HH" in at else head
    seconds = head.try_cast("timestamp").epoch_seconds().cast("int64")
    if "ss" in at:
        # After the minutes stands a colon, or the time has no seconds.
        here = sound.substr(at["ss"] - 1, 1) == ":" if pattern.may_lack_seconds else ibis.literal(True)
        seconds = seconds + here.ifelse(part("ss"), ibis.literal("00")).cast("int64")
    return seconds - _ahead(sound) if pattern.has_offset else seconds


def _ahead(sound: StringValue) -> IntegerValue:
    """Give the seconds that the offset at the end of a time says it is ahead of UTC."""
    offset = sound.right(6)
    is_utc = sound.right(1) == "Z"
    hours = is_utc.ifelse(ibis.literal("00"), offset.substr(1, 2)).cast("int64")
    minutes = is_utc.ifelse(ibis.literal("00"), offset.substr(4, 2)).cast("int64")
    ahead = (hours * 60 + minutes) * 60
    return ((offset.substr(0, 1) == "-") & ~is_utc).ifelse(-ahead, ahead)


def _inputs(
    profile: Profile,
    feds: Iterable[Fed],
    values: dict[str, Any],
    wrongs: dict[str, BooleanValue],
) -> tuple[dict[str, Any], list[tuple[BooleanValue, str]]]:
    """Give the methodology's inputs that are known by now, numbers within their range; what was beyond is told."""
    found: dict[str, Any] = {}
    beyond = []
    for fed in feds:
        if fed.of in DERIVED:
            continue
        column = profile.of(fed.of)
        match fed.input.type:
            case InputType.NUMBER:
                number = scaled(values[NUMBER + fed.of], fed.times, column)
                # What the number is too fine or too large for is not of its type either.
                lost = number.isnull() & values[NUMBER + fed.of].notnull()
                wrongs[fed.of] = wrongs[fed.of] | lost
                low, high = bounds_of(fed.input)
                within = ibis.greatest(ibis.least(number, high), low)
                beyond.append((~number.between(low, high), column.column or column.name))
                # An engine passes over what is nothing when it looks for the least.
                found[PREFIX + fed.input.name] = number.isnull().ifelse(number, within)
            case InputType.FLAG:
                found[PREFIX + fed.input.name] = values[VALUE + fed.of] == "true"
            case InputType.TEXT:
                found[PREFIX + fed.input.name] = values[VALUE + fed.of]
            case InputType.DAY:
                found[PREFIX + fed.input.name] = values[DAYS + fed.of]
    return found, beyond


def scaled(text: StringValue, times: Fraction, column: Column) -> IntegerValue:
    """Multiply a number in plain decimals by a fraction, exactly, to a whole number; rounded as the column says.

    Gives nothing for what would not be whole and must be exact, and for what is beyond 64 bits.
    """
    tens = _tens(times)
    if tens is not None and (column.rounding is Rounding.NEAREST or column.decimals <= tens):
        return _shifted(text, tens).try_cast("int64")
    over, under = times.numerator, times.denominator * 10**column.decimals
    product = (_shifted(text, column.decimals) * _wide(over)).cast(WIDE)
    if column.rounding is Rounding.NEAREST:
        product, under = ((product * _wide(2)).cast(WIDE) + _wide(under)).cast(WIDE), 2 * under
    dropped = _MACHINE.quotient(product, _wide(under), wide=True)
    rest = (product - (dropped * _wide(under)).cast(WIDE)).cast(WIDE)
    floor = (rest < 0).ifelse((dropped - _wide(1)).cast(WIDE), dropped).try_cast("int64")
    return (rest == 0).ifelse(floor, ibis.null("int64")) if column.rounding is Rounding.EXACT else floor


def _shifted(text: StringValue, places: int) -> Any:
    """Give a number as whole multiples of so many decimals, rounded half away from zero beyond them."""
    number = text.try_cast(f"decimal({_WHOLE_DIGITS + places}, {places})")
    if places > _WHOLE_DIGITS:
        # A product would not fit: the digits are taken as they are written.
        return number.cast("string").replace(".", "").try_cast(WIDE)
    return (number.cast(f"decimal(38, {places})") * _wide(10**places)).cast(WIDE)


def _wide(value: int) -> Any:
    return ibis.literal(str(value)).cast(WIDE)


def _tens(times: Fraction) -> int | None:
    """Give k where `times` is 10^k, for k from 0 to 18."""
    return next((k for k in range(19) if times == 10**k), None)


def is_name(text: str, column: Column) -> bool:
    """Whether a text is a value of a column of names or texts."""
    if column.type is ColumnType.NAME:
        return re.fullmatch(_NAME, text, re.ASCII) is not None
    return 1 <= len(text) <= MAX_TEXT
