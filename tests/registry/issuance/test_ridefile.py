"""Files that come in: those that are read whatever their dress, and those that are refused as a whole."""

from dataclasses import replace
from hashlib import sha256

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Invalid
from registry.issuance.policy import RidePolicy
from registry.issuance.ridefile import COLUMNS, read_ride_file
from tests.support.rides import GOOD, ride_line

POLICY = RidePolicy.shipped()
HEADER = ",".join(GOOD)
LINE = ride_line({})


def _read(folder, content, policy=POLICY):
    path = folder / "rides.csv"
    path.write_bytes(content)
    found = read_ride_file(path, folder / "rows.parquet", policy)
    assert found.sha256 == sha256(content).digest()
    rows = pq.read_table(found.path).to_pylist()
    assert found.rows == len(rows)
    return rows


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{LINE}\n",
        f"{HEADER}\n{LINE}",
        f"{HEADER}\r\n{LINE}\r\n",
        f"\ufeff{HEADER}\n{LINE}\n",
        f"extra,{HEADER}\nmore,{LINE}\n",
        ",".join(f'"{name}"' for name in GOOD) + f"\n{LINE}\n",
    ],
    ids=["plain", "no last line break", "CRLF", "byte order mark", "more columns", "quoted header"],
)
def test_the_dress_of_a_file_does_not_matter(tmp_path, content):
    rows = _read(tmp_path, content.encode())
    assert rows == [{"row": 2, "fault": None} | {ours: GOOD[theirs] for theirs, ours in COLUMNS.items()}]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n" + LINE.encode(), "empty line"),
        (f"{HEADER}\n{LINE}\n".encode("utf-16"), "UTF-16"),
        (bytes(range(256)) * 100, "not a header"),
        (b"\x00" * 5000, "not a header"),
        (b"x" * 300_000, "not a header"),
        (("c," * 200 + HEADER).encode(), "too many columns"),
        (f'"{HEADER}\n{LINE}'.encode(), "not a header"),
        (HEADER.replace("userid", "user").replace("end_time", "end").encode(), "missing-column.*userid, end_time"),
        (LINE.encode(), "missing-column"),
        (f"{HEADER},orderid\n".encode(), "orderid more than once"),
    ],
    ids=[
        *("empty", "empty first line", "UTF-16", "binary", "NULs", "no line break", "too wide", "open quote"),
        *("columns missing", "no header", "a column twice"),
    ],
)
def test_a_file_that_is_none_is_refused_with_one_sentence(tmp_path, content, says):
    with pytest.raises(Invalid, match=says) as refusal:
        _read(tmp_path, content)
    assert len(str(refusal.value)) < 400


def test_a_header_alone_is_a_file_without_rides(tmp_path):
    assert _read(tmp_path, f"{HEADER}\n".encode()) == []


@pytest.mark.parametrize(("limit", "value"), [("max_rows", 2), ("max_file_bytes", 400)])
def test_files_are_bounded(tmp_path, limit, value):
    with pytest.raises(Invalid, match="in parts"):
        _read(tmp_path, f"{HEADER}\n{LINE}\n{LINE}\n{LINE}\n".encode(), replace(POLICY, **{limit: value}))


def test_a_line_at_the_limit_is_read_and_one_byte_more_is_not(tmp_path):
    line = ride_line({"track": "x" * 200})
    policy = replace(POLICY, max_line_bytes=len(line))
    lines = [line, line + "x", line + "\r", line + "xx", line + "x" * 5000, line + "x\r", line]
    found = [row["fault"] is None for row in _read(tmp_path, "\n".join([HEADER, *lines]).encode(), policy)]
    assert found == [True, False, True, False, False, False, True]


def test_no_file_and_a_folder_are_errors_with_a_name(tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(Invalid, match=path.name):
            read_ride_file(path, tmp_path / "rows.parquet", POLICY)


@given(st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), max_size=8))
def test_junk_never_crashes_and_never_hides_a_good_line(tmp_path_factory, junk):
    content = b"\n".join([HEADER.encode(), *junk, LINE.encode()])
    rows = _read(tmp_path_factory.mktemp("junk"), content)
    assert (rows[-1]["row"], rows[-1]["fault"]) == (len(junk) + 2, None)
    assert len(rows) == 1 + sum(line not in (b"", b"\r") for line in junk)


@pytest.mark.parametrize("value", [None, 0, -1, 1.5, "8", True])
def test_a_policy_with_a_limit_that_is_none_is_refused(value):
    limits = {name: getattr(POLICY, name) for name in POLICY.__slots__}
    assert RidePolicy.of(limits) == POLICY
    with pytest.raises(Invalid, match="max_rows"):
        RidePolicy.of(limits | {"max_rows": value})
