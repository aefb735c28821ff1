"""A seeded run of all acts on a real ledger, each asked of the model first; after every step the two must agree."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
import sqlalchemy as sa

from registry.consumption.cancel import PURPOSES, Intent, cancel
from registry.consumption.transfer import transfer
from registry.issuance.issue import Activity, Report, issue
from registry.ledger.blocks import NO_FLAG, Wanted
from registry.ledger.ledger import Amount, Ledger, lock_grams, unlock_grams, void_grams
from registry.ledger.movement import Form, Purpose
from registry.ledger.posting import Posted
from registry.points.points import convert, expire, redeem, refund, return_points
from tests.support.gram_model import POINTS, REDUCTION, Cards, Failure, Gram, last_good_moment
from tests.support.scheme import DAY, Scheme

_LIVE = sa.text("SELECT b.*, m.act_id FROM blocks b JOIN movements m ON m.id = b.movement_id")
_LAST_ACT = sa.text("SELECT max(id) FROM acts")
Fit = Callable[[Gram], bool]


@dataclass
class Simulation:
    """Two persons, a provider and a firm act at random: mostly what can be done, sometimes what cannot."""

    scheme: Scheme
    seed: int
    done: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.people = [self.scheme.person() for _ in range(2)]
        self.institutions = [self.scheme.institution() for _ in range(2)]
        self.everybody = self.people + self.institutions
        self.cards = Cards(set(self.people))
        self.redemptions = [0]
        self.acts = [
            self.issue, self.convert, self.convert, self.redeem, self.redeem, self.refund, self.return_points,
            self.expire, self.transfer, self.cancel, self.lock, self.unlock, self.void, self.wait,
        ]  # fmt: skip

    def run(self, steps: int) -> None:
        for step in range(steps):
            act = self.random.choice(self.acts) if step >= 4 else self.issue
            try:
                act()
                self.compare()
            except BaseException as error:
                error.add_note(f"seed {self.seed}, step {step}: {act.__name__}")
                raise

    def compare(self) -> None:
        """The live blocks tile exactly the model's grams, and everybody holds what the model says."""
        with self.scheme.database.transaction() as tx:
            rows = tx.execute(_LIVE).all()
        live = {
            n: (r.account_id, r.form, r.flags, r.until_ms, r.act_id) for r in rows for n in range(r.first_g, r.last_g)
        }
        cards = self.cards
        assert live == {g.number: (g.holder, g.form, cards.flags(g), g.until, g.act) for g in cards.grams.values()}
        assert sum(r.last_g - r.first_g for r in rows) == len(live), "no gram lies in two blocks"
        assert cards.issued == len(live) + cards.ended
        for account in self.everybody:
            assert self.scheme.holdings(account) == cards.holdings(account)

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
        return Amount(quantity, self.random.randrange(-1, self.cards.issued + 2))

    def agree(self, name: str, expected: Callable[[], list[Gram]], act: Callable[[sa.Connection, Ledger], Posted]):
        """Do the act that is expected to take these grams, or to fail; answer the grams and the act, or nothing."""
        at = self.scheme.clock.now + 1
        try:
            taken = expected()
        except Failure as failure:
            self.failed[name] = self.failed.get(name, 0) + 1
            with pytest.raises(failure.of), self.scheme.database.transaction() as tx:
                act(tx, self.scheme.ledger)
            return [], 0
        with self.scheme.database.transaction() as tx:
            posted = act(tx, self.scheme.ledger)
        self.done[name] = self.done.get(name, 0) + 1
        assert (posted.at, posted.quantity_g) == (at, len(taken))
        numbers = [n for w in posted.movements for n in range(w.movement.first, w.movement.last)]
        assert sorted(numbers) == sorted(gram.number for gram in taken)
        return taken, posted.act_id

    # The acts

    def issue(self) -> None:
        account, quantity = self.random.choice(self.everybody), self.random.randint(1, 20)
        is_class_i, is_project = self.random.random() < 0.4, self.random.random() < 0.2
        reference, start = f"a-{next(self.scheme.references)}", self.scheme.clock()
        activity = Activity(reference, account, start, self.scheme.clock(), quantity)
        source = replace(self.scheme.source, kind="project") if is_project else self.scheme.source
        with self.scheme.database.transaction() as tx:
            lot = issue(tx, self.scheme.ledger, Report(source, is_class_i, [activity], bytes(32), {}))
            act = tx.execute(_LAST_ACT).scalar_one()
        assert (lot.first, lot.last) == (self.cards.issued, self.cards.issued + quantity), "lots adjoin"
        self.cards.issued += quantity
        for number in range(lot.first, lot.last):
            self.cards.grams[number] = Gram(number, account, is_class_i, not is_project, act)

    def convert(self) -> None:
        def fit(gram: Gram) -> bool:
            return gram.form == REDUCTION and gram.scenario and not gram.converted and gram.holder in self.people

        account = self.somebody(fit)
        amount, until = self.amount(account, fit), last_good_moment(self.scheme.clock.now + 1)
        taken, act = self.agree(
            "convert",
            partial(self.cards.convert, account, amount),
            lambda tx, ledger: convert(tx, ledger, account, amount),
        )
        self.cards.move(taken, act, form=POINTS, until=until, converted=True)

    def redeem(self) -> None:
        def fit(gram: Gram) -> bool:
            return gram.form == POINTS and gram.holder in self.people

        account = self.somebody(fit)
        provider = self.random.choice(self.institutions * 4 + self.people)
        amount, at = Amount(self.amount(account, fit).quantity_g), self.scheme.clock.now + 1
        taken, act = self.agree(
            "redeem",
            partial(self.cards.redeem, account, provider, amount, at),
            lambda tx, ledger: redeem(tx, ledger, account, provider, amount.quantity_g, "order"),
        )
        self.cards.move(taken, act, holder=provider, redeemed_from=account)
        self.redemptions += [act] if taken else []

    def refund(self) -> None:
        def fit(gram: Gram) -> bool:
            return gram.redeemed_from is not None

        provider = self.somebody(fit)
        acts = sorted({gram.act for gram in self.cards.grams.values() if gram.holder == provider and fit(gram)})
        act = self.random.choice(acts if acts and self.random.random() < 0.9 else self.redemptions)
        amount = self.amount(provider, fit)
        taken, of = self.agree(
            "refund",
            partial(self.cards.refund, provider, act, amount),
            lambda tx, ledger: refund(tx, ledger, provider, act, amount),
        )
        for gram in taken:
            self.cards.move([gram], of, holder=gram.redeemed_from)

    def return_points(self) -> None:
        def fit(gram: Gram) -> bool:
            return gram.form == POINTS and gram.holder in self.institutions

        account = self.somebody(fit)
        amount = self.amount(account, fit)
        taken, act = self.agree(
            "return",
            partial(self.cards.return_points, account, amount),
            lambda tx, ledger: return_points(tx, ledger, account, amount),
        )
        self.cards.move(taken, act, form=REDUCTION, until=0)

    def expire(self) -> None:
        at = self.scheme.clock.now + 1
        account = self.somebody(lambda gram: gram.form == POINTS and gram.until < at)
        taken, _ = self.agree(
            "expire", partial(self.cards.expire, account, at), lambda tx, ledger: expire(tx, ledger, account)
        )
        self.cards.end(taken)

    def transfer(self) -> None:
        def fit(gram: Gram) -> bool:
            return gram.form == REDUCTION

        account, receiver = self.somebody(fit), self.random.choice(self.everybody)
        amount, purpose = self.amount(account, fit), self.random.choice(["agreement", "donation"])
        taken, act = self.agree(
            "transfer",
            partial(self.cards.transfer, account, receiver, amount),
            lambda tx, ledger: transfer(tx, ledger, account, receiver, amount, purpose),
        )
        self.cards.move(taken, act, holder=receiver)

    def cancel(self) -> None:
        form, purpose = self.random.choice([REDUCTION, POINTS]), self.random.choice(sorted(PURPOSES))

        def fit(gram: Gram) -> bool:
            return gram.form == form and (gram.class_i or purpose != "compliance-offset")

        account, at = self.somebody(fit), self.scheme.clock.now + 1
        amount, intent = self.amount(account, fit), Intent(Form(form).name.lower(), purpose)
        taken, _ = self.agree(
            f"cancel {purpose}",
            partial(self.cards.cancel, account, form, amount, purpose, at),
            lambda tx, ledger: cancel(tx, ledger, account, amount, intent).posted,
        )
        self.cards.end(taken)

    def lock(self) -> None:
        form, purpose = Form(self.random.choice([REDUCTION, POINTS])), Purpose(self.random.choice([32, 33, 34]))
        account = self.somebody(lambda gram: gram.form == form)
        amount = self.amount(account, lambda gram: gram.form == form)
        taken, act = self.agree(
            "lock",
            partial(self.cards.lock, account, form, amount, purpose),
            lambda tx, ledger: lock_grams(tx, ledger, account, form, amount, purpose),
        )
        self.cards.move(taken, act, locked=True)

    def unlock(self) -> None:
        form = Form(self.random.choice([REDUCTION, POINTS]))

        def fit(gram: Gram) -> bool:
            return gram.form == form and gram.locked

        account = self.somebody(fit)
        amount = self.amount(account, fit)
        taken, act = self.agree(
            "unlock",
            partial(self.cards.unlock, account, form, amount),
            lambda tx, ledger: unlock_grams(tx, ledger, account, form, amount),
        )
        self.cards.move(taken, act, locked=False)

    def void(self) -> None:
        form = Form(self.random.choice([REDUCTION, POINTS]))
        account = self.somebody(lambda gram: gram.form == form)
        amount = self.amount(account, lambda gram: gram.form == form)

        def act(tx: sa.Connection, ledger: Ledger) -> Posted:
            pieces = amount.of(tx, Wanted(account, form, lacks=NO_FLAG))
            return void_grams(tx, ledger, account, pieces, "abnormal data")

        taken, _ = self.agree("void", partial(self.cards.void, account, form, amount), act)
        self.cards.end(taken)

    def wait(self) -> None:
        """Some days; or so long that the next act reads some points' last good millisecond, or the one after."""
        clock = self.scheme.clock
        untils = [gram.until for gram in self.cards.grams.values() if gram.until > clock.now + 2]
        if untils and self.random.random() < 0.3:
            clock.now = min(untils) - 1 + self.random.randrange(2)
        else:
            clock.now += self.random.choice([1, 30, 200]) * DAY
