"""Orders (订单): people pay offers with points, get what they paid for, and are heard when they do not (R23, R60).

An order is placed and paid in one transaction: points, stock and budget move together or not at all. Stock is taken
last, so that whoever waits for the same offer waits for the shortest time.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.clock import in_shanghai
from registry.database.personal import Erased
from registry.database.schema import orders
from registry.database.statement import Statement
from registry.errors import Conflict, Invalid, NotFound, OfferClosed, SoldOut
from registry.events.outbox import tell
from registry.events.types import ORDER_CANCELLED, ORDER_COMPLAINED, ORDER_PLACED
from registry.ledger.ledger import Amount, Ledger
from registry.mall.offers import GOODS, LISTED, VOUCHER, Offer, get_offer, open_code
from registry.mall.rules import rules_at
from registry.points.points import redeem, refund
from registry.procedure.decision import LIVE
from registry.words import checked_words

PAID, SHIPPED, RECEIVED, CANCELLED, REFUNDED = "paid", "shipped", "received", "cancelled", "refunded"
STATES: Final = (PAID, SHIPPED, RECEIVED, CANCELLED, REFUNDED)
MOST_PIECES: Final = 100
MAX_WORDS_CHARS: Final = 2_000
MAX_DELIVERY_CHARS: Final = 500
DAY_MS: Final = 86_400_000
_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # as of certificates: read aloud and typed
_DELIVERY, _COMPLAINT, _ANSWER = "order/delivery", "order/complaint", "order/answer"


@dataclass(frozen=True, slots=True)
class Order:
    """An order; times are Unix milliseconds. `buyer` is None once the person's account was erased."""

    number: str
    offer: int
    name_zh: str
    name_en: str
    kind: str
    buyer: int | None
    provider: int
    pieces: int
    quantity_g: int
    act: int
    state: str
    placed_ms: int
    shipped_ms: int | None
    received_ms: int | None
    ended_ms: int | None
    delivery: str | None = field(repr=False)
    codes: tuple[str, ...] = field(repr=False)
    complaint: str | None = field(repr=False)
    complained_ms: int | None
    answer: str | None = field(repr=False)
    answered_by: str | None
    answered_ms: int | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person orders: so many pieces of an offer, and for goods where they are to go."""

    offer: int
    pieces: int
    delivery: str | None = field(default=None, repr=False)


def place(tx: sa.Connection, ledger: Ledger, buyer: int, wish: Wish) -> str:
    """Order and pay; gives the order's number. A voucher is given at once.

    Raises `NotFound`, `OfferClosed`, `SoldOut`, `Invalid`, and what `redeem` raises. Nothing is done then.
    """
    offer = get_offer(tx, wish.offer)
    _check(ledger, offer, wish)
    number, quantity_g = order_number(ledger.clock()), wish.pieces * offer.price_g
    posted = redeem(tx, ledger, buyer, offer.provider, quantity_g, number)
    _take_stock(tx, offer, wish.pieces, quantity_g, posted.at)
    is_voucher = offer.kind == VOUCHER
    sealed = None if wish.delivery is None else ledger.vault.seal_words(_DELIVERY, wish.delivery.encode())
    _PLACE(tx, {
        "number": number, "offer": offer.id, "buyer": buyer, "provider": offer.provider, "pieces": wish.pieces,
        "quantity": quantity_g, "act": posted.act_id, "state": RECEIVED if is_voucher else PAID, "at": posted.at,
        "given": posted.at if is_voucher else None, "delivery": sealed,
    })  # fmt: skip
    if is_voucher and tx.execute(_GIVE_CODES, {"offer": offer.id, "pieces": wish.pieces, "number": number}).rowcount < (
        wish.pieces
    ):
        raise SoldOut(f"No code of offer {offer.id} is left.")
    told: dict[str, str | int] = {"order": number, "offer": offer.id, "pieces": wish.pieces, "quantity_g": quantity_g}
    tell(tx, ORDER_PLACED, offer.provider, posted.at, told)
    return number


def order_number(at: int) -> str:
    """Make an order's number: the day in Shanghai and 50 random bits, so that none can be guessed."""
    return f"GLO-{in_shanghai(at):%Y%m%d}-" + "".join(secrets.choice(_ALPHABET) for _ in range(10))


