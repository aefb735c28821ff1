"""What a program could come to, before it runs: where a divisor may be zero, or a number too large for an engine."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from registry.engine.exact import Exact
from registry.engine.finding import Flaw
from registry.engine.lowering import GRAM, Lowering, grams_of, store
from registry.engine.typed import Column, Program
from registry.engine.units import factor


class _Nowhere:
    def column(self, _name: str, _grain: str) -> Any:
        return None

    def past(self, *_parts: Any) -> Any:
        return None


class NoMachine:
    """Nothing runs: every operation gives None. The bounds of exact numbers are all that is left."""

    def __getattr__(self, _name: str) -> Any:
        return lambda *_parts, **_more: None


def check_bounds(program: Program, tell: Callable[[Column, Flaw], None]) -> Lowering:
    """Walk every column with bounds alone; tells the flaw of each that could not run, and goes on without it."""
    lowering = Lowering(program, NoMachine(), _Nowhere(), None)
    keys = {key for group in program.definition.groups for key in group.by}
    for column in program.columns:
        try:
            value = lowering.value(column.node, column.per)
            _check_use(lowering, column, value, is_key=column.name in keys)
        except Flaw as flaw:
            tell(column, flaw)
            return lowering
        lowering.stored[column.name] = store(column.name, column.type.kind, value)
    return lowering


def _check_use(lowering: Lowering, column: Column, value: Any, *, is_key: bool) -> None:
    """Check what is asked of a column beyond its own value: grams that can be had, a key that is one number."""
    if not isinstance(value, Exact):
        return
    if column.name == lowering.program.definition.output and column.type.unit is not None:
        grams_of(lowering, value, factor(column.type.unit, GRAM) or Fraction(0))
    if is_key and not value.divisor.constant:
        raise Flaw("key", name=column.name)
