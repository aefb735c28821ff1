"""The registry as a child would keep it: one card for each gram. The oracle for the ledger.

Every act first says which cards it would take, or which error there is; `Failure` carries the class of the error.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, timezone

from registry.errors import Insufficient, Invalid, NotFound, RegistryError, RuleBroken
from registry.ledger.ledger import Amount

REDUCTION, POINTS = 1, 2
SHANGHAI = timezone(timedelta(hours=8))
VALID_YEARS = 2
POINTS_PURPOSES = {"voluntary-cancellation", "donation"}


class Failure(Exception):
    """The act fails with an error of this class, and changes nothing."""

    def __init__(self, of: type[RegistryError]) -> None:
        super().__init__(of.__name__)
        self.of = of


@dataclass
class Gram:
    number: int
    holder: int
    class_i: bool
    scenario: bool
    act: int
    form: int = REDUCTION
    until: int = 0
    converted: bool = False
    locked: bool = False
    redeemed_from: int | None = None
    """Who redeemed it, as long as it lies as the redemption brought it."""


@dataclass
class Cards:
    """All grams alive, by number, and how many there ever were."""

    people: set[int]
    grams: dict[int, Gram] = field(default_factory=dict)
    issued: int = 0
    ended: int = 0
    gathered: int = 0

    @property
    def frontier(self) -> int:
        """The next number: each gram has had one for its issue, and one for each bundle it went into."""
        return self.issued + self.gathered

    def flags(self, gram: Gram) -> int:
        bits = gram.class_i, gram.scenario, gram.converted, gram.holder in self.people, gram.locked
        return sum(1 << place for place, bit in enumerate(bits) if bit)

    def holdings(self, account: int) -> dict[int, int]:
        mine = [gram.form for gram in self.grams.values() if gram.holder == account]
        return {form: mine.count(form) for form in (REDUCTION, POINTS) if form in mine}

    def take(self, account: int, form: int, amount: Amount, may: Callable[[Gram], bool]) -> list[Gram]:
        """Pick the cards an act takes: exactly those asked for, or the first by expiry and number."""
        if amount.quantity_g <= 0:
            raise Failure(Invalid)
        there = [g for g in self.grams.values() if g.holder == account and g.form == form and may(g)]
        there.sort(key=lambda g: (g.until, g.number))
        if amount.first is None:
            taken = there[: amount.quantity_g]
        else:
            taken = [g for g in there if 0 <= g.number - amount.first < amount.quantity_g]
        if len(taken) < amount.quantity_g:
            raise Failure(Insufficient)
        return taken

    def convert(self, account: int, amount: Amount) -> list[Gram]:
        if account not in self.people:
            raise Failure(RuleBroken)
        return self.take(account, REDUCTION, amount, lambda g: g.scenario and not g.converted and not g.locked)

    def redeem(self, account: int, provider: int, amount: Amount, at: int) -> list[Gram]:
        if account not in self.people:
            raise Failure(RuleBroken)
        taken = self.take(account, POINTS, amount, lambda g: not g.locked and g.until >= at)
        if account == provider:
            raise Failure(Invalid)
        if provider in self.people:
            raise Failure(NotFound)
        return taken

    def refund(self, provider: int, act: int, amount: Amount) -> list[Gram]:
        def brought(gram: Gram) -> bool:
            return gram.act == act and gram.redeemed_from is not None and not gram.locked

        return self.take(provider, POINTS, amount, brought)

    def gather(self, account: int, form: int, amount: Amount) -> list[Gram]:
        if account in self.people:
            raise Failure(RuleBroken)
        taken = self.take(account, form, amount, lambda g: not g.locked)
        if len({(g.class_i, g.scenario, g.converted) for g in taken}) > 1:
            raise Failure(RuleBroken)
        return taken

    def expire(self, account: int, at: int) -> list[Gram]:
        due = [g for g in self.grams.values() if g.holder == account and g.form == POINTS and g.until < at]
        due = [g for g in due if not g.locked and account in self.people]
        if not due:
            raise Failure(Invalid)
        return due

    def transfer(self, account: int, to: int, amount: Amount) -> list[Gram]:
        taken = self.take(account, REDUCTION, amount, lambda g: not g.locked)
        if account == to:
            raise Failure(Invalid)
        return taken

    def cancel(self, account: int, form: int, amount: Amount, purpose: str, at: int) -> list[Gram]:
        if form == POINTS and purpose not in POINTS_PURPOSES:
            raise Failure(RuleBroken)

        def may(gram: Gram) -> bool:
            is_late = form == POINTS and account in self.people and gram.until < at
            return not gram.locked and not is_late and (purpose != "compliance-offset" or gram.class_i)

        return self.take(account, form, amount, may)

    def lock(self, account: int, form: int, amount: Amount, purpose: int) -> list[Gram]:
        taken = self.take(account, form, amount, lambda g: not g.locked)
        if form == POINTS and purpose != 34:
            raise Failure(RuleBroken)
        return taken

    def unlock(self, account: int, form: int, amount: Amount) -> list[Gram]:
        return self.take(account, form, amount, lambda g: g.locked)

    def void(self, account: int, form: int, amount: Amount) -> list[Gram]:
        return self.take(account, form, amount, lambda _: True)

    def renumber(self, taken: Iterable[Gram], act: int, numbering: Mapping[int, int]) -> None:
        """Gathered, they go on as reductions under the next numbers, each under the one that it got."""
        taken = list(taken)
        assert numbering.keys() == {gram.number for gram in taken}, "other grams were gathered"
        assert sorted(numbering.values()) == list(range(self.frontier, self.frontier + len(taken)))
        self.move(taken, act, form=REDUCTION, until=0)
        for gram in taken:
            del self.grams[gram.number]
            gram.number = numbering[gram.number]
        self.grams |= {gram.number: gram for gram in taken}
        self.gathered += len(taken)

    def end(self, taken: Iterable[Gram]) -> None:
        for gram in taken:
            del self.grams[gram.number]
            self.ended += 1

    def move(self, taken: Iterable[Gram], act: int, **changes) -> None:
        """Change the cards taken; whatever an act does, they no longer lie as a redemption brought them."""
        for gram in taken:
            for name, value in ({"redeemed_from": None, "act": act} | changes).items():
                setattr(gram, name, value)


def last_good_moment(at: int) -> int:
    """When points converted at `at` can last be used: the last millisecond of the day in Shanghai, two years on."""
    there = datetime.fromtimestamp(at // 1000, UTC).astimezone(SHANGHAI)
    is_leap_day = (there.month, there.day) == (2, 29)
    day = there.date().replace(year=there.year + VALID_YEARS, day=28 if is_leap_day else there.day)
    return int(datetime.combine(day, time(23, 59, 59), SHANGHAI).timestamp()) * 1000 + 999
