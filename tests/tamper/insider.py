"""An insider's attack: what he does, and what must come of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import sqlalchemy as sa

from registry.database.engine import Database
from tests.support.scheme import Scheme

PAST_THE_TRIGGERS = "owner past the triggers"
ROLES = ("registry", "owner", PAST_THE_TRIGGERS)
Waiting = Sequence[sa.Row[Any]]
"""Movements that the program wrote and nobody has logged yet."""


@dataclass(frozen=True)
class World:
    """A registry's database, as its owner has it and as the program has it, and a shop where people spend."""

    owner: Database
    scheme: Scheme
    shop: int
    random: Random

    @property
    def registry(self) -> Database:
        return self.scheme.database


@dataclass(frozen=True)
class Aim:
    """What must not get into the log, by number; the places by which fsck may name the attack besides."""

    targets: set[int] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    may_stop: bool = False
    """Whether the log may stand still, if it says so: it has nothing to go on from."""
    is_nothing: bool = False
    """Whether the database took it, and nothing came of it."""
    is_total: bool = False
    """Whether everything that waited is what was attacked."""
    then: Callable[[], set[int]] | None = None
    """What somebody does next, in good faith; gives further targets."""

    def bystanders(self, waiting: Waiting) -> set[int]:
        """Those who wait and have nothing to do with it: of no target's act, and descended from none."""
        if self.is_total:
            return set()
        acts = {row.act_id for row in waiting if row.id in self.targets}
        touched = set(self.targets)
        for row in waiting:
            if row.act_id in acts or row.parent_id in touched:
                touched.add(row.id)
        return {row.id for row in waiting} - touched


@dataclass(frozen=True)
class Attack:
    """A kind of attack: `do` writes in a transaction of its role, and may be refused there."""

    name: str
    do: Callable[[World, sa.Connection, Waiting], Aim]
    is_found_by_fsck: bool = False
    is_alone: bool = False
    """Whether it is done to a copy, because it leaves nothing to go on with."""
