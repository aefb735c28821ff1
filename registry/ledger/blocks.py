"""Live blocks as an account holds them, and which of them an act takes: earliest expiry first, then the lowest gram."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.database.schema import acts, blocks, movements
from registry.errors import Insufficient, Invalid, SetAside
from registry.ledger.child import MINUTE_MS
from registry.ledger.movement import Flag, Form, Movement, serial

MAX_BLOCKS_PER_ACT = 1000
"""An act is one transaction; a larger one would keep the account's other acts waiting for seconds."""
_PAGE = 64
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
    most: int = MAX_BLOCKS_PER_ACT
    """Blocks that the act takes, at most."""


_IS_SET_ASIDE: sa.Label[bool] = sa.literal_column(
    "EXISTS (SELECT FROM set_aside s WHERE s.movement_id = blocks.movement_id "
    "AND NOT EXISTS (SELECT FROM log_entries e WHERE e.movement_id = s.movement_id))",
    sa.Boolean,
).label("is_set_aside")


def select_blocks() -> sa.Select[Any]:
    """Blocks joined with the movement that made each, for `block_of`."""
    return sa.select(
        blocks.c.movement_id,
        blocks.c.account_id,
        blocks.c.lot_id,
        blocks.c.first_g.label("block_first"),
        blocks.c.last_g.label("block_last"),
        _IS_SET_ASIDE,
        acts.c.at_ms.label("act_ms"),
        *(column for column in movements.c if column.key not in {"id", "account_id"}),
    ).select_from(
        blocks.join(movements, movements.c.id == blocks.c.movement_id).join(acts, acts.c.id == movements.c.act_id)
    )


def block_of(row: sa.Row[Any]) -> Block:
    """Read a row of `select_blocks`."""
    return Block(
        row.movement_id, row.act_id, row.giver_id, row.account_id, row.lot_id, row.block_first, row.block_last,
        movement_of(row), _made_ms(row), row.is_set_aside,
    )  # fmt: skip


def _made_ms(row: sa.Row[Any]) -> int:
    # No seal covers the act's row: beyond the movement's minute it is not believed.
    minute = int(row.at_ms)
    return min(max(int(row.act_ms), minute), minute + MINUTE_MS - 1)


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


_ALLOWED = (
    select_blocks()
    .where(
        blocks.c.account_id == sa.bindparam("account"),
        blocks.c.form == sa.bindparam("form"),
        blocks.c.flags.bitwise_and(sa.bindparam("mask", type_=sa.SmallInteger)) == sa.bindparam("has"),
        blocks.c.until_ms >= sa.bindparam("usable_at"),
    )
    .order_by(blocks.c.until_ms, blocks.c.first_g)
)
_OF_ACT = _ALLOWED.where(movements.c.act_id == sa.bindparam("act"))
_IN_ORDER = _ALLOWED.where(
    sa.tuple_(blocks.c.until_ms, blocks.c.first_g) > sa.tuple_(sa.bindparam("after_until"), sa.bindparam("after_first"))
).limit(_PAGE)
_OVERLAPPING = _ALLOWED.where(blocks.c.first_g < sa.bindparam("last"), blocks.c.last_g > sa.bindparam("first")).limit(
    sa.bindparam("most") + 1
)
_OVERLAPPING_OF_ACT = _OVERLAPPING.where(movements.c.act_id == sa.bindparam("act"))


_GRAMS = sa.select(sa.func.coalesce(sa.func.sum(blocks.c.last_g - blocks.c.first_g), 0)).where(
    blocks.c.account_id == sa.bindparam("account"), blocks.c.form == sa.bindparam("form")
)


def _parameters(wanted: Wanted) -> dict[str, int]:
    of_act = {} if wanted.redeemed_by_act is None else {"act": wanted.redeemed_by_act}
    return of_act | {
        "account": wanted.account_id,
        "form": int(wanted.form),
        "mask": int(wanted.has | wanted.lacks),
        "has": int(wanted.has),
        "usable_at": wanted.usable_at or 0,
    }


