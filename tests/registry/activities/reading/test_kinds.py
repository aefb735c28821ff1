"""Files of other kinds and dress than CSV in UTF-8, and hostile ones: read as declared, or refused with a sentence."""

import bz2
import gzip
import io
import json
import random
import zipfile
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.activities.profiles.profile import Compression, Encoding, Format
from registry.activities.profiles.shelf import find
from registry.activities.reading.reading import TEXT, read_file
from registry.errors import Invalid
from tests.support.judging import LIMITS
from tests.support.rides import COLUMNS, GOOD, ride_line

PROFILE = find("shanghai-rides")
LINES = replace(PROFILE, format=Format.JSON_LINES)
PARQUET = replace(PROFILE, format=Format.PARQUET)
PACKED = replace(PROFILE, compression=(Compression.GZIP,))
HEADER = ",".join(COLUMNS)
USED = {ours: GOOD[theirs] for theirs, ours in PROFILE.in_file.items()}


def _read(folder, content, profile, limits=LIMITS):
    path = folder / "file"
    path.write_bytes(content)
    found = read_file(path, folder, profile, limits)
    rows = pq.read_table(found.path).to_pylist()
    return [{name.removeprefix(TEXT): value for name, value in row.items()} for row in rows]


def _line(**changes):
    return json.dumps({name: GOOD[name] for name in PROFILE.in_file} | changes).encode()


def test_json_lines_are_read_without_floats_and_a_bad_line_spoils_no_other(tmp_path):
    number = _line().replace(b'"121.522"', b"121.52200000000000000000000001")
    bad = {
        b'{"orderid": "1", "orderid": "2"}': "names a member twice",
        b"[1]": "is no JSON object",
        b"{": "is no JSON",
        _line(orderid=[1]): "has a list or an object where a value belongs",
        _line(orderid="\u0007"): "holds characters that do not print",
        b'{"orderid": NaN}': "has a number that is none",
        b"\xff": "is not UTF-8 text",
        b'{"a": ' + b"[" * 50_000 + b"}": "is no JSON",
        b'"' + b"x" * 70_000: "is longer than a line may be",
    }
    content = b"\xef\xbb\xbf" + b"\n".join([_line(), number, *bad, b"", b'{"orderid": null, "bikeid": true}', _line()])
    rows = _read(tmp_path, content, LINES)
    assert [row["fault"] for row in rows] == [None, None, *bad.values(), None, None]
    assert rows[0] == rows[-1] | {"row": 1} == {"row": 1, "fault": None} | USED
    assert rows[1]["start_x"] == "121.52200000000000000000000001"
    assert (rows[-2]["row"], rows[-2]["order_id"], rows[-2]["bike_id"]) == (13, None, "true")


def test_parquet_is_read_exactly_and_what_is_none_is_refused(tmp_path):
    columns = {name: [GOOD[name]] * 3 for name in PROFILE.in_file}
    moments = [1471614060_000, 1471614060_001, None]
    columns |= {
        "orderid": [7, 8, None],
        "start_location_x": [0.1, 1e-7, float("nan")],
        "start_location_y": [Decimal("31.280"), Decimal("-0.001"), None],
        "start_time": pa.array(moments, pa.timestamp("ms")),
        "end_time": pa.array(moments, pa.timestamp("ms", tz="UTC")),
    }
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    rows = _read(tmp_path, out.getvalue(), PARQUET)
    assert [row["order_id"] for row in rows] == ["7", "8", None]
    assert [row["start_x"] for row in rows] == ["0.1", "0.0000001", "nan"]
    assert [row["start_y"] for row in rows] == ["31.280", "-0.001", None]
    assert [row["start_time"] for row in rows] == ["2016-08-19T13:41:00", "2016-08-19T13:41:00+", None]
    assert [row["end_time"] for row in rows] == ["2016-08-19T13:41:00Z", "2016-08-19T13:41:00Z+", None]
    wide = io.BytesIO()
    pq.write_table(pa.table({name: ["x" * 60_000] * 200 for name in PROFILE.in_file}), wide)
    for content, limits, says in (
        (out.getvalue()[:-9], LIMITS, "no Parquet file, or a damaged one"),
        (b"PAR1", LIMITS, "no Parquet file"),
        (wide.getvalue(), replace(LIMITS, max_file_bytes=100_000), "when it is unpacked"),
        (out.getvalue(), replace(LIMITS, max_rows=2), "more than 2 rows"),
    ):
        with pytest.raises(Invalid, match=says):
            _read(tmp_path, content, PARQUET, limits)
    nested = io.BytesIO()
    pq.write_table(pa.table(columns | {"bikeid": [[1], [2], [3]]}), nested)
    with pytest.raises(Invalid, match="not read here"):
        _read(tmp_path, nested.getvalue(), PARQUET)


