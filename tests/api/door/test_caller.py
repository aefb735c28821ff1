"""What callers may is asked of the database seldom, and for many of them together; what was revoked is so in time."""

import pytest
import sqlalchemy as sa

from api.door.caller import FRESH_MS, Callers
from api.door.issuer import Issuer
from api.door.tokens import Tokens
from registry.identity.grants import Grant, give, revoke
from registry.identity.roles import Role
from registry.identity.subjects import Subject
from tests.support.scheme import TestClock

ISSUER = "https://id.example"


@pytest.fixture
def asked(scheme):
    """How often the database is turned to from here on."""
    sent: list[str] = []

    def note(connection, *_):
        sent.append(repr(connection))

    sa.event.listen(scheme.database.engine, "checkout", note)
    yield sent
    sa.event.remove(scheme.database.engine, "checkout", note)


def test_of_a_crowd_one_asks_for_all_who_came_since_and_nobody_is_believed_for_longer(scheme, asked):
    clock, vault = TestClock(step=0), scheme.ledger.vault
    callers = Callers(
        Tokens(Issuer(ISSUER, clock), ISSUER, "here", clock), lambda: scheme.database, lambda: vault, clock
    )
    crowd = [Subject(ISSUER, f"person {number}") for number in range(6)]
    with scheme.database.transaction() as tx:
        numbers = [
            give(tx, vault, one, Grant(Role.BUREAU, officer=at), "operator", 5) for at, one in enumerate(crowd, 1)
        ]
    digests = [one.digest(vault) for one in crowd]
    assert all(callers.known(one).has(Role.BUREAU) for one in digests)
    assert all(callers.known(one).has(Role.BUREAU) for one in digests[:5])
    with scheme.database.transaction() as tx:
        revoke(tx, numbers[1], "operator", 6)
    clock.now += FRESH_MS - 1
    asked.clear()
    assert callers.known(digests[1]).has(Role.BUREAU)
    assert not asked, "believed for two seconds"
    clock.now += 1
    assert callers.known(digests[0]).has(Role.BUREAU)
    assert len(asked) == 1
    assert [callers.known(one).has(Role.BUREAU) for one in digests[2:5]] == [True] * 3
    assert len(asked) == 1, "they were asked for with the first"
    assert not callers.known(digests[1]).has(Role.BUREAU), "who may nothing is asked for by himself"
    assert callers.known(digests[5]).has(Role.BUREAU)
    assert len(asked) == 3, "who had not come was asked for by nobody"
