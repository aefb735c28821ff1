"""What a holder orders to be done with grams: the bodies of acts, each with the act it stands for.

An order is done while its caller waits, or as a job: then its body is kept, and read again for each step.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import sqlalchemy as sa
from pydantic import StrictStr, model_validator

from api.acts import views as act_views
from api.door.fields import AccountNumber, Body, WantedGrams, WantedSerial, one_of, said, words
from registry.consumption import cancel as cancellations
from registry.consumption import transfer as transfers
from registry.errors import Invalid
from registry.jobs.jobs import Job
from registry.ledger.gathering import Gathering
from registry.ledger.ledger import MAX_REFERENCE_CHARS, Amount, Ledger
from registry.ledger.movement import Form, read_serial
from registry.points.points import bundle_held, bundle_on, convert, redeem, refund, return_on, return_points

Answer = Mapping[str, Any]
PUBLIC_WORDS = (
    "PUBLIC: printed on the certificate, beside the holder's name, for anyone who has its number; nobody checks it. "
    "Name nobody who has not agreed. A person's words go when the account is erased; copies that others made do not."
)
PARTIES_WORDS = "An order or agreement. Shown to both parties and to the authorities, not to the public."
Words = Annotated[StrictStr, words(cancellations.MAX_TEXT_CHARS, PUBLIC_WORDS, "Our fair of 2026")]
WantedAll = Annotated[Literal[True], said("All that there is.", True)]
Reference = Annotated[StrictStr, words(MAX_REFERENCE_CHARS, PARTIES_WORDS, "order 2026-118")]


class Order(Body, ABC):
    """What is to be done with an account's grams."""

    kind: ClassVar[str]
    """The last part of its path."""

    @abstractmethod
    def act(self, tx: sa.Connection, ledger: Ledger, account_id: int) -> Answer:
        """Do it, in this transaction, and give what is answered. Raises `TooManyBlocks` for what a job is for."""

    def step(self, tx: sa.Connection, ledger: Ledger, job: Job) -> Answer | Gathering:
        """Do the next step of the job of this order: give what is answered at last, or how far it is."""
        return self.act(tx, ledger, job.account_id)


class Quantity(Order):
    """How much: a quantity in the order of spending, or exactly the block named by a serial."""

    quantity_g: WantedGrams | None = None
    serial: WantedSerial | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.quantity_g is None) == (self.serial is None):
            raise ValueError("give quantity_g or serial, and not both")
        return self

    def amount(self) -> Amount:
        """Read it. Raises `Invalid` for a serial that is none."""
        return _amount(self.quantity_g, self.serial)


class Conversion(Order):
    """Reductions to points: a quantity in the order of spending, exactly the block named by a serial, or all."""

    kind = "conversions"
    quantity_g: WantedGrams | None = None
    serial: WantedSerial | None = None
    all: WantedAll | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        _refuse_but_one(self.quantity_g, self.serial, self.all)
        return self

    def act(self, tx: sa.Connection, ledger: Ledger, account_id: int) -> Answer:
        """Convert them."""
        amount = None if self.all else _amount(self.quantity_g, self.serial)
        return act_views.posted(convert(tx, ledger, account_id, amount))


class Redemption(Order):
    """Points to a benefit provider. What expires first is spent first, so no serial is taken."""

    kind = "redemptions"
    quantity_g: WantedGrams
    provider: Annotated[AccountNumber, said("The account of the benefit provider.", 7)]
    reference: Reference | None = None

    def act(self, tx: sa.Connection, ledger: Ledger, account_id: int) -> Answer:
        """Redeem them."""
        return act_views.posted(redeem(tx, ledger, account_id, self.provider, self.quantity_g, self.reference))


class Refund(Quantity):
    """Redeemed points back to the person."""

    kind = "refunds"
    redemption: Annotated[StrictStr, said("The act that redeemed them.", "12", pattern=r"^[1-9][0-9]{0,15}$")]

    def act(self, tx: sa.Connection, ledger: Ledger, account_id: int) -> Answer:
        """Refund them."""
        return act_views.posted(refund(tx, ledger, account_id, int(self.redemption), self.amount()))