def ship(tx: sa.Connection, ledger: Ledger, provider: int, number: str) -> None:
    """Note that the provider sent the goods. Raises `NotFound`, `Conflict`."""
    found = of_provider(tx, ledger.vault, provider, number, lock=True)
    _must_be(found, PAID)
    _change(tx, found, state=SHIPPED, shipped_ms=_after(ledger, found.placed_ms))


def receive(tx: sa.Connection, ledger: Ledger, buyer: int, number: str) -> None:
    """Note that the goods arrived; the buyer says so. Raises `NotFound`, `Conflict`."""
    found = of_buyer(tx, ledger.vault, buyer, number, lock=True)
    _must_be(found, SHIPPED)
    _change(tx, found, state=RECEIVED, received_ms=_after(ledger, found.shipped_ms or found.placed_ms))


def cancel_order(tx: sa.Connection, ledger: Ledger, buyer: int, number: str) -> None:
    """Cancel what was not sent yet: the points come back at once, and the pieces go back to the offer.

    Raises `NotFound`, `Conflict`, and what `refund` raises: for one when the provider returned the points already.
    """
    found = of_buyer(tx, ledger.vault, buyer, number, lock=True)
    _must_be(found, PAID)
    if not rules_at(tx, ledger, ledger.clock()).cancel_until_shipped:
        raise Conflict("By the policy in force an order is not cancelled by its buyer; ask the provider.")
    _give_back(tx, ledger, found, CANCELLED)
    tell(tx, ORDER_CANCELLED, found.provider, ledger.clock(), {"order": number, "quantity_g": found.quantity_g})


def refund_order(tx: sa.Connection, ledger: Ledger, provider: int, number: str) -> None:
    """Give the points of an order back: the provider does, of goods within the days of the policy, of its own will.

    Raises `NotFound`, `Conflict`, and what `refund` raises.
    """
    found = of_provider(tx, ledger.vault, provider, number, lock=True)
    _must_be(found, PAID, SHIPPED, RECEIVED)
    days = rules_at(tx, ledger, ledger.clock()).refund_days
    if found.received_ms is not None and ledger.clock() > found.received_ms + days * DAY_MS:
        raise Conflict(f"It was received more than {days} days ago; by the policy in force it is not refunded.")
    _give_back(tx, ledger, found, REFUNDED)


def complain(tx: sa.Connection, ledger: Ledger, buyer: int, number: str, words: str) -> None:
    """Complain about an order, once; the provider or the exchange answers. Raises `NotFound`, `Conflict`, `Invalid`."""
    found = of_buyer(tx, ledger.vault, buyer, number, lock=True)
    if found.complained_ms is not None:
        raise Conflict(f"A complaint about order {number} is on record already.")
    sealed = ledger.vault.seal_words(_COMPLAINT, checked_words(words, "A complaint", MAX_WORDS_CHARS).encode())
    at = _after(ledger, found.placed_ms)
    _change(tx, found, complaint=sealed, complained_ms=at, has_complaint=True)
    tell(tx, ORDER_COMPLAINED, found.provider, at, {"order": number})


def answer_complaint(tx: sa.Connection, ledger: Ledger, found: Order, words: str, by: str) -> None:
    """Answer a complaint, once. Raises `Conflict`, `Invalid`."""
    if found.complaint is None or found.complained_ms is None or found.answered_ms is not None:
        raise Conflict(f"No complaint about order {found.number} waits for an answer.")
    sealed = ledger.vault.seal_words(_ANSWER, checked_words(words, "An answer", MAX_WORDS_CHARS).encode())
    at = _after(ledger, found.complained_ms)
    _change(tx, found, answer=sealed, answered_by=by, answered_ms=at, has_complaint=False)


def of_buyer(tx: sa.Connection, vault: Vault, buyer: int, number: str, *, lock: bool = False) -> Order:
    """Read an order of a person's own. Raises `NotFound`, for another's too."""
    return _one(tx, vault, number, sa.text("o.buyer_id = :whose"), buyer, lock=lock)


def of_provider(tx: sa.Connection, vault: Vault, provider: int, number: str, *, lock: bool = False) -> Order:
    """Read an order that a provider was paid for. Raises `NotFound`, for another's too."""
    return _one(tx, vault, number, sa.text("o.provider_id = :whose"), provider, lock=lock)


