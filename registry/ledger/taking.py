"""Which of an account's blocks an act takes: earliest expiry first, then the lowest gram, or exactly those named."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, repeat
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from registry.database.schema import blocks, movements
from registry.database.statement import Statement
from registry.errors import Insufficient, Invalid, TooManyBlocks
from registry.ledger.blocks import IS_SET_ASIDE, Block, Piece, Wanted, block_of, refuse_set_aside, select_blocks
from registry.ledger.movement import GRAMS_END, Flag, Form, serial
from registry.ledger.rules import ALL_FLAGS, BUNDLE_FLAGS

_PAGES = (4, 64, 1_000)
"""Blocks that are read at a time: most acts take one or two, and five cost as much as a statement."""

# Nearly always none is kept: then no lot is looked up.
_IS_NOT_KEPT = sa.text("""(cardinality(:kept) = 0 OR NOT EXISTS (
    SELECT FROM lots l JOIN sources s ON s.id = l.source_id
    WHERE l.id = blocks.lot_id AND s.kind = 'behaviour' AND l.methodology_code = ANY (:kept)
))""").bindparams(sa.bindparam("kept", type_=ARRAY(sa.Text)))
"""Grams of a bundle are never kept: what is, was not gathered."""
# A list of flags, and no mask: how many blocks have them the planner knows, and takes no detour by all of them.
_ALLOWED = (
    blocks.c.account_id == sa.bindparam("account"),
    blocks.c.form == sa.bindparam("form"),
    blocks.c.flags == sa.any_(sa.bindparam("flags", type_=ARRAY(sa.SmallInteger))),
    blocks.c.until_ms >= sa.bindparam("usable_at"),
    _IS_NOT_KEPT,
)
_SPENDING = (blocks.c.until_ms, blocks.c.first_g)
_OF_ACT = select_blocks().where(*_ALLOWED, movements.c.act_id == sa.bindparam("act")).order_by(*_SPENDING)
_PAGE_OF_BLOCKS = (
    sa.select(blocks)
    .where(*_ALLOWED, sa.tuple_(*_SPENDING) > sa.tuple_(sa.bindparam("after_until"), sa.bindparam("after_first")))
    .order_by(*_SPENDING)
    .limit(sa.bindparam("page"))
    .subquery("blocks")
)
_IN_ORDER = Statement(select_blocks(_PAGE_OF_BLOCKS).order_by(_PAGE_OF_BLOCKS.c.until_ms, _PAGE_OF_BLOCKS.c.first_g))
_IN_RANGE = (blocks.c.first_g < sa.bindparam("last"), blocks.c.last_g > sa.bindparam("first"))
_OVERLAPPING = select_blocks().where(*_ALLOWED, *_IN_RANGE).order_by(blocks.c.first_g).limit(sa.bindparam("most") + 1)
_OVERLAPPING_OF_ACT = _OVERLAPPING.where(movements.c.act_id == sa.bindparam("act"))

_QUANTITY = blocks.c.last_g - blocks.c.first_g
_SUM = sa.select(sa.func.coalesce(sa.func.sum(_QUANTITY), 0)).where(*_ALLOWED, ~IS_SET_ASIDE)
_SUM_OF_ACT = _SUM.where(movements.c.id == blocks.c.movement_id, movements.c.act_id == sa.bindparam("act"))
_GRAMS = sa.select(sa.func.coalesce(sa.func.sum(_QUANTITY), 0)).where(
    blocks.c.account_id == sa.bindparam("account"), blocks.c.form == sa.bindparam("form")
)


def _parameters(wanted: Wanted) -> dict[str, Any]:
    of_act = {} if wanted.redeemed_by_act is None else {"act": wanted.redeemed_by_act}
    return of_act | {
        "account": wanted.account_id,
        "form": int(wanted.form),
        "flags": flags_of(wanted.has, wanted.lacks),
        "usable_at": wanted.usable_at or 0,
        "kept": list(wanted.kept),
    }


@cache
def flags_of(has: Flag, lacks: Flag) -> list[int]:
    """List every value of `flags` that has the ones and lacks the others, for a query by an index."""
    return [flags for flags in range(ALL_FLAGS + 1) if flags & (has | lacks) == has]


def take(tx: sa.Connection, wanted: Wanted, quantity_g: int | None, *, in_parts: bool = False) -> list[Piece]:
    """Take `quantity_g` grams from the account's blocks, or all (None). The account must be locked by the caller.

    What the log refused is passed over. With `in_parts` as many blocks are given as are `wanted.most`, and the caller
    comes for the rest. Raises `Insufficient` when there are not that many, `SetAside` when there are only with those,
    `TooManyBlocks` when they are there, and in more than `wanted.most` blocks.
    """
    if quantity_g is not None and quantity_g <= 0:
        raise Invalid("quantity_g is a whole number of grams, at least 1.")
    pieces: list[Piece] = []
    missing, refused = quantity_g or GRAMS_END, []
    for block in _in_order(tx, wanted):
        if block.is_set_aside:
            refused.append(block)
            continue
        if len(pieces) == wanted.most:
            if in_parts:
                return pieces
            raise _too_many(wanted, _there(tx, wanted, quantity_g))
        pieces.append(Piece(block, block.first, block.first + min(missing, block.quantity_g)))
        missing -= pieces[-1].quantity_g
        if not missing:
            return pieces
    if quantity_g is None and pieces:
        return pieces
    refuse_set_aside(refused)
    raise _short(quantity_g, sum(piece.quantity_g for piece in pieces))


def _there(tx: sa.Connection, wanted: Wanted, quantity_g: int | None) -> int:
    """Give the grams that are asked for, if they are there. Raises `Insufficient`."""
    grams = int(tx.execute(_SUM_OF_ACT if wanted.redeemed_by_act else _SUM, _parameters(wanted)).scalar_one())
    if quantity_g is not None and grams < quantity_g:
        raise _short(quantity_g, grams)
    return quantity_g or grams


def _short(quantity_g: int | None, grams: int) -> Insufficient:
    if quantity_g is None:
        return Insufficient("The account holds nothing that can be used for this.")
    return Insufficient(f"Only {grams} g can be used for this; {quantity_g} g were asked for.")


def _too_many(wanted: Wanted, quantity_g: int) -> TooManyBlocks:
    return TooManyBlocks(
        f"{quantity_g} g lie in more than {wanted.most} blocks. Gather them into a bundle first, or do the act in "
        "parts.",
        quantity_g,
    )


def grams_in(tx: sa.Connection, account_id: int, form: Form) -> int:
    """Add up what an account holds in a form, locked or not."""
    return int(tx.execute(_GRAMS, {"account": account_id, "form": int(form)}).scalar_one())


def _in_order(tx: sa.Connection, wanted: Wanted) -> Iterator[Block]:
    parameters = _parameters(wanted)
    if wanted.redeemed_by_act is not None:
        yield from map(block_of, tx.execute(_OF_ACT, parameters).all())
        return
    after = (-1, -1)
    for page in chain(_PAGES, repeat(_PAGES[-1])):
        rows = _IN_ORDER(tx, parameters | {"after_until": after[0], "after_first": after[1], "page": page}).fetchall()
        for row in rows:
            yield block_of(row)
        if len(rows) < page:
            return
        after = rows[-1].until_ms, rows[-1].block_first


def take_exactly(tx: sa.Connection, wanted: Wanted, first: int, last: int, *, in_parts: bool = False) -> list[Piece]:
    """Take exactly the grams `[first, last)`, which may lie in several adjoining blocks. The account must be locked.

    With `in_parts` only the first `wanted.most` blocks are given, and the caller comes for the rest. Raises
    `Insufficient` when any of them is not there to take, `TooManyBlocks` when they lie in too many blocks for one act.
    """
    query = _OVERLAPPING if wanted.redeemed_by_act is None else _OVERLAPPING_OF_ACT
    rows = tx.execute(query, _parameters(wanted) | {"first": first, "last": last, "most": wanted.most}).all()
    if len(rows) > wanted.most and not in_parts:
        raise _too_many(wanted, last - first)
    pieces = [
        Piece(block, max(first, block.first), min(last, block.last)) for block in map(block_of, rows[: wanted.most])
    ]
    end = pieces[-1].last if len(rows) > wanted.most else last
    if sum(piece.quantity_g for piece in pieces) != end - first:
        raise _not_there(first, last)
    return pieces


def sorts_of(tx: sa.Connection, wanted: Wanted, quantity_g: int, first: int | None = None) -> set[int]:
    """Give the sorts (CLASS_I, SCENARIO, CONVERTED, as flags) of grams that `take`, or `take_exactly`, would take.

    However many blocks they lie in. Raises `Insufficient` when they are not all there.
    """
    values = _parameters(wanted) | {"quantity": quantity_g}
    if first is None:
        found = tx.execute(_SORTS, values).all()
    else:
        found = tx.execute(_SORTS_OF_RANGE, values | {"first": first, "last": first + quantity_g}).all()
    grams = sum(int(row.grams) for row in found)
    if first is None and grams < quantity_g:
        raise _short(quantity_g, grams)
    if first is not None and grams != quantity_g:
        raise _not_there(first, first + quantity_g)
    return {row.sort for row in found}


def whole_blocks(tx: sa.Connection, account_id: int, ranges: Sequence[tuple[int, int]]) -> list[Piece]:
    """Take whole blocks of the account, named by their grams `[first, last)`. The account must be locked.

    Raises `Insufficient` when one of them is not there any more as it was.
    """
    rows = tx.execute(_WHOLE, {"account": account_id, "firsts": [first for first, _ in ranges]})
    pieces = [Piece(block, block.first, block.last) for block in map(block_of, rows)]
    for first, last in set(ranges) - {(piece.first, piece.last) for piece in pieces}:
        raise _not_there(first, last)
    return pieces


def _not_there(first: int, last: int) -> Insufficient:
    return Insufficient(f"Not all grams of {serial(first, last)} are there to be used for this.")


_SORT = blocks.c.flags.bitwise_and(BUNDLE_FLAGS)
_IN_SPENDING_ORDER = (
    sa.select(
        _SORT.label("sort"),
        _QUANTITY.label("grams"),
        (sa.func.sum(_QUANTITY).over(order_by=_SPENDING) - _QUANTITY).label("before_g"),
    )
    .where(*_ALLOWED, ~IS_SET_ASIDE)
    .subquery()
)
_SORTS = (
    sa.select(_IN_SPENDING_ORDER.c.sort, sa.func.sum(_IN_SPENDING_ORDER.c.grams).label("grams"))
    .where(_IN_SPENDING_ORDER.c.before_g < sa.bindparam("quantity"))
    .group_by(_IN_SPENDING_ORDER.c.sort)
)
_SORTS_OF_RANGE = (
    sa.select(
        _SORT.label("sort"),
        sa.func.sum(
            sa.func.least(blocks.c.last_g, sa.bindparam("last"))
            - sa.func.greatest(blocks.c.first_g, sa.bindparam("first"))
        ).label("grams"),
    )
    .where(*_ALLOWED, *_IN_RANGE, ~IS_SET_ASIDE)
    .group_by(_SORT)
)
_WHOLE = (
    select_blocks()
    .where(
        blocks.c.account_id == sa.bindparam("account"),
        blocks.c.first_g == sa.any_(sa.bindparam("firsts", type_=ARRAY(sa.BigInteger))),
    )
    .order_by(blocks.c.first_g)
)
