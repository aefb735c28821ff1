"""Make the lawful child of a movement: what a kind leaves to choose is asked for, all else follows from the parent.

Pure. What it makes is still held against `broken_rule` before it is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from registry.ledger.movement import ENDS, NO_TAG, Flag, Kind, Movement
from registry.ledger.rules import COURSES

MINUTE_MS: Final = 60_000


def minute_of(at: int) -> int:
    """Give the `at` of a movement that an act made at this time (Unix milliseconds): the whole minute before it.

    The moment itself would be a name tag for whatever one person did at once. Policies begin and expiries end with
    whole minutes, so that both say the same of them.
    """
    return at // MINUTE_MS * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who holds the grams after a TRANSFER or a REDEEM: how its tag is made, and the kind of holder.

    `tag` takes the first gram and the evidence of the movement. For a GATHER it is no holder's: it gives the target.
    """

    tag: Callable[[int, bytes], bytes]
    is_individual: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What is to happen, the same for every block it takes."""

    kind: Kind
    at: int
    """The act's time, Unix milliseconds; its movements have the whole minute."""
    purpose: int = 0
    until: int = 0
    """Expiry that a CONVERT gives, Unix milliseconds; for every other kind it follows from the parent."""


# Plain integers: named flags cost more than all the rest, and an act has thousands of children.
_INDIVIDUAL, _LOCKED = int(Flag.INDIVIDUAL), int(Flag.LOCKED)
_SETS = {Kind.CONVERT: int(Flag.CONVERTED), Kind.REFUND: _INDIVIDUAL, Kind.LOCK: _LOCKED}
_CLEARS = {Kind.REDEEM: _INDIVIDUAL, Kind.TRANSFER: _INDIVIDUAL | _LOCKED, Kind.UNLOCK: _LOCKED}


def child_of(
    parent: Movement, parent_id: int, grams: tuple[int, int], step: Step, receiver: Receiver | None, evidence: bytes
) -> Movement:
    """Make the child that takes `grams` (`[first, last)`) from `parent`.

    `parent_id` is what the child names as its parent. `receiver` is given for TRANSFER, REDEEM and GATHER only.
    A form that the kind does not start from leads to a movement that `broken_rule` refuses.
    """
    is_end = step.kind in ENDS
    cleared = _INDIVIDUAL | _LOCKED if is_end else _CLEARS.get(step.kind, 0)
    flags = parent.flags & ~cleared | _SETS.get(step.kind, 0)
    if receiver is not None and receiver.is_individual:
        flags |= _INDIVIDUAL
    form = COURSES[step.kind].forms.get(parent.form, parent.form)
    until = step.until if step.kind == Kind.CONVERT else parent.until if form == parent.form and not is_end else 0
    return Movement(
        kind=step.kind,
        form=form,
        flags=flags,
        purpose=step.purpose,
        first=grams[0],
        last=grams[1],
        parent=parent_id,
        at=minute_of(step.at),
        until=until,
        from_tag=parent.to_tag,
        to_tag=_to_tag(parent, step, receiver, grams[0], evidence),
        evidence=evidence,
    )


def _to_tag(parent: Movement, step: Step, receiver: Receiver | None, first: int, evidence: bytes) -> bytes:
    match COURSES[step.kind].holder:
        case "same":
            return parent.to_tag
        case "refund":
            return parent.from_tag
        case "changes" | "target" if receiver is not None:
            return receiver.tag(first, evidence)
    return NO_TAG
