"""Which channel (消纳渠道) an act goes by, and what the policy in force opens it to (R28)."""

from dataclasses import dataclass

import sqlalchemy as sa

from registry.errors import ChannelClosed
from registry.ledger.ledger import Ledger
from registry.ledger.movement import Flag, Form
from registry.policies.channels import CHANNELS, CLASSES
from registry.policies.policies import in_force


@dataclass(frozen=True, slots=True)
class Open:
    """What may be used in a channel: flags that its blocks must have and must not have, and the policy's digest."""

    has: Flag
    lacks: Flag
    policy_sha256: str


def uses_of(tx: sa.Connection, ledger: Ledger, at: int) -> dict[str, list[str]]:
    """Give the uses of reductions by the policy in force at `at`, each with the classes that it is open to."""
    return {use: list(classes) for use, classes in in_force(tx, ledger, CHANNELS, at).value["reductions"].items()}


def open_channel(tx: sa.Connection, ledger: Ledger, channel: str, form: Form, at: int) -> Open:
    """Say what may be used in a channel at `at` (Unix milliseconds), and hold the policy until the transaction ends.

    Raises `ChannelClosed` when it is open to nothing of this form, and what `in_force` raises.
    """
    policy = in_force(tx, ledger, CHANNELS, at)
    if form == Form.POINTS:
        classes = CLASSES if channel in policy.value["points"] else frozenset()
    else:
        classes = frozenset(policy.value["reductions"][channel])
    if not classes:
        what = "points" if form == Form.POINTS else "reductions"
        raise ChannelClosed(f"{channel} is not open to {what} now; `gram policy show {CHANNELS}` says what is.")
    has = Flag.CLASS_I if classes == {"I"} else Flag(0)
    lacks = Flag.CLASS_I if classes == {"II"} else Flag(0)
    return Open(has, Flag.LOCKED | lacks, policy.digest.hex())
