"""What is sent and answered about the mall."""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, StrictBool, StrictInt, StrictStr

from api.door.fields import (
    Body,
    CaseNumbered,
    Count,
    Grams,
    InChinese,
    InEnglish,
    MethodologyClass,
    Moment,
    NextCursor,
    OfficerName,
    ReasonCode,
    WantedMoment,
    one_of,
    said,
    words,
)
from api.door.numbers import MAX_EXACT
from api.door.times import shown_time
from registry.clock import rfc3339
from registry.mall import offers as of_offers
from registry.mall import orders as of_orders
from registry.mall.providers import Provider

INT64 = {"format": "int64"}
ProviderNumber = Annotated[int, said("A provider's number: that of its case.", 1, ge=1, json_schema_extra=INT64)]
OfferNumber = Annotated[StrictInt, said("An offer's number.", 4, ge=1, le=MAX_EXACT, json_schema_extra=INT64)]
OrderNumber = Annotated[str, said("An order's number.", "GLO-20261128-7K2M9QX4TB")]
MAX_LINE_CHARS: Final = 200
Pieces = Annotated[StrictInt, said("How many pieces.", 1, ge=1, le=of_orders.MOST_PIECES)]
Price = Annotated[StrictInt, said("Points for one piece.", 500, ge=1, le=MAX_EXACT, json_schema_extra=INT64)]


class Form(Body):
    """The application form (碳积分商城合作商入驻申请表), all of its fields; the provider's and the exchange's alone."""

    legal_representative: Annotated[
        StrictStr, words(MAX_LINE_CHARS, "法定代表/负责人: who represents it.", "Example Person")
    ]
    address: Annotated[StrictStr, words(MAX_LINE_CHARS, "通讯地址: where it is reached.", "Example Road 1")]
    merchant: Annotated[
        Literal["manufacturer", "first-agent", "second-agent", "other"], said("商户类型: what it is.", "manufacturer")
    ]
    contact_name: Annotated[StrictStr, words(MAX_LINE_CHARS, "联系人姓名: whom to ask for.", "Example Contact")]
    contact_phone: Annotated[StrictStr, words(MAX_LINE_CHARS, "电话: where the contact is called.", "021-0000 0000")]
    contact_email: Annotated[
        StrictStr, words(MAX_LINE_CHARS, "邮箱: where the contact is written to.", "mall@provider.example")
    ]
    contact_address: Annotated[StrictStr, words(MAX_LINE_CHARS, "地址: the contact's.", "Example Road 1")]
    business: Annotated[StrictStr, words(2000, "经营简介: its business, size and experience.", "Bakeries in the city")]
    service: Annotated[StrictStr, words(2000, "服务能力: who runs it, who serves customers.", "9 to 18 o'clock")]
    resources: Annotated[StrictStr, words(2000, "资源优势: prices, products, channels.", "Forty shops")]
    goods: Annotated[StrictBool, said("合作意向: goods.", True)]
    vouchers: Annotated[StrictBool, said("合作意向: vouchers and other virtual goods.", False)]
    other: Annotated[StrictStr | None, words(MAX_LINE_CHARS, "合作意向: what else.", "Guided tours")] = None
    documents: Annotated[list[StrictStr], said("资料清单: what comes with it.", ["licence.pdf"], max_length=50)]
    recommendation: Annotated[StrictStr | None, words(2000, "举荐部门意见: what it says.", "Recommended")] = None


class ProviderState(BaseModel):
    """How an application or a provider stands."""

    provider: ProviderNumber
    state: Annotated[str, said("As the life cycle of a benefit provider has it; `handed-in` before.", "live")]
    case: Annotated[CaseNumbered | None, said("Its case, once the exchange took it up.", "B-1")]
    since: Annotated[Moment, said("Since when it stands so.")]

    @classmethod
    def of(cls, found: Provider) -> Self:
        """Say how one stands."""
        return cls(provider=found.id, state=found.state, case=found.case, since=rfc3339(found.changed_ms))


class OwnProvider(ProviderState):
    """The same with what was handed in."""

    form: Annotated[Form | None, said("What it applied with; null once it was erased or taken back.")]

    @classmethod
    def whole(cls, found: Provider) -> Self:
        """Say it all."""
        form = None if found.form is None else Form(**found.form)
        return cls(**ProviderState.of(found).model_dump(), form=form)


class Applications(BaseModel):
    """Applications that wait to be taken up."""

    items: Annotated[list[OwnProvider], said("Oldest first.")]


