"""Roles are granted to subjects of an issuer, from a moment until another; an officer's number is one's for good."""

import pytest
import sqlalchemy as sa

from registry.errors import AccountErased, Conflict, Invalid, NotFound
from registry.identity import sessions
from registry.identity.grants import Grant, check_grant, give, list_grants, officer_of, revoke, standing
from registry.identity.roles import Role
from registry.identity.subjects import Subject
from registry.procedure.decision import Officer
from registry.upkeep.erasure import erase_account

ANN, BOB = Subject("https://id.example", "ann"), Subject("https://id.example", "bob")
ELSEWHERE = Subject("https://other.example", "ann")


def may(scheme, subject):
    with scheme.database.reading() as tx:
        return standing(tx, subject.digest(scheme.ledger.vault), scheme.clock())


def grant(scheme, subject, wanted, by="operator", at=5):
    with scheme.database.transaction() as tx:
        return give(tx, scheme.ledger.vault, subject, wanted, by, at)


def test_a_subject_may_what_was_granted_until_it_is_revoked(scheme):
    account = scheme.person()
    mine = Grant(Role.HOLDER, account)
    assert may(scheme, ANN) == ()
    number = grant(scheme, ANN, mine)
    assert grant(scheme, ANN, mine) == number, "twice is once"
    grant(scheme, ANN, Grant(Role.CENTRE, officer=7))
    assert may(scheme, ANN) == (mine, Grant(Role.CENTRE, officer=7))
    assert may(scheme, ELSEWHERE) == () == may(scheme, BOB), "of this issuer, and no other"
    with scheme.database.transaction() as tx:
        revoke(tx, number, "centre:7", 9)
        revoke(tx, number, "centre:8", 10)
        with pytest.raises(NotFound):
            revoke(tx, 10**9, "centre:8", 10)
    assert may(scheme, ANN) == (Grant(Role.CENTRE, officer=7),)
    assert grant(scheme, ANN, mine, at=12) != number, "what is granted again is another grant"
    with scheme.database.reading() as tx:
        first, second = list_grants(tx, scheme.ledger.vault, [Role.HOLDER])
    assert (first.granted_ms, first.granted_by, first.revoked_ms, first.revoked_by) == (5, "operator", 9, "centre:7")
    assert (second.subject, second.revoked_ms) == (ANN, None)


def test_a_number_is_one_officers_for_good(scheme):
    seven = Grant(Role.BUREAU, officer=7)
    number = grant(scheme, ANN, seven)
    with pytest.raises(Conflict, match="bureau:7 is somebody else"):
        grant(scheme, BOB, seven)
    with scheme.database.transaction() as tx:
        revoke(tx, number, "operator", 9)
    with pytest.raises(Conflict, match="somebody else"):
        grant(scheme, BOB, seven)
    with pytest.raises(Conflict, match="has the number bureau:7"):
        grant(scheme, ANN, Grant(Role.BUREAU, officer=8))
    grant(scheme, ANN, seven, at=12)
    grant(scheme, BOB, Grant(Role.CENTRE, officer=7))
    assert officer_of(may(scheme, ANN), "bureau") == Officer("bureau", 7)
    assert officer_of(may(scheme, ANN), "centre") is None


def test_an_officer_is_of_one_authority(scheme):
    """Or somebody whom two had named would decide alone what they decide together."""
    number = grant(scheme, ANN, Grant(Role.CENTRE, officer=7))
    with pytest.raises(Conflict, match="This is centre:7"):
        grant(scheme, ANN, Grant(Role.EXCHANGE, officer=7))
    assert may(scheme, ANN) == (Grant(Role.CENTRE, officer=7),)
    with scheme.database.transaction() as tx:
        revoke(tx, number, "operator", 9)
    grant(scheme, ANN, Grant(Role.EXCHANGE, officer=7), at=12)
    with pytest.raises(Conflict, match="This is exchange:7"):
        grant(scheme, ANN, Grant(Role.CENTRE, officer=7), at=13)


def test_a_role_that_has_an_end_ends_by_itself_and_can_be_given_anew(scheme):
    at, expert = scheme.clock(), Grant(Role.EXPERT, officer=4)
    with scheme.database.transaction() as tx:
        vault = scheme.ledger.vault
        first = give(tx, vault, ANN, expert, "operator", at - 10, at - 1)
        assert standing(tx, ANN.digest(vault), at - 2) == (expert,)
        assert standing(tx, ANN.digest(vault), at - 1) == ()
        assert give(tx, vault, ANN, Grant(Role.CENTRE, officer=5), "operator", at) > first, "no expert any more"
        with pytest.raises(Conflict, match="This is centre:5"):
            give(tx, vault, ANN, expert, "operator", at)
        with pytest.raises(Invalid):
            give(tx, vault, BOB, expert, "operator", at, at)


