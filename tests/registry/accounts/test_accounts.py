"""Accounts: what opens, what does not, and an erasure that severs the person and leaves the proof."""

import pytest
import sqlalchemy as sa

from api.installation.officers import CENTRE
from registry.accounts.accounts import (
    account_row,
    get_account,
    lock_account,
    lock_even_erased,
    name_in,
    named,
    open_account,
)
from registry.accounts.vault import Vault, tag
from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.database.schema import account_keys, accounts, certificates, consents, evidence, movements
from registry.errors import AccountErased, Insufficient, Invalid, NotFound, NotOpen, RuleBroken, Unavailable
from registry.evidence.document import digest, verify
from registry.ledger.blocks import Wanted
from registry.ledger.documents import whole
from registry.ledger.ledger import Amount, Ledger, lock_grams, unlock_grams
from registry.ledger.movement import Form, Purpose
from registry.ledger.taking import take
from registry.points.points import convert, expire, holders_of_expired_points, redeem, refund
from registry.sources.sources import give_consent
from registry.upkeep.erasure import erase_account
from tests.support.correcting import correct
from tests.support.scheme import DAY


@pytest.mark.parametrize("kind", ["", "person", "INDIVIDUAL", None])
def test_no_other_kind_opens(scheme, kind):
    with pytest.raises(Invalid), scheme.database.transaction() as tx:
        open_account(tx, scheme.ledger.vault, kind=kind, name="A", at=0)


@pytest.mark.parametrize("name", ["", "  ", "a" * 201, "a\x00", "a\nb", "\ud800", "\u202e"], ids=ascii)
def test_no_unprintable_name_opens(scheme, name):
    with pytest.raises(Invalid), scheme.database.transaction() as tx:
        open_account(tx, scheme.ledger.vault, kind="individual", name=name, at=0)


@pytest.mark.parametrize("number", [0, -1, 10**9])
def test_no_such_account(scheme, number):
    with pytest.raises(NotFound), scheme.database.transaction() as tx:
        lock_account(tx, scheme.ledger.vault, number)


def test_a_number_no_database_can_hold_is_invalid(scheme):
    with pytest.raises(Invalid), scheme.database.transaction() as tx:
        get_account(tx, scheme.ledger.vault, 2**70)


def test_a_key_never_shows(scheme):
    rider = scheme.person("Li")
    with scheme.database.transaction() as tx:
        account = get_account(tx, scheme.ledger.vault, rider)
    assert str(rider) in repr(account)
    assert "Li" not in repr(account)
    assert repr(account.key) not in repr(account)


def test_under_another_master_key_nothing_moves(scheme):
    rider = scheme.person()
    scheme.issue({rider: 10})
    stranger = Ledger(scheme.clock, Vault(bytes(32)))
    with pytest.raises(Unavailable), scheme.database.transaction() as tx:
        convert(tx, stranger, rider, Amount(5))
    assert scheme.holdings(rider) == {1: 10}


def test_tags_are_of_the_account_and_the_leaf_by_which_it_acquired(scheme):
    rider, firm = scheme.person(), scheme.institution()
    lot = scheme.issue({rider: 10})
    with scheme.database.transaction() as tx:
        done = transfer(tx, scheme.ledger, rider, firm, Amount(3, lot.first + 4), "agreement")
        keys = {number: get_account(tx, scheme.ledger.vault, number).key for number in (rider, firm)}
    issue, movement = lot.movements[0].movement, done.movements[0].movement
    assert issue.to_tag == tag(keys[rider], lot.first, issue.evidence) == movement.from_tag
    assert movement.to_tag == tag(keys[firm], lot.first + 4, movement.evidence)


def test_grams_that_come_back_have_another_tag(scheme):
    one, other = scheme.institution(), scheme.institution()
    before = scheme.issue({one: 10}).movements[0].movement.to_tag
    with scheme.database.transaction() as tx:
        transfer(tx, scheme.ledger, one, other, Amount(10), "agreement")
        back = transfer(tx, scheme.ledger, other, one, Amount(10), "agreement").movements[0].movement
    assert back.to_tag != before


@pytest.mark.parametrize(("key", "evidence"), [(bytes(31), bytes(32)), (bytes(33), bytes(32)), (bytes(32), b"")])
def test_a_tag_of_a_short_key_or_evidence_is_refused(key, evidence):
    with pytest.raises(ValueError, match="32 bytes"):
        tag(key, 0, evidence)


