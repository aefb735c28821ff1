"""The one form in which words from outside reach a terminal, a log or a page: one line, without commands to either."""

import unicodedata


def printable(said: str) -> str:
    """The text with all that is no visible mark or space written as Python escapes it: controls, line breaks, bidi.

    A terminal obeys escape sequences: one could clear the screen and write a verdict of its own there. What was made
    printable stays as it is.
    """
    return "".join(mark if _is_shown(mark) else _escaped(mark) for mark in said)


def _is_shown(mark: str) -> bool:
    return mark.isprintable() or unicodedata.category(mark) == "Zs"


def _escaped(mark: str) -> str:
    return mark.encode("unicode_escape").decode("ascii")
