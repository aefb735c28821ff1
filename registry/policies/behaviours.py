"""What becomes of a behaviour (行为场景) by the policy in force: whether it issues, what its grams are kept from (R52).

Whether it issues every witness replays. That its grams do not convert, or are not traded, is the registry's own to see:
two leaves do not tell whose methodology a gram was issued by, and no flag of a leaf is free to say it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from registry.database.statement import Statement
from registry.errors import Insufficient, NotFound
from registry.evidence.canonical import canonical
from registry.ledger.ledger import Ledger
from registry.policies.policies import in_force
from registry.procedure.values import BEHAVIOURS, Behaviours, Switches, parse

_THERE = Statement("SELECT DISTINCT methodology_code FROM sources WHERE kind = 'behaviour' ORDER BY 1")


def behaviours_at(tx: sa.Connection, ledger: Ledger, at: int) -> Behaviours:
    """Give what the policy in force at `at` (Unix milliseconds) says, and hold it; where there is none, all is off."""
    try:
        policy = in_force(tx, ledger, BEHAVIOURS, at)
    except NotFound:
        return Behaviours({})
    said = parse(BEHAVIOURS, canonical(policy.value).decode())
    return said if isinstance(said, Behaviours) else Behaviours({})


def kept_from(tx: sa.Connection, ledger: Ledger, at: int, may: Callable[[Switches], bool]) -> tuple[str, ...]:
    """Give the codes of the behaviours whose grams may not be used so; `may` tells it of their switches."""
    there = [row.methodology_code for row in _THERE(tx, {})]
    if not there:
        return ()
    behaviours = behaviours_at(tx, ledger, at)
    return tuple(code for code in there if not may(behaviours.of(code)))


def kept_from_points(tx: sa.Connection, ledger: Ledger, at: int) -> tuple[str, ...]:
    """Give those whose grams do not convert."""
    return kept_from(tx, ledger, at, lambda switches: switches.converts)


def kept_from_trade(tx: sa.Connection, ledger: Ledger, at: int) -> tuple[str, ...]:
    """Give those whose grams are not traded."""
    return kept_from(tx, ledger, at, lambda switches: switches.tradable)


def kept_from_bundles(tx: sa.Connection, ledger: Ledger, at: int) -> tuple[str, ...]:
    """Give those whose grams must be told from others, so that they are gathered with none."""
    return kept_from(tx, ledger, at, lambda switches: switches.converts and switches.tradable)


@contextmanager
def telling(kept: tuple[str, ...]) -> Iterator[None]:
    """Say of what misses that it may be there, and is kept from this."""
    try:
        yield
    except Insufficient as short:
        if not kept:
            raise
        said = f"By the policy {BEHAVIOURS}, grams of {', '.join(kept)} are not for this."
        raise Insufficient(f"{short} {said}") from None
