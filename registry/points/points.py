"""Points: convert, redeem, refund, return, expire (R21 to R24).

Each function runs inside the caller's transaction, locks the acting account, and writes one act.
"""

from typing import Final

import sqlalchemy as sa

from registry.accounts.accounts import lock_account, lock_even_erased, receiving_account
from registry.database.schema import blocks
from registry.errors import AccountErased, HolderUnknown, Invalid, NotFound, RuleBroken
from registry.events.outbox import Data, tell
from registry.events.types import BALANCE_CHANGED, REDEMPTION_RECEIVED, REDEMPTION_REFUNDED, RETURN_DONE
from registry.ledger.blocks import BLOCKS_AT_ONCE, Piece, Wanted, block_of, select_blocks
from registry.ledger.child import Receiver, Step
from registry.ledger.gathering import Gathering, gather_held, gather_on
from registry.ledger.ledger import Amount, Ledger, in_time, receiver, reference_facts, to_account
from registry.ledger.movement import NO_TAG, Flag, Form, Kind, serial
from registry.ledger.posting import Posted, post
from registry.ledger.taking import take
from registry.policies.behaviours import kept_from_bundles, kept_from_points, telling
from registry.policies.policies import in_force
from registry.procedure.days import valid_until
from registry.procedure.values import POINTS
from registry.sources.linking import tell_platforms

CONVERTS_WITH: Final = Flag.SCENARIO
CONVERTS_WITHOUT: Final = Flag.CONVERTED | Flag.LOCKED
"""Flags of a person's reductions that may become points: a scenario's, and once (R21)."""


def convert(
    tx: sa.Connection, ledger: Ledger, account_id: int, amount: Amount | None, *, in_parts: bool = False
) -> Posted:
    """Turn a person's scenario reductions into points, 1 g for 1 point, valid as the policy in force says.

    `amount` None takes all; with `in_parts` as many blocks as an act takes, and the caller comes for the rest.
    """
    account = lock_account(tx, ledger.vault, account_id)
    if not account.is_individual:
        raise RuleBroken("Only reductions that an individual holds convert to points.")

    def pieces_at(at: int) -> list[Piece]:
        kept = kept_from_points(tx, ledger, at)
        has, lacks = CONVERTS_WITH, CONVERTS_WITHOUT
        wanted = Wanted(account_id, Form.REDUCTION, has=has, lacks=lacks, most=ledger.most, kept=kept)
        with telling(kept):
            return take(tx, wanted, None, in_parts=in_parts) if amount is None else amount.of(tx, wanted)

    at, pieces = in_time(ledger, pieces_at)
    policy = in_force(tx, ledger, POINTS, at)
    step = Step(Kind.CONVERT, at, until=valid_until(at, policy.value["validity_years"]))
    facts = {"policy_sha256": policy.digest.hex()}
    posted = post(tx, ledger.vault, "convert", account_id, pieces, step, facts, tell=ledger.tell)
    tell_platforms(tx, account_id, at, BALANCE_CHANGED)
    return posted


def redeem(
    tx: sa.Connection, ledger: Ledger, account_id: int, provider_id: int, quantity_g: int, reference: str | None = None
) -> Posted:
    """Spend a person's points at a benefit provider, earliest expiry first; nobody chooses which (R23).

    `reference` is the provider's order number; it stays in the evidence.
    """
    facts = reference_facts(reference)
    if not lock_account(tx, ledger.vault, account_id).is_individual:
        raise RuleBroken("Points are redeemed by an individual at an institution.")

    def points_at(at: int) -> list[Piece]:
        wanted = Wanted(account_id, Form.POINTS, has=Flag.INDIVIDUAL, usable_at=at, most=ledger.most)
        return Amount(quantity_g).of(tx, wanted, "Convert them to points first.")

    at, pieces = in_time(ledger, points_at)
    provider = receiver(tx, ledger, account_id, provider_id, is_provider=True)
    posted = post(
        tx,
        ledger.vault,
        "redeem",
        account_id,
        pieces,
        Step(Kind.REDEEM, at),
        facts,
        to_account(provider),
        tuple(facts),
        ledger.tell,
    )
    tell(tx, REDEMPTION_RECEIVED, provider_id, at, posted.told)
    return posted


def refund(tx: sa.Connection, ledger: Ledger, account_id: int, redemption: int, amount: Amount) -> Posted:
    """Give points back to the person who redeemed them, out of act `redemption`. The provider acts."""
    lock_account(tx, ledger.vault, account_id)
    lacks = Flag.LOCKED | Flag.INDIVIDUAL
    wanted = Wanted(account_id, Form.POINTS, lacks=lacks, redeemed_by_act=redemption, most=ledger.most)
    at, pieces = in_time(ledger, lambda _: amount.of(tx, wanted))
    if any(piece.block.maker.kind != Kind.REDEEM for piece in pieces):
        raise RuleBroken(f"Act {redemption} is no redemption; only redeemed points are refunded.")
    for giver_id in {piece.block.giver_id for piece in pieces}:
        _keep_open(tx, ledger, _redeemer(giver_id))
    posted = post(
        tx,
        ledger.vault,
        "refund",
        account_id,
        pieces,
        Step(Kind.REFUND, at),
        {},
        lambda piece: (_redeemer(piece.block.giver_id), _OLD_TAG),
        tell=ledger.tell,
    )
    told: Data = {**posted.told, "redemption": str(redemption)}
    tell(tx, REDEMPTION_REFUNDED, account_id, at, told)
    return posted


