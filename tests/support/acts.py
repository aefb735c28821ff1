"""Acts of the ledger, drawn at random, each with what a model of single grams says of it."""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from api.installation.officers import CENTRE
from registry.accounts.accounts import lock_even_erased
from registry.activities.activities import Activity
from registry.consumption.cancel import PURPOSES, Intent, cancel
from registry.consumption.transfer import transfer
from registry.issuance.issue import issue
from registry.issuance.report import Report
from registry.ledger.blocks import NO_FLAG, Wanted
from registry.ledger.gathering import gather_held
from registry.ledger.ledger import Amount, Ledger, lock_grams, unlock_grams
from registry.ledger.movement import Form, Purpose
from registry.ledger.posting import Posted
from registry.ledger.totals import totals
from registry.points.points import convert, expire, redeem, refund
from tests.support.correcting import correct
from tests.support.gram_model import POINTS, REDUCTION, Cards, Gram, last_good_moment
from tests.support.scheme import DAY, VALID, Scheme

_LIVE = sa.text("SELECT b.*, m.act_id FROM blocks b JOIN movements m ON m.id = b.movement_id")
_GATHERED = sa.text("""
    SELECT first_g, last_g, tag_number(to_tag, 13) AS target FROM movements WHERE act_id = :act AND kind = 6
""")
_ACT_OF = sa.text("SELECT a.id, a.at_ms FROM acts a JOIN movements m ON m.act_id = a.id WHERE m.id = :id")
Fit = Callable[[Gram], bool]


@dataclass(frozen=True)
class Drawn:
    """An act that somebody asks for. It may be done at any time after it was drawn."""

    name: str
    takes: Callable[[int], list[Gram]]
    """The grams it takes, or brings, at this time by the model; raises `Failure`."""
    act: Callable[[sa.Connection, Ledger], Posted]
    change: Callable[[list[Gram], int, int], None]
    """Done with these grams, by the act of this number, at this time."""
    decisions: int = 0
    """How many decisions come before it at most, each of a moment of its own."""


