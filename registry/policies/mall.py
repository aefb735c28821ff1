"""The policy of the mall (商城): bounds of prices, and until when orders are cancelled and refunded (R27, R60).

Shipped as `mall.json`, illustrative: the points guide asks in article 10 for reasonable rules and names no number.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

from registry.errors import Invalid

MALL: Final = "mall"
_BOUNDS: Final = {"most_price_g": 10**9, "refund_days": 366, "keep_delivery_days": 366}


@dataclass(frozen=True, slots=True)
class MallRules:
    """Bounds of the mall: points for one piece at most; days in which goods are given back; days an address is kept."""

    most_price_g: int
    cancel_until_shipped: bool
    refund_days: int
    keep_delivery_days: int

    @classmethod
    def of(cls, value: dict[str, Any]) -> "MallRules":
        """Read the policy's value; other members are remarks. Raises `Invalid`."""
        said = {one.name: value.get(one.name) for one in fields(cls)}
        for name, most in _BOUNDS.items():
            number = said[name]
            if type(number) is not int or not 0 <= number <= most:
                raise Invalid(f"{name} of {MALL!r} is a whole number from 0 to {most}.")
        if type(said["cancel_until_shipped"]) is not bool:
            raise Invalid(f"cancel_until_shipped of {MALL!r} is true or false.")
        return cls(**said)  # type: ignore[arg-type]  # each was looked at
