"""The formulas that records name. A record says which, and with which of its parameters; nothing else computes grams.

The activity is counted in the thousandth of the factor's own unit (metres where the factor is per kilometre), so
that kg per unit is numerically g per thousandth: 0.097 kg/km is 0.097 g/m.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from registry.errors import Invalid

UNITS = {"m": "kgCO2e/km", "passenger-m": "kgCO2e/passenger-km", "Wh": "kgCO2e/kWh"}
"""Unit of activity -> the unit that its factors must have."""


class FormulaName(StrEnum):
    """The forms a formula can take."""

    FACTOR_DIFFERENCE = "factor-difference"
    """activity x (baseline factor - project factor)"""
    FACTOR = "factor"
    """activity x factor"""
    UNPUBLISHED = "unpublished"
    """The text is not public here; nothing is computed."""


@dataclass(frozen=True, slots=True)
class Formula:
    """`terms` name parameters, in the order of the form. Grams are rounded down, once, for each activity."""

    name: FormulaName
    activity: str
    activity_unit: str
    terms: tuple[str, ...]
    zh: str
    en: str


class Factor(Protocol):
    """A parameter as a formula needs it."""

    @property
    def unit(self) -> str: ...

    @property
    def decimal(self) -> Decimal: ...


def grams_per_unit(formula: Formula, factors: Sequence[Factor]) -> Decimal:
    """Evaluate a formula for one unit of activity: grams of CO2e, exact, above zero. Raises `Invalid`."""
    expected = UNITS.get(formula.activity_unit)
    if any(factor.unit != expected for factor in factors):
        raise Invalid(
            f"The factors of {formula.name} must be in {expected} for an activity in {formula.activity_unit}."
        )
    match formula.name, [factor.decimal for factor in factors]:
        case FormulaName.FACTOR_DIFFERENCE, [baseline, project] if baseline > project:
            return baseline - project
        case FormulaName.FACTOR, [factor] if factor > 0:
            return factor
    raise Invalid(f"The formula {formula.name} of {formula.activity} does not give grams with {len(factors)} factors.")


def reduction_g(rate: Decimal, activity: int) -> int:
    """Grams of one activity: `activity` units times `rate` grams each, rounded down."""
    numerator, denominator = rate.as_integer_ratio()
    return activity * numerator // denominator
