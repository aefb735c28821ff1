"""What a holder does with grams: convert, redeem, refund, return, gather, transfer, cancel."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, model_validator

from api.auth import Role
from api.problems import documented
from api.rest.numbers import MAX_EXACT, AccountId
from api.rest.perform import WriteOf, bundled, posted
from api.rest.route import StrictRoute
from api.rest.schemas import ActAnswer, BundleAnswer, CancelAnswer
from registry.consumption import cancel as cancellations
from registry.consumption import transfer as transfers
from registry.consumption.bundles import gather_reductions
from registry.errors import Invalid
from registry.ledger.ledger import MAX_REFERENCE_CHARS, Amount
from registry.ledger.movement import read_serial
from registry.points.points import convert, redeem, refund, return_points

Grams = Annotated[StrictInt, Field(ge=1, le=MAX_EXACT, description="Whole grams of CO2e, or points: 1 g = 1 point.")]
Serial = Annotated[StrictStr, Field(examples=["SHCER-0-999"])]
AnAccount = Annotated[StrictInt, Field(ge=1, le=MAX_EXACT)]


def one_of(words: Iterable[str]) -> Any:
    """Describe a field that takes one of these words. The programme knows them, and refuses others itself."""
    return Field(json_schema_extra={"enum": list(words)})


def words(most: int, meaning: str) -> Any:
    """Describe a field of people's words. The programme judges them, so that empty and unseen are told one thing."""
    return Field(description=meaning, json_schema_extra={"minLength": 1, "maxLength": most})


PUBLIC_WORDS = (
    "PUBLIC: printed on the certificate, beside the holder's name, for anyone who has its number; nobody checks it. "
    "Name nobody who has not agreed. A person's words go when the account is erased; copies that others made do not."
)
PARTIES_WORDS = "An order or agreement. Shown to both parties and to the authorities, not to the public."
Words = Annotated[StrictStr, words(cancellations.MAX_TEXT_CHARS, PUBLIC_WORDS)]
Reference = Annotated[StrictStr, words(MAX_REFERENCE_CHARS, PARTIES_WORDS)]

router = APIRouter(route_class=StrictRoute, prefix="/v1/accounts/{account_id}", tags=["acts"])


def answers(model: type[BaseModel]) -> dict[str, Any]:
    """Describe what a route of an act answers."""
    return {
        "status_code": 201,
        "response_class": Response,
        "responses": {201: {"model": model}, **documented(400, 401, 403, 404, 409, 413, 415, 422, 503)},
    }


ANSWERS = answers(ActAnswer)


class Quantity(BaseModel):
    """How much: a quantity in the order of spending, or exactly the block named by a serial."""

    model_config = ConfigDict(extra="forbid")

    quantity_g: Grams | None = None
    serial: Serial | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.quantity_g is None) == (self.serial is None):
            raise ValueError("give quantity_g or serial, and not both")
        return self

    def amount(self) -> Amount:
        """Read it. Raises `Invalid` for a serial that is none."""
        if self.quantity_g is not None:
            return Amount(self.quantity_g)
        grams = read_serial(self.serial or "")
        if grams is None:
            raise Invalid("A serial is SHCER-<first>-<last>, as the account's blocks show it.")
        return Amount(grams[1] - grams[0], grams[0])


class Conversion(Quantity):
    """Reductions to points."""


class Redemption(BaseModel):
    """Points to a benefit provider. What expires first is spent first, so no serial is taken."""

    model_config = ConfigDict(extra="forbid")

    quantity_g: Grams
    provider: AnAccount
    reference: Reference | None = None


class Refund(Quantity):
    """Redeemed points back to the person."""

    redemption: Annotated[StrictStr, Field(pattern=r"^[1-9][0-9]{0,15}$", description="The act that redeemed them.")]


class Gathering(BaseModel):
    """What becomes one bundle: a quantity in the order of spending, exactly the block named by a serial, or all."""

    model_config = ConfigDict(extra="forbid")

    quantity_g: Grams | None = None
    serial: Serial | None = None
    all: Literal[True] | None = None
    class_: Annotated[Literal["I", "II"] | None, Field(alias="class", description="Only what is of this class.")] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if [self.quantity_g, self.serial, self.all].count(None) != 2:
            raise ValueError("give quantity_g, serial or all, and one of them only")
        return self

    def amount(self) -> Amount | None:
        """Read it; None for all. Raises `Invalid` for a serial that is none."""
        return None if self.all else Quantity(quantity_g=self.quantity_g, serial=self.serial).amount()


