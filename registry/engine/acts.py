"""Acts as they are written down, in strings, to values; and whether they are sound."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import Any, Final

from registry.engine.civil import DAY_MS, MAX_DAY
from registry.engine.definition import Attribute, Input, InputType, decimal
from registry.engine.finding import Flaw
from registry.engine.reference import Act, Dated, Value
from registry.engine.resolving import days_of
from registry.engine.typed import Program

MAX_TEXT: Final = 80
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - datetime.UTC reads worse here
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def read_act(program: Program, written: Mapping[str, str]) -> Act:
    """Read an act. Raises `Flaw` for what is missing, unknown, out of range or of another form."""
    known = {of.name: of for of in program.definition.inputs}
    if unknown := [name for name in written if name not in known]:
        raise Flaw("unknown-input", name=unknown[0])
    return {name: read_value(of, written.get(name)) for name, of in known.items()}


def read_value(of: Input, text: str | None) -> Value:
    """Read the value of an input; None is nothing. Raises `Flaw`."""
    if text is None or text == "":
        if of.optional:
            return None
        raise Flaw("missing-input", name=of.name)
    match of.type:
        case InputType.NUMBER:
            return _number(of, text)
        case InputType.TIME:
            return _moment(of, text)
        case InputType.DAY:
            return _day(of, text)
        case InputType.FLAG:
            if text not in {"true", "false"}:
                raise Flaw("input", name=of.name, text=text)
            return text == "true"
    if len(text) > MAX_TEXT or not text.isprintable() or (of.choices and text not in of.choices):
        raise Flaw("input", name=of.name, text=text)
    return text


def _number(of: Input, text: str) -> Fraction:
    value = decimal(text)
    if not decimal(of.least or "0") <= value <= decimal(of.most or "0"):
        raise Flaw("input-range", name=of.name, text=text, least=of.least, most=of.most)
    if (value * 10**of.decimals).denominator != 1:
        raise Flaw("input-decimals", name=of.name, text=text, most=of.decimals)
    return value


def _moment(of: Input, text: str) -> Fraction:
    try:
        moment = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise Flaw("input", name=of.name, text=text)
    ms = Fraction((moment - _EPOCH) // timedelta(milliseconds=1))
    if not DAY_MS <= ms <= MAX_DAY * DAY_MS:
        raise Flaw("input", name=of.name, text=text)
    return ms


def _day(of: Input, text: str) -> Fraction:
    days = days_of(text)
    if not 1 <= days <= MAX_DAY:
        raise Flaw("input", name=of.name, text=text)
    return Fraction(days)


def read_attributes(program: Program, written: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, list[Dated]]:
    """Read what was known of subjects: rows with `from`, `until`, the subject and columns. Raises `Flaw`."""
    known = {attribute.name: attribute for attribute in program.definition.attributes}
    found: dict[str, list[Dated]] = {name: [] for name in known}
    for name, rows in written.items():
        if name not in known:
            raise Flaw("unknown-input", name=name)
        found[name] = [_dated(known[name], row) for row in rows]
        _refuse_overlaps(name, found[name])
    return found


def _dated(attribute: Attribute, row: Mapping[str, str]) -> Dated:
    columns = {of.name: of for of in attribute.columns}
    if unknown := [name for name in row if name not in columns and name not in {"from", "until", attribute.of}]:
        raise Flaw("unknown-input", name=unknown[0])
    if "from" not in row or attribute.of not in row:
        raise Flaw("missing-input", name="from" if "from" not in row else attribute.of)
    values = {name: read_value(of, row.get(name)) for name, of in columns.items()}
    until = days_of(row["until"]) if "until" in row else None
    return Dated(row[attribute.of], days_of(row["from"]), until, values)


def _refuse_overlaps(name: str, rows: Sequence[Dated]) -> None:
    """Two values of one subject for one day would make the outcome an engine's choice."""
    until: dict[Value, int] = {}
    for row in sorted(rows, key=lambda row: (str(row.subject), row.begins)):
        end = row.until if row.until is not None else 1 << 40
        if row.begins >= end or until.get(row.subject, -(1 << 40)) > row.begins:
            raise Flaw("attribute-overlap", name=name, subject=row.subject)
        until[row.subject] = end


def column_value(of: Input, value: Value) -> Any:
    """Give a value as an engine's table holds it: whole multiples of the last decimal, ms, days, texts, conditions."""
    if isinstance(value, Fraction):
        return int(value * 10**of.decimals)
    return value


def said(value: Value, kind: str) -> str | None:
    """Write a value for people and for JSON: exactly; a quotient without end as a fraction."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    match kind:
        case "time":
            moment = _EPOCH + timedelta(milliseconds=int(value))
            return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case "day":
            return (_EPOCH + timedelta(days=int(value))).date().isoformat()
        case "month":
            return f"{1970 + int(value) // 12:04}-{int(value) % 12 + 1:02}"
    return decimal_text(value)


def decimal_text(value: Fraction) -> str:
    """Write a number exactly: as a decimal where it ends, as a fraction otherwise."""
    divisor = value.denominator
    twos = fives = 0
    while divisor % 2 == 0:
        divisor, twos = divisor // 2, twos + 1
    while divisor % 5 == 0:
        divisor, fives = divisor // 5, fives + 1
    if divisor != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{text}" if value < 0 else text
