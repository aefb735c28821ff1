"""When what an application states is what another list has: the same, or near enough for an officer to look (R11, R12).

Pure. What decides is whole numbers: the letters by which two texts differ, never a score.
"""

import re
import unicodedata
from typing import Final

from rapidfuzz.distance import Indel, Levenshtein

ASSET_KINDS: Final = ("meter", "plate-fleet", "project", "certificate", "credit-code")
"""What an asset is known by: a meter's number, the name of a fleet's list of plates, the code of a project under
another mechanism, a registration or certificate of green power (绿电、绿证), and whose it is by the unified social
credit code (统一社会信用代码)."""
_NO_LETTER: Final = re.compile(r"[\W_]+")
SHORTEST_NEAR: Final = 5
"""Shorter identifiers are near to everything."""
LONG: Final = 10
"""From this length on two letters may differ, below it one."""
NAME_PERCENT: Final = 15
"""Names are near that differ in so many of a hundred letters of both at most."""


def identifier_in(text: str) -> str:
    """Write an identifier as it is compared: letters and digits alone, full-width forms made plain, no case."""
    return _NO_LETTER.sub("", unicodedata.normalize("NFKC", text).casefold())


def name_in(text: str) -> str:
    """Write a name as it is compared: its words in the order of the alphabet, full-width forms made plain, no case."""
    return " ".join(sorted(filter(None, _NO_LETTER.split(unicodedata.normalize("NFKC", text).casefold()))))


def is_near_identifier(one: str, other: str) -> bool:
    """Whether two identifiers, as `identifier_in` writes them, differ by a slip of the pen, or not at all."""
    if min(len(one), len(other)) < SHORTEST_NEAR:
        return False
    most = 1 if max(len(one), len(other)) < LONG else 2
    return Levenshtein.distance(one, other, score_cutoff=most) <= most


def is_near_name(one: str, other: str) -> bool:
    """Whether two names, as `name_in` writes them, are alike."""
    most = NAME_PERCENT * (len(one) + len(other)) // 100
    return bool(one and other) and Indel.distance(one, other, score_cutoff=most) <= most