class Transfer(Quantity):
    """Reductions to another account."""

    to: AnAccount
    purpose: Annotated[StrictStr, one_of(transfers.PURPOSES)] = "agreement"
    reference: Reference | None = None


class Cancellation(Quantity):
    """The terminal act."""

    form: Annotated[StrictStr, one_of(cancellations.FORMS)] = "reduction"
    purpose: Annotated[StrictStr, one_of(cancellations.PURPOSES)]
    beneficiary: Words | None = None
    statement: Words | None = None


@router.post("/conversions", summary="Convert reductions to points", **ANSWERS)
def convert_reductions(account_id: AccountId, body: Conversion, write: WriteOf) -> Response:
    """Turn an individual's scenario reductions into points, 1 g for 1 point (R21)."""
    write.caller.must_hold(account_id)
    ledger = write.site.ledger
    return write.perform(body.model_dump(), lambda tx: posted(convert(tx, ledger, account_id, body.amount())))


@router.post("/redemptions", summary="Redeem points at a benefit provider", **ANSWERS)
def redeem_points(account_id: AccountId, body: Redemption, write: WriteOf) -> Response:
    """Spend points, earliest expiry first (R23)."""
    write.caller.must_hold(account_id)
    ledger = write.site.ledger
    return write.perform(
        body.model_dump(),
        lambda tx: posted(redeem(tx, ledger, account_id, body.provider, body.quantity_g, body.reference)),
    )


@router.post("/refunds", summary="Refund redeemed points", **ANSWERS)
def refund_points(account_id: AccountId, body: Refund, write: WriteOf) -> Response:
    """Give points back to the person who redeemed them; the provider asks."""
    write.caller.must_hold(account_id)
    ledger = write.site.ledger
    return write.perform(
        body.model_dump(), lambda tx: posted(refund(tx, ledger, account_id, int(body.redemption), body.amount()))
    )


@router.post("/returns", summary="Return collected points to reductions", **answers(BundleAnswer))
def return_collected_points(account_id: AccountId, body: Gathering, write: WriteOf) -> Response:
    """Turn the points a provider collected into the reductions they came from, as one bundle (R24)."""
    write.caller.must_hold(account_id, or_be=frozenset({Role.CENTRE}))
    ledger = write.site.ledger
    return write.perform(
        body.model_dump(), lambda tx: bundled(return_points(tx, ledger, account_id, body.amount(), body.class_))
    )


@router.post("/bundles", summary="Gather reductions into one bundle", **answers(BundleAnswer))
def gather_held_reductions(account_id: AccountId, body: Gathering, write: WriteOf) -> Response:
    """Turn reductions that an institution holds in many blocks into one, which is traded or cancelled in one step."""
    write.caller.must_hold(account_id)
    ledger = write.site.ledger
    return write.perform(
        body.model_dump(), lambda tx: bundled(gather_reductions(tx, ledger, account_id, body.amount(), body.class_))
    )


@router.post("/transfers", summary="Transfer reductions to another account", **ANSWERS)
def transfer_reductions(account_id: AccountId, body: Transfer, write: WriteOf) -> Response:
    """Transfer reductions by agreement, or as a donation."""
    write.caller.must_hold(account_id)
    ledger = write.site.ledger
    return write.perform(
        body.model_dump(),
        lambda tx: posted(
            transfers.transfer(tx, ledger, account_id, body.to, body.amount(), body.purpose, body.reference)
        ),
    )


@router.post(
    "/cancellations",
    summary="Cancel grams for good",
    **answers(CancelAnswer),
)
def cancel_grams(account_id: AccountId, body: Cancellation, write: WriteOf) -> Response:
    """End grams for a purpose, with a certificate (R25, R30, R31).

    The certificate is public to whoever has its number, with the holder's name and the words given here.
    """
    write.caller.must_hold(account_id)
    ledger = write.site.ledger
    intent = cancellations.Intent(body.form, body.purpose, body.beneficiary, body.statement)

    def act(tx: Any) -> dict[str, Any]:
        done = cancellations.cancel(tx, ledger, account_id, body.amount(), intent)
        return posted(done.posted) | {"certificate": done.certificate}

    return write.perform(body.model_dump(), act)
