"""Units and their exact factors, by pint over definitions of our own (`units.txt`): nothing else is a unit here."""

import re
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Final

import pint

from registry.engine.finding import Flaw

Unit = pint.Unit

_FORM: Final = re.compile(r"(1|[A-Za-z]\w*)([/*-][A-Za-z]\w*){0,5}", re.ASCII)
"""Products and quotients of names, `kgCO2e/passenger-km` too. pint reads more, and nobody needs it."""


@cache
def _registry() -> pint.UnitRegistry[Fraction]:
    registry: pint.UnitRegistry[Fraction] = pint.UnitRegistry(None, non_int_type=Fraction, cache_folder=None)
    for line in (files(__package__) / "units.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            registry.define(line)
    return registry


@cache
def unit(text: str) -> Unit:
    """Read a unit: `km`, `kgCO2e/kWh`, `1` for a bare number. Raises `Flaw`."""
    if _FORM.fullmatch(text) is None:
        raise Flaw("unit-unknown", unit=text)
    try:
        return _registry().parse_units("" if text == "1" else _braced(text))
    except (pint.errors.PintError, ValueError, TypeError, AttributeError, KeyError):
        raise Flaw("unit-unknown", unit=text) from None


def _braced(text: str) -> str:
    """A divisor is all that stands behind the stroke, as people write it: kg/person-km."""
    above, *below = text.replace("-", "*").split("/")
    return above + "".join(f"/({part})" for part in below)


def factor(found: Unit, wanted: Unit) -> Fraction | None:
    """Give how many `wanted` one `found` is, exactly; None where their dimensions differ."""
    if found == wanted:
        return Fraction(1)
    if found.dimensionality != wanted.dimensionality:
        return None
    times = [Fraction(str(_registry().get_base_units(of)[0])) for of in (found, wanted)]
    return times[0] / times[1]


def said(of: Unit) -> str:
    """Write a unit as an author would: `kgCO2e/person-km`."""
    parts = [(name, int(str(power))) for name, power in _registry().Quantity(1, of).unit_items()]
    above = [f"{name}{power if power > 1 else ''}" for name, power in parts if power > 0]
    below = [f"{name}{-power if power < -1 else ''}" for name, power in parts if power < 0]
    return ("-".join(above) or "1") + (f"/{'-'.join(below)}" if below else "")
