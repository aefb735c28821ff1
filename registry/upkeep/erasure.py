"""Erasure, asked for knowingly: what an account holds is shown, then settled by its holder's choice, then severed.

All in one transaction. What is settled is cancelled for good, with a certificate that names nobody, or reductions go
to another account; what is forfeited stays where it is: points expire in their time, reductions are nobody's for ever.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import rfc8785
import sqlalchemy as sa

from registry.accounts import accounts
from registry.accounts.accounts import INDIVIDUAL, Account, get_account, lock_account
from registry.activities import activities, subjects
from registry.consumption import cancel as cancellations
from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.database import schema
from registry.database.personal import Erased, Erasing
from registry.errors import HoldingsChanged, Invalid, NotFound, Unconfirmed, Unsettled
from registry.events import outbox
from registry.identity import appointments, belongings, grants, mandates, reads
from registry.integrity import findings
from registry.issuance import correction, quarantine, recognition
from registry.jobs import jobs
from registry.ledger import idempotency, posting
from registry.ledger.blocks import BLOCKS_AT_ONCE
from registry.ledger.ledger import Amount, Ledger
from registry.ledger.movement import Flag, Form, Kind, Purpose
from registry.ledger.posting import Posted
from registry.mall import offers, providers
from registry.mall import orders as mall_orders
from registry.points import notices, standing_orders
from registry.points.points import expire
from registry.sources import assets, linking, sources
from registry.submissions import submissions
from registry.supports import disclosures, supports
from registry.webhooks import webhooks

CANCELLING: Final = ("voluntary-cancellation", "donation")
FORFEIT, TRANSFER = "forfeit", "transfer"
CHOICES: Final = {"reductions": (*CANCELLING, TRANSFER, FORFEIT), "points": (*CANCELLING, FORFEIT)}
"""What may become of what is held, by form; `donation` cancels it as a donation."""


DECLARED: Final[tuple[Erasing, ...]] = (
    *jobs.ERASING,
    *accounts.ERASING,
    *submissions.ERASING,
    *findings.ERASING,
    *supports.ERASING,
    *disclosures.ERASING,
    *appointments.ERASING,
    *grants.ERASING,
    *mandates.ERASING,
    *belongings.ERASING,
    *reads.ERASING,
    *outbox.ERASING,
    *webhooks.ERASING,
    *linking.ERASING,
    *sources.ERASING,
    *assets.ERASING,
    *cancellations.ERASING,
    *mall_orders.ERASING,
    *offers.ERASING,
    *providers.ERASING,
    *notices.ERASING,
    *standing_orders.ERASING,
    *activities.ERASING,
    *correction.ERASING,
    *quarantine.ERASING,
    *recognition.ERASING,
    *subjects.ERASING,
    *idempotency.ERASING,
    *posting.ERASING,
)
"""What each capability takes away of an account. The first may still refuse; submissions go while it is known whose."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an account holds before it is erased, in grams; times are Unix milliseconds."""

    account_id: int
    reductions_g: int
    points_g: int
    points: tuple[tuple[int, int], ...]
    """`(until, grams)` of points that can be used, what expires first before the rest; 0 for what never expires."""
    expired_g: int
    """Points past their expiry, which end whatever is chosen."""
    locked: tuple[tuple[str, str, int], ...]
    """`(form, purpose, grams)` of what is listed, pledged or frozen: while there is any, nothing can be erased."""
    refundable_g: int
    """Points that providers could still refund, and cannot afterwards."""
    consents: int
    """Scenarios that may report activities of this account, and may not afterwards."""

    @property
    def digest(self) -> str:
        """Name exactly this, of this account, for whoever confirms that it was seen: 64 hex digits."""
        return hashlib.sha256(rfc8785.dumps(asdict(self))).hexdigest()


@dataclass(frozen=True, slots=True)
class Choice:
    """What becomes of what is held; None where nothing is. `to` receives reductions that are transferred."""

    reductions: str | None = None
    points: str | None = None
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """An act that settled a part of what was held; `certificate` is the number of a cancellation's."""

    posted: Posted
    certificate: str | None


def read_held(tx: sa.Connection, ledger: Ledger, account_id: int) -> Held:
    """Read what an open account holds. Raises what `get_account` raises."""
    account = get_account(tx, ledger.vault, account_id)
    return _held(tx, account, ledger.clock())


def settle_and_erase(
    tx: sa.Connection, ledger: Ledger, account_id: int, choice: Choice, confirmed: str | None
) -> list[Settled]:
    """Settle what the account holds as chosen, and erase it. `confirmed` is the digest of what its holder was shown.

    Raises `Unconfirmed` without it, `HoldingsChanged` when the account holds something else by now, `Unsettled` while
    Raises `Unconfirmed` without it, `HoldingsChanged` when the account holds something else by now, `Unsettled` while
    grams are locked, `JobUnderWay` beside a job, and `Invalid` for a choice that leaves something open.
    """
    jobs.refuse_beside(tx, account_id)
    account = lock_account(tx, ledger.vault, account_id)
    if confirmed is None:
        raise Unconfirmed(
            "GET this path first: it shows what the account holds. Then send its `confirm` with what is "
            "to become of that. Nothing was erased."
        )
    held = _held(tx, account, ledger.clock())
    if held.digest != confirmed:
        raise HoldingsChanged("The account holds something else than what was shown. Look again, and confirm that.")
    _refuse_locked(held)
    _check(choice, held)
    while held.expired_g and _has_expired(tx, account_id, ledger):
        expire(tx, ledger, account_id)
    settled = list(_settle(tx, ledger, account_id, choice))
    erase_account(tx, account_id, ledger.clock())
    return settled