class _OneBundle(Order):
    """What becomes one bundle: a quantity in the order of spending, exactly the block named by a serial, or all."""

    quantity_g: WantedGrams | None = None
    serial: WantedSerial | None = None
    all: WantedAll | None = None
    class_: Annotated[Literal["I", "II"] | None, said("Only what is of this class.", "II", alias="class")] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        _refuse_but_one(self.quantity_g, self.serial, self.all)
        return self

    def amount(self) -> Amount | None:
        """Read it; None for all. Raises `Invalid` for a serial that is none."""
        return None if self.all else _amount(self.quantity_g, self.serial)

    def of_job(self, job: Job) -> Amount:
        """Read it for a step of a job, which gathers some of it into a bundle on the way, or those into one.

        All is what was there when it was asked for.
        """
        return self.amount() or Amount(job.total_g)


class Return(_OneBundle):
    """Collected points, back to the reductions they came from."""

    kind = "returns"

    def act(self, tx: sa.Connection, ledger: Ledger, account_id: int) -> Answer:
        """Return them."""
        return act_views.bundled(return_points(tx, ledger, account_id, self.amount(), self.class_))

    def step(self, tx: sa.Connection, ledger: Ledger, job: Job) -> Answer | Gathering:
        """Do the next step of it."""
        done = return_on(tx, ledger, job.account_id, self.of_job(job), self.class_, Gathering(job.done_g, job.made))
        return done if isinstance(done, Gathering) else act_views.bundled(done)


class Bundling(_OneBundle):
    """Reductions that are held in many blocks."""

    kind = "bundles"

    def act(self, tx: sa.Connection, ledger: Ledger, account_id: int) -> Answer:
        """Gather them."""
        return act_views.bundled(bundle_held(tx, ledger, account_id, Form.REDUCTION, self.amount(), self.class_))

    def step(self, tx: sa.Connection, ledger: Ledger, job: Job) -> Answer | Gathering:
        """Do the next step of it."""
        amount, so_far = self.of_job(job), Gathering(job.done_g, job.made)
        done = bundle_on(tx, ledger, job.account_id, Form.REDUCTION, amount, self.class_, so_far)
        return done if isinstance(done, Gathering) else act_views.bundled(done)


class Transfer(Quantity):
    """Reductions to another account."""

    kind = "transfers"
    to: Annotated[AccountNumber, said("The account that receives.", 7)]
    purpose: Annotated[StrictStr, one_of(transfers.PURPOSES, "Why.")] = "agreement"
    reference: Reference | None = None

    def act(self, tx: sa.Connection, ledger: Ledger, account_id: int) -> Answer:
        """Transfer them."""
        moved = transfers.transfer(tx, ledger, account_id, self.to, self.amount(), self.purpose, self.reference)
        return act_views.posted(moved)


class Cancellation(Quantity):
    """The terminal act."""

    kind = "cancellations"
    form: Annotated[StrictStr, one_of(cancellations.FORMS, "What the grams are.")] = "reduction"
    purpose: Annotated[StrictStr, one_of(cancellations.PURPOSES, "What the grams are cancelled for.")]
    beneficiary: Words | None = None
    statement: Words | None = None

    def act(self, tx: sa.Connection, ledger: Ledger, account_id: int) -> Answer:
        """Cancel them."""
        intent = cancellations.Intent(self.form, self.purpose, self.beneficiary, self.statement)
        done = cancellations.cancel(tx, ledger, account_id, self.amount(), intent)
        return act_views.posted(done.posted) | {"certificate": done.certificate}


def _refuse_but_one(*ways: object) -> None:
    if len(ways) - ways.count(None) != 1:
        raise ValueError("give quantity_g, serial or all, and one of them only")


def _amount(quantity_g: int | None, text: str | None) -> Amount:
    if quantity_g is not None:
        return Amount(quantity_g)
    grams = read_serial(text or "")
    if grams is None:
        raise Invalid("A serial is SHCER-<first>-<last>, as the account's blocks show it.")
    return Amount(grams[1] - grams[0], grams[0])


ORDERS: Mapping[str, type[Order]] = {
    order.kind: order for order in (Conversion, Redemption, Refund, Return, Bundling, Transfer, Cancellation)
}
