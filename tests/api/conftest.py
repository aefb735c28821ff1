"""The HTTP client that all callers of a test session share, and a life to look at."""

from collections.abc import Iterator

import pytest

from tests.support.backups import publisher_of
from tests.support.rest import http
from tests.support.simulation import Simulation


@pytest.fixture(scope="session", autouse=True)
def _closes_connections() -> Iterator[None]:
    yield
    http.close()


@pytest.fixture
def life(scheme, tmp_path):
    """A scheme in which all kinds of acts happen, published to a folder."""
    simulation = Simulation(scheme, 5)
    publisher = publisher_of(scheme.database, tmp_path / "log", scheme.clock)
    simulation.run(40)
    publisher.publish()
    simulation.run(15)
    return simulation, publisher