def take(tx: sa.Connection, wanted: Wanted, quantity_g: int) -> list[Piece]:
    """Take `quantity_g` grams from the account's blocks. The account must be locked by the caller.

    What the log refused is passed over. Raises `Insufficient` when there are not that many, `SetAside` when there are
    only with those, `Invalid` when they lie in too many blocks for one act.
    """
    if quantity_g <= 0:
        raise Invalid("quantity_g is a whole number of grams, at least 1.")
    pieces: list[Piece] = []
    missing, refused = quantity_g, []
    for block in _in_order(tx, wanted):
        if block.is_set_aside:
            refused.append(block)
            continue
        if len(pieces) == wanted.most:
            raise Invalid(
                f"{quantity_g} g lie in more than {wanted.most} blocks. Do the act in parts of at most "
                f"{quantity_g - missing} g."
            )
        pieces.append(Piece(block, block.first, block.first + min(missing, block.quantity_g)))
        missing -= pieces[-1].quantity_g
        if not missing:
            return pieces
    refuse_set_aside(refused)
    raise Insufficient(f"Only {quantity_g - missing} g can be used for this; {quantity_g} g were asked for.")


def take_all(tx: sa.Connection, wanted: Wanted) -> list[Piece]:
    """Take all grams that an act may take of the account. The account must be locked.

    What the log refused is passed over. Raises `Insufficient` when there are none, `Invalid` as `take` does.
    """
    blocks_there = [block for block in _in_order(tx, wanted) if not block.is_set_aside]
    if not blocks_there:
        raise Insufficient("The account holds nothing that can be used for this.")
    return take(tx, wanted, sum(block.quantity_g for block in blocks_there))


def grams_in(tx: sa.Connection, account_id: int, form: Form) -> int:
    """Add up what an account holds in a form, locked or not."""
    return int(tx.execute(_GRAMS, {"account": account_id, "form": int(form)}).scalar_one())


def refuse_set_aside(found: Sequence[Block]) -> None:
    """Raise `SetAside` when the log refused the movement that made one of these blocks."""
    for block in found:
        if block.is_set_aside:
            raise SetAside(
                f"{block.serial} came by movement {block.movement_id}, which was set aside: it is not as this registry "
                "wrote it, and not in the log. Nothing can be done with these grams before that is settled."
            )


def _in_order(tx: sa.Connection, wanted: Wanted) -> Iterator[Block]:
    parameters = _parameters(wanted)
    if wanted.redeemed_by_act is not None:
        yield from map(block_of, tx.execute(_OF_ACT, parameters).all())
        return
    after = (-1, -1)
    while True:
        rows = tx.execute(_IN_ORDER, parameters | {"after_until": after[0], "after_first": after[1]}).all()
        for row in rows:
            yield block_of(row)
        if len(rows) < _PAGE:
            return
        after = (rows[-1].until_ms, rows[-1].block_first)


def take_exactly(tx: sa.Connection, wanted: Wanted, first: int, last: int) -> list[Piece]:
    """Take exactly the grams `[first, last)`, which may lie in several adjoining blocks. The account must be locked.

    Raises `Insufficient` when any of them is not there to take, `Invalid` when they lie in too many blocks for one act.
    """
    query = _OVERLAPPING if wanted.redeemed_by_act is None else _OVERLAPPING_OF_ACT
    rows = tx.execute(query, _parameters(wanted) | {"first": first, "last": last, "most": wanted.most}).all()
    if len(rows) > wanted.most:
        raise Invalid(f"{serial(first, last)} lies in more than {wanted.most} blocks. Do the act in parts.")
    pieces = sorted(
        (Piece(block, max(first, block.first), min(last, block.last)) for block in map(block_of, rows)),
        key=lambda piece: piece.first,
    )
    if sum(piece.quantity_g for piece in pieces) != last - first:
        raise Insufficient(f"Not all grams of {serial(first, last)} are there to be used for this.")
    return pieces
