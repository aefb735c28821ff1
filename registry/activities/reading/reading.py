"""The edge at which a file of activities comes in: hostile bytes to bounded rows of text, as its profile declares.

The rows go to a Parquet file, which any engine reads, in batches: memory does not grow with the file.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from registry.activities.profiles.profile import Compression, Format, Profile
from registry.activities.reading.batches import Batch
from registry.activities.reading.csvfile import rows_of_csv
from registry.activities.reading.jsonfile import rows_of_json
from registry.activities.reading.opening import packing, take, unpacked
from registry.activities.reading.parquetfile import rows_of_parquet
from registry.activities.reading.records import Bounds
from registry.errors import Invalid
from registry.policies.activities import FileLimits

TEXT: Final = "t_"
"""Before the names of columns of text."""
_STREAMED: Final = {Format.CSV: rows_of_csv, Format.JSON_LINES: rows_of_json}


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What was read: `row`, `fault` and a `t_<name>` of each column in the Parquet file at `path`.

    `sha256`, 32 bytes, is of the file as it came, packed if it was.
    """

    path: Path
    rows: int
    sha256: bytes


def read_file(source: Path, folder: Path, profile: Profile, limits: FileLimits) -> ReadFile:
    """Read a file into `folder`, which is the caller's alone.

    Raises `Invalid` when it cannot be read, is empty, lacks columns, is larger than the policy allows, is packed or
    encoded otherwise than its profile says, or has a quotation mark where RFC 4180 allows none.
    """
    taken, sha256 = take(source, folder, limits.max_file_bytes)
    packed = packing(taken, profile.compression, source.name)
    bounds = Bounds(limits.max_file_bytes, limits.max_line_bytes)
    target = folder / "rows.parquet"
    if profile.format is Format.PARQUET:
        if packed is not Compression.NONE:
            raise Invalid("A Parquet file is packed inside; send it as it is.")
        count = _copy(rows_of_parquet(taken, profile, bounds, source.name), target, profile, limits)
    else:
        with unpacked(taken, packed, source.name) as stream:
            rows = _STREAMED[profile.format](stream, profile, bounds, source.name)
            count = _copy(rows, target, profile, limits)
    taken.unlink()
    return ReadFile(target, count, sha256)


def _copy(batches: Iterator[Batch], target: Path, profile: Profile, limits: FileLimits) -> int:
    names = [TEXT + name for name in profile.in_file.values()]
    schema = pa.schema([("row", pa.int64()), ("fault", pa.string()), *((name, pa.string()) for name in names)])
    count = 0
    with pq.ParquetWriter(target, schema, compression="lz4", use_dictionary=False) as writer:
        for batch in batches:
            count += len(batch.lines)
            if count > limits.max_rows:
                raise Invalid(f"The file has more than {limits.max_rows} rows; send it in parts.")
            columns = [batch.lines, batch.faults, *batch.columns]
            writer.write_batch(pa.record_batch(columns, schema=schema), row_group_size=None)
    return count
