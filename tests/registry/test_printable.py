"""One form for words from outside: on one line, and nothing in it that a terminal or a reader's eye obeys."""

import pytest

from registry.printable import printable


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain words, 汉字 and\u3000spaces\u00a0too é", "plain words, 汉字 and\u3000spaces\u00a0too é"),
        ("\x1b[2J\x1b[HProven", "\\x1b[2J\\x1b[HProven"),
        ("a\nProven\r\tb\x07\x7f\x9b", "a\\nProven\\r\\tb\\x07\\x7f\\x9b"),
        ("\u202eabc\u2066\u200b\ufeff\u2028", "\\u202eabc\\u2066\\u200b\\ufeff\\u2028"),
        ("\ud800 \U000e0041", "\\ud800 \\U000e0041"),
        ("", ""),
    ],
)
def test_what_is_no_mark_or_space_is_written_out(said, shown):
    assert printable(said) == shown
    assert printable(shown) == shown
    assert printable(said).isprintable() or "\u3000" in said
