"""When a batch is logged: when enough acts wait in it, or its time is over."""

import pytest

from api.installation.settings import Environment, Settings
from api.serving.batching import Batching
from registry.errors import Unavailable
from tests.support.scheme import FOUNDED


def test_a_batch_waits_for_acts_or_its_time(scheme):
    now = 0.0
    batching = Batching(scheme.database.transaction, FOUNDED + 5, 10_000, lambda: now)
    assert not batching.is_due(), "each decision that founded the scheme is an act"
    scheme.issue(dict.fromkeys([scheme.person() for _ in range(20)], 10))
    assert not batching.is_due(), "a lot is three acts, however many people are in it"
    now = 9.9
    assert not batching.is_due()
    now = 10.0
    assert batching.is_due()
    batching.begin()
    assert not batching.is_due()
    scheme.issue({scheme.person(): 10})
    assert batching.is_due(), "six acts wait more"


def test_a_batch_is_due_when_nobody_can_say_what_waits():
    def fails():
        raise Unavailable("The database does not answer.")

    assert Batching(fails, 6, 10_000, lambda: 0.0).is_due()


@pytest.mark.parametrize(
    ("given", "environment", "within_ms"),
    [(None, Environment.PRODUCTION, 60_000), (None, Environment.DEVELOPMENT, 1_000), (50, Environment.PRODUCTION, 50)],
)
def test_how_long_an_act_waits_at_most(given, environment, within_ms):
    settings = Settings.model_construct(publish_interval_ms=given, environment=environment)
    assert settings.logged_within_ms == within_ms
