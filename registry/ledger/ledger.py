"""What every act needs beside its transaction: clock, vault and chance; and the kinds of act that need nothing else."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from registry.accounts.accounts import Account, lock_account, lock_even_erased, receiving_account
from registry.accounts.vault import Vault, tag
from registry.clock import Clock
from registry.errors import AccountErased, HolderUnknown, Insufficient, Invalid, NotFound
from registry.ledger.blocks import BLOCKS_AT_ONCE, NO_FLAG, Piece, Wanted
from registry.ledger.child import Receiver, Step
from registry.ledger.movement import Flag, Form, Kind, Purpose
from registry.ledger.posting import Posted, ReceiverOf, Tell, nobody, post
from registry.ledger.taking import grams_in, take, take_exactly
from registry.words import checked_words

MAX_REFERENCE_CHARS = 200
"""The number of an order or an agreement; a longer text is a document, and belongs elsewhere."""


Shuffle = Callable[[list[Any]], None]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Clock, vault and chance, handed to every act."""

    clock: Clock
    vault: Vault
    shuffle: Shuffle = secrets.SystemRandom().shuffle
    """Puts what is to stand in an order that says nothing of anybody into that order, in place."""
    most: int = BLOCKS_AT_ONCE
    """Blocks that an act takes, at most; more are a job's (`registry.jobs`), which is given other means."""
    tell: Tell = nobody
    """Told how many grams of an act are written, while it is."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much an act takes: a quantity in the order of spending, or exactly the grams `[first, last)`."""

    quantity_g: int
    first: int | None = None

    def of(self, tx: sa.Connection, wanted: Wanted, hint: str | None = None, *, in_parts: bool = False) -> list[Piece]:
        """Take it from the account's blocks, or with `in_parts` what it begins with. The account must be locked.

        Raises `Insufficient`; `hint` says there what to do with what the account holds in the other form.
        """
        try:
            return self._taken(tx, wanted, in_parts=in_parts)
        except Insufficient as short:
            other = Form.POINTS if wanted.form == Form.REDUCTION else Form.REDUCTION
            held = grams_in(tx, wanted.account_id, other)
            if hint is None or not held:
                raise
            raise Insufficient(f"{short} The account holds {held} g as {other.name.lower()}. {hint}") from None

    def _taken(self, tx: sa.Connection, wanted: Wanted, *, in_parts: bool) -> list[Piece]:
        if self.first is None:
            return take(tx, wanted, self.quantity_g, in_parts=in_parts)
        if self.quantity_g <= 0:
            raise Invalid("A serial names at least one gram.")
        return take_exactly(tx, wanted, self.first, self.first + self.quantity_g, in_parts=in_parts)

    def without(self, grams: int) -> "Amount":
        """What of it is left when its first grams were taken."""
        return Amount(self.quantity_g - grams, None if self.first is None else self.first + grams)


def in_time(ledger: Ledger, take: Callable[[int], list[Piece]]) -> tuple[int, list[Piece]]:
    """Take pieces for an act, and give the time of the act with them, Unix milliseconds.

    That is now, but not before any of the pieces was made: clocks of two servers differ. What can be taken may depend
    on the time, which `take` is given. Whatever the act's time decides is decided by the one that this gives. Call it
    when the acting account is locked.
    """
    at = ledger.clock()
    while True:
        pieces = take(at)
        latest = max((piece.block.made_ms for piece in pieces), default=at)
        if latest <= at:
            return at, pieces
        at = latest


def to_account(account: Account) -> ReceiverOf:
    """Every piece goes to this account, under a tag of its own."""
    return lambda _: (account.id, Receiver(partial(tag, account.key), account.is_individual))


def receiver(tx: sa.Connection, ledger: Ledger, giver_id: int, number: int, *, is_provider: bool = False) -> Account:
    """Read the account that is to receive; a provider is an institution. Raises `Invalid` when it is the giver's own.

    Call it when nothing else can stand in the way of the act, and the grams are there: otherwise a refusal would tell
    for nothing which accounts there are. Raises `NotFound`, in the same words whyever it cannot receive.
    """
    if number == giver_id:
        raise Invalid("Grams cannot be moved to the account they come from.")
    try:
        account = receiving_account(tx, ledger.vault, number)
    except (NotFound, AccountErased, HolderUnknown):
        account = None
    if account is None or (is_provider and account.is_individual):
        wanted = "a benefit provider" if is_provider else "open"
        raise NotFound(f"Nothing was moved: account {number} is not {wanted}. Ask the receiver for the number again.")
    return account


def reference_facts(reference: str | None) -> dict[str, str]:
    """Make the evidence field of a reference, or none. Raises `Invalid` for what no order or agreement is called."""
    if reference is None:
        return {}
    return {"reference": checked_words(reference, "A reference", MAX_REFERENCE_CHARS)}


def lock_grams(
    tx: sa.Connection, ledger: Ledger, account_id: int, form: Form, amount: Amount, purpose: Purpose
) -> Posted:
    """Lock grams for a listing, a pledge or a freeze (purposes 32 to 34)."""
    lock_account(tx, ledger.vault, account_id)
    at, pieces = in_time(ledger, lambda _: amount.of(tx, Wanted(account_id, form, most=ledger.most)))
    return post(
        tx,
        ledger.vault,
        "lock",
        account_id,
        pieces,
        Step(Kind.LOCK, at, purpose),
        {"purpose": purpose.name.lower()},
        tell=ledger.tell,
    )


def unlock_grams(tx: sa.Connection, ledger: Ledger, account_id: int, form: Form, amount: Amount) -> Posted:
    """Unlock grams that were locked; those of an erased account too, for else they could never expire."""
    lock_even_erased(tx, account_id)
    wanted = Wanted(account_id, form, has=Flag.LOCKED, lacks=NO_FLAG, most=ledger.most)
    at, pieces = in_time(ledger, lambda _: amount.of(tx, wanted))
    return post(tx, ledger.vault, "unlock", account_id, pieces, Step(Kind.UNLOCK, at), {})
