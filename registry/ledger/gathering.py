"""Gathering: an institution's blocks become one bundle, which has their grams under new numbers (docs/design.md, 2).

After it a trade, a pledge or a cancellation of any size is one leaf. The GATHERs and their BUNDLE are one act and one
transaction, and stand beside each other in the log.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import sqlalchemy as sa

from registry.accounts.accounts import Account, lock_account
from registry.accounts.vault import tag
from registry.errors import Invalid, RuleBroken
from registry.evidence.document import Value, seal
from registry.ledger.blocks import NO_FLAG, Piece, Wanted, refuse_set_aside
from registry.ledger.child import Receiver, Step, minute_of
from registry.ledger.frontier import next_numbers
from registry.ledger.ledger import Amount, Ledger, in_time
from registry.ledger.movement import NO_TAG, Flag, Form, Kind, Movement, Target
from registry.ledger.posting import Line, Posted, begin_act, child_lines, write_lines
from registry.ledger.rules import BUNDLE_FLAGS
from registry.ledger.taking import sorts_of, take, whole_blocks

MAX_PIECES = 4_096
"""Of one bundle. More become several bundles, and these are gathered into one."""
MAX_STRETCHES = 65_536
"""Of one bundle: neighbouring grams of one lot. Whoever asks what a bundle is made of has them added up."""

ACT = "gather"
"""What the act is called, whether points or reductions were gathered: the log alone tells it after a recovery."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """How far a gathering into several bundles, and of these into one, has come."""

    taken_g: int = 0
    """Grams taken of what was held."""
    bundles: Sequence[tuple[int, int]] = ()
    """The bundles made of them, grams `[first, last)` of each; they are not gathered yet."""


def gather(tx: sa.Connection, ledger: Ledger, account: Account, pieces: Sequence[Piece]) -> Posted:
    """Turn up to `MAX_PIECES` pieces of an institution's blocks into one bundle of the same grams, a reduction.

    The account must be locked by the caller. Pieces get their numbers lot by lot, which their old numbers tell anyway,
    and in random order within each, so that neighbours in the bundle say nothing of who redeemed them. Raises
    `RuleBroken` for grams of several sorts (class, scenario, converted) and for a person's, `Invalid` for too many or
    no pieces, or when they are of too many stretches; nothing is written then.
    """
    if not 0 < len(pieces) <= MAX_PIECES:
        raise Invalid(f"A bundle is made of 1 to {MAX_PIECES} blocks, not of {len(pieces)}.")
    refuse_set_aside([piece.block for piece in pieces])
    _refuse_mixed({sort_of(piece) for piece in pieces})
    pieces = list(pieces)
    ledger.shuffle(pieces)
    pieces.sort(key=lambda piece: piece.block.lot_id or 0)
    quantity_g = sum(piece.quantity_g for piece in pieces)
    first, last = next_numbers(tx, quantity_g)
    at, _ = in_time(ledger, lambda _: pieces)
    begun = begin_act(tx, ACT, account.id, at, quantity_g, len(pieces) + 1)
    lines = _gathers(pieces, at, first)
    lines.append(_bundle(account, at, (first, last), lines))
    posted = Posted(begun.id, ACT, at, quantity_g, write_lines(tx, ledger.vault, begun, lines))
    if tx.execute(_STRETCHES, {"first": first}).scalar_one() > MAX_STRETCHES:
        raise Invalid(
            f"The grams of these blocks change from one lot to another more than {MAX_STRETCHES} times. Gather fewer "
            "of them into one bundle."
        )
    return posted


def gather_held(
    tx: sa.Connection,
    ledger: Ledger,
    account_id: int,
    form: Form,
    amount: Amount | None,
    of_class: str | None = None,
    kept: Sequence[str] = (),
) -> Posted:
    """Gather what an institution holds in a form into one bundle: an amount, or all (None) of a class ("I", "II").

    Grams of the behaviours `kept` stay as they are: in a bundle nothing would tell them from others.

    Raises `TooManyBlocks` for what takes longer than a caller waits; that is for `gather_on`.
    """
    account = _institution(tx, ledger, account_id)
    wanted = _wanted(account_id, form, of_class, ledger.most, kept)
    pieces = take(tx, wanted, None) if amount is None else amount.of(tx, wanted)
    return gather(tx, ledger, account, pieces)


def gather_on(
    tx: sa.Connection,
    ledger: Ledger,
    account_id: int,
    form: Form,
    amount: Amount,
    of_class: str | None,
    so_far: Gathering,
    kept: Sequence[str] = (),
) -> Gathering | Posted:
    """Do the next step of a gathering of any number of blocks, and tell how far it is, or give the one bundle at last.

    First what is held becomes bundles of `MAX_PIECES` blocks each, then these become one. Between two steps nothing may
    take the account's grams. The first step raises what `gather_held` raises, of the amount as a whole; what comes
    meanwhile is taken only if it is of the same sort.
    """
    account = _institution(tx, ledger, account_id)
    left = amount.without(so_far.taken_g)
    if left.quantity_g:
        wanted = _wanted(account_id, form, of_class, MAX_PIECES, kept)
        if so_far.taken_g:
            sorts = {sort_of(piece) for piece in whole_blocks(tx, account_id, so_far.bundles[:1])}
        else:
            sorts = sorts_of(tx, wanted, amount.quantity_g, amount.first)
            _refuse_mixed(sorts)
        wanted = _of_sort(wanted, *sorts)
        posted = gather(tx, ledger, account, left.of(tx, wanted, in_parts=True))
        taken_g, rest = so_far.taken_g + posted.quantity_g, so_far.bundles
    else:
        posted = gather(tx, ledger, account, whole_blocks(tx, account_id, so_far.bundles[:MAX_PIECES]))
        taken_g, rest = so_far.taken_g, so_far.bundles[MAX_PIECES:]
    made = posted.movements[-1].movement
    if taken_g == amount.quantity_g and not rest:
        return posted
    return Gathering(taken_g, (*rest, (made.first, made.last)))


def _institution(tx: sa.Connection, ledger: Ledger, account_id: int) -> Account:
    account = lock_account(tx, ledger.vault, account_id)
    if account.is_individual:
        raise RuleBroken("Only an institution gathers grams into bundles; a person's stay as they are.")
    return account


def _wanted(account_id: int, form: Form, of_class: str | None, most: int, kept: Sequence[str]) -> Wanted:
    has = Flag.CLASS_I if of_class == "I" else NO_FLAG
    lacks = Flag.LOCKED | (Flag.CLASS_I if of_class == "II" else NO_FLAG)
    return Wanted(account_id, form, has=has, lacks=lacks, most=most, kept=kept)


def _of_sort(wanted: Wanted, sort: int) -> Wanted:
    """Want what is of one sort alone: whatever else comes to the account meanwhile is not for this bundle."""
    return replace(wanted, has=wanted.has | Flag(sort), lacks=wanted.lacks | Flag(BUNDLE_FLAGS & ~sort))


def _refuse_mixed(sorts: Collection[int]) -> None:
    if len(sorts) > 1:
        raise RuleBroken(
            "A bundle is of one class and of one origin, and these grams are of several: gather each class by itself "
            "(class: I or II), and what was once points apart from what was not (serial)."
        )


def sort_of(piece: Piece) -> int:
    """What the grams of one bundle have in common: CLASS_I, SCENARIO, CONVERTED, as flags."""
    return piece.block.maker.flags & BUNDLE_FLAGS


def _gathers(pieces: Sequence[Piece], at: int, bundle: int) -> list[Line]:
    firsts = accumulate((piece.quantity_g for piece in pieces), initial=bundle)
    places = [
        (piece.block.account_id, Receiver(_to(Target(bundle, first)), is_individual=False))
        for piece, first in zip(pieces, firsts, strict=False)  # the last one is the bundle's end
    ]
    return child_lines(pieces, ACT, Step(Kind.GATHER, at), {"bundle_g": bundle}, places)


def _to(target: Target) -> Callable[[int, bytes], bytes]:
    return lambda _first, _evidence: target.tag


def _bundle(account: Account, at: int, grams: tuple[int, int], gathers: Sequence[Line]) -> Line:
    first, last = grams
    facts: dict[str, Value] = {
        "act": ACT,
        "at_ms": at,
        "first_g": first,
        "quantity_g": last - first,
        "pieces": len(gathers),
    }
    sealed = seal(facts)
    movement = Movement(
        kind=Kind.BUNDLE,
        form=Form.REDUCTION,
        flags=gathers[0].movement.flags & BUNDLE_FLAGS,
        purpose=0,
        first=first,
        last=last,
        parent=None,
        at=minute_of(at),
        until=0,
        from_tag=NO_TAG,
        to_tag=tag(account.key, first, sealed.digest),
        evidence=sealed.digest,
    )
    return Line(movement, None, account.id, sealed)


_STRETCHES = sa.text("SELECT count(*) FROM origins WHERE first_g >= :first")
