"""Cancellation: the terminal act, with a purpose and a certificate (R25, R26, R28, R30 to R32)."""

import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from registry.accounts.accounts import Account, lock_account
from registry.accounts.vault import Vault
from registry.clock import in_shanghai
from registry.consumption.channels import Open, open_channel
from registry.database.personal import columns_go
from registry.database.schema import certificates
from registry.database.statement import Statement
from registry.errors import Invalid, RuleBroken
from registry.ledger.blocks import Piece, Wanted
from registry.ledger.child import Step
from registry.ledger.ledger import Amount, Ledger, in_time
from registry.ledger.logged import sealed_as
from registry.ledger.movement import Form, Kind, Purpose
from registry.ledger.posting import Posted, post
from registry.policies.channels import OF_POINTS
from registry.words import checked_words

PURPOSES = {
    "voluntary-cancellation": Purpose.VOLUNTARY_CANCELLATION,
    "voluntary-offset": Purpose.VOLUNTARY_OFFSET,
    "donation": Purpose.DONATION,
    "ecological-damage-compensation": Purpose.ECOLOGICAL_DAMAGE_COMPENSATION,
    "compliance-offset": Purpose.COMPLIANCE_OFFSET,
}
FORMS = {"reduction": Form.REDUCTION, "points": Form.POINTS}
OTHER_FORM = "Those are cancelled when the form says so."
MAX_TEXT_CHARS = 500
"""A certificate is one page."""
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no 0, O, 1, I: certificates are read aloud and typed


@dataclass(frozen=True, slots=True)
class Intent:
    """What the cancellation is for: form ("reduction" or "points"), purpose, and the words for the certificate."""

    form: str
    purpose: str
    beneficiary: str | None = None
    """What or whom it is for: the organisation, event or case. Public on the certificate."""
    statement: str | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The act, and the number of its certificate."""

    posted: Posted
    certificate: str


def cancel(tx: sa.Connection, ledger: Ledger, account_id: int, amount: Amount, intent: Intent) -> Cancelled:
    """End grams for a purpose and issue the certificate that says so.

    Raises `ChannelClosed` when the policy in force does not open that use.
    """
    purpose, form = _checked(intent)
    account = lock_account(tx, ledger.vault, account_id)

    channels: list[Open] = []

    def take(at: int) -> list[Piece]:
        channels.append(open_channel(tx, ledger, intent.purpose, form, at))
        wanted = Wanted(
            account_id,
            form,
            has=channels[-1].has,
            lacks=channels[-1].lacks,
            usable_at=at if form == Form.POINTS and account.is_individual else None,
            most=ledger.most,
        )
        return amount.of(tx, wanted, OTHER_FORM)

    at, pieces = in_time(ledger, take)
    number = certificate_number(at)
    facts = {"certificate": number, "purpose": intent.purpose, "policy_sha256": channels[-1].policy_sha256}
    words = {"holder": account.name, "beneficiary": intent.beneficiary, "statement": intent.statement}
    facts |= {name: value for name, value in words.items() if value is not None}
    personal = tuple(name for name in words if name in facts) if account.is_individual else ()
    posted = post(
        tx,
        ledger.vault,
        "cancel",
        account_id,
        pieces,
        Step(Kind.CANCEL, at, purpose),
        facts,
        personal=personal,
        tell=ledger.tell,
    )
    _issue(tx, ledger.vault, number, posted, account, purpose, form, intent)
    return Cancelled(posted, number)


def _checked(intent: Intent) -> tuple[Purpose, Form]:
    if intent.purpose not in PURPOSES:
        raise Invalid(f"The purpose of a cancellation is one of: {', '.join(PURPOSES)}.")
    if intent.form not in FORMS:
        raise Invalid("The form is reduction or points.")
    for what, words in (("The beneficiary", intent.beneficiary), ("The statement", intent.statement)):
        if words is not None:
            checked_words(words, what, MAX_TEXT_CHARS)
    purpose, form = PURPOSES[intent.purpose], FORMS[intent.form]
    if form == Form.POINTS and intent.purpose not in OF_POINTS:
        raise RuleBroken("Points are cancelled voluntarily or as a donation; other purposes need reductions.")
    return purpose, form


def certificate_number(at: int) -> str:
    """Make a certificate number: the day, as its page shows it, and 50 random bits, so that none can be guessed."""
    return f"GLC-{in_shanghai(at):%Y%m%d}-" + "".join(secrets.choice(_ALPHABET) for _ in range(10))


def _issue(
    tx: sa.Connection,
    vault: Vault,
    number: str,
    posted: Posted,
    account: Account,
    purpose: Purpose,
    form: Form,
    intent: Intent,
) -> None:
    place = sealed_as(number)
    values = {
        "number": number,
        "act_id": posted.act_id,
        "account_id": account.id,
        "holder": vault.seal_text(place, account.name),
        "purpose": int(purpose),
        "form": int(form),
        "quantity_g": posted.quantity_g,
        "beneficiary": vault.seal_text(place, intent.beneficiary),
        "statement": vault.seal_text(place, intent.statement),
        "issued_ms": posted.at,
    }
    _INSERT(tx, values)


_INSERT = Statement(sa.insert(certificates))
ERASING = (columns_go(certificates, "holder", of_persons=("beneficiary", "statement")),)