@pytest.fixture
def history(scheme):
    """Ann and Bob with every personal word the ledger keeps, and the evidence as it was."""
    ann, bob, shop = scheme.person("Ann"), scheme.person("Bob"), scheme.institution()
    scheme.issue({ann: 100, bob: 100})
    with scheme.database.transaction() as tx:
        give_consent(tx, scheme.ledger.vault, scheme.source.id, {"ann@bikes": ann, "bob@bikes": bob}, 1)
        for who, name in ((ann, "Ann"), (bob, "Bob")):
            words = Intent("reduction", "donation", f"Family of {name}", f"From {name} with love")
            convert(tx, scheme.ledger, who, Amount(50))
            spent = redeem(tx, scheme.ledger, who, shop, 20, f"order of {who}")
            cancel(tx, scheme.ledger, who, Amount(10), words)
            transfer(tx, scheme.ledger, who, shop, Amount(5), "agreement", f"agreement of {who}")
        erased_spent = redeem(tx, scheme.ledger, ann, shop, 3).act_id
    return ann, bob, shop, erased_spent, spent.act_id


def rows(scheme, query):
    with scheme.database.transaction() as tx:
        return tx.execute(query).all()


def shown(scheme) -> str:
    """All evidence, opened."""
    return repr([whole(scheme.ledger.vault, row) for row in rows(scheme, sa.select(evidence))])


def test_erasure_severs_the_person_and_leaves_the_proof(scheme, history):
    ann, bob, *_ = history
    moved = rows(scheme, sa.select(movements).order_by(movements.c.id))
    before = {row.digest: row for row in rows(scheme, sa.select(evidence))}
    others = rows(scheme, sa.select(certificates).where(certificates.c.account_id == bob))
    with scheme.database.transaction() as tx:
        erase_account(tx, ann, 99)
    assert rows(scheme, sa.select(account_keys).where(account_keys.c.account_id == ann)) == []
    assert rows(scheme, sa.select(accounts.c.name, accounts.c.erased_ms).where(accounts.c.id == ann)) == [(None, 99)]
    assert rows(scheme, sa.select(consents.c.account_id)) == [(bob,)]
    gone = rows(scheme, sa.select(certificates).where(certificates.c.account_id == ann))[0]
    assert (gone.holder, gone.beneficiary, gone.statement) == (None, None, None)
    assert rows(scheme, sa.select(movements).order_by(movements.c.id)) == moved
    assert rows(scheme, sa.select(certificates).where(certificates.c.account_id == bob)) == others
    after = {row.digest: row for row in rows(scheme, sa.select(evidence))}
    assert set(after) == set(before)
    for number, row in after.items():
        assert digest(row.fields) == number
        assert verify(row.fields, number)
        fields = whole(scheme.ledger.vault, row)
        assert verify(fields, number)
        hidden = {name for name, field in fields.items() if isinstance(field, str)}
        assert hidden == (set(before[number].personal) if row.account_id == ann else set())
    words = shown(scheme)
    assert [word for word in (f"of {ann}'", "Ann", "ann@bikes") if word in words] == []
    assert [word for word in (f"of {bob}'", "Family of Bob") if word not in words] == []


def test_nothing_moves_from_or_to_an_erased_account(scheme, history):
    ann, bob, shop, spent, other_spent = history
    with scheme.database.transaction() as tx:
        erase_account(tx, ann, 99)
    before = {who: scheme.holdings(who) for who in (ann, bob, shop)}
    ledger = scheme.ledger
    attempts = [
        lambda tx: convert(tx, ledger, ann, Amount(1)),
        lambda tx: redeem(tx, ledger, ann, shop, 1),
        lambda tx: transfer(tx, ledger, ann, bob, Amount(1), "agreement"),
        lambda tx: transfer(tx, ledger, bob, ann, Amount(1), "agreement"),
        lambda tx: cancel(tx, ledger, ann, Amount(1), Intent("reduction", "donation")),
        lambda tx: refund(tx, ledger, shop, spent, Amount(1)),
    ]
    for attempt in attempts:
        with pytest.raises((AccountErased, NotFound, RuleBroken)), scheme.database.transaction() as tx:
            attempt(tx)
    with pytest.raises(NotOpen):
        scheme.issue({bob: 5, ann: 5})
    with pytest.raises(NotFound), scheme.database.transaction() as tx:
        erase_account(tx, ann, 100)
    assert {who: scheme.holdings(who) for who in (ann, bob, shop)} == before
    with scheme.database.transaction() as tx:
        refund(tx, ledger, shop, other_spent, Amount(20))
    assert scheme.holdings(bob) == {1: 35, 2: 50}