class PublicProvider(BaseModel):
    """A provider of the mall."""

    provider: ProviderNumber
    name: Annotated[str | None, said("What it is called; null once erased.", "Example Bakery")]
    state: Annotated[str, one_of(("live", "suspended", "leaving"), "How it stands.")]
    case: Annotated[CaseNumbered | None, said("Where its decisions are read.", "B-1")]


class PublicProviders(BaseModel):
    """The providers of the mall."""

    items: Annotated[list[PublicProvider], said("Oldest first.")]


class NewOffer(Body):
    """What is to be offered for points."""

    kind: Annotated[StrictStr, one_of(of_offers.KINDS, "Goods are sent; of a voucher the buyer is given a code.")]
    name_zh: Annotated[StrictStr, words(of_offers.MAX_NAME_CHARS, "In Chinese; public.", "一杯咖啡")]
    name_en: Annotated[StrictStr, words(of_offers.MAX_NAME_CHARS, "In English; public.", "A cup of coffee")]
    text_zh: Annotated[StrictStr, words(of_offers.MAX_TEXT_CHARS, "What it is, in Chinese; public.", "任意门店可用。")]
    text_en: Annotated[StrictStr, words(of_offers.MAX_TEXT_CHARS, "What it is, in English; public.", "In any shop.")]
    price: Price
    stock: Annotated[
        StrictInt,
        said("Pieces of goods; of vouchers 0.", 100, ge=0, le=of_offers.MOST_STOCK),
    ] = 0
    budget: Annotated[
        StrictInt | None,
        said("Points that may be taken in all; null: as stock lasts.", 50_000, ge=1, le=MAX_EXACT),
    ] = None
    until: Annotated[WantedMoment, said("Until when it is ordered.", "2027-12-31T15:59:59.999Z")]


class Offer(BaseModel):
    """An offer as everybody sees it.

    How many pieces are left its provider is told alone: each step of a public count would tell a redemption of the log
    from others by its minute.
    """

    offer: OfferNumber
    kind: Annotated[str, one_of(of_offers.KINDS, "Goods are sent; of a voucher the buyer is given a code.")]
    name_zh: InChinese
    name_en: InEnglish
    text_zh: Annotated[InChinese, said("What it is.", "任意门店可用。")]
    text_en: Annotated[InEnglish, said("What it is.", "In any shop.")]
    price: Price
    is_available: Annotated[bool, said("Whether one piece at least is left, by stock and budget.", True)]
    until: Annotated[Moment, said("Until when it is ordered.")]
    state: Annotated[str, one_of(of_offers.STATES, "How it stands.")]

    @classmethod
    def of(cls, found: of_offers.Offer) -> Self:
        """Show one."""
        return cls(
            offer=found.id, kind=found.kind, name_zh=found.name_zh, name_en=found.name_en, text_zh=found.text_zh,
            text_en=found.text_en, price=found.price_g, is_available=found.left > 0, until=rfc3339(found.until_ms),
            state=found.state,
        )  # fmt: skip


class Offers(BaseModel):
    """Offers that are listed."""

    items: Annotated[list[Offer], said("By number.")]
    next_cursor: NextCursor


class OwnOffer(Offer):
    """An offer as its provider and the exchange see it."""

    left: Annotated[int, said("Pieces that are left, by stock and budget.", 99, ge=0)]
    budget: Annotated[Grams | None, said("Points that may be taken for it; null: as stock lasts.", 50_000)]
    taken: Annotated[Grams, said("Points that were taken for it, less what was given back.", 500)]
    decided_by: Annotated[OfficerName | None, said("Who listed or refused it; null before.")]
    reason: Annotated[ReasonCode | None, said("Why it was refused, in a word; null else.")]

    @classmethod
    def whole(cls, found: of_offers.Offer) -> Self:
        """Show it all."""
        return cls(
            **Offer.of(found).model_dump(), left=found.left, budget=found.budget_g, taken=found.taken_g,
            decided_by=found.decided_by, reason=found.reason,
        )  # fmt: skip


class OwnOffers(BaseModel):
    """Offers of a provider, or those that wait for the exchange."""

    items: Annotated[list[OwnOffer], said("By number.")]
    next_cursor: NextCursor


class MoreStock(Body):
    """More goods."""

    pieces: Annotated[StrictInt, said("How many more.", 10, ge=1, le=of_offers.MOST_STOCK)]


class NewCodes(Body):
    """Voucher codes."""

    codes: Annotated[
        list[StrictStr],
        said("Given one a piece; twice the same is one.", ["KAFFEE-1"], min_length=1, max_length=of_offers.MOST_CODES),
    ]  # fmt: skip


class OfferDecision(Body):
    """What the exchange decides of an offer."""

    listed: Annotated[StrictBool, said("Whether it is listed at its price; else it is refused.", True)]
    reason: Annotated[StrictStr | None, said("Why it is refused, in a word.", "price")] = None