def with_complaint(tx: sa.Connection, vault: Vault, number: str, *, lock: bool = False) -> Order:
    """Read an order that somebody complained about, as the exchange may. Raises `NotFound`."""
    return _one(tx, vault, number, sa.text("o.complained_ms IS NOT NULL AND :whose = 0"), 0, lock=lock)


def list_orders(
    tx: sa.Connection, vault: Vault, *, buyer: int | None = None, provider: int | None = None, before: int, limit: int
) -> list[tuple[int, Order]]:
    """Give orders of a buyer or of a provider, newest first, each with its place, one more than asked for."""
    of, whose = ("o.buyer_id", buyer) if buyer is not None else ("o.provider_id", provider)
    rows = tx.execute(sa.text(f"{_ORDERS} WHERE {of} = :whose AND o.id < :before ORDER BY o.id DESC LIMIT :limit"),
                      {"whose": whose, "before": before, "limit": limit + 1})  # fmt: skip
    return [(row.id, _order(vault, row)) for row in rows]


def list_complaints(tx: sa.Connection, vault: Vault) -> list[Order]:
    """Give the orders whose complaint waits for an answer, the oldest complaint first, at most 1,000."""
    rows = tx.execute(sa.text(f"{_ORDERS} WHERE o.has_complaint ORDER BY o.complained_ms LIMIT 1000"))
    return [_order(vault, row) for row in rows]


def forget_deliveries(tx: sa.Connection, ledger: Ledger) -> int:
    """Delete addresses of orders that are over for as long as the policy keeps them; give how many, 1,000 at most.

    What was sent and never said to have arrived is over then, too: whoever it was for had that time to complain.
    """
    at = ledger.clock()
    try:
        days = rules_at(tx, ledger, at).keep_delivery_days
    except OfferClosed:
        return 0
    return tx.execute(_FORGET, {"before": at - days * DAY_MS}).rowcount


def _check(ledger: Ledger, offer: Offer, wish: Wish) -> None:
    if not 1 <= wish.pieces <= MOST_PIECES:
        raise Invalid(f"From 1 to {MOST_PIECES} pieces are ordered at a time.")
    if offer.state != LISTED or offer.until_ms < ledger.clock():
        raise OfferClosed(f"Offer {offer.id} is over, or not listed.")
    if offer.stock < wish.pieces:
        raise _too_few(offer, wish.pieces)
    if offer.kind == GOODS and wish.delivery is None:
        raise Invalid("Say where the goods are to go: `delivery`.")
    if offer.kind == VOUCHER and wish.delivery is not None:
        raise Invalid("A voucher goes nowhere: leave `delivery` out.")
    if wish.delivery is not None:
        checked_words(wish.delivery, "Where it goes", MAX_DELIVERY_CHARS)


def _take_stock(tx: sa.Connection, offer: Offer, pieces: int, quantity_g: int, at: int) -> None:
    wanted = {"offer": offer.id, "pieces": pieces, "quantity": quantity_g, "at": at, "listed": LISTED, "live": LIVE}
    if _TAKE(tx, wanted).fetchone() is not None:
        return
    left = get_offer(tx, offer.id)
    if left.state == LISTED and left.until_ms >= at and left.stock < pieces:
        raise _too_few(offer, pieces)
    if left.budget_g is not None and left.taken_g + quantity_g > left.budget_g:
        raise SoldOut(f"The budget of offer {offer.id} is used up.")
    raise OfferClosed(f"Offer {offer.id} is over, or its provider takes no orders now.")


def _too_few(offer: Offer, pieces: int) -> SoldOut:
    """Say that there are not so many: how many there are is the provider's to know."""
    return SoldOut(f"Fewer than {pieces} pieces of offer {offer.id} are left. Order fewer, or something else.")


def _give_back(tx: sa.Connection, ledger: Ledger, found: Order, state: str) -> None:
    refund(tx, ledger, found.provider, found.act, Amount(found.quantity_g))
    _change(tx, found, state=state, ended_ms=_after(ledger, found.placed_ms))
    # A code that somebody has seen is nobody else's.
    pieces = found.pieces if found.kind == GOODS else 0
    tx.execute(_PUT_BACK, {"offer": found.offer, "pieces": pieces, "quantity": found.quantity_g})