def erase_account(tx: sa.Connection, number: int, at: int) -> None:
    """Sever the person from the proof (R5): destroy the key, the name, and all that leads from a person to an act.

    Leaves, blocks, proofs and digests stay as they are and still verify, under a number that leads to nobody. Grams
    that the account still holds stay where they are: nobody can move them any more, but points expire, and what came
    from abnormal data is voided; `settle_and_erase` settles them first. Raises `NotFound`.
    """
    table = schema.accounts
    is_open = table.c.id == number, table.c.erased_ms.is_(None)
    kind = tx.execute(sa.select(table.c.kind).where(*is_open).with_for_update()).scalar_one_or_none()
    if kind is None:
        raise NotFound(f"There is no open account {number}.")
    account = Erased(number, kind == INDIVIDUAL)
    for erasing in DECLARED:
        erasing(tx, account)
    tx.execute(sa.update(table).where(table.c.id == number).values(erased_ms=at))


def _refuse_locked(held: Held) -> None:
    if held.locked:
        what = ", ".join(f"{grams} g of {form} ({purpose})" for form, purpose, grams in held.locked)
        raise Unsettled(
            f"Locked: {what}. End the listing or the pledge first, or ask the centre to lift the freeze; then erase."
        )


def _check(choice: Choice, held: Held) -> None:
    for form, chosen, grams in (
        ("reductions", choice.reductions, held.reductions_g),
        ("points", choice.points, held.points_g),
    ):
        if chosen is None and grams:
            raise Invalid(f"Say what becomes of {grams} g of {form}: {', '.join(CHOICES[form])}.")
        if chosen is not None and chosen not in CHOICES[form]:
            raise Invalid(f"What becomes of {form} is one of: {', '.join(CHOICES[form])}.")
    if (choice.reductions == TRANSFER) != (choice.to is not None):
        raise Invalid("Reductions that are transferred need an account they go to, and only these do.")


def _settle(tx: sa.Connection, ledger: Ledger, account_id: int, choice: Choice) -> Iterator[Settled]:
    for form, chosen in ((Form.POINTS, choice.points), (Form.REDUCTION, choice.reductions)):
        if chosen in (None, FORFEIT):
            continue
        for amount in _parts(tx, account_id, form):
            if chosen == TRANSFER and choice.to is not None:
                yield Settled(transfer(tx, ledger, account_id, choice.to, amount, "donation"), None)
            else:
                done = cancel(tx, ledger, account_id, amount, Intent(form.name.lower(), str(chosen)))
                yield Settled(done.posted, done.certificate)


def _parts(tx: sa.Connection, account_id: int, form: Form) -> list[Amount]:
    """Cut what is held in a form into amounts that one act can take, in the order of spending."""
    values = {"account": account_id, "form": int(form), "most": BLOCKS_AT_ONCE}
    return [Amount(int(grams)) for grams in tx.execute(_PARTS, values).scalars()]


def _held(tx: sa.Connection, account: Account, at: int) -> Held:
    rows = tx.execute(_HELD, {"account": account.id}).all()
    open_rows = [row for row in rows if not row.purpose]
    points = [(int(row.until_ms), int(row.grams)) for row in open_rows if row.form == Form.POINTS]
    usable = tuple(sorted(one for one in points if not account.is_individual or one[0] >= at))
    return Held(
        account.id,
        sum(int(row.grams) for row in open_rows if row.form == Form.REDUCTION),
        sum(grams for _, grams in usable),
        usable,
        sum(grams for _, grams in points) - sum(grams for _, grams in usable),
        tuple(sorted(_locked(row) for row in rows if row.purpose)),
        *tx.execute(_OPEN, {"account": account.id, "redeem": int(Kind.REDEEM), "points": int(Form.POINTS)}).one(),
    )


def _locked(row: sa.Row[Any]) -> tuple[str, str, int]:
    return Form(row.form).name.lower(), Purpose(row.purpose).name.lower(), int(row.grams)


def _has_expired(tx: sa.Connection, account_id: int, ledger: Ledger) -> bool:
    return bool(tx.execute(_EXPIRED, {"account": account_id, "at": ledger.clock()}).scalar_one())


# Only a locked block's maker, its LOCK, says for what.
_HELD = sa.text(f"""
    SELECT b.form, b.until_ms, CASE WHEN b.flags & {int(Flag.LOCKED)} > 0 THEN m.purpose ELSE 0 END AS purpose,
        sum(b.last_g - b.first_g) AS grams
    FROM blocks b JOIN movements m ON m.id = b.movement_id WHERE b.account_id = :account GROUP BY 1, 2, 3
""")  # noqa: S608 (a flag of ours)
_OPEN = sa.text("""
    SELECT (SELECT coalesce(sum(b.last_g - b.first_g), 0)::bigint FROM blocks b JOIN movements m ON m.id = b.movement_id
            WHERE m.giver_id = :account AND m.kind = :redeem AND b.form = :points),
        (SELECT count(*) FROM consents WHERE account_id = :account AND revoked_ms IS NULL)
""")
_PARTS = sa.text("""
    SELECT sum(grams) FROM (
        SELECT last_g - first_g AS grams, (row_number() OVER (ORDER BY until_ms, first_g) - 1) / :most AS part
        FROM blocks WHERE account_id = :account AND form = :form
    ) b GROUP BY part ORDER BY part
""")
_EXPIRED = sa.text("""
    SELECT EXISTS (SELECT FROM blocks WHERE account_id = :account AND form = 2 AND until_ms < :at AND flags & 8 > 0)
""")
