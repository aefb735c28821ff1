"""Offers: what a provider gives for points. The exchange approves each and its price; stock and budget bound it (R60).

Goods are sent; a voucher is a code that the provider put in, of which the buyer is given one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.database.personal import Erased
from registry.database.schema import offers, vouchers
from registry.errors import Conflict, Invalid, NotFound
from registry.ledger.ledger import Ledger
from registry.mall.providers import is_live, must_be_live
from registry.mall.rules import rules_at
from registry.words import checked_words

GOODS, VOUCHER = "goods", "voucher"
KINDS: Final = (GOODS, VOUCHER)
PROPOSED, LISTED, REFUSED, ENDED = "proposed", "listed", "refused", "ended"
STATES: Final = (PROPOSED, LISTED, REFUSED, ENDED)
MAX_NAME_CHARS: Final = 100
MAX_TEXT_CHARS: Final = 2_000
MAX_CODE_CHARS: Final = 200
MOST_CODES: Final = 1_000
"""Voucher codes that are put in at a time."""
MOST_STOCK: Final = 10**9
MOST_OPEN: Final = 1_000
"""Offers of one provider that are proposed or listed."""
_CODE: Final = "voucher"


@dataclass(frozen=True, slots=True)
class NewOffer:
    """What is to be offered: for so many points a piece, so many pieces, with a budget of points, until a time.

    `stock` of vouchers is how many codes were put in, so that none is said here. `budget_g` is None for none; times
    are Unix milliseconds.
    """

    kind: str
    name_zh: str
    name_en: str
    text_zh: str
    text_en: str
    price_g: int
    stock: int
    budget_g: int | None
    until_ms: int


@dataclass(frozen=True, slots=True)
class Offer(NewOffer):
    """An offer as it stands: what is left, and the points that were taken for it, less what was given back."""

    id: int
    provider: int
    state: str
    made_ms: int
    taken_g: int
    decided_by: str | None
    reason: str | None

    @property
    def left(self) -> int:
        """Pieces that can be ordered, by stock and budget."""
        if self.budget_g is None:
            return self.stock
        return min(self.stock, (self.budget_g - self.taken_g) // self.price_g)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which offers are listed: of a provider, in some states, behind a number.

    With a time (Unix milliseconds) only those that can be ordered then: not over, and of a provider that is live.
    """

    states: Sequence[str] = (LISTED,)
    provider: int | None = None
    at: int | None = None
    after: int = 0
    limit: int = 50


def propose(tx: sa.Connection, ledger: Ledger, provider: int, new: NewOffer) -> int:
    """Propose an offer, which the exchange decides; gives its number.

    Raises `Conflict` for who is no provider or has too many offers, `Invalid` for what no offer is.
    """
    must_be_live(tx, provider)
    at = ledger.clock()
    _check(new, rules_at(tx, ledger, at).most_price_g, at)
    mine = offers.c.provider_id == provider, offers.c.state.in_((PROPOSED, LISTED))
    tx.execute(_ONE, {"provider": provider})
    if tx.execute(sa.select(sa.func.count()).where(*mine)).scalar_one() >= MOST_OPEN:
        raise Conflict(f"A provider has {MOST_OPEN} offers at a time. End one first.")
    row = {name: getattr(new, name) for name in NewOffer.__dataclass_fields__}
    row |= {"provider_id": provider, "state": PROPOSED, "made_ms": at, "taken_g": 0}
    return int(tx.execute(sa.insert(offers).values(row).returning(offers.c.id)).scalar_one())


def decide(tx: sa.Connection, ledger: Ledger, number: int, by: str, *, listed: bool, reason: str | None = None) -> None:
    """List an offer that was proposed, or refuse it with a reason. Raises `NotFound`, `Conflict`, `Invalid`."""
    found = get_offer(tx, number, lock=True)
    if found.state != PROPOSED:
        raise Conflict(f"Offer {number} is {found.state} already.")
    if not listed and reason is None:
        raise Invalid("An offer is refused with a reason; give a word that says which.")
    at = ledger.clock()
    if listed:
        must_be_live(tx, found.provider)
        _check(found, rules_at(tx, ledger, at).most_price_g, at)
    values = {"state": LISTED if listed else REFUSED, "decided_by": by, "reason": reason}
    tx.execute(sa.update(offers).where(offers.c.id == number).values(values))


def end(tx: sa.Connection, provider: int, number: int) -> None:
    """End an offer of one's own: nobody orders it any more. Raises `NotFound`, `Conflict`."""
    found = own(tx, provider, number)
    if found.state not in {PROPOSED, LISTED}:
        raise Conflict(f"Offer {number} is {found.state} already.")
    tx.execute(sa.update(offers).where(offers.c.id == number).values(state=ENDED))


def add_stock(tx: sa.Connection, provider: int, number: int, pieces: int) -> None:
    """Put more goods to an offer of one's own. Raises `NotFound`, `Conflict`, `Invalid`."""
    found = _still(own(tx, provider, number))
    if found.kind != GOODS:
        raise Invalid("Of vouchers there are as many as codes were put in.")
    if pieces < 1 or found.stock + pieces > MOST_STOCK:
        raise Invalid(f"Pieces are a whole number from 1, and {MOST_STOCK} at most in all.")
    tx.execute(sa.update(offers).where(offers.c.id == number).values(stock=offers.c.stock + pieces))


