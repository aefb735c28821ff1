"""Records as RFC 4180 has them: against a small model of its grammar, and against Python's own csv."""

import csv
import io
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.activities.reading.records import Bounds, Records, value_of
from registry.errors import Invalid

NEVER_CLOSED = -1
WIDE = Bounds(1 << 40, 1 << 20)


def _read(content, bounds=WIDE):
    return list(Records(io.BytesIO(content), bounds))


def _model(text):
    """Read by the grammar, field by field: records as lists of fields, None for one with a bare carriage return."""
    records, fields, at, bare = [], [], 0, False
    while True:
        quoted = text.startswith('"', at)
        field, at = _quoted(text, at + 1) if quoted else _plain(text, at)
        if at == NEVER_CLOSED:
            return "refused"
        if text[at:] == "\r" or text.startswith("\r\n", at):
            at += 1
        bare = bare or (not quoted and "\r" in field)
        fields.append(field)
        mark, at = text[at : at + 1], at + 1
        if mark not in ("", ",", "\n"):
            return "refused"
        if mark != ",":
            records.append(None if bare else fields)
            fields, bare = [], False
        if not mark:
            return records


def _quoted(text, at):
    field = ""
    while at < len(text) and (text[at] != '"' or text.startswith('""', at)):
        field += text[at]
        at += 2 if text[at] == '"' else 1
    return (field, at + 1) if at < len(text) else (field, NEVER_CLOSED)


def _plain(text, at):
    end = at
    while end < len(text) and text[end] not in ',\n"':
        end += 1
    if text[end - 1 : end] == "\r" and end > at and text[end : end + 1] in ("", "\n"):
        end -= 1
    return text[at:end], end


@given(st.text('",\r\nab', max_size=24))
@example('a,"b\nc"\r\nd')
@example('"a"b')
@example('a"\n"')
@example('"a" ')
@example('""""')
@example("a\rb\nc")
@example('"a\r"\r')
def test_reads_what_a_model_of_the_grammar_reads_and_refuses_what_it_refuses(text):
    expected = _model(text)
    try:
        found = [
            None if one.fault else [value_of(field).decode() for field in one.fields] for one in _read(text.encode())
        ]
    except Invalid:
        assert expected == "refused"
        return
    assert expected != "refused"
    assert [one or [""] if one is not None else None for one in found] == expected[: len(found)]
    assert expected[len(found) :] in ([], [[""]])


@given(
    st.lists(st.lists(st.text(max_size=6), min_size=1, max_size=4), max_size=5),
    st.sampled_from(["\n", "\r\n"]),
)
def test_reads_back_whatever_python_writes(rows, line_break):
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator=line_break, quoting=csv.QUOTE_ALL).writerows(rows)
    assert [[value_of(field).decode() for field in one.fields] for one in _read(stream.getvalue().encode())] == rows


def test_a_record_is_named_by_the_line_that_it_begins_in():
    assert [(one.line, len(one.fields)) for one in _read(b'a\n"b\n\r\n"\n\n\rc\r\n"d"')] == [
        (1, 1), (2, 1), (5, 0), (6, 0), (7, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'a\n5" of it\nb\n', 2),
        (b'a\n"b" c\nd', 2),
        (b'a\nb, "c\nd"\n', 2),
        (b'a\n\n"b\nc', 3),
        (b'a\n\xef\xbb\xbf"b"\n', 2),
        (b'a\nb\n"""\n', 3),
    ],
    ids=["stray", "text after quotes", "blank before quotes", "never closed", "mark before quotes", "three"],
)
def test_a_misplaced_quotation_mark_refuses_the_file_and_names_its_line(content, line):
    with pytest.raises(Invalid, match=f"at line {line} "):
        _read(content)


def test_a_long_line_is_passed_over_and_a_long_record_with_quotes_refuses_the_file():
    bounds = Bounds(1 << 20, 10)
    assert [one.fault is None for one in _read(b"x" * 5000 + b"\na\n" + b"y" * 10 + b"\r\n", bounds)] == [
        False, True, True
    ]  # fmt: skip
    for long in (b'"' + b"x" * 50 + b'"\n', b"x" * 50 + b',"\nb\n"\n', b'"' + b"x\n" * 50 + b'"\n'):
        with pytest.raises(Invalid, match="line 2 has quotation marks and is longer than 10 bytes"):
            _read(b"a\n" + long + b"c\n", bounds)


@pytest.mark.parametrize("unit", [b'"' + b"x" * 99 + b"\n", b"x" * 100, b'""\n'])
def test_memory_does_not_grow_with_the_file(unit):
    class Endless(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            part = (unit * (len(buffer) // len(unit) + 1))[: len(buffer)]
            buffer[:] = part
            return len(part)

    records = Records(io.BufferedReader(Endless()), Bounds(200_000, 5_000))
    tracemalloc.start()
    try:
        with pytest.raises(Invalid):
            for _ in records:
                pass
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()
