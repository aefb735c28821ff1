"""The policy of ride intake: every limit that the rules leave open, dated and with its reason beside it.

Shipped as `registry/policies/rides.json`; the policy in force is bound into the evidence of an issuance.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Any, Final

from registry.errors import Invalid

RIDES: Final = "rides"


@dataclass(frozen=True, slots=True)
class RidePolicy:
    """Limits on rides and on the files that bring them, all whole numbers."""

    utc_offset_minutes: int
    """What the file's local times are ahead of UTC."""
    clock_resolution_s: int
    """How much longer than its two times say a ride may have lasted."""
    max_duration_s: int
    max_speed_m_per_h: int
    max_file_bytes: int
    max_rows: int
    max_line_bytes: int

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "RidePolicy":
        """Take the limits from a policy's value. Raises `Invalid` when one is missing or no whole number above zero."""
        names = [field.name for field in fields(cls)]
        wrong = [name for name in names if type(value.get(name)) is not int or value[name] <= 0]
        if wrong:
            raise Invalid(f"The policy {RIDES!r} needs whole numbers above zero for {', '.join(wrong)}.")
        return cls(**{name: value[name] for name in names})

    @classmethod
    def shipped(cls) -> "RidePolicy":
        """Read the policy that ships with the project."""
        text = (files("registry.policies") / f"{RIDES}.json").read_text(encoding="utf-8")
        return cls.of(json.loads(text))