def test_words_about_a_person_go_with_the_person_whoever_wrote_them(scheme):
    ann, bob, shop, firm = scheme.person("Ann"), scheme.person("Bob"), scheme.institution(), scheme.institution()
    scheme.issue({ann: 100, bob: 100, shop: 100})
    with scheme.database.transaction() as tx:
        transfer(tx, scheme.ledger, shop, ann, Amount(10), "agreement", "bonus of Ann")
        transfer(tx, scheme.ledger, bob, ann, Amount(10), "donation", "from Bob to Ann")
        transfer(tx, scheme.ledger, ann, bob, Amount(10), "donation", "from Ann to Bob")
        transfer(tx, scheme.ledger, shop, bob, Amount(10), "agreement", "bonus of Bob")
        transfer(tx, scheme.ledger, shop, firm, Amount(10), "agreement", "contract 7")
        erase_account(tx, ann, 99)
    kept = shown(scheme)
    assert [word for word in ("of Ann", "to Ann", "from Ann") if word in kept] == []
    assert "bonus of Bob" in kept
    with scheme.database.transaction() as tx:
        erase_account(tx, shop, 99)
    kept = shown(scheme)
    assert "contract 7" not in kept, "an institution's own words go with it"
    assert "bonus of Bob" in kept, "and what is about a person stays until that person goes"


def test_points_of_an_erased_account_still_expire_and_can_be_voided(scheme):
    ann = scheme.person("Ann")
    scheme.issue({ann: 100})
    ledger = scheme.ledger
    with scheme.database.transaction() as tx:
        convert(tx, ledger, ann, Amount(40))
        lock_grams(tx, ledger, ann, Form.POINTS, Amount(10), Purpose.FREEZE)
        erase_account(tx, ann, 99)
    with scheme.database.transaction() as tx:
        lock_even_erased(tx, ann)
        pieces = take(tx, Wanted(ann, Form.REDUCTION), 25)
        assert correct(tx, ledger, ann, pieces, CENTRE, "abnormal data").quantity_g == 25
        unlock_grams(tx, ledger, ann, Form.POINTS, Amount(10))
    scheme.clock.now += 800 * DAY
    with scheme.database.transaction() as tx:
        assert holders_of_expired_points(tx, ledger) == [ann]
        assert expire(tx, ledger, ann).quantity_g == 40
        assert holders_of_expired_points(tx, ledger) == []
    assert scheme.holdings(ann) == {1: 35}
    with pytest.raises(NotFound), scheme.database.transaction() as tx:
        lock_even_erased(tx, 10**9)


def test_no_order_number_of_the_platform_is_kept(scheme):
    ann = scheme.person("Ann")
    scheme.issue({ann: 100})
    with scheme.database.transaction() as tx:
        kept = tx.execute(sa.text("SELECT * FROM activities")).all()
    assert len(kept) == 1
    assert "ride-" not in repr(kept)


@pytest.mark.parametrize("reference", ["", " ", "x" * 201, "a\x00b", "\ud800", "a\nb"], ids=ascii)
def test_a_hostile_reference_is_refused(scheme, history, reference):
    ann, bob, shop, *_ = history
    with pytest.raises(Invalid), scheme.database.transaction() as tx:
        redeem(tx, scheme.ledger, ann, shop, 1, reference)
    with pytest.raises(Invalid), scheme.database.transaction() as tx:
        transfer(tx, scheme.ledger, ann, bob, Amount(1), "agreement", reference)


@pytest.mark.parametrize(
    ("amount", "error"),
    [
        (Amount(0), Invalid),
        (Amount(-5), Invalid),
        (Amount(2**80), Insufficient),
        (Amount(1, -1), Insufficient),
        (Amount(0, 0), Invalid),
        (Amount(1, 2**80), Invalid),
        (Amount(2**80, 0), Invalid),
    ],
    ids=str,
)
def test_a_hostile_amount_is_refused(scheme, history, amount, error):
    with pytest.raises(error), scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, history[0], amount)
    if amount.first is None:
        with pytest.raises(error), scheme.database.transaction() as tx:
            redeem(tx, scheme.ledger, history[0], history[2], amount.quantity_g)


def test_a_name_is_sealed_under_the_accounts_own_key_and_goes_with_it(scheme):
    """Whoever has the database and not the master key reads no name, and whoever destroys the key destroys it."""
    ann, bob = scheme.person("Zhang San"), scheme.person("Li Si")
    vault = scheme.ledger.vault
    with scheme.database.transaction() as tx:
        stored = repr(tx.execute(sa.select(accounts)).all())
        assert "Zhang" not in stored
        assert name_in(vault, account_row(tx, ann)) == "Zhang San" == get_account(tx, vault, ann).name
        assert named(tx, vault, "individual", "Li Si") == bob
        assert named(tx, vault, "institution", "Li Si") is None
        assert "Zhang" not in repr(get_account(tx, vault, ann))
        tx.execute(
            sa.text("UPDATE accounts SET name = (SELECT name FROM accounts WHERE id = :bob) WHERE id = :ann"),
            {"ann": ann, "bob": bob},
        )
        with pytest.raises(Unavailable):
            name_in(vault, account_row(tx, ann))
