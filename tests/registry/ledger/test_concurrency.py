"""Acts at once, in threads with commits of their own: each gram moves once, nothing is lost, nothing deadlocks."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.database.schema import accounts, blocks, movements
from registry.errors import Insufficient, KeyReused, NotFound, NotOpen, RegistryError, RuleBroken
from registry.ledger.blocks import movement_of
from registry.ledger.idempotency import Claim, claim, keep
from registry.ledger.ledger import Amount
from registry.points.points import convert, redeem, refund, return_points
from registry.upkeep.erasure import erase_account

WORKERS = 8


@pytest.fixture
def together(scheme):
    """Run acts at once, each in a transaction of its own; answer what each gave, an error of ours as its class."""

    def run(acts):
        at_once = threading.Barrier(min(WORKERS, len(acts)))

        def one(numbered):
            number, act = numbered
            if number < at_once.parties:
                at_once.wait()
            try:
                with scheme.database.transaction() as tx:
                    return act(tx)
            except RegistryError as error:
                return type(error)

        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(one, enumerate(acts)))

    return run


def lawful(scheme):
    """Every gram left each parent at most once, and the live blocks are what no movement has taken."""
    query = sa.select(movements).where(movements.c.kind < 64).order_by(movements.c.id)
    with scheme.database.transaction() as tx:
        written = {row.id: movement_of(row) for row in tx.execute(query)}
        live = tx.execute(sa.select(blocks)).all()
    taken = [(m.parent, gram) for m in written.values() if m.parent for gram in range(m.first, m.last)]
    made = {(number, gram) for number, m in written.items() if m.form for gram in range(m.first, m.last)}
    assert len(taken) == len(set(taken))
    assert {(b.movement_id, gram) for b in live for gram in range(b.first_g, b.last_g)} == made - set(taken)


def test_one_of_forty_spends_the_whole_block(scheme, together):
    rider, shop = scheme.person(), scheme.institution()
    scheme.issue({rider: 500})
    together([lambda tx: convert(tx, scheme.ledger, rider, Amount(500))])
    done = together([lambda tx: redeem(tx, scheme.ledger, rider, shop, 500)] * 40)
    assert done.count(Insufficient) == 39
    assert scheme.holdings(shop) == {2: 500}
    lawful(scheme)


def test_forty_spend_parts_of_one_block(scheme, together):
    rider, shop = scheme.person(), scheme.institution()
    scheme.issue({rider: 500})
    together([lambda tx: convert(tx, scheme.ledger, rider, Amount(500))])
    done = together([lambda tx: redeem(tx, scheme.ledger, rider, shop, 13)] * 40)
    assert done.count(Insufficient) == 2, "38 times 13 are 494"
    assert (scheme.holdings(rider), scheme.holdings(shop)) == ({2: 6}, {2: 494})
    lawful(scheme)


def test_forty_spend_overlapping_exact_parts(scheme, together):
    rider, shop = scheme.person(), scheme.institution()
    scheme.issue({rider: 200})
    parts = [Amount(10, start) for start in range(0, 195, 5)]
    done = together(
        [lambda tx, part=part: transfer(tx, scheme.ledger, rider, shop, part, "agreement") for part in parts]
    )
    won = [act.quantity_g for act in done if act is not Insufficient]
    assert 10 * len(won) == scheme.holdings(shop)[1]
    assert len(won) >= 10
    lawful(scheme)


def test_two_who_transfer_to_each_other_do_not_deadlock(scheme, together):
    ann, bob = scheme.person(), scheme.person()
    scheme.issue({ann: 60, bob: 60})

    def between(giver, taker):
        return lambda tx: transfer(tx, scheme.ledger, giver, taker, Amount(3), "agreement")

    done = together([between(*pair) for _ in range(60) for pair in ((ann, bob), (bob, ann))])
    assert len(done) - done.count(Insufficient) > 60
    assert {answer for answer in done if isinstance(answer, type)} <= {Insufficient}
    assert scheme.holdings(ann).get(1, 0) + scheme.holdings(bob).get(1, 0) == 120
    lawful(scheme)


def test_all_acts_at_once_in_a_ring_of_accounts(scheme, together):
    people, shops = [scheme.person() for _ in range(3)], [scheme.institution() for _ in range(2)]
    scheme.issue(dict.fromkeys(people, 100))
    draw, ledger = random.Random(3), scheme.ledger
    intent = Intent("reduction", "voluntary-cancellation")

    def some_act():
        who, to, shop, amount = *draw.sample(people, 2), draw.choice(shops), Amount(draw.randint(1, 9))
        return draw.choice([
            lambda tx: convert(tx, ledger, who, amount),
            lambda tx: convert(tx, ledger, who, amount),
            lambda tx: redeem(tx, ledger, who, shop, amount.quantity_g),
            lambda tx: return_points(tx, ledger, shop, amount),
            lambda tx: transfer(tx, ledger, who, to, amount, "donation"),
            lambda tx: transfer(tx, ledger, shop, to, amount, "agreement"),
            lambda tx: cancel(tx, ledger, who, amount, intent).posted,
        ])  # fmt: skip

    done = together([some_act() for _ in range(200)])
    assert {answer for answer in done if isinstance(answer, type)} <= {Insufficient}
    cancelled = sum(act.quantity_g for act in done if not isinstance(act, type) and act.kind == "cancel")
    assert cancelled + sum(sum(scheme.holdings(who).values()) for who in people + shops) == 300
    lawful(scheme)


def test_convert_redeem_and_cancel_at_once_on_one_account(scheme, together):
    rider, shop = scheme.person(), scheme.institution()
    scheme.issue({rider: 300})
    ledger, intent = scheme.ledger, Intent("points", "donation")
    acts = [
        lambda tx: convert(tx, ledger, rider, Amount(10)),
        lambda tx: redeem(tx, ledger, rider, shop, 7),
        lambda tx: cancel(tx, ledger, rider, Amount(2), intent).posted,
    ]
    done = [act for act in together(acts * 25) if act is not Insufficient]
    moved = {kind: sum(act.quantity_g for act in done if act.kind == kind) for kind in ("convert", "redeem", "cancel")}
    assert moved["convert"] == 250
    assert scheme.holdings(shop).get(2, 0) == moved["redeem"]
    points = 250 - moved["redeem"] - moved["cancel"]
    assert scheme.holdings(rider) == {form: grams for form, grams in ((1, 50), (2, points)) if grams}
    lawful(scheme)


def test_refunds_of_one_redemption_at_once_give_back_no_more_than_was_spent(scheme, together):
    rider, shop = scheme.person(), scheme.institution()
    scheme.issue({rider: 100})
    together([lambda tx: convert(tx, scheme.ledger, rider, Amount(100))])
    spent, kept = together([lambda tx: redeem(tx, scheme.ledger, rider, shop, 30)] * 2)
    assert spent.act_id != kept.act_id
    done = together([lambda tx: refund(tx, scheme.ledger, shop, spent.act_id, Amount(7))] * 12)
    assert done.count(Insufficient) == 8
    assert (scheme.holdings(rider), scheme.holdings(shop)) == ({2: 68}, {2: 32})
    lawful(scheme)


def test_nothing_arrives_at_an_account_that_was_erased_meanwhile(scheme):
    """A transfer that has read its receiver holds the erasure back; one that comes later is refused."""
    ann, bob = scheme.person(), scheme.person()
    scheme.issue({ann: 50})
    read, erased = threading.Event(), []

    def erase():
        read.wait()
        with scheme.database.transaction() as tx:
            erase_account(tx, bob, 1)
            erased.append(True)

    thread = threading.Thread(target=erase)
    thread.start()
    with scheme.database.transaction() as tx:
        transfer(tx, scheme.ledger, ann, bob, Amount(5), "agreement")
        read.set()
        thread.join(0.3)
        assert not erased, "the erasure waits for the grams that are on their way"
    thread.join()
    assert scheme.holdings(bob) == {1: 5}
    with pytest.raises(NotFound), scheme.database.transaction() as tx:
        transfer(tx, scheme.ledger, ann, bob, Amount(5), "agreement")


@pytest.mark.parametrize("arrival", ["transfer", "issue", "redeem", "refund"])
def test_what_comes_while_an_erasure_is_under_way_waits_and_is_refused(scheme, arrival):
    ann, bob, shop = scheme.person(), scheme.person(), scheme.institution()
    scheme.issue({ann: 50, bob: 50})
    for who in (ann, bob):
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, who, Amount(20))
            spent = redeem(tx, scheme.ledger, who, shop, 5).act_id
    erased = shop if arrival == "redeem" else bob
    before = scheme.holdings(erased), scheme.holdings(shop), scheme.holdings(ann)
    outcome = []

    def arrive():
        try:
            if arrival == "issue":
                scheme.issue({bob: 5})
                return
            with scheme.database.transaction() as tx:
                if arrival == "transfer":
                    transfer(tx, scheme.ledger, ann, bob, Amount(5), "agreement")
                elif arrival == "redeem":
                    redeem(tx, scheme.ledger, ann, shop, 5)
                else:
                    refund(tx, scheme.ledger, shop, spent, Amount(5))
        except RegistryError as error:
            outcome.append(type(error))

    thread = threading.Thread(target=arrive)
    with scheme.database.transaction() as tx:
        erase_account(tx, erased, 1)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it waits for the erasure"
    thread.join()
    refused = {"issue": NotOpen, "refund": RuleBroken}.get(arrival, NotFound)
    assert outcome == [refused]
    assert (scheme.holdings(erased), scheme.holdings(shop), scheme.holdings(ann)) == before


def test_an_erasure_among_transfers_to_the_account(scheme, together):
    ann, bob, cid = scheme.person(), scheme.person(), scheme.person()
    scheme.issue({ann: 100, cid: 100})
    acts = [
        lambda tx, who=who: transfer(tx, scheme.ledger, who, bob, Amount(1), "agreement") for who in (ann, cid) * 20
    ]
    acts.insert(20, lambda tx: erase_account(tx, bob, 1))
    done = together(acts)
    assert done[20] is None, "the erasure went through"
    assert {answer for answer in done if isinstance(answer, type)} <= {NotFound}
    assert scheme.holdings(bob).get(1, 0) == 40 - done.count(NotFound)
    with scheme.database.transaction() as tx:
        assert tx.execute(sa.select(accounts.c.name).where(accounts.c.id == bob)).scalar_one() is None
    lawful(scheme)


def test_retries_with_one_key_act_once(scheme, together):
    rider = scheme.person()
    scheme.issue({rider: 100})
    asked = Claim.of(scheme.ledger.vault, "rider", "key-1", "convert")

    def retried(tx):
        earlier = claim(tx, asked)
        if earlier is not None:
            return earlier.response["act"]
        act = convert(tx, scheme.ledger, rider, Amount(10)).act_id
        keep(tx, asked, rider, 200, f'{{"act": {act}}}')
        return act

    assert len(set(together([retried] * 20))) == 1
    assert scheme.holdings(rider) == {1: 90, 2: 10}
    with pytest.raises(KeyReused), scheme.database.transaction() as tx:
        claim(tx, Claim.of(scheme.ledger.vault, "rider", "key-1", "another"))
    with scheme.database.transaction() as tx:
        assert claim(tx, Claim.of(scheme.ledger.vault, "another", "key-1", "convert")) is None


def test_an_act_that_failed_leaves_its_key_free(scheme):
    rider = scheme.person()

    asked = Claim.of(scheme.ledger.vault, "rider", "key-1", "convert")

    def attempt(tx):
        assert claim(tx, asked) is None
        convert(tx, scheme.ledger, rider, Amount(10))

    for _ in range(2):
        with pytest.raises(Insufficient), scheme.database.transaction() as tx:
            attempt(tx)
