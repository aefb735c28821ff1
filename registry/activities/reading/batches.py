"""Rows as they leave a reader: columns of text, so many at a time."""

# mypy: disable-error-code="import-untyped"
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

import pyarrow as pa

BATCH_ROWS: Final = 20_000

Row = tuple[Any, ...]
"""Line number, fault or None, then the values of the profile's columns, all None on a fault."""


class Batch(NamedTuple):
    """Some rows: line numbers, faults, and a column for each of the profile's that stand in the file."""

    lines: pa.Array
    faults: pa.Array
    columns: list[pa.Array]


def batch_of(rows: list[Row], width: int) -> Batch:
    """Make a batch of rows, one at least."""
    lines, faults, *columns = zip(*rows, strict=True)
    texts = [pa.array(column, pa.string()) for column in columns]
    return Batch(pa.array(lines, pa.int64()), pa.array(faults, pa.string()), texts[:width])


def in_batches(rows: Iterable[Row], width: int) -> Iterator[Batch]:
    """Give rows in batches."""
    coming = iter(rows)
    while some := list(islice(coming, BATCH_ROWS)):
        yield batch_of(some, width)