def add_codes(tx: sa.Connection, vault: Vault, provider: int, number: int, codes: Sequence[str]) -> int:
    """Put voucher codes to an offer of one's own; gives how many were new: a code put in twice is one.

    Raises `NotFound`, `Conflict`, `Invalid`.
    """
    found = _still(own(tx, provider, number))
    if found.kind != VOUCHER:
        raise Invalid("Codes belong to an offer of vouchers.")
    if not 1 <= len(codes) <= MOST_CODES:
        raise Invalid(f"From 1 to {MOST_CODES} codes are put in at a time.")
    checked = [checked_words(code, "A code", MAX_CODE_CHARS) for code in codes]
    rows = [
        {"offer": number, "digest": vault.keyed_digest(_CODE, f"{number}/{code}".encode()),
         "sealed": vault.seal_words(_CODE, code.encode())}
        for code in dict.fromkeys(checked)
    ]  # fmt: skip
    new = sum(tx.execute(_PUT_IN, row).rowcount for row in rows)
    tx.execute(sa.update(offers).where(offers.c.id == number).values(stock=offers.c.stock + new))
    return new


def open_code(vault: Vault, sealed: bytes) -> str:
    """Read a voucher's code."""
    return vault.open_words(_CODE, sealed).decode()


def own(tx: sa.Connection, provider: int, number: int) -> Offer:
    """Hold an offer of a provider's own. Raises `NotFound`, for another's too."""
    try:
        found = get_offer(tx, number, lock=True)
    except NotFound:
        found = None
    if found is None or found.provider != provider:
        raise NotFound(f"There is no offer {number} of this account.")
    return found


def get_offer(tx: sa.Connection, number: int, *, lock: bool = False) -> Offer:
    """Read an offer. Raises `NotFound`."""
    query = sa.select(offers).where(offers.c.id == number)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no offer {number}.")
    return _offer(row)


def list_offers(tx: sa.Connection, wanted: Wanted) -> list[Offer]:
    """Give offers by number, one more than asked for where there are more."""
    query = sa.select(offers).where(offers.c.state.in_(list(wanted.states)), offers.c.id > wanted.after)
    if wanted.provider is not None:
        query = query.where(offers.c.provider_id == wanted.provider)
    if wanted.at is not None:
        query = query.where(offers.c.until_ms >= wanted.at, is_live(offers.c.provider_id))
    return [_offer(row) for row in tx.execute(query.order_by(offers.c.id).limit(wanted.limit + 1))]


def _still(found: Offer) -> Offer:
    if found.state not in {PROPOSED, LISTED}:
        raise Conflict(f"Offer {found.id} is {found.state}; nothing is added to it.")
    return found


def _check(new: NewOffer, most_price_g: int, at: int) -> None:
    if new.kind not in KINDS:
        raise Invalid(f"The kind of an offer is one of: {', '.join(KINDS)}.")
    for words, what in ((new.name_zh, "The Chinese name"), (new.name_en, "The English name")):
        checked_words(words, what, MAX_NAME_CHARS)
    for words, what in ((new.text_zh, "The Chinese text"), (new.text_en, "The English text")):
        checked_words(words, what, MAX_TEXT_CHARS)
    if not 1 <= new.price_g <= most_price_g:
        raise Invalid(f"The price is a whole number of points from 1 to {most_price_g}, by the policy in force.")
    if not 0 <= new.stock <= MOST_STOCK:
        raise Invalid(f"Stock is a whole number from 0 to {MOST_STOCK}.")
    if new.kind == VOUCHER and not isinstance(new, Offer) and new.stock:
        raise Invalid("Of vouchers there are as many as codes are put in; say no stock.")
    if new.budget_g is not None and new.budget_g < new.price_g:
        raise Invalid("The budget does not reach for one piece.")
    if new.until_ms <= at:
        raise Invalid("An offer ends at a time to come.")


def _offer(row: sa.Row[Any]) -> Offer:
    return Offer(
        row.kind, row.name_zh, row.name_en, row.text_zh, row.text_en, row.price_g, row.stock, row.budget_g,
        row.until_ms, row.id, row.provider_id, row.state, row.made_ms, row.taken_g, row.decided_by, row.reason,
    )  # fmt: skip


def _end_all(tx: sa.Connection, account: Erased) -> None:
    """End what an institution offers when its account is erased; vouchers that nobody has go."""
    mine = offers.c.provider_id == account.number
    tx.execute(sa.update(offers).where(mine, offers.c.state.in_((PROPOSED, LISTED))).values(state=ENDED))
    of = sa.select(offers.c.id).where(mine)
    tx.execute(sa.delete(vouchers).where(vouchers.c.offer_id.in_(of), vouchers.c.order_number.is_(None)))


_ONE = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/offers/' || :provider, 0))")
_PUT_IN = sa.text("""
    INSERT INTO vouchers (offer_id, digest, sealed) VALUES (:offer, :digest, :sealed) ON CONFLICT DO NOTHING
""")
ERASING = (_end_all,)