_OLD_TAG = Receiver(lambda _first, _evidence: NO_TAG, is_individual=True)
"""A refund takes the tag the person had before; `child_of` reads it from the redemption."""


def _keep_open(tx: sa.Connection, ledger: Ledger, person: int) -> None:
    """Keep the person's account from being erased meanwhile. A refusal does not tell the provider its number."""
    try:
        receiving_account(tx, ledger.vault, person)
    except (NotFound, AccountErased, HolderUnknown):
        raise RuleBroken("Whoever redeemed these points has no open account any more; they cannot go back.") from None


def _redeemer(giver_id: int | None) -> int:
    if giver_id is None:
        raise RuleBroken("The points were not redeemed by anyone; only redeemed points are refunded.")
    return giver_id


def bundle_held(
    tx: sa.Connection, ledger: Ledger, account_id: int, form: Form, amount: Amount | None, of_class: str | None = None
) -> Posted:
    """Gather what an institution holds, as `gather_held` does, but for what has to be told from other grams."""
    kept = kept_from_bundles(tx, ledger, ledger.clock())
    with telling(kept):
        return gather_held(tx, ledger, account_id, form, amount, of_class, kept)


def bundle_on(
    tx: sa.Connection,
    ledger: Ledger,
    account_id: int,
    form: Form,
    amount: Amount,
    of_class: str | None,
    so_far: Gathering,
) -> Gathering | Posted:
    """Do the next step of a gathering of any number of blocks, as `gather_on` does, but for the same."""
    kept = kept_from_bundles(tx, ledger, ledger.clock())
    with telling(kept):
        return gather_on(tx, ledger, account_id, form, amount, of_class, so_far, kept)


def return_points(
    tx: sa.Connection, ledger: Ledger, account_id: int, amount: Amount | None, of_class: str | None = None
) -> Posted:
    """Turn the points an institution collected back into the same reductions, as one bundle (R24).

    `amount` None takes all, `of_class` only those of a class ("I", "II"). Points of a behaviour whose grams are not
    traded stay points. Raises `RuleBroken` for a person's.
    """
    posted = bundle_held(tx, ledger, account_id, Form.POINTS, amount, of_class)
    _tell_returned(tx, account_id, posted)
    return posted


def return_on(
    tx: sa.Connection, ledger: Ledger, account_id: int, amount: Amount, of_class: str | None, so_far: Gathering
) -> Gathering | Posted:
    """Do the next step of a return of any number of blocks, as `bundle_on` does it."""
    done = bundle_on(tx, ledger, account_id, Form.POINTS, amount, of_class, so_far)
    if isinstance(done, Posted):
        _tell_returned(tx, account_id, done)
    return done


def _tell_returned(tx: sa.Connection, account_id: int, posted: Posted) -> None:
    made = posted.movements[-1].movement
    told: Data = {"act": str(posted.act_id), "bundle": serial(made.first, made.last), "quantity_g": posted.quantity_g}
    tell(tx, RETURN_DONE, account_id, posted.at, told)


# Its numbers stand in the text as in the index blocks_expiring: however many points live, only expired ones are read.
_HOLDERS_OF_EXPIRED = sa.text("""
    SELECT DISTINCT account_id FROM blocks WHERE form = 2 AND flags & 24 = 8 AND until_ms < :at
        AND NOT EXISTS (SELECT FROM set_aside s WHERE s.movement_id = blocks.movement_id) ORDER BY account_id
""")
_EXPIRED = (
    select_blocks()
    .where(
        blocks.c.account_id == sa.bindparam("account"),
        blocks.c.form == int(Form.POINTS),
        blocks.c.flags.bitwise_and(int(Flag.INDIVIDUAL | Flag.LOCKED)) == int(Flag.INDIVIDUAL),
        blocks.c.until_ms < sa.bindparam("at"),
    )
    .order_by(blocks.c.until_ms, blocks.c.first_g)
    .limit(BLOCKS_AT_ONCE)
)


def holders_of_expired_points(tx: sa.Connection, ledger: Ledger) -> list[int]:
    """List the accounts whose points are past their expiry now."""
    return list(tx.execute(_HOLDERS_OF_EXPIRED, {"at": ledger.clock()}).scalars())


def expire(tx: sa.Connection, ledger: Ledger, account_id: int) -> Posted:
    """End a person's points that are past their expiry (R22), an erased account's too. Raises `Invalid` without any."""
    lock_even_erased(tx, account_id)

    def ended_at(at: int) -> list[Piece]:
        found = map(block_of, tx.execute(_EXPIRED, {"account": account_id, "at": at}))
        return [Piece(block, block.first, block.last) for block in found if not block.is_set_aside]

    at, pieces = in_time(ledger, ended_at)
    if not pieces:
        raise Invalid(f"Account {account_id} has no points past their expiry.")
    return post(tx, ledger.vault, "expire", account_id, pieces, Step(Kind.EXPIRE, at), {})
