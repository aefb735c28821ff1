"""The engine that runs the expressions: DuckDB in memory by default, any Ibis backend that is passed in."""

# mypy: disable-error-code="import-untyped"
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import ibis
from ibis.backends import BaseBackend

from registry.engine.machine import prepare

# They are written by functions that call themselves, some seven calls a select: Python's own bound is for a hundred.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))
# A program has a hundred selects in each other; Ibis would spend seconds making them fewer, and engines need no help.
ibis.options.sql.fuse_selects = False


@contextmanager
def engine(given: BaseBackend | None = None) -> Iterator[BaseBackend]:
    """Lend an engine; one that was opened here is closed here, one that was given stays open."""
    with warnings.catch_warnings():
        # Ibis 12 calls a method that DuckDB 2 renamed, and DuckDB warns; nothing that we could call differently.
        warnings.filterwarnings("ignore", message="fetch_arrow_table", category=DeprecationWarning)
        backend = given or ibis.duckdb.connect()
        try:
            prepare(backend)
            yield backend
        finally:
            if given is None:
                backend.disconnect()
