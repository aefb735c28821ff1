"""Exact numbers as pairs of whole numbers, on any engine: a numerator and a divisor above zero, each with its bounds.

So nothing is divided before the end, no engine's decimals or floats decide, and a definition that could overflow is
refused before it runs: whole numbers are 64 bits wide where the bounds allow it, and have 38 digits otherwise.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd, isqrt, lcm
from math import floor as floor_of
from typing import Any, Final, Protocol

from registry.engine.finding import Flaw

MAX_DIGITS: Final = 38
"""Whole numbers that every engine holds exactly: DuckDB's and PostgreSQL's decimal(38, 0)."""
_LIMIT: Final = 10**MAX_DIGITS
_NARROW: Final = 1 << 63
ROOT_LIMIT: Final = 1 << 52
"""Below it the root of a whole number, in double precision and rounded down, is exact: IEEE 754 rounds it right."""


class Machine(Protocol):
    """Operations on an engine's expressions; `Any` is its expression. Whole numbers are narrow (64 bits) or wide."""

    def whole(self, value: int, *, wide: bool) -> Any: ...
    def resize(self, one: Any, *, wide: bool) -> Any: ...
    def add(self, one: Any, other: Any) -> Any: ...
    def subtract(self, one: Any, other: Any) -> Any: ...
    def multiply(self, one: Any, other: Any) -> Any: ...
    def quotient(self, one: Any, other: Any, *, wide: bool) -> Any:
        """Divide and drop the fraction; both are at least 0."""
        ...

    def root(self, one: Any) -> Any: ...
    def absolute(self, one: Any) -> Any: ...
    def extreme(self, one: Any, other: Any, *, least: bool) -> Any:
        """Give the lesser or greater; of one that is nothing, anything."""
        ...

    def compare(self, sign: str, one: Any, other: Any) -> Any: ...
    def same(self, one: Any, other: Any) -> Any: ...
    def choose(self, condition: Any, one: Any, other: Any) -> Any:
        """`one` where the condition holds, `other` where it does not or is nothing."""
        ...

    def both(self, one: Any, other: Any) -> Any: ...
    def either(self, one: Any, other: Any) -> Any: ...
    def negated(self, one: Any) -> Any: ...
    def given(self, one: Any) -> Any: ...
    def nothing(self, like: Any) -> Any: ...
    def calendar(self, name: str, months: bool, days: Any) -> Any:
        """month, year, month_of_year or weekday of a day, or (`months`) of a month."""
        ...

    def text(self, value: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two bounds; a constant has no expression."""

    low: int
    high: int
    expression: Any = None
    constant: bool = False

    @property
    def wide(self) -> bool:
        """Whether it may not fit 64 bits."""
        return not -_NARROW <= self.low <= self.high < _NARROW


@dataclass(frozen=True, slots=True)
class Exact:
    """`numerator / divisor`; the divisor is at least 1."""

    numerator: Whole
    divisor: Whole

    @property
    def low(self) -> Fraction:
        """Nothing below it comes out."""
        return Fraction(self.numerator.low, self.divisor.high if self.numerator.low >= 0 else self.divisor.low)

    @property
    def high(self) -> Fraction:
        """Nothing above it comes out."""
        return Fraction(self.numerator.high, self.divisor.low if self.numerator.high >= 0 else self.divisor.high)


def whole(value: int) -> Whole:
    """A constant."""
    return _bounded(value, value, constant=True)


def exact(value: Fraction) -> Exact:
    """A constant."""
    return Exact(whole(value.numerator), whole(value.denominator))


def of_whole(one: Whole) -> Exact:
    """A whole number as it is."""
    return Exact(one, whole(1))


def _bounded(low: int, high: int, expression: Any = None, *, constant: bool = False) -> Whole:
    if not -_LIMIT < low <= high < _LIMIT:
        raise Flaw("too-large", digits=len(str(max(-low, high))), most=MAX_DIGITS)
    return Whole(low, high, expression, constant)


class Arithmetic:
    """The operations on exact numbers, written for one machine."""

    def __init__(self, machine: Machine) -> None:
        """Name the machine."""
        self.machine = machine

    # Whole numbers

    def expression(self, one: Whole, *, wide: bool | None = None) -> Any:
        """Give the machine's expression, of the width asked for."""
        wide = one.wide if wide is None else wide
        if one.constant:
            return self.machine.whole(one.low, wide=wide)
        return one.expression if wide == one.wide else self.machine.resize(one.expression, wide=wide)

    def _operate(self, name: str, one: Whole, other: Whole, low: int, high: int) -> Whole:
        if one.constant and other.constant:
            return whole(low)
        found = _bounded(low, high)
        wide = found.wide or one.wide or other.wide
        made = getattr(self.machine, name)(self.expression(one, wide=wide), self.expression(other, wide=wide))
        return _bounded(low, high, made if wide == found.wide else self.machine.resize(made, wide=found.wide))

    def _plus(self, one: Whole, other: Whole) -> Whole:
        return self._operate("add", one, other, one.low + other.low, one.high + other.high)

    def _minus(self, one: Whole, other: Whole) -> Whole:
        return self._operate("subtract", one, other, one.low - other.high, one.high - other.low)

    def times(self, one: Whole, other: Whole) -> Whole:
        """Multiply; by 1 nothing is done."""
        for factor, rest in ((one, other), (other, one)):
            if factor.constant and factor.low == 1:
                return rest
        corners = [a * b for a in (one.low, one.high) for b in (other.low, other.high)]
        return self._operate("multiply", one, other, min(corners), max(corners))

    def _divided(self, one: Whole, other: Whole) -> Whole:
        """Divide, rounding down; the divisor is at least 1."""
        if other.constant and other.low == 1:
            return one
        if one.constant and other.constant:
            return whole(one.low // other.low)
        corners = [a // b for a in (one.low, one.high) for b in (other.low, other.high)]
        low, high = min(corners), max(corners)
        machine, zero = self.machine, whole(0)
        if one.low >= 0:
            return _bounded(low, high, self._quotient(one, other, low, high))
        # Engines cut towards zero; below it the quotient of (divisor - 1 - number) is taken, and its negative.
        mirrored = self._minus(self._minus(other, whole(1)), one)
        below = self._quotient(mirrored, other, low, high)
        found = _bounded(low, high)
        below = machine.subtract(machine.whole(0, wide=found.wide), below)
        if one.high < 0:
            return _bounded(low, high, below)
        above = self._quotient(one, other, low, high)
        return _bounded(low, high, machine.choose(self.compare_whole(">=", one, zero), above, below))

    def _quotient(self, one: Whole, other: Whole, low: int, high: int) -> Any:
        wide = one.wide or other.wide
        made = self.machine.quotient(self.expression(one, wide=wide), self.expression(other, wide=wide), wide=wide)
        result = _bounded(low, high).wide
        return made if result == wide else self.machine.resize(made, wide=result)

    def compare_whole(self, sign: str, one: Whole, other: Whole) -> Any:
        """Compare by a sign."""
        wide = one.wide or other.wide
        return self.machine.compare(sign, self.expression(one, wide=wide), self.expression(other, wide=wide))

    def choose_whole(self, condition: Any, one: Whole, other: Whole) -> Whole:
        """Choose between two."""
        if one.constant and other.constant and one.low == other.low:
            return one
        found = _bounded(min(one.low, other.low), max(one.high, other.high))
        parts = (self.expression(part, wide=found.wide) for part in (one, other))
        return Whole(found.low, found.high, self.machine.choose(condition, *parts))

    # Exact numbers

    def scale(self, one: Exact, by: Fraction) -> Exact:
        """Multiply by a constant."""
        return self.multiply(one, exact(by))

    def add(self, one: Exact, other: Exact) -> Exact:
        """Add."""
        left, right, divisor = self._common(one, other)
        return Exact(self._plus(left, right), divisor)

    def subtract(self, one: Exact, other: Exact) -> Exact:
        """Subtract."""
        left, right, divisor = self._common(one, other)
        return Exact(self._minus(left, right), divisor)

    def multiply(self, one: Exact, other: Exact) -> Exact:
        """Multiply, with what constants have in common taken out first."""
        left, below = _shortened(one.numerator, other.divisor)
        right, beneath = _shortened(other.numerator, one.divisor)
        return Exact(self.times(left, right), self.times(below, beneath))

    def divide(self, one: Exact, other: Exact) -> Exact:
        """Divide. Raises `Flaw` when the divisor may be zero."""
        if other.numerator.low <= 0 <= other.numerator.high:
            raise Flaw("division-by-zero", low=shown_number(other.low), high=shown_number(other.high))
        if other.numerator.high < 0:
            one, other = self.scale(one, Fraction(-1)), self.scale(other, Fraction(-1))
        return self.multiply(one, Exact(other.divisor, other.numerator))

    def floor(self, one: Exact) -> Exact:
        """Round down to a whole number."""
        return of_whole(self._divided(one.numerator, one.divisor))

    def root(self, one: Exact) -> Exact:
        """Give the greatest whole number whose square is not above: that of the number rounded down."""
        floor = self.floor(one).numerator
        if floor.low < 0 or floor.high >= ROOT_LIMIT:
            raise Flaw("root-range", low=shown_number(one.low), high=shown_number(one.high))
        if floor.constant:
            return of_whole(whole(isqrt(floor.low)))
        made = self.machine.root(self.expression(floor, wide=False))
        return of_whole(Whole(isqrt(floor.low), isqrt(floor.high), made))

    def absolute(self, one: Exact) -> Exact:
        """Drop the sign."""
        numerator = one.numerator
        if numerator.low >= 0:
            return one
        if numerator.high <= 0:
            return self.scale(one, Fraction(-1))
        made = self.machine.absolute(self.expression(numerator))
        found = Whole(0, max(-numerator.low, numerator.high), made)
        return Exact(found, one.divisor)

    def extreme(self, one: Exact, other: Exact, *, least: bool) -> Exact:
        """Give the lesser or the greater of two; of one that is nothing, anything."""
        pick = min if least else max
        if not (one.divisor.constant and other.divisor.constant):
            found = self.choose(self.compare("<=" if least else ">=", one, other), one, other)
            return self.within(found, pick(one.low, other.low), pick(one.high, other.high))
        left, right, divisor = self._common(one, other)
        low, high = pick(left.low, right.low), pick(left.high, right.high)
        if left.constant and right.constant:
            return Exact(whole(low), divisor)
        wide = left.wide or right.wide
        parts = (self.expression(part, wide=wide) for part in (left, right))
        made = self.machine.extreme(*parts, least=least)
        narrow = not Whole(low, high).wide
        made = self.machine.resize(made, wide=False) if wide and narrow else made
        return Exact(Whole(low, high, made), divisor)

    def within(self, one: Exact, low: Fraction, high: Fraction) -> Exact:
        """Put what is known of a number into its bounds."""
        numerator = one.numerator
        if numerator.constant or not one.divisor.constant:
            return one
        floor = max(ceil(low * one.divisor.low), numerator.low)
        ceiling = min(floor_of(high * one.divisor.low), numerator.high)
        if floor > ceiling:
            return one
        wide = Whole(floor, ceiling).wide
        return Exact(Whole(floor, ceiling, self.expression(numerator, wide=wide)), one.divisor)

    def compare(self, sign: str, one: Exact, other: Exact) -> Any:
        """Compare by a sign, multiplied crosswise where the divisors differ."""
        left, right, _ = self._common(one, other)
        return self.compare_whole(sign, left, right)

    def choose(self, condition: Any, one: Exact, other: Exact) -> Exact:
        """Choose between two."""
        if one.divisor.constant and other.divisor.constant:
            left, right, divisor = self._common(one, other)
            return Exact(self.choose_whole(condition, left, right), divisor)
        numerator = self.choose_whole(condition, one.numerator, other.numerator)
        return Exact(numerator, self.choose_whole(condition, one.divisor, other.divisor))

    def _common(self, one: Exact, other: Exact) -> tuple[Whole, Whole, Whole]:
        """Give two numbers as numerators over one divisor."""
        if one.divisor is other.divisor:
            return one.numerator, other.numerator, one.divisor
        if one.divisor.constant and other.divisor.constant:
            common = lcm(one.divisor.low, other.divisor.low)
            left = self.times(one.numerator, whole(common // one.divisor.low))
            return left, self.times(other.numerator, whole(common // other.divisor.low)), whole(common)
        left, right = self.times(one.numerator, other.divisor), self.times(other.numerator, one.divisor)
        return left, right, self.times(one.divisor, other.divisor)


def shown_number(value: Fraction) -> str:
    """Write a number for people: exactly where it is short, and its first digits otherwise."""
    if value.denominator == 1:
        return str(value.numerator) if abs(value) < 10**20 else f"{value.numerator:.3e}"
    scaled = value * 10**18
    if scaled.denominator == 1:
        digits = f"{abs(scaled.numerator):019}"
        return f"{'-' if value < 0 else ''}{digits[:-18]}.{digits[-18:]}".rstrip("0").rstrip(".")
    return str(value) if len(str(value)) <= 40 else f"≈ {float(value):.6g}"


def _shortened(numerator: Whole, divisor: Whole) -> tuple[Whole, Whole]:
    if not (numerator.constant and divisor.constant):
        return numerator, divisor
    common = gcd(numerator.low, divisor.low)
    return whole(numerator.low // common), whole(divisor.low // common)
