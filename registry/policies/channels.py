"""The policy of channels (消纳渠道): which uses are open to reductions of which class, and which to points (R28).

Shipped as `registry/policies/channels.json`, by article 29 of the measure: compliance is for class I alone.
"""

from typing import Any, Final

from registry.errors import Invalid

CHANNELS: Final = "channels"
COMPLIANCE: Final = "compliance-offset"
OF_REDUCTIONS: Final = (
    "trading", "donation", "voluntary-offset", "voluntary-cancellation", "ecological-damage-compensation", COMPLIANCE,
)  # fmt: skip
OF_POINTS: Final = ("donation", "voluntary-cancellation")
CLASSES: Final = frozenset({"I", "II"})


def check_channels(value: dict[str, Any]) -> None:
    """Read the policy's value. Raises `Invalid` with what is wrong."""
    reductions, points = value.get("reductions"), value.get("points")
    if not isinstance(reductions, dict) or set(reductions) != set(OF_REDUCTIONS):
        raise Invalid(f"reductions of {CHANNELS!r} names each of {', '.join(OF_REDUCTIONS)}, and nothing else.")
    for channel, classes in reductions.items():
        if not _are_of(classes, CLASSES):
            raise Invalid(f"{channel} of {CHANNELS!r} is a list of classes, I and II, each once.")
    if "II" in reductions[COMPLIANCE]:
        raise Invalid(f"{COMPLIANCE} is for class I alone: every leaf is judged so, whatever a policy says.")
    if not _are_of(points, frozenset(OF_POINTS)):
        raise Invalid(f"points of {CHANNELS!r} is a list out of {', '.join(OF_POINTS)}, each once.")


def _are_of(words: Any, known: frozenset[str]) -> bool:
    are_known = isinstance(words, list) and all(type(one) is str and one in known for one in words)
    return are_known and len(set(words)) == len(words)