class NewOrder(Body):
    """What is ordered and paid."""

    offer: OfferNumber
    pieces: Pieces = 1
    delivery: Annotated[
        StrictStr | None,
        words(of_orders.MAX_DELIVERY_CHARS, "Where goods go, and to whom; the provider's to read, and deleted later.",
              "Example Road 1, c/o Example Person"),
    ] = None  # fmt: skip


class OrderAnswer(BaseModel):
    """How an order stands."""

    order: OrderNumber
    state: Annotated[str, one_of(of_orders.STATES, "How it stands.")]
    codes: Annotated[list[str], said("Of a voucher, the codes; to its buyer alone.", ["KAFFEE-1"])]


class Order(BaseModel):
    """An order, as its buyer and its provider see it."""

    order: OrderNumber
    offer: OfferNumber
    name_zh: InChinese
    name_en: InEnglish
    pieces: Pieces
    points: Annotated[Grams, said("What was paid.", 500)]
    act: Annotated[str, said("The act that paid it.", "12")]
    state: Annotated[str, one_of(of_orders.STATES, "How it stands.")]
    placed_at: Moment
    shipped_at: Annotated[Moment | None, said("When it was sent; null before, and of a voucher.")]
    received_at: Annotated[Moment | None, said("When it arrived; null before.")]
    ended_at: Annotated[Moment | None, said("When it was cancelled or refunded; null else.")]
    delivery: Annotated[str | None, said("Where it goes; null once that is over.", "Example Road 1")]
    complaint: Annotated[str | None, said("What its buyer complains of; null without.", "It never came.")]
    answer: Annotated[str | None, said("What was answered; null before.", "It is on its way.")]
    answered_by: Annotated[str | None, said("Who answered.", "provider")]

    @classmethod
    def of(cls, found: of_orders.Order) -> Self:
        """Show one."""
        return cls(
            order=found.number, offer=found.offer, name_zh=found.name_zh, name_en=found.name_en, pieces=found.pieces,
            points=found.quantity_g, act=str(found.act), state=found.state, placed_at=rfc3339(found.placed_ms),
            shipped_at=shown_time(found.shipped_ms), received_at=shown_time(found.received_ms),
            ended_at=shown_time(found.ended_ms), delivery=found.delivery, complaint=found.complaint,
            answer=found.answer, answered_by=found.answered_by,
        )  # fmt: skip


class OwnOrder(Order):
    """The same with the codes of a voucher: its buyer's alone."""

    codes: Annotated[list[str], said("Of a voucher, the codes.", ["KAFFEE-1"])]

    @classmethod
    def whole(cls, found: of_orders.Order) -> Self:
        """Show it all."""
        return cls(**Order.of(found).model_dump(), codes=list(found.codes))


class Orders(BaseModel):
    """Orders that a provider was paid for."""

    items: Annotated[list[Order], said("Newest first.")]
    next_cursor: NextCursor


class OwnOrders(BaseModel):
    """Orders of a person."""

    items: Annotated[list[OwnOrder], said("Newest first.")]
    next_cursor: NextCursor


class Complaints(BaseModel):
    """Orders whose complaint waits for an answer."""

    items: Annotated[list[Order], said("The oldest complaint first.")]


class Message(Body):
    """Words for the other side."""

    message: Annotated[StrictStr, words(of_orders.MAX_WORDS_CHARS, "What there is to say.", "It never came.")]


class Settled(BaseModel):
    """What one offer came to on one day."""

    offer: OfferNumber
    name_zh: InChinese
    name_en: InEnglish
    orders: Count
    points: Annotated[Grams, said("Points that came in.", 500)]
    given_back: Annotated[Count, said("Orders that were cancelled or refunded that day, whenever they were placed.")]
    given_back_points: Annotated[Grams, said("Points that went back.", 0)]


class Collected(BaseModel):
    """Points of one class that are there, and what the reductions that they return to may be used for."""

    methodology_class: MethodologyClass
    points: Grams
    uses: Annotated[list[str], said("By the policy of channels in force.", ["trading", "voluntary-offset"])]


class DayStatement(BaseModel):
    """A provider's statement of a day in Shanghai, and what its collected points are worth now."""

    day: Annotated[str, said("The day in Shanghai.", "2026-11-28", json_schema_extra={"format": "date"})]
    offers: Annotated[list[Settled], said("By number.")]
    points: Annotated[Grams, said("Points that came in, of all.", 500)]
    given_back_points: Annotated[Grams, said("Points that went back, of all.", 0)]
    collected: Annotated[list[Collected], said("Points that are there now and may be returned, by class (R60).")]
