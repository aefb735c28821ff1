"""The operations on Ibis expressions."""

# mypy: disable-error-code="import-untyped, misc, no-untyped-def"
from typing import Any, Final

import ibis
from ibis.backends import BaseBackend

WIDE: Final = "decimal(38, 0)"

MACROS: Final = {
    "whole_quotient(a, b)": "(a // b)",
    "wide_quotient(a, b)": "CAST(CAST(a AS HUGEINT) // CAST(b AS HUGEINT) AS DECIMAL(38, 0))",
}
"""What DuckDB is told first: its whole division, which Ibis has no word for that stays exact."""


def prepare(backend: BaseBackend) -> None:
    """Make an engine ready to run programs."""
    if backend.name == "duckdb":
        # Where Python runs no file (`python -c`), DuckDB takes us for a console and writes a bar to standard output.
        backend.raw_sql("SET enable_progress_bar = false")
        for name, body in MACROS.items():
            backend.raw_sql(f"CREATE OR REPLACE TEMP MACRO {name} AS {body}")


def _builtin(name: str, of: str) -> Any:
    def function(one: Any, other: Any) -> None: ...

    return ibis.udf.scalar.builtin(function, name=name, signature=((of, of), of))


_QUOTIENTS: Final = {
    ("duckdb", False): _builtin("whole_quotient", "int64"),
    ("duckdb", True): _builtin("wide_quotient", WIDE),
    ("postgres", False): _builtin("div", "int64"),
    ("postgres", True): _builtin("div", WIDE),
}


class IbisMachine:
    """Expressions of Ibis, for an engine of this name."""

    def __init__(self, backend: str) -> None:
        """Name the engine: `duckdb` or `postgres`."""
        self.backend = backend

    def whole(self, value: int, *, wide: bool) -> Any:
        # A bare number would be 32 bits wide on DuckDB, whatever type Ibis believes it has.
        return ibis.literal(str(value)).cast(WIDE if wide else "int64")

    def resize(self, one: Any, *, wide: bool) -> Any:
        return one.cast(WIDE if wide else "int64")

    def add(self, one: Any, other: Any) -> Any:
        return _fitted(one + other)

    def subtract(self, one: Any, other: Any) -> Any:
        return _fitted(one - other)

    def multiply(self, one: Any, other: Any) -> Any:
        return _fitted(one * other)

    def quotient(self, one: Any, other: Any, *, wide: bool) -> Any:
        return _QUOTIENTS[self.backend, wide](one, other)

    def root(self, one: Any) -> Any:
        return one.cast("float64").sqrt().floor().cast("int64")

    def absolute(self, one: Any) -> Any:
        return one.abs()

    def extreme(self, one: Any, other: Any, *, least: bool) -> Any:
        return ibis.least(one, other) if least else ibis.greatest(one, other)

    def compare(self, sign: str, one: Any, other: Any) -> Any:
        match sign:
            case "=":
                return one == other
            case "!=":
                return one != other
            case "<":
                return one < other
            case "<=":
                return one <= other
            case ">":
                return one > other
        return one >= other

    def same(self, one: Any, other: Any) -> Any:
        return one == other

    def choose(self, condition: Any, one: Any, other: Any) -> Any:
        return condition.ifelse(one, other)

    def both(self, one: Any, other: Any) -> Any:
        return one & other

    def either(self, one: Any, other: Any) -> Any:
        return one | other

    def negated(self, one: Any) -> Any:
        return ~one

    def given(self, one: Any) -> Any:
        return one.notnull()

    def nothing(self, like: Any) -> Any:
        return ibis.null(like.type())

    def calendar(self, name: str, months: bool, days: Any) -> Any:
        if name == "weekday":
            return (days + 3) % 7 + 1
        if not months:
            raise AssertionError("years and months of days are computed in stages")
        return self.divide(days, 12) + 1970 if name == "year" else days % 12 + 1

    def divide(self, one: Any, by: int) -> Any:
        """Divide a narrow whole number, not negative, by a constant."""
        return self.quotient(one, self.whole(by, wide=False), wide=False)

    def text(self, value: str) -> Any:
        return ibis.literal(value)


def _fitted(one: Any) -> Any:
    """Say again that a wide number has 38 digits: Ibis adds some with each operation, and engines have no more."""
    return one.cast(WIDE) if one.type().is_decimal() else one
