"""The shapes of answers about accounts, for OpenAPI. What is answered is built in `accounts` and `views`."""

from typing import Annotated, Literal

from pydantic import BaseModel

from api.door.fields import (
    AccountNumber,
    BundleSerial,
    CertificateNumber,
    Count,
    Digits,
    EndGram,
    FirstGram,
    Flags,
    Grams,
    MethodologyCode,
    Moment,
    NextCursor,
    Serial,
    Sha256,
    Tonnes,
    VersionNumber,
    hexadecimal,
    one_of,
    said,
)
from api.ledger.shapes import ActAnswer, Form, LotNumber, MovementNumber, Until
from registry.upkeep.erasure import CHOICES

AccountKind = Annotated[Literal["individual", "institution"], said("A person, or an organisation.")]
LockPurpose = Annotated[str, one_of(("listing", "pledge", "freeze"), "Why they are locked.")]


class Block(BaseModel):
    """A live block of an account."""

    serial: Serial
    first_g: FirstGram
    end_g: EndGram
    quantity_g: Grams
    quantity_t: Tonnes
    form: Form
    flags: Flags
    until: Until
    movement: Annotated[MovementNumber, said("The movement by which they came.")]
    bundle: Annotated[BundleSerial | None, said("The bundle that the grams are of; then the next four are null.")]
    lot: Annotated[LotNumber | None, said("The lot that they were issued in; null of a bundle's.")]
    source: Annotated[Digits | None, said("The lot's source; null of a bundle's.")]
    methodology: Annotated[MethodologyCode | None, said("The lot's methodology; null of a bundle's.")]
    methodology_version: Annotated[VersionNumber | None, said("Its version; null of a bundle's.")]


class Blocks(BaseModel):
    """Part of a list of blocks."""

    items: Annotated[list[Block], said("By gram number.")]
    next_cursor: NextCursor


class Balance(BaseModel):
    """What an account holds in one form."""

    form: Form
    quantity_g: Grams
    quantity_t: Tonnes
    locked_g: Annotated[Grams, said("Of these, listed, pledged or frozen.", 0)]
    blocks: Annotated[Count, said("Blocks that they lie in.")]
    earliest_until: Annotated[Moment | None, said("When the first points expire; null where none do.")]


class Account(BaseModel):
    """An account and its balances."""

    id: AccountNumber
    kind: AccountKind
    name: Annotated[str | None, said("As its certificates have it; null of an erased one.", "Example Institution")]
    opened_at: Moment
    erased_at: Annotated[Moment | None, said("When it was erased; null while it is open.")]
    balances: Annotated[list[Balance], said("One for each form; none of an erased one.")]


class PointsUntil(BaseModel):
    """Points that can be used until then; an institution's have no end."""

    until: Until
    quantity_g: Grams


class LockedGrams(BaseModel):
    """Grams that are listed, pledged or frozen."""

    form: Form
    purpose: LockPurpose
    quantity_g: Grams


class ErasureChoices(BaseModel):
    """What may become of what is held."""

    reductions: Annotated[list[str], said("Of reductions.", list(CHOICES["reductions"]))]
    points: Annotated[list[str], said("Of points.", list(CHOICES["points"]))]


class BeforeErasure(BaseModel):
    """What an account holds and what its erasure would end; `confirm` names exactly this."""

    reductions_g: Annotated[Grams, said("Reductions that it holds.")]
    points_g: Annotated[Grams, said("Points that it can use.", 400)]
    points: Annotated[list[PointsUntil], said("These, by when they end.")]
    expired_g: Annotated[Grams, said("Points that are past their time.", 0)]
    locked: Annotated[list[LockedGrams], said("While there are any, nothing is erased.")]
    refundable_g: Annotated[Grams, said("Redeemed points that could be refunded no more.", 20)]
    consents: Annotated[Count, said("Consents that would end.", 1)]
    choices: Annotated[ErasureChoices, said("Of each form, what may become of it.")]
    confirm: Annotated[Sha256, hexadecimal(32, "Names exactly this; the erasure repeats it.")]


class SettledAct(ActAnswer):
    """An act that settled what an account held; a cancellation has a certificate."""

    certificate: Annotated[CertificateNumber | None, said("Of a cancellation; else null.")]


class ErasedAccount(Account):
    """An account that was just erased, and the acts that settled what it held."""

    settled: Annotated[list[SettledAct], said("In the order in which they were done.")]


class OpenedAccount(BaseModel):
    """An account that was just opened."""

    id: AccountNumber
    kind: AccountKind
    opened_at: Moment
