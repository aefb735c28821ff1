"""People's words: names, references, the words of a certificate. Text of any script passes; what hides does not.

Refused are controls, what turns the direction of writing (it makes a line read other than it is), unpaired surrogates
and code points that are no characters, as in RFC 9839; notes between the lines, and tags, which write unseen letters,
but in the flag of a region. A space, a joiner or an ideograph newer than this program is text. A word that nobody can
see is none.
"""

import re
import unicodedata
from typing import Final

from registry.errors import Invalid

_REFUSED: Final = {
    "Cc": "a control character",
    "Cs": "half of a surrogate pair",
    "Zl": "a line separator",
    "Zp": "a paragraph separator",
}
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FLAG: Final = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
"""A black flag, the region's code in tags, and their end (UTS 51, ED-14c). No code is longer: no letter is hidden."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Mn", "Me", "Zs", "Zl", "Zp"})
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0\U0001d159")
"""Letters and symbols that show nothing: fillers of Hangul, the empty pattern of Braille, the notehead of music."""


def fault_of(text: str) -> str | None:
    """Say what is in a text that no text may have, or nothing; an empty text has no fault."""
    for mark in _FLAG.sub("", text):
        fault = _fault_of(mark)
        if fault is not None:
            return f"{fault} (U+{ord(mark):04X})"
    return None


def checked_words(text: str, what: str, most: int) -> str:
    """Give words back that are 1 to `most` characters, not all unseen. Raises `Invalid`; `what` begins its sentence."""
    fault = fault_of(text)
    if fault is not None:
        raise Invalid(f"{what} has {fault} in it. Write it without.")
    if len(text) > most or not any(map(_is_seen, text)):
        raise Invalid(f"{what} is 1 to {most} characters, one of them visible.")
    return text


def _fault_of(mark: str) -> str | None:
    if mark in _BIDI:
        return "a control of the direction of writing"
    if _is_noncharacter(ord(mark)):
        return "a code point that is no character"
    if "\U000e0000" <= mark <= "\U000e007f":
        return "a tag outside the flag of a region"
    if "\ufff9" <= mark <= "\ufffb":
        return "a mark of a note between the lines"
    return _REFUSED.get(unicodedata.category(mark))


def _is_noncharacter(point: int) -> bool:
    return 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE


def _is_seen(mark: str) -> bool:
    point = ord(mark)
    is_ignorable = point == 0x2065 or 0xFFF0 <= point <= 0xFFF8 or 0xE0000 <= point <= 0xE0FFF
    return not is_ignorable and mark not in _BLANK and unicodedata.category(mark) not in _UNSEEN
