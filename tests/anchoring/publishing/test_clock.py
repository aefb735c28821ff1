"""A clock that is ahead of the witnesses signs nothing that they would not take, and nobody loses anything by it."""

import pytest

from anchoring.cosigning import quorum
from anchoring.errors import Refuted
from anchoring.note import Verified
from anchoring.publishing.epochs import Epochs
from anchoring.publishing.publisher import Publisher
from anchoring.publishing.sequencer import read_staged
from anchoring.publishing.witnessed_time import WitnessedTime
from anchoring.replaying.history import rows_of
from api.installation.condition import CLOCK, Conditions
from api.installation.witnesses import Publishing, Witnessing
from registry.procedure.clock import AHEAD_MS
from tests.support.publishing import COSIGNERS, GATE, LOG, Away, act, cosigning
from tests.support.scheme import TestClock

HOUR_MS = 3_600_000


class Skewed:
    """A registry whose clock may be `off` by so many milliseconds, and witnesses whose clocks are right."""

    def __init__(self, scheme, folder):
        self.scheme, self.folder, self.refused, self.right = scheme, folder, {}, TestClock(scheme.clock.now)
        self.publisher = self.begun()

    def begun(self, cosigners=None):
        """A process that begins."""
        return Publisher(
            self.scheme.database.transaction,
            self.folder,
            LOG,
            cosigners or cosigning(COSIGNERS, self.right),
            self.scheme.clock,
            GATE,
            on_refused=self.refused.update,
        )

    def set(self, right: int, off: int = 0) -> None:
        self.right.now, self.scheme.clock.now = right, right + off

    def newest(self, size: int) -> int:
        """The newest time of the leaves that were signed."""
        with self.scheme.database.transaction() as tx:
            return int(rows_of(read_staged(tx, 0, size))["at"].max())

    def waiting(self) -> int:
        with self.scheme.database.transaction() as tx:
            return tx.exec_driver_sql("SELECT count(*) FROM unsequenced").scalar_one()


@pytest.fixture
def skewed(scheme, folder):
    skewed = Skewed(scheme, folder)
    skewed.publisher.publish()
    return skewed


@pytest.mark.parametrize("is_new_process", [True, False])
def test_what_a_clock_ahead_dated_is_signed_when_its_time_has_come(skewed, is_new_process):
    now = skewed.right.now + HOUR_MS
    skewed.set(now, 2 * HOUR_MS)
    act(skewed.scheme, 2)
    if is_new_process:
        skewed.publisher = skewed.begun()
    before = skewed.publisher.publish()
    assert skewed.publisher.is_ahead
    assert skewed.newest(before) <= now + AHEAD_MS
    assert skewed.waiting() == 6

    skewed.set(now + 60_000)  # the clock was set right: others act, and are logged
    act(skewed.scheme, 1)
    size = skewed.publisher.publish()
    assert not skewed.publisher.is_ahead
    assert (size - before, skewed.waiting()) == (4, 6)

    skewed.set(now + 2 * HOUR_MS)
    assert skewed.publisher.publish() == size + 6
    assert (skewed.waiting(), skewed.refused) == (0, {})


def test_health_says_it_until_the_clock_is_right(skewed, tmp_path):
    witnessing = Witnessing(tmp_path / "witnesses.json")
    conditions = Conditions(tmp_path / "conditions.json", witnessing)
    publishing = Publishing(skewed.publisher, witnessing, skewed.right)
    skewed.set(skewed.right.now, 2 * HOUR_MS)
    assert publishing.turn()
    assert [one.name for one in conditions.read()] == [CLOCK]
    skewed.set(skewed.right.now)
    assert publishing.turn()
    assert conditions.read() == []


def test_what_rests_on_what_waits_waits_with_it(skewed):
    """Of an act's child, taken when the clock was right again, the time is not before its parent's."""
    scheme, now = skewed.scheme, skewed.right.now + HOUR_MS
    skewed.set(now, 2 * HOUR_MS)
    person = scheme.person()
    scheme.issue({person: 100})
    skewed.set(now + 60_000)
    scheme.issue({person: 50})
    act(scheme, 1)
    size = skewed.publisher.publish()
    assert (skewed.waiting(), skewed.refused) == (3, {})
    assert skewed.newest(size) <= now + 2 * AHEAD_MS


def test_no_state_is_recorded_by_a_clock_that_is_ahead(skewed, tmp_path):
    skewed.set(skewed.right.now, 2 * HOUR_MS)
    epochs = Epochs(skewed.publisher, tmp_path / "maps")
    with pytest.raises(Refuted, match="clock is ahead"):
        epochs.make()
    skewed.set(skewed.right.now)
    assert epochs.make() is not None


def test_a_process_that_reaches_no_witness_goes_by_the_published_cosignatures(skewed):
    skewed.set(skewed.right.now, 2 * HOUR_MS)
    act(skewed.scheme, 1)
    away = skewed.begun(quorum([Away()], 1, skewed.right))
    away.publish()
    assert (away.is_ahead, skewed.waiting()) == (True, 4)


def test_the_time_is_that_of_the_threshold_and_goes_on_by_itself():
    ticks, clock = [100.0], TestClock(10_000_000, step=0)
    times = WitnessedTime(2, clock, lambda: ticks[0])
    assert (times.now, times.latest, times.is_doubtful) == (None, 10_000_000 + AHEAD_MS, False)
    three = [
        Verified(one.verifier, seconds) for one, seconds in zip([*COSIGNERS, LOG], (7_000, 8_000, 9_000), strict=True)
    ]
    times.see(three[:1])
    assert times.now is None
    times.see(three)
    assert (times.now, times.is_ahead) == (8_000_000, True)
    times.see(three[:2])
    ticks[0] += 1_970
    assert (times.now, times.is_ahead, times.is_doubtful) == (9_970_000, False, False)
    clock.now += 1
    assert (times.is_ahead, times.is_doubtful, times.latest) == (False, True, 9_970_000 + AHEAD_MS)
    ticks[0] += 1_000
    assert times.latest == clock.now + AHEAD_MS