def _after(ledger: Ledger, at: int) -> int:
    """Now, and not before what it follows: clocks of two servers differ."""
    return max(ledger.clock(), at)


def _must_be(found: Order, *states: str) -> None:
    if found.state not in states:
        raise Conflict(f"Order {found.number} is {found.state}; this is for one that is {' or '.join(states)}.")


def _change(tx: sa.Connection, found: Order, **values: object) -> None:
    tx.execute(sa.update(orders).where(orders.c.number == found.number).values(values))


def _one(
    tx: sa.Connection, vault: Vault, number: str, whose: sa.TextClause, account: int, *, lock: bool = False
) -> Order:
    query = f"{_ORDERS} WHERE o.number = :number AND {whose}{' FOR UPDATE OF o' if lock else ''}"
    row = tx.execute(sa.text(query), {"number": number, "whose": account}).one_or_none()
    if row is None:
        raise NotFound(f"There is no order {number[:40]} of yours.")
    return _order(vault, row)


def _order(vault: Vault, row: Any) -> Order:
    return Order(
        row.number, row.offer_id, row.name_zh, row.name_en, row.kind, row.buyer_id, row.provider_id, row.pieces,
        row.quantity_g, row.act_id, row.state, row.placed_ms, row.shipped_ms, row.received_ms, row.ended_ms,
        vault.open_text(_DELIVERY, row.delivery), tuple(open_code(vault, bytes(one)) for one in row.codes or ()),
        vault.open_text(_COMPLAINT, row.complaint), row.complained_ms, vault.open_text(_ANSWER, row.answer),
        row.answered_by, row.answered_ms,
    )  # fmt: skip


def _leave(tx: sa.Connection, account: Erased) -> None:
    """Take away who ordered, where it went, what was said of it, and the voucher; the order stays its provider's."""
    tx.execute(_FORGET_CODES, {"account": account.number})
    tx.execute(_FORGET_BUYER, {"account": account.number})


_ORDERS = """
    SELECT o.*, f.kind, f.name_zh, f.name_en,
        (SELECT array_agg(v.sealed ORDER BY v.id) FROM vouchers v WHERE v.order_number = o.number) AS codes
    FROM orders o JOIN offers f ON f.id = o.offer_id
"""
_TAKE = Statement("""
    UPDATE offers SET stock = stock - :pieces, taken_g = taken_g + :quantity
    WHERE id = :offer AND state = :listed AND until_ms >= :at AND stock >= :pieces
        AND (budget_g IS NULL OR taken_g + :quantity <= budget_g)
        AND EXISTS (SELECT FROM providers p WHERE p.account_id = offers.provider_id AND p.state = :live)
    RETURNING id
""")
_PUT_BACK = sa.text("UPDATE offers SET stock = stock + :pieces, taken_g = taken_g - :quantity WHERE id = :offer")
_PLACE = Statement("""
    INSERT INTO orders (number, offer_id, buyer_id, provider_id, pieces, quantity_g, act_id, state, placed_ms,
        received_ms, delivery)
    VALUES (:number, :offer, :buyer, :provider, :pieces, :quantity, :act, :state, :at, :given, :delivery)
""")
_GIVE_CODES = sa.text("""
    UPDATE vouchers SET order_number = :number WHERE id IN (
        SELECT id FROM vouchers WHERE offer_id = :offer AND order_number IS NULL ORDER BY id LIMIT :pieces
        FOR UPDATE SKIP LOCKED
    )
""")
_FORGET = sa.text("""
    UPDATE orders SET delivery = NULL WHERE id IN (
        SELECT id FROM orders WHERE delivery IS NOT NULL AND (
            coalesce(received_ms, ended_ms) < :before OR (state = 'shipped' AND shipped_ms < :before)
        ) LIMIT 1000
    )
""")
_FORGET_CODES = sa.text("""
    DELETE FROM vouchers WHERE order_number IN (SELECT number FROM orders WHERE buyer_id = :account)
""")
_FORGET_BUYER = sa.text("""
    UPDATE orders SET buyer_id = NULL, delivery = NULL, complaint = NULL, answer = NULL, has_complaint = false
    WHERE buyer_id = :account
""")
ERASING = (_leave,)
