"""Places for connections: who gets one, and who gives his up."""

import pytest

from anchoring.connections import Ledger, Limits, source_of


class Held:
    def __init__(self, source: str, *, is_waiting: bool = True):
        self.source = source
        self.is_waiting = is_waiting
        self.is_shed = False

    def shed(self) -> None:
        self.is_shed = True


def crowd(ledger: Ledger[Held], source: str, count: int, *, is_waiting: bool = True) -> list[Held]:
    held = [Held(source, is_waiting=is_waiting) for _ in range(count)]
    for one in held:
        assert ledger.enter(one)
    return held


def test_who_has_his_share_sheds_his_own_that_waited_longest():
    ledger: Ledger[Held] = Ledger(Limits(total=100, per_source=3))
    others = crowd(ledger, "b", 3)
    mine = crowd(ledger, "a", 3)
    ledger.answered(mine[0])
    crowd(ledger, "a", 1)
    assert [one.is_shed for one in mine] == [False, True, False]
    assert not any(one.is_shed for one in others)
    assert len(ledger) == 6


def test_who_is_being_answered_is_not_shed():
    ledger: Ledger[Held] = Ledger(Limits(total=100, per_source=2))
    mine = crowd(ledger, "a", 2, is_waiting=False)
    assert not ledger.enter(Held("a"))
    assert not any(one.is_shed for one in mine)
    crowd(ledger, "b", 2)


def test_when_all_places_are_taken_whoever_holds_most_gives_one():
    ledger: Ledger[Held] = Ledger(Limits(total=6, per_source=5))
    many = crowd(ledger, "many", 4)
    few = crowd(ledger, "few", 2)
    crowd(ledger, "new", 1)
    assert [one.is_shed for one in many] == [True, False, False, False]
    assert not any(one.is_shed for one in few)
    for one in many:
        one.is_waiting = False
    crowd(ledger, "newer", 1)
    assert [one.is_shed for one in few] == [True, False]


def test_a_proxy_has_as_many_as_there_are():
    ledger: Ledger[Held] = Ledger(Limits(total=10, per_source=2, uncapped=frozenset({"proxy"})))
    assert not any(one.is_shed for one in crowd(ledger, "proxy", 10))
    crowd(ledger, "proxy", 1)
    assert len(ledger) == 10


def test_kept_places_are_for_one_and_he_loses_none_of_them_to_strangers():
    ledger: Ledger[Held] = Ledger(Limits(total=6, per_source=4, kept=2, kept_for=frozenset({"log"})))
    strangers = [one for number in range(4) for one in crowd(ledger, f"s{number}", 1, is_waiting=False)]
    assert not ledger.enter(Held("s9"))
    ours = crowd(ledger, "log", 2)
    assert not ledger.enter(Held("s9"))
    assert not any(one.is_shed for one in ours)
    strangers[0].is_waiting = True
    assert ledger.enter(Held("s9"))
    assert strangers[0].is_shed


def test_a_place_is_given_back_once():
    ledger: Ledger[Held] = Ledger(Limits(total=2, per_source=1))
    (first,) = crowd(ledger, "a", 1)
    crowd(ledger, "a", 1)
    ledger.leave(first)
    assert len(ledger) == 1


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_what_an_address_is_counted_as(address, source):
    assert source_of(address) == source
