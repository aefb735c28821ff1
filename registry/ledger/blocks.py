"""Live blocks as an account holds them, and what an act wants of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from registry.database.schema import acts, blocks, movements
from registry.errors import SetAside
from registry.ledger.child import MINUTE_MS
from registry.ledger.movement import Flag, Form, Movement, serial

BLOCKS_AT_ONCE: Final = 1_000
"""Of which an act is done while its caller waits. One that takes more blocks is a job."""
BLOCKS_OF_JOB: Final = 250_000
"""Of an act that a job does in one transaction: what it holds in memory is about 2 KB a block."""
NO_FLAG = Flag(0)


@dataclass(frozen=True, slots=True)
class Block:
    """A live block: grams `[first, last)` in one lot or one bundle, and the movement that made it."""

    movement_id: int
    act_id: int
    giver_id: int | None
    account_id: int
    lot_id: int | None
    first: int
    last: int
    maker: Movement
    made_ms: int
    """When it was made, to the millisecond, Unix; within the minute that the movement says."""
    is_set_aside: bool = False
    """Whether the log refused the movement that made it; nothing is done with such grams."""

    @property
    def quantity_g(self) -> int:
        """Grams in the block."""
        return self.last - self.first

    @property
    def serial(self) -> str:
        """The block's name for people."""
        return serial(self.first, self.last)


@dataclass(frozen=True, slots=True)
class Piece:
    """What an act takes of one block: grams `[first, last)`."""

    block: Block
    first: int
    last: int

    @property
    def quantity_g(self) -> int:
        """Grams taken."""
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which blocks an act may take."""

    account_id: int
    form: Form
    has: Flag = NO_FLAG
    """Flags that must be set."""
    lacks: Flag = Flag.LOCKED
    """Flags that must not be set."""
    usable_at: int | None = None
    """Points must not be past their expiry at this time, Unix milliseconds; None where expiry does not matter."""
    redeemed_by_act: int | None = None
    """Only what this redemption brought."""
    most: int = BLOCKS_AT_ONCE
    """Blocks that the act takes, at most."""
    kept: Sequence[str] = ()
    """Behaviours (行为场景), by the codes of their methodologies, whose grams are not for this act."""


IS_SET_ASIDE: sa.ColumnElement[bool] = sa.literal_column(
    "EXISTS (SELECT FROM set_aside s WHERE s.movement_id = blocks.movement_id "
    "AND NOT EXISTS (SELECT FROM log_entries e WHERE e.movement_id = s.movement_id))",
    sa.Boolean,
)
"""Whether the log refused the movement that made a block, a row of `blocks` or of what has its name."""


_MAKER = (
    movements.c.kind, movements.c.form, movements.c.flags, movements.c.purpose, movements.c.first_g, movements.c.last_g,
    movements.c.parent_id, movements.c.at_ms, movements.c.until_ms, movements.c.from_tag, movements.c.to_tag,
    movements.c.evidence,
)  # fmt: skip
"""Columns of a movement, in the order of `Movement`'s fields."""


def select_blocks(blocks: sa.FromClause = blocks) -> sa.Select[Any]:
    """Blocks joined with the movement that made each, for `block_of`; all of them, or those that are given."""
    return sa.select(
        blocks.c.movement_id,
        blocks.c.account_id,
        blocks.c.lot_id,
        blocks.c.first_g.label("block_first"),
        blocks.c.last_g.label("block_last"),
        IS_SET_ASIDE.label("is_set_aside"),
        acts.c.at_ms.label("act_ms"),
        movements.c.act_id,
        movements.c.giver_id,
        *_MAKER,
    ).select_from(
        blocks.join(movements, movements.c.id == blocks.c.movement_id).join(acts, acts.c.id == movements.c.act_id)
    )


def block_of(row: Iterable[Any]) -> Block:
    """Read a row of `select_blocks`."""
    number, account, lot, first, last, is_set_aside, act_ms, act, giver, *maker = tuple(
        row
    )  # by name they are read slowly
    made_by = Movement(*maker)
    return Block(number, act, giver, account, lot, first, last, made_by, _made_ms(made_by.at, act_ms), is_set_aside)


def _made_ms(minute: int, act_ms: int) -> int:
    # No seal covers the act's row: beyond the movement's minute it is not believed.
    return min(max(act_ms, minute), minute + MINUTE_MS - 1)


def movement_of(row: sa.Row[Any]) -> Movement:
    """Read a movement from a row with all columns of `movements`. Its parent is a movement number, no log index."""
    return Movement(
        kind=row.kind,
        form=row.form,
        flags=row.flags,
        purpose=row.purpose,
        first=row.first_g,
        last=row.last_g,
        parent=row.parent_id,
        at=row.at_ms,
        until=row.until_ms,
        from_tag=bytes(row.from_tag),
        to_tag=bytes(row.to_tag),
        evidence=bytes(row.evidence),
    )


def refuse_set_aside(found: Sequence[Block]) -> None:
    """Raise `SetAside` when the log refused the movement that made one of these blocks."""
    for block in found:
        if block.is_set_aside:
            raise SetAside(
                f"{block.serial} came by movement {block.movement_id}, which was set aside: it is not as this registry "
                "wrote it, and not in the log. Nothing can be done with these grams before that is settled."
            )
