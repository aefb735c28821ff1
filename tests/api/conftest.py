"""The HTTP client that all callers of a test session share."""

from collections.abc import Iterator

import pytest

from tests.support.rest import http


@pytest.fixture(scope="session", autouse=True)
def _closes_connections() -> Iterator[None]:
    yield
    http.close()