def test_gbk_is_read_where_it_is_declared_and_mixed_encodings_spoil_their_rows_alone(tmp_path):
    profile = replace(PROFILE, encoding=Encoding.GBK)
    lines = [ride_line({"userid": "骑行者", "track": "轨迹"}).encode("gbk"), ride_line({"userid": "\u20ac"}).encode()]
    rows = _read(tmp_path, b"\n".join([HEADER.encode(), *lines, ride_line({}).encode()]), profile)
    assert [row["fault"] for row in rows] == [None, "is not GBK text", None]
    assert [row["user_id"] for row in rows] == ["骑行者", None, "7"]
    rows = _read(tmp_path, b"\n".join([HEADER.encode(), *lines]), PROFILE)
    assert [(row["fault"], row["user_id"]) for row in rows] == [("is not UTF-8 text", None), (None, "\u20ac")]


def _bomb():
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb") as packed:
        for _ in range(64):
            packed.write(b"\0" * (1 << 20))
    return out.getvalue()


def _zip():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("rides.csv", HEADER)
    return out.getvalue()


GOOD_FILE = f"{HEADER}\n{ride_line({})}\n".encode()


@pytest.mark.parametrize(
    ("profile", "content", "says"),
    [
        (PROFILE, gzip.compress(GOOD_FILE), "compressed by gzip, and its profile takes it only as none"),
        (PACKED, GOOD_FILE, "not compressed, and its profile takes it only as gzip"),
        (PACKED, gzip.compress(GOOD_FILE * 99)[:-30], "stops half-way or is damaged"),
        (PACKED, gzip.compress(GOOD_FILE)[:12] + b"\xff" * 40, "stops half-way or is damaged"),
        (PACKED, gzip.compress(GOOD_FILE) + b"more", "stops half-way or is damaged"),
        (PACKED, _bomb(), "larger than"),
        (PACKED, gzip.compress(GOOD_FILE + b"\n" * (1 << 21)), "larger than"),
        (PROFILE, _zip(), "a ZIP archive"),
        (PROFILE, bz2.compress(GOOD_FILE), "compressed by bzip2"),
        (PROFILE, GOOD_FILE + b'"', "never closed"),
    ],
    ids=[
        *("gzip undeclared", "plain undeclared", "half", "damaged", "more behind it", "a bomb", "too large unpacked"),
        *("ZIP", "bzip2", "stops in a quote"),
    ],
)
def test_what_is_packed_otherwise_or_stops_half_way_is_refused(tmp_path, profile, content, says):
    with pytest.raises(Invalid, match=says) as refusal:
        _read(tmp_path, content, profile, replace(LIMITS, max_file_bytes=1 << 21))
    assert len(str(refusal.value)) < 600


def test_however_records_are_dressed_they_are_read_as_one_by_one(tmp_path):
    chance = random.Random(6)
    pieces = [
        ride_line({}), ride_line({"orderid": "2", "track": ""}), ride_line({"track": "a\nb"}), "1,2", "",
        ride_line({"userid": "用"}), ",".join(f'"{value}"' for value in GOOD.values()),
        ride_line({"track": 'say ""x""'}), ride_line({"userid": "\t"}), ride_line({}) + "\r", "x" * 70_000,
    ]  # fmt: skip
    lines = [chance.choice(pieces) if chance.random() < 0.2 else pieces[0] for _ in range(3_000)]
    content = ("\n".join([HEADER, *lines])).encode()
    rows = _read(tmp_path, content, PROFILE)
    at, expected = 2, []
    faults = {"1,2": "has 2 values where the header names 10", "x" * 70_000: "is longer than a line may be"}
    for line in lines:
        if line:
            first = line.replace("\r", "")
            fault = faults.get(line) or ("holds characters that do not print" if "\t" in line else None)
            expected.append((at, fault, None if fault else first.partition(",")[0].strip('"')))
        at += 1 + line.count("\n")
    assert [(row["row"], row["fault"], row["order_id"]) for row in rows] == expected
