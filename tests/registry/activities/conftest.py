"""One engine for all tests of this folder: it takes longer to start than to judge a file."""

import warnings

import ibis
import pytest


@pytest.fixture(scope="session")
def backend():
    running = ibis.duckdb.connect()
    yield running
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        running.disconnect()
