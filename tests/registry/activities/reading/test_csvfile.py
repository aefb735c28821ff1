"""Files that come in: those that are read whatever their dress, and those that are refused as a whole."""

from dataclasses import replace
from hashlib import sha256

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.activities.profiles.shelf import find
from registry.activities.reading.reading import TEXT, read_file
from registry.errors import Invalid
from registry.policies.activities import FileLimits
from tests.support.judging import LIMITS
from tests.support.rides import GOOD, ride_line

PROFILE = find("shanghai-rides")
COLUMNS = PROFILE.in_file
HEADER = ",".join(GOOD)
LINE = ride_line({})


def _read(folder, content, limits=LIMITS, profile=PROFILE):
    path = folder / "rides.csv"
    path.write_bytes(content)
    found = read_file(path, folder, profile, limits)
    assert found.sha256 == sha256(content).digest()
    rows = [
        {name.removeprefix(TEXT): value for name, value in row.items()} for row in pq.read_table(found.path).to_pylist()
    ]
    assert found.rows == len(rows)
    return rows


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{LINE}\n",
        f"{HEADER}\n{LINE}",
        f"{HEADER}\r\n{LINE}\r\n",
        f"\ufeff{HEADER}\n{LINE}\n",
        "\ufeff" + ",".join(f'"{name}"' for name in GOOD) + f"\n{LINE}\n",
        f"extra,{HEADER}\nmore,{LINE}\n",
        ",".join(f'"{name}"' for name in GOOD) + f"\n{LINE}\n",
    ],
    ids=["plain", "no last line break", "CRLF", "mark", "mark before quotes", "more columns", "quoted header"],
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
        (f'"{HEADER}\n{LINE}'.encode(), "opened in the record at line 1 is never closed"),
        (HEADER.replace("userid", "user").replace("end_time", "end").encode(), "missing-column.*userid, end_time"),
        (LINE.encode(), "missing-column"),
        (f"{HEADER},orderid\n".encode(), "orderid more than once"),
        (HEADER.replace("userid", "userid ").encode(), "lacks userid.*must name orderid.*it names.*'userid '"),
        (f"sep=,\n{HEADER}\n{LINE}\n".encode(), "sep="),
        (HEADER.replace(",", ";").encode(), "semicolons; its profile says commas"),
        (HEADER.replace(",", "\t").encode(), "tabs; its profile says commas"),
        (f"{HEADER}\n{LINE}\n".encode("utf-16-le"), "UTF-16"),
        (f"{HEADER}\r{LINE}\r{LINE}".encode(), "carriage return alone"),
        (f"{HEADER}\r1,2\r".encode(), "carriage return that ends no line"),
        (f'{HEADER}\n{LINE}\n5" wheel,{LINE}\n'.encode(), "at line 3"),
    ],
    ids=[
        *("empty", "empty first line", "UTF-16", "binary", "NULs", "no line break", "too wide", "open quote"),
        *("columns missing", "no header", "a column twice", "a blank in a name", "a spreadsheet's line"),
        *("semicolons", "tabs", "UTF-16 unmarked", "CR alone", "CR alone, nothing quoted", "stray quotation mark"),
    ],
)
def test_a_file_that_is_none_is_refused_with_one_sentence(tmp_path, content, says):
    with pytest.raises(Invalid, match=says) as refusal:
        _read(tmp_path, content)
    assert len(str(refusal.value)) < 600


def test_a_header_alone_is_a_file_without_rides(tmp_path):
    assert _read(tmp_path, f"{HEADER}\n".encode()) == []


@pytest.mark.parametrize(("limit", "value"), [("max_rows", 2), ("max_file_bytes", 400)])
def test_files_are_bounded(tmp_path, limit, value):
    with pytest.raises(Invalid, match="in parts"):
        _read(tmp_path, f"{HEADER}\n{LINE}\n{LINE}\n{LINE}\n".encode(), replace(LIMITS, **{limit: value}))


def test_a_line_at_the_limit_is_read_and_one_byte_more_is_not(tmp_path):
    line = ride_line({"track": "x" * 200})
    limits = replace(LIMITS, max_line_bytes=len(line))
    lines = [line, line + "x", line + "\r", line + "xx", line + "x" * 5000, line + "x\r", line]
    found = [row["fault"] is None for row in _read(tmp_path, "\n".join([HEADER, *lines]).encode(), limits)]
    assert found == [True, False, True, False, False, False, True]


def test_no_file_and_a_folder_are_errors_with_a_name(tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(Invalid, match=path.name):
            read_file(path, tmp_path, PROFILE, LIMITS)


@given(st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line and b'"' not in line), max_size=8))
def test_junk_never_crashes_and_never_hides_a_good_line(tmp_path_factory, junk):
    content = b"\n".join([HEADER.encode(), *junk, LINE.encode()])
    rows = _read(tmp_path_factory.mktemp("junk"), content)
    assert (rows[-1]["row"], rows[-1]["fault"]) == (len(junk) + 2, None)
    assert len(rows) == 1 + sum(line not in (b"", b"\r") for line in junk)


@given(
    st.lists(st.sampled_from(["\n", "\r", "\r\n", ",", '"', "x", LINE, f"\n{LINE}\n"]), max_size=6).map("".join),
    st.sampled_from(["\n", "\r\n"]),
)
def test_nothing_inside_quotes_is_ever_a_ride(tmp_path_factory, quoted, line_break):
    content = line_break.join([HEADER, ride_line({"orderid": "first", "track": f" {quoted}\n"}), LINE])
    rows = _read(tmp_path_factory.mktemp("quoted"), content.encode())
    assert [(row["fault"], row["order_id"]) for row in rows] == [(None, "first"), (None, GOOD["orderid"])]


@given(st.binary(max_size=200))
def test_a_column_that_is_not_used_spoils_no_ride(tmp_path_factory, unused):
    track = b'"' + unused.replace(b'"', b'""') + b'"'
    content = f"{HEADER}\n".encode() + ride_line({"track": ""}).encode() + track + f"\n{LINE}\n".encode()
    rows = _read(tmp_path_factory.mktemp("unused"), content)
    assert [row["fault"] for row in rows] == [None, None]


@pytest.mark.parametrize(
    ("track", "encoding"),
    [("轨迹\u3000一", "utf-8"), ("轨迹", "gbk"), ("a\tb", "utf-8"), ("\xa0\u200d\U000323af", "utf-8"), ("\0", "utf-8")],
    ids=["ideographic space", "GBK", "tab", "no-break space, joiner, newer ideograph", "NUL"],
)
def test_an_unused_column_without_quotes_spoils_no_ride(tmp_path, track, encoding):
    line = ride_line({"track": track}).encode(encoding)
    assert [row["fault"] for row in _read(tmp_path, HEADER.encode() + b"\n" + line)] == [None]


@pytest.mark.parametrize("value", ["7\n", "7\r", "7\0", "7\x1b[2J", "7\u202e", "7\u2028"])
def test_a_used_value_with_a_control_or_a_line_break_spoils_its_ride(tmp_path, value):
    content = f"{HEADER}\n{ride_line({'userid': value})}\n{LINE}\n"
    assert [row["fault"] for row in _read(tmp_path, content.encode())] == ["holds characters that do not print", None]


@pytest.mark.parametrize("value", [None, 0, -1, 1.5, "8", True])
def test_a_policy_with_a_limit_that_is_none_is_refused(value):
    limits = {name: getattr(LIMITS, name) for name in LIMITS.__slots__}
    assert FileLimits.of(limits) == LIMITS
    with pytest.raises(Invalid, match="max_rows"):
        FileLimits.of(limits | {"max_rows": value})
