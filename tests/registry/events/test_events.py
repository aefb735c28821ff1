"""The order of events: whoever reads on from where they were misses nothing and sees nothing twice."""

import random

import pytest
import sqlalchemy as sa

from registry.errors import EventsGone
from registry.events.feed import read_feed
from registry.events.outbox import PLATFORM_USER, Person, begin_anew, delete_older, number_events, tell
from registry.events.types import CONSENT_GIVEN, LOT_ISSUED, REDEMPTION_RECEIVED, TYPES, readable
from registry.identity.roles import Role
from registry.upkeep.erasure import erase_account

ALL = list(TYPES)


def redeemed(tx: sa.Connection, account: int, act: int, at: int = 1) -> None:
    tell(tx, REDEMPTION_RECEIVED, account, at, {"act": str(act), "movement": "1", "quantity_g": 1})


class Reader:
    """Reads a feed on and on, a few events at a time."""

    def __init__(self, scheme, account: int) -> None:
        self.scheme, self.account = scheme, account
        self.numbers: list[int] = []
        self.acts: list[int] = []

    def read(self, limit: int = 3) -> None:
        has_more = True
        while has_more:
            with self.scheme.database.reading() as tx:
                found = read_feed(tx, self.scheme.ledger.vault, self.account, ALL, (self.numbers or [0])[-1], limit)
            self.numbers += [event.number for event in found.events]
            self.acts += [int(event.data["act"]) for event in found.events]
            has_more = found.has_more


class Writers:
    """Transactions that tell, commit and roll back in any order; what was committed, and what was before each act."""

    def __init__(self, scheme) -> None:
        self.scheme = scheme
        self.committed: list[tuple[int, int]] = []
        self.before: dict[int, set[int]] = {}
        self._open: dict[int, tuple[sa.Connection, list[tuple[int, int]]]] = {}

    def tell(self, writer: int, account: int, act: int) -> None:
        if writer not in self._open:
            self._open[writer] = self.scheme.database.engine.connect(), []
        connection, told = self._open[writer]
        redeemed(connection, account, act)
        self.before[act] = {earlier for its, earlier in self.committed if its == account}
        told.append((account, act))

    def end(self, writer: int, *, commits: bool) -> None:
        if writer in self._open:
            connection, told = self._open.pop(writer)
            if commits:
                connection.commit()
                self.committed += told
            connection.close()

    def end_all(self) -> None:
        for writer in list(self._open):
            self.end(writer, commits=False)


def number(scheme) -> None:
    with scheme.database.transaction() as tx:
        number_events(tx)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_missed_or_comes_twice_whoever_commits_first(scheme, seed):
    """Numbering and reading between any two steps of four transactions."""
    chance, writers = random.Random(seed), Writers(scheme)
    readers = [Reader(scheme, scheme.institution()) for _ in range(2)]
    for act in range(1, 80):
        reader, writer = chance.choice(readers), chance.randrange(4)
        steps = (
            lambda: writers.tell(writer, reader.account, act),  # noqa: B023  (done at once)
            lambda: writers.end(writer, commits=chance.random() < 0.8),  # noqa: B023
            lambda: number(scheme),
            lambda: reader.read(chance.randrange(1, 4)),  # noqa: B023
        )
        chance.choices(steps, (4, 2, 1, 1))[0]()
    writers.end_all()
    number(scheme)
    for reader in readers:
        reader.read()
        assert reader.numbers == list(range(1, len(reader.numbers) + 1))
        assert sorted(reader.acts) == sorted(act for its, act in writers.committed if its == reader.account)
        places = {act: place for place, act in enumerate(reader.acts)}
        assert all(places[earlier] < places[act] for act in reader.acts for earlier in writers.before[act])


def test_old_events_go_and_who_has_not_read_them_is_told(scheme):
    shop = scheme.institution()
    for act in range(1, 6):
        with scheme.database.transaction() as tx:
            redeemed(tx, shop, act, at=act * 1000)
    with scheme.database.transaction() as tx:
        assert delete_older(tx, 10_000) == 0, "what has no number yet was never shown to anybody"
        assert number_events(tx) == 11, "with those of the scheme's founding"
        assert delete_older(tx, 3001) == 3
    with scheme.database.reading() as tx:
        assert [one.number for one in read_feed(tx, scheme.ledger.vault, shop, ALL, 3, 9).events] == [4, 5]
        assert [one.number for one in read_feed(tx, scheme.ledger.vault, shop, ALL, None, 9).events] == [4, 5]
        with pytest.raises(EventsGone, match="up to number 3"):
            read_feed(tx, scheme.ledger.vault, shop, ALL, 2, 9)
    with scheme.database.transaction() as tx:
        delete_older(tx, 10_000)
        redeemed(tx, shop, 6)
        number_events(tx)
    with scheme.database.reading() as tx:
        found = read_feed(tx, scheme.ledger.vault, shop, ALL, 5, 9).events
        assert [one.number for one in found] == [6], "no number comes twice"


def test_after_a_recovery_no_number_means_another_event_and_all_are_told(scheme):
    shop = scheme.institution()
    with scheme.database.transaction() as tx:
        redeemed(tx, shop, 1)
        number_events(tx)
        begin_anew(tx, 1_000_000, 5)
        number_events(tx)
    with scheme.database.reading() as tx:
        found = read_feed(tx, scheme.ledger.vault, shop, ALL, 0, 9).events
    assert [(one.number, one.type) for one in found] == [(1, "redemption.received"), (1_000_002, "registry.recovered")]


def test_of_an_erased_person_no_event_says_anything_and_none_is_an_erased_institutions(scheme):
    person, platform, vault = scheme.person(), scheme.institution(), scheme.ledger.vault
    with scheme.database.transaction() as tx:
        tell(tx, CONSENT_GIVEN, platform, 1, {"source": 1}, Person(person, vault.seal_words(PLATFORM_USER, b"rider-7")))
        redeemed(tx, person, 1)
        number_events(tx)
        assert read_feed(tx, scheme.ledger.vault, person, ALL, 0, 9).events == [], "a person's account has no feed"
        assert read_feed(tx, vault, platform, ALL, 0, 9).events[0].data == {"source": 1, "external_id": "rider-7"}
        erase_account(tx, person, 2)
        assert read_feed(tx, vault, platform, ALL, 0, 9).events[0].data == {"source": 1, "external_id": None}
        rows = tx.execute(sa.text("SELECT * FROM events WHERE account_id = :one"), {"one": platform}).all()
        assert "rider-7" not in repr(rows)
        assert {row.person_id for row in rows} == {None}
        erase_account(tx, platform, 3)
        redeemed(tx, platform, 2)
        assert tx.execute(sa.text("SELECT count(*) FROM events e WHERE account_id = :a"), {"a": platform}).scalar() == 0


def test_a_type_says_its_fields_and_no_others(scheme):
    with scheme.database.transaction() as tx:
        for data, person in (
            ({"lot": 1}, None),
            ({"lot": 1, "source": 1, "quantity_g": 1, "accounts": 1}, Person(1, "x")),
        ):
            with pytest.raises(ValueError, match=r"lot\.issued"):
                tell(tx, LOT_ISSUED, 1, 1, data, person)


def test_only_a_platform_is_told_what_it_calls_a_person():
    of_persons = {name for name, one in TYPES.items() if one.is_of_person}
    for role in Role:
        assert bool(of_persons & set(readable([role]))) == (role == Role.PLATFORM)
