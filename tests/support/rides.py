"""Rides for tests: rows in the platforms' columns, files of them, and the records they are judged by."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from registry.methodologies.record import Window

COLUMNS = (
    *("orderid", "bikeid", "userid", "start_time", "start_location_x", "start_location_y"),
    *("end_time", "end_location_x", "end_location_y", "track"),
)
GOOD = {
    "orderid": "1",
    "bikeid": "9",
    "userid": "7",
    "start_time": "2016-08-19 21:41",
    "start_location_x": "121.522",
    "start_location_y": "31.289",
    "end_time": "2016-08-19 22:01",
    "end_location_x": "121.514",
    "end_location_y": "31.307",
    "track": "121.514,31.307#121.522,31.289",
}
SCENARIO = Window(1451577600000, 1514736000000)
"""2016 and 2017 in Beijing."""


def ride_line(changes: Mapping[str, str]) -> str:
    """One line of the file, a good ride but for the changes."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow((GOOD | changes)[column] for column in COLUMNS)
    return stream.getvalue().removesuffix("\r\n")


def write_rides(path: Path, rides: Iterable[Mapping[str, str]]) -> Path:
    """Write a file of rides, each a good one but for its changes."""
    lines = [",".join(COLUMNS), *map(ride_line, rides)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