@dataclass
class Acts:
    """Two persons, a provider and a firm act at random: mostly what can be done, sometimes what cannot."""

    scheme: Scheme
    random: random.Random
    people: list[int]
    institutions: list[int]

    def __post_init__(self) -> None:
        self.everybody = self.people + self.institutions
        self.cards = Cards(set(self.people))
        self.redemptions = [0]
        self.drawers = [
            self.issue, self.convert, self.convert, self.redeem, self.redeem, self.refund, self.return_points,
            self.bundle, self.expire, self.transfer, self.cancel, self.lock, self.unlock, self.void, self.wait,
        ]  # fmt: skip

    @classmethod
    def found(cls, scheme: Scheme, generator: random.Random) -> "Acts":
        for is_class_i, is_project in itertools.product((False, True), repeat=2):
            scheme.source_of(is_class_i=is_class_i, is_project=is_project)
        people = [scheme.person() for _ in range(2)]
        return cls(scheme, generator, people, [scheme.institution() for _ in range(2)])

    def draw(self) -> Drawn | None:
        """What somebody asks for now; None when nothing but time goes by."""
        return self.random.choice(self.drawers)()

    def compare(self) -> None:
        """The live blocks tile exactly the model's grams, and everybody holds what the model says."""
        with self.scheme.database.transaction() as tx:
            rows = tx.execute(_LIVE).all()
        live = {
            n: (r.account_id, r.form, r.flags, r.until_ms, r.act_id) for r in rows for n in range(r.first_g, r.last_g)
        }
        cards = self.cards
        said = {g.number: (g.holder, g.form, cards.flags(g), g.until, g.act) for g in cards.grams.values()}
        assert live == said, "the live blocks are not what the model says"
        assert sum(r.last_g - r.first_g for r in rows) == len(live), "no gram lies in two blocks"
        assert cards.issued == len(live) + cards.ended, "a gram is neither alive nor ended"
        for account in self.everybody:
            assert self.scheme.holdings(account) == cards.holdings(account)

    def compare_sums(self) -> None:
        """The totals are what the model says, once all is published."""
        with self.scheme.database.transaction() as tx:
            of = totals(tx)
        forms = Counter(gram.form for gram in self.cards.grams.values())
        sums = of.issued_g, of.reduction_g, of.points_g, sum(of.ended_g.values())
        assert sums == (self.cards.issued, forms[REDUCTION], forms[POINTS], self.cards.ended), "false totals"

    # What a step draws

    def somebody(self, fit: Fit) -> int:
        """Usually one who holds a gram that fits, so that most acts succeed."""
        holders = sorted({gram.holder for gram in self.cards.grams.values() if fit(gram)})
        return self.random.choice(holders if holders and self.random.random() < 0.9 else self.everybody)

    def amount(self, account: int, fit: Fit) -> Amount:
        quantity = self.random.choice(
            [1, 1, 2, 2, 3, 4, 6, 9, 14, 14, 0, -1] if self.random.random() < 0.3 else [1, 2, 3]
        )
        if self.random.random() < 0.6:
            return Amount(quantity)
        fitting = [gram.number for gram in self.cards.grams.values() if gram.holder == account and fit(gram)]
        if fitting and self.random.random() < 0.8:
            return Amount(quantity, self.random.choice(fitting))
        return Amount(quantity, self.random.randrange(-1, self.cards.frontier + 2))

    # The acts

    def issue(self) -> Drawn:
        account, quantity = self.random.choice(self.everybody), self.random.randint(1, 20)
        is_class_i, is_project = self.random.random() < 0.4, self.random.random() < 0.2
        number, start = next(self.scheme.references), self.scheme.clock()
        # No two lots of a project are about one day.
        start = VALID[1] - (number + 1) * DAY if is_project else start
        end = start + 1000 if is_project else self.scheme.clock()
        activity = Activity(f"a-{number}", account, start, end, quantity)
        source = self.scheme.source_of(is_class_i=is_class_i, is_project=is_project)

        def takes(_at: int) -> list[Gram]:
            numbers = range(self.cards.frontier, self.cards.frontier + quantity)
            return [Gram(number, account, is_class_i, not is_project, 0) for number in numbers]

        def act(tx: sa.Connection, ledger: Ledger) -> Posted:
            lot = issue(tx, ledger, Report(source, [activity]), CENTRE)
            of = tx.execute(_ACT_OF, {"id": lot.movements[0].id}).one()
            return Posted(of.id, "issue", of.at_ms, quantity, lot.movements)

        def change(grams: list[Gram], number: int, _at: int) -> None:
            self.cards.issued += quantity
            self.cards.grams |= {gram.number: gram for gram in grams}
            self.cards.move(grams, number)

        return Drawn("issue", takes, act, change, decisions=2)

    def convert(self) -> Drawn:
        def fit(gram: Gram) -> bool:
            return gram.form == REDUCTION and gram.scenario and not gram.converted and gram.holder in self.people

        account = self.somebody(fit)
        amount = self.amount(account, fit)

        def change(taken: list[Gram], act: int, at: int) -> None:
            self.cards.move(taken, act, form=POINTS, until=last_good_moment(at), converted=True)

        return Drawn(
            "convert",
            lambda _at: self.cards.convert(account, amount),
            lambda tx, ledger: convert(tx, ledger, account, amount),
            change,
        )

    def redeem(self) -> Drawn:
        def fit(gram: Gram) -> bool:
            return gram.form == POINTS and gram.holder in self.people

        account = self.somebody(fit)
        provider = self.random.choice(self.institutions * 4 + self.people)
        amount = Amount(self.amount(account, fit).quantity_g)

        def change(taken: list[Gram], act: int, _at: int) -> None:
            self.cards.move(taken, act, holder=provider, redeemed_from=account)
            self.redemptions.append(act)

        return Drawn(
            "redeem",
            partial(self.cards.redeem, account, provider, amount),
            lambda tx, ledger: redeem(tx, ledger, account, provider, amount.quantity_g, "order"),
            change,
        )

    def refund(self) -> Drawn:
        def fit(gram: Gram) -> bool:
            return gram.redeemed_from is not None

        provider = self.somebody(fit)
        acts = sorted({gram.act for gram in self.cards.grams.values() if gram.holder == provider and fit(gram)})
        redemption = self.random.choice(acts if acts and self.random.random() < 0.9 else self.redemptions)
        amount = self.amount(provider, fit)

        def change(taken: list[Gram], act: int, _at: int) -> None:
            for gram in taken:
                self.cards.move([gram], act, holder=gram.redeemed_from)

        return Drawn(
            "refund",
            lambda _at: self.cards.refund(provider, redemption, amount),
            lambda tx, ledger: refund(tx, ledger, provider, redemption, amount),
            change,
        )

    def return_points(self) -> Drawn:
        return self._gather("return", Form.POINTS)

    def bundle(self) -> Drawn:
        return self._gather("bundle", Form.REDUCTION)

    def _gather(self, name: str, form: Form) -> Drawn:
        def fit(gram: Gram) -> bool:
            return gram.form == form and gram.holder in self.institutions

        account = self.somebody(fit)
        amount = self.amount(account, fit)
        return Drawn(
            name,
            lambda _at: self.cards.gather(account, form, amount),
            lambda tx, ledger: gather_held(tx, ledger, account, form, amount),
            lambda taken, act, _at: self.cards.renumber(taken, act, self._numbering(act)),
        )

    def _numbering(self, act: int) -> dict[int, int]:
        """The number that each gram got which an act gathered."""
        with self.scheme.database.transaction() as tx:
            rows = tx.execute(_GATHERED, {"act": act}).all()
        return {n: row.target + n - row.first_g for row in rows for n in range(row.first_g, row.last_g)}

    def expire(self) -> Drawn:
        at = self.scheme.clock.now + self.scheme.clock.step
        account = self.somebody(lambda gram: gram.form == POINTS and gram.until < at)
        return Drawn(
            "expire",
            partial(self.cards.expire, account),
            lambda tx, ledger: expire(tx, ledger, account),
            lambda taken, _act, _at: self.cards.end(taken),
        )

    def transfer(self) -> Drawn:
        def fit(gram: Gram) -> bool:
            return gram.form == REDUCTION

        account, receiver = self.somebody(fit), self.random.choice(self.everybody)
        amount, purpose = self.amount(account, fit), self.random.choice(["agreement", "donation"])
        return Drawn(
            "transfer",
            lambda _at: self.cards.transfer(account, receiver, amount),
            lambda tx, ledger: transfer(tx, ledger, account, receiver, amount, purpose),
            lambda taken, act, _at: self.cards.move(taken, act, holder=receiver),
        )

    def cancel(self) -> Drawn:
        form, purpose = self.random.choice([REDUCTION, POINTS]), self.random.choice(sorted(PURPOSES))

        def fit(gram: Gram) -> bool:
            return gram.form == form and (gram.class_i or purpose != "compliance-offset")

        account = self.somebody(fit)
        amount, intent = self.amount(account, fit), Intent(Form(form).name.lower(), purpose)
        return Drawn(
            f"cancel {purpose}",
            partial(self.cards.cancel, account, form, amount, purpose),
            lambda tx, ledger: cancel(tx, ledger, account, amount, intent).posted,
            lambda taken, _act, _at: self.cards.end(taken),
        )

    def lock(self) -> Drawn:
        form, purpose = Form(self.random.choice([REDUCTION, POINTS])), Purpose(self.random.choice([32, 33, 34]))
        account = self.somebody(lambda gram: gram.form == form)
        amount = self.amount(account, lambda gram: gram.form == form)
        return Drawn(
            "lock",
            lambda _at: self.cards.lock(account, form, amount, purpose),
            lambda tx, ledger: lock_grams(tx, ledger, account, form, amount, purpose),
            lambda taken, act, _at: self.cards.move(taken, act, locked=True),
        )

    def unlock(self) -> Drawn:
        form = Form(self.random.choice([REDUCTION, POINTS]))

        def fit(gram: Gram) -> bool:
            return gram.form == form and gram.locked

        account = self.somebody(fit)
        amount = self.amount(account, fit)
        return Drawn(
            "unlock",
            lambda _at: self.cards.unlock(account, form, amount),
            lambda tx, ledger: unlock_grams(tx, ledger, account, form, amount),
            lambda taken, act, _at: self.cards.move(taken, act, locked=False),
        )

    def void(self) -> Drawn:
        form = Form(self.random.choice([REDUCTION, POINTS]))
        account = self.somebody(lambda gram: gram.form == form)
        amount = self.amount(account, lambda gram: gram.form == form)

        def act(tx: sa.Connection, ledger: Ledger) -> Posted:
            lock_even_erased(tx, account)
            pieces = amount.of(tx, Wanted(account, form, lacks=NO_FLAG))
            return correct(tx, ledger, account, pieces, CENTRE, "abnormal data")

        return Drawn(
            "void",
            lambda _at: self.cards.void(account, form, amount),
            act,
            lambda taken, _act, _at: self.cards.end(taken),
            decisions=100,
        )

    def wait(self) -> None:
        """Some days; or so long that the next act reads some points' last good millisecond, or the one after."""
        clock = self.scheme.clock
        untils = [gram.until for gram in self.cards.grams.values() if gram.until > clock.now + 2]
        if untils and self.random.random() < 0.3:
            clock.now = min(untils) - 1 + self.random.randrange(2)
        else:
            clock.now += self.random.choice([1, 30, 200]) * DAY
