"""Parquet to rows of text, a bounded piece at a time. Row numbers count from 1.

A number is written exactly: a decimal as it is, a double as the shortest decimal that names the same double. A moment
is written as `2026-11-28T01:02:03`, and with `Z` where the file says that it is UTC; what has parts of a second has a
fault.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from registry.activities.profiles.profile import Profile
from registry.activities.reading.batches import Batch, Row, in_batches
from registry.activities.reading.records import Bounds
from registry.errors import Invalid

_AT_ONCE: Final = 50_000
_MOST_COLUMNS: Final = 200


def rows_of_parquet(path: Path, profile: Profile, bounds: Bounds, name: str) -> Iterator[Batch]:
    """Give the rows of a Parquet file. Raises `Invalid` for what is none, lacks columns, or unpacks to too much."""
    try:
        with pq.ParquetFile(path) as file:
            _check(file, profile, bounds, name)
            yield from in_batches(_rows(file, list(profile.in_file)), len(profile.in_file))
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise Invalid(f"The file {name} is no Parquet file, or a damaged one: {said}.") from error


def _check(file: Any, profile: Profile, bounds: Bounds, name: str) -> None:
    meta = file.metadata
    header = file.schema_arrow.names
    if len(header) > _MOST_COLUMNS:
        raise Invalid(f"The Parquet file {name} has too many columns.")
    missing = [column for column in profile.in_file if column not in header]
    if missing:
        raise Invalid(f"missing-column: the file {name} lacks {', '.join(missing)}.")
    twice = [column for column in profile.in_file if header.count(column) > 1]
    if twice:
        raise Invalid(f"The file {name} names {', '.join(twice)} more than once.")
    unpacked = sum(meta.row_group(place).total_byte_size for place in range(meta.num_row_groups))
    if unpacked > bounds.file_bytes:
        raise Invalid(f"The file is larger than {bounds.file_bytes} bytes when it is unpacked; send it in parts.")


def _rows(file: Any, wanted: list[str]) -> Iterator[Row]:
    number = 0
    for batch in file.iter_batches(batch_size=_AT_ONCE, columns=wanted):
        columns = [_texts(batch.column(batch.schema.get_field_index(name))) for name in wanted]
        for values in zip(*columns, strict=True):
            number += 1
            if None not in values and "".join(values).isprintable():
                yield (number, None, *values)
                continue
            fault = _fault(values)
            yield (number, fault, *((None,) * len(wanted) if fault else values))


def _fault(values: tuple[str | None, ...]) -> str | None:
    if not "".join(value for value in values if value).isprintable():
        return "holds characters that do not print"
    return None


def _texts(column: Any) -> list[str | None]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_timestamp(kind):
        seconds = pc.floor_temporal(column, unit="second")
        written = pc.strftime(seconds.cast(pa.timestamp("s")), "%Y-%m-%dT%H:%M:%S" + ("Z" if kind.tz else ""))
        whole = pc.equal(seconds, column)
        # Parts of a second are kept in sight: no pattern has them.
        return list(pc.if_else(whole, written, pc.binary_join_element_wise(written, "+", "")).to_pylist())
    if pa.types.is_date(kind):
        return list(pc.strftime(column, "%Y-%m-%d").to_pylist())
    if pa.types.is_boolean(kind):
        return [None if value is None else "true" if value else "false" for value in column.to_pylist()]
    if pa.types.is_floating(kind):
        return [None if value is None else _plain(value) for value in column.to_pylist()]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return list(column.to_pylist())
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return [None if value is None else f"{value:f}" if pa.types.is_decimal(kind) else str(value)
                for value in column.to_pylist()]  # fmt: skip
    raise Invalid(f"A column of the Parquet file is of a type that is not read here: {kind}.")


def _plain(value: float) -> str:
    """Write a double by its shortest decimal, without an exponent; what is no number is written so that it is none."""
    text = repr(value)
    if "e" not in text and "n" not in text:
        return text.removesuffix(".0")
    from decimal import Decimal

    return f"{Decimal(text):f}" if "n" not in text else text