@pytest.mark.parametrize(
    "wanted",
    [
        Grant(Role.HOLDER),
        Grant(Role.CENTRE),
        Grant(Role.CENTRE, 1, 1),
        Grant(Role.CENTRE, officer=0),
        Grant(Role.CENTRE, officer=2**31),
        Grant(Role.EXPERT, 1),
        Grant(Role.EXPERT),
        Grant(Role.EXPERT, officer=1, district="310104"),
        Grant(Role.DISTRICT_BUREAU, officer=1),
        Grant(Role.DISTRICT_BUREAU, officer=1, district="31010"),
        Grant(Role.DISTRICT_BUREAU, officer=1, district="３１０１０４"),
        Grant(Role.HOLDER, 1, 1),
    ],
    ids=str,
)
def test_a_grant_has_what_its_role_needs_and_no_more(wanted):
    with pytest.raises(Invalid):
        check_grant(wanted)


def test_only_an_open_account_of_the_right_kind_gives_a_role(scheme):
    person, shop = scheme.person(), scheme.institution()
    grant(scheme, ANN, Grant(Role.PROVIDER, shop))
    for role in (Role.PROVIDER, Role.PLATFORM, Role.APPLICANT):
        with pytest.raises(Invalid, match="an institution's may"):
            grant(scheme, ANN, Grant(role, person))
    with pytest.raises(NotFound):
        grant(scheme, ANN, Grant(Role.HOLDER, 10**9))
    with scheme.database.transaction() as tx:
        erase_account(tx, person, 9)
    with pytest.raises(AccountErased):
        grant(scheme, ANN, Grant(Role.HOLDER, person))


def test_erasure_takes_away_who_acted_for_the_account_and_nobody_else(scheme):
    account, other = scheme.person(), scheme.person()
    grant(scheme, ANN, Grant(Role.HOLDER, account))
    grant(scheme, BOB, Grant(Role.HOLDER, account))
    grant(scheme, BOB, Grant(Role.CENTRE, officer=3))
    grant(scheme, ELSEWHERE, Grant(Role.HOLDER, other))
    with scheme.database.transaction() as tx:
        kept = sessions.begin(tx, BOB.digest(scheme.ledger.vault), 5)
        gone = sessions.begin(tx, ANN.digest(scheme.ledger.vault), 5)
        erase_account(tx, account, 9)
    with scheme.database.reading() as tx:
        digests = {bytes(one) for one in tx.execute(sa.text("SELECT digest FROM subjects")).scalars()}
        assert sessions.subject_in(tx, gone, 10) is None
        assert sessions.subject_in(tx, kept, 10) == BOB.digest(scheme.ledger.vault)
    assert digests == {one.digest(scheme.ledger.vault) for one in (BOB, ELSEWHERE)}
    assert may(scheme, BOB) == (Grant(Role.CENTRE, officer=3),)


def test_a_session_ends_after_an_hour_or_when_it_is_ended(scheme):
    digest = ANN.digest(scheme.ledger.vault)
    with scheme.database.transaction() as tx:
        secret, other = sessions.begin(tx, digest, 0), sessions.begin(tx, digest, 0)
        assert secret != other
        assert sessions.subject_in(tx, secret, sessions.LIFE_MS - 1) == digest
        assert sessions.subject_in(tx, secret, sessions.LIFE_MS) is None
        assert sessions.subject_in(tx, secret + "x", 1) is None
        sessions.end(tx, secret)
        assert sessions.subject_in(tx, secret, 1) is None
        sessions.begin(tx, digest, sessions.LIFE_MS)
        assert tx.execute(sa.text("SELECT count(*) FROM sessions")).scalar_one() == 1, "what ended is swept away"


def test_no_name_of_a_subject_stands_in_the_database_as_it_is(scheme):
    secretive = Subject("https://id.example", "zhang-san-310101")
    grant(scheme, secretive, Grant(Role.EXPERT, officer=1))
    with scheme.database.reading() as tx:
        rows = repr(tx.execute(sa.text("SELECT * FROM subjects")).all())
        assert "zhang" not in rows
        assert [one.subject for one in list_grants(tx, scheme.ledger.vault, [Role.EXPERT])] == [secretive]


@pytest.mark.parametrize("name", ["", "\ud800", "a\0b", "a\nb", "\u202eb", "克" * 256])
def test_what_is_no_name_is_no_subject(name):
    with pytest.raises(Invalid):
        Subject("https://id.example", name)
