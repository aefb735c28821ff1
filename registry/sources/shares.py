"""Who shares the benefits of a source, declared with its application and public from its first decision on (R55).

Shares are whole ten-thousandths and make exactly one: nothing is rounded, and nobody is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from registry.accounts.accounts import MAX_NAME_CHARS
from registry.errors import Invalid
from registry.words import checked_words

SHARERS: Final = ("developer", "applicant", "owner", "platform", "users", "public-welfare", "other")
"""What one who shares is to a source."""
WHOLE: Final = 10_000
MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Share:
    """One who shares: what they are to the source, under which public name, and their ten-thousandths."""

    sharer: str
    name: str
    parts: int

    def __str__(self) -> str:
        """Write it as a decision's document says it: `6000 developer 某某公司`."""
        return f"{self.parts} {self.sharer} {self.name}"

    @classmethod
    def of(cls, text: str) -> Self:
        """Read what a document says."""
        parts, sharer, name = text.split(" ", 2)
        return cls(sharer, name, int(parts))


def checked_shares(shares: Sequence[Share]) -> tuple[str, ...]:
    """Give shares back as documents say them, none for none. Raises `Invalid`."""
    if len(shares) > MOST:
        raise Invalid(f"At most {MOST} share the benefits of a source.")
    for one in shares:
        if one.sharer not in SHARERS:
            raise Invalid(f"Who shares is one of: {', '.join(SHARERS)}.")
        checked_words(one.name, "The name of who shares", MAX_NAME_CHARS)
        if one.parts < 1:
            raise Invalid("A share is 1 ten-thousandth at least.")
    if len({(one.sharer, one.name) for one in shares}) != len(shares):
        raise Invalid("Each who shares is named once.")
    total = sum(one.parts for one in shares)
    if shares and total != WHOLE:
        raise Invalid(f"The shares make {total} ten-thousandths; they must make {WHOLE}, the whole.")
    return tuple(map(str, shares))
