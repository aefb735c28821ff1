"""What an officer gives with a decision on a source, beside the step: an end, a time to mend, hashes of documents."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from registry.errors import Invalid
from registry.procedure import fields
from registry.procedure.table import MAX_WORKING_DAYS, Step

_UNTIL, _DAYS, _RURAL = "valid_until_ms", "mend_days", "is_rural"
REVIEW: Final = "review"
"""The decision that says whether a mark that was declared holds."""
TRIAL: Final = "trial_sha256"
"""SHA-256 of the file of the test run: a batch of the source that was judged."""


@dataclass(frozen=True, slots=True)
class Given:
    """The new end of a renewal (Unix milliseconds), working days to mend in, hashes (hex) by their fields.

    `is_rural` says whether the rural mark that was declared holds.
    """

    valid_until_ms: int | None = None
    mend_days: int | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    is_rural: bool | None = None

    def kept(self) -> dict[str, Any]:
        """Write it as a motion keeps it."""
        said = {_UNTIL: self.valid_until_ms, _DAYS: self.mend_days, _RURAL: self.is_rural}
        return {name: value for name, value in said.items() if value is not None} | dict(self.hashes)


NOTHING: Final = Given()


def as_kept(kept: Mapping[str, Any]) -> Given:
    """Read what a motion kept."""
    hashes = {name: value for name, value in kept.items() if name not in {_UNTIL, _DAYS, _RURAL}}
    return Given(kept.get(_UNTIL), kept.get(_DAYS), hashes, kept.get(_RURAL))


def checked_given(step: Step, given: Given, *, is_marked: bool) -> Given:
    """Give back what a step asks for, the shortest time to mend where none is said. Raises `Invalid`.

    `is_marked`: the source declares a rural mark that no review has judged.
    """
    if (given.is_rural is None) == (is_marked and step.decision == REVIEW):
        raise Invalid(
            "Say `rural`, true or false: whether the mark that was declared holds."
            if given.is_rural is None
            else "No rural mark is judged by this. Leave `rural` out."
        )
    if given.valid_until_ms is None and step.in_last_months:
        raise Invalid(f"Say `valid_until`: until when {step.decision} renews.")
    if given.valid_until_ms is not None and not step.in_last_months:
        raise Invalid(f"{step.decision} renews nothing. Leave `valid_until` out.")
    if given.mend_days is not None and not step.sets_deadline:
        raise Invalid(f"{step.decision} sets no time to mend. Leave `mend_days` out.")
    days = step.sets_deadline if given.mend_days is None else given.mend_days
    if step.sets_deadline and not step.sets_deadline <= days <= MAX_WORKING_DAYS:
        raise Invalid(f"`mend_days` is {step.sets_deadline} to {MAX_WORKING_DAYS} working days.")
    if given.hashes.keys() != {*step.says}:
        asked = ", ".join(step.says) or "nothing"
        raise Invalid(f"{step.decision} says by a SHA-256: {asked}. Give exactly that in `says`.")
    if not all(map(fields.is_digest, given.hashes.values())):
        raise Invalid("Each value of `says` is a SHA-256, 64 digits of lower-case hex.")
    return Given(given.valid_until_ms, days or None, given.hashes, given.is_rural)


def illustrative(step: Step) -> Given:
    """Make what a demonstration gives: hashes of nothing but the word."""
    return Given(hashes={name: hashlib.sha256(b"illustrative").hexdigest() for name in step.says})
