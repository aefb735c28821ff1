"""Receipts as tlog-proof text: there and back, and what breaks the format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring import receipt
from anchoring.errors import Malformed
from anchoring.receipt import Receipt

HASH = st.binary(min_size=32, max_size=32)
GOOD = b"c2sp.org/tlog-proof@v1\nextra YWJj\nindex 5\n" + b"A" * 43 + b"=\n\norigin\n5\nroot\n\nsignatures\n"


def test_the_text_is_read_line_by_line():
    assert receipt.parse(GOOD) == Receipt(b"abc", 5, (bytes(32),), b"origin\n5\nroot\n\nsignatures\n")
    assert receipt.parse(GOOD).encode() == GOOD


@given(
    st.binary(min_size=1, max_size=200), st.integers(0, 2**64 - 2), st.lists(HASH, max_size=65), st.binary(min_size=1)
)
def test_every_receipt_comes_back(leaf, index, path, checkpoint_text):
    made = Receipt(leaf, index, tuple(path), checkpoint_text)
    assert receipt.parse(made.encode()) == made


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda tail: GOOD[:60] + tail))
def test_any_bytes_are_a_receipt_or_malformed(data):
    try:
        read = receipt.parse(data)
    except Malformed:
        return
    assert read.encode() == data


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_changed_byte_is_seen_or_malformed(at, byte):
    data = GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    try:
        read = receipt.parse(data)
    except Malformed:
        return
    assert (read == receipt.parse(GOOD)) == (data == GOOD)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "begins with"),
        (GOOD.replace(b"@v1", b"@v2"), "begins with"),
        (GOOD.replace(b"\n", b"\r\n"), "begins with"),
        (GOOD.replace(b"extra YWJj\n", b""), "'extra'"),
        (GOOD.replace(b"extra YWJj", b"extra "), "carries no leaf"),
        (GOOD.replace(b"extra YWJj", b"extra YW Jj"), "base64"),
        (GOOD.replace(b"extra YWJj", b"extra " + b"YWJj" * 2000), "is not read"),
        (GOOD.replace(b"index 5", b"index 05"), "leading zeroes"),
        (GOOD.replace(b"index 5", b"index -5"), "leading zeroes"),
        (GOOD.replace(b"index 5", b"index 18446744073709551615"), "no leaf has"),
        (GOOD.replace(b"index 5", b"index 18446744073709551616"), "64 bits"),
        (GOOD.replace(b"index 5", b"Index 5"), "'index'"),
        (GOOD.replace(b"A=\n", b"=\n"), "base64"),
        (GOOD.replace(b"A" * 43 + b"=", b"A" * 40), "32 bytes"),
        (GOOD.replace(b"A" * 43 + b"=\n", (b"A" * 43 + b"=\n") * 66), "at most 65"),
        (GOOD.partition(b"\n\n")[0], "before its checkpoint"),
        (GOOD.partition(b"\nindex")[0], "before its index"),
        (GOOD.replace(b"extra", "extr\u00e4".encode()), "begins with"),
        (GOOD + b"x" * 2**20, "is not read"),
    ],
    ids=range(19),
)
def test_what_breaks_the_format_is_malformed_and_says_where(data, sentence):
    with pytest.raises(Malformed, match=sentence):
        receipt.parse(data)


@pytest.mark.parametrize(
    "made",
    [
        Receipt(b"", 5, (), b"x"),
        Receipt(b"abc", -1, (), b"x"),
        Receipt(b"abc", 2**64 - 1, (), b"x"),
        Receipt(b"abc", 5, (bytes(31),), b"x"),
        Receipt(b"abc", 5, (bytes(32),) * 66, b"x"),
        Receipt(b"abc", 5, (), b""),
        Receipt(b"abc", True, (), b"x"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(made):
    with pytest.raises(ValueError, match="no such receipt"):
        made.encode()
