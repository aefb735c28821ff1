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
_GIVEN, _SOUND, _SCALED = "g_", "s_", "x_"
_NAME: Final = r"^[0-9A-Za-z._:-]{1,64}$"
"""`$` and `^` are the text's ends: the reader lets no line break through."""
MAX_TEXT: Final = 80
_WHOLE_DIGITS: Final = MAX_WHOLE_DIGITS
_DAY_S: Final = 86_400
_MACHINE: Final = IbisMachine("duckdb")


def typed(rows: Table, profile: Profile, feds: Iterable[Fed]) -> Table:
    """Add values; `absent` and `wrong` name the first column that is missing or not of its type, `beyond` an input.

    Each step has columns of its own: an engine works out again what an expression says twice.
    """
    kept = rows.columns
    rows = rows.mutate(**{_GIVEN + column.name: _given(rows, column, profile) for column in profile.columns})
    mark = profile.decimal_mark
    rows = rows.mutate(**{_SOUND + column.name: _sound(rows, column, mark) for column in profile.columns})
    values = dict(_value(rows[_SOUND + column.name], column, profile) for column in profile.columns)
    rows = rows.mutate(**values)
    numbers = [fed for fed in feds if fed.of not in DERIVED and fed.input.type is InputType.NUMBER]
    rows = rows.mutate(**{
        _SCALED + fed.input.name: scaled(rows[NUMBER + fed.of], fed.times, profile.of(fed.of)) for fed in numbers
    })  # fmt: skip
    wrongs = {column.name: rows[_prefix(column) + column.name].isnull() for column in profile.columns}
    beyond = []
    for fed in numbers:
        number, column = rows[_SCALED + fed.input.name], profile.of(fed.of)
        # What the number is too fine or too large for is not of its type either.
        wrongs[fed.of] = wrongs[fed.of] | (number.isnull() & rows[NUMBER + fed.of].notnull())
        low, high = bounds_of(fed.input)
        beyond.append((~number.between(low, high), column.column or column.name))
    given = {column.name: rows[_GIVEN + column.name] for column in profile.columns}
    absent = [
        (given[column.name].isnull(), column.column or column.name)
        for column in profile.columns
        if not column.optional and column.constant is None
    ]
    wrong = [
        (given[column.name].notnull() & wrongs[column.name], column.column or column.name) for column in profile.columns
    ]
    told = {"absent": _first(absent), "wrong": _first(wrong), "beyond": _first(beyond)}
    made = {name: rows[name] for name in (*kept, *values)} | _inputs(rows, feds) | told
    return rows.select(**made)


def _first(cases: list[tuple[BooleanValue, str]]) -> StringValue:
    return ibis.cases(*cases) if cases else ibis.null("string")


def _given(rows: Table, column: Column, profile: Profile) -> StringValue:
    if column.constant is not None:
        return ibis.literal(column.constant)
    text = rows[TEXT + column.name]
    return text.isin(list(profile.missing)).ifelse(ibis.null("string"), text) if profile.missing else text


def _sound(rows: Table, column: Column, mark: str) -> StringValue:
    """Give what is written as values of the column's type are; nothing for what is not."""
    text = rows[_GIVEN + column.name]
    match column.type:
        case ColumnType.NAME:
            return _matching(text, _NAME)
        case ColumnType.TEXT:
            return text.length().between(1, MAX_TEXT).fill_null(False).ifelse(text, ibis.null("string"))
        case ColumnType.CHOICE:
            return text
        case ColumnType.NUMBER:
            return _matching(text, _number_form(column, mark))
    return _matching(text, read_pattern(column.pattern or "").regex)


def _prefix(column: Column) -> str:
    return {ColumnType.NUMBER: NUMBER, ColumnType.DAY: DAYS, ColumnType.TIME: LOCAL}.get(column.type, VALUE)


def _value(sound: StringValue, column: Column, profile: Profile) -> tuple[str, Any]:
    name = _prefix(column) + column.name
    match column.type:
        case ColumnType.CHOICE:
            meanings = (column.values or {}).items()
            return name, ibis.cases(*((sound == written, ibis.literal(means)) for written, means in meanings))
        case ColumnType.NUMBER:
            return name, sound if profile.decimal_mark == "." else sound.replace(profile.decimal_mark, ".")
        case ColumnType.DAY:
            seconds = _seconds(sound, read_pattern(column.pattern or ""))
            return name, _MACHINE.quotient(seconds, _MACHINE.whole(_DAY_S, wide=False), wide=False)
        case ColumnType.TIME:
            return name, _seconds(sound, read_pattern(column.pattern or ""))
    return name, sound


def _matching(text: StringValue, regex: str) -> StringValue:
    return text.re_search(regex).fill_null(False).ifelse(text, ibis.null("string"))


def _number_form(column: Column, mark: str) -> str:
    decimals = rf"(\{mark}[0-9]{{1,{column.decimals}}})?" if column.decimals else ""
    return rf"^-?[0-9]{{1,{_WHOLE_DIGITS}}}{decimals}$"


def _seconds(sound: StringValue, pattern: Pattern) -> IntegerValue:
    """Give a time as Unix seconds by its own clock, or UTC where it has an offset; nothing for what is no time."""
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


def _inputs(rows: Table, feds: Iterable[Fed]) -> dict[str, Any]:
    """Give the methodology's inputs that are known by now, numbers within their range."""
    found: dict[str, Any] = {}
    for fed in feds:
        if fed.of in DERIVED:
            continue
        match fed.input.type:
            case InputType.NUMBER:
                number, (low, high) = rows[_SCALED + fed.input.name], bounds_of(fed.input)
                within = ibis.greatest(ibis.least(number, high), low)
                # An engine passes over what is nothing when it looks for the least.
                found[PREFIX + fed.input.name] = number.isnull().ifelse(number, within)
            case InputType.FLAG:
                found[PREFIX + fed.input.name] = rows[VALUE + fed.of] == "true"
            case InputType.TEXT:
                found[PREFIX + fed.input.name] = rows[VALUE + fed.of]
            case InputType.DAY:
                found[PREFIX + fed.input.name] = rows[DAYS + fed.of]
    return found


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
