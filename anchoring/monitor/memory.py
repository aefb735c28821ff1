"""What a monitor must not forget about one log, but for the leaves themselves: one JSON file, replaced whole.

It is written before anything that follows from it is told, so that after a crash the same things are told again, and
none is lost. Everything in it is bounded.
"""

import json
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anchoring.errors import Malformed, Unreachable
from anchoring.merkle import EMPTY_ROOT, CompactRange
from anchoring.tree.sources import read_file
from registry.keyfile import replace_file

FORMAT: Final = "gramledger/monitor-memory/v2"
MAX_NOTES: Final = 64
"""Checkpoints that agreed, the last ones, and as many that wait for the log to reach them."""
MAX_ANCHORS: Final = 4096
MAX_TAKEN_BACK: Final = 16
MAX_MEMORY: Final = 16 << 20


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Tree(_Kept):
    """The last checkpoint that was verified, all of whose leaves are in the mirror; hashes in hex."""

    size: int = 0
    root: str = EMPTY_ROOT.hex()
    peaks: list[str] = []
    note: str | None = None
    since_ms: int = 0
    """When it was first seen."""

    def edge(self) -> CompactRange:
        """Give the right edge of the tree."""
        return CompactRange(self.size, [bytes.fromhex(peak) for peak in self.peaks])


class Anchor(_Kept):
    """An anchor that the contract had; grams. `is_same` and `is_counted` when root and figures were compared."""

    size: int
    root: str
    frontier_g: int
    ended_g: int
    block: int
    is_same: bool = False
    is_counted: bool = False


class WitnessSeen(_Kept):
    """The last cosignature of a witness: of `size` leaves, at `at_s` by its own clock.

    `signed_size` is the last one whose signature for the contract was compared, and holds.
    """

    size: int = 0
    at_s: int = 0
    signed_size: int = 0
    behind_since_ms: int | None = None


class Unlawful(_Kept):
    """The first leaf that broke a rule; the leaves after it are not judged any more."""

    leaf: int
    rule: str
    sentence: str
    other: int | None


class Pending(_Kept):
    """A checkpoint that the log signed, larger than what it gives the leaves of."""

    note: str
    where: str


class Memory(_Kept):
    """All of it. Sizes are leaves, `counted` is a size with its frontier and ended grams."""

    format: str = FORMAT
    vkey: str
    tree: Tree = Field(default_factory=Tree)
    notes: list[tuple[int, str]] = []
    """Sizes with the checkpoints that agreed."""
    pending: list[Pending] = []
    anchors: list[Anchor] = []
    taken_back: list[int] = []
    block: int = 0
    read_block: int = 0
    """Up to which block the contract's events were read."""
    counted: tuple[int, int, int] = (0, 0, 0)
    unanchored: tuple[int, int] | None = None
    """Since when, Unix milliseconds, leaves wait while the chain is at a size."""
    witnesses: dict[str, WitnessSeen] = {}
    unlawful: Unlawful | None = None
    shown: dict[str, list[str]] = {}

    @classmethod
    def load(cls, path: Path, vkey: str) -> Self:
        """Read it, or begin with nothing. Raises Malformed when it is damaged or another log's."""
        try:
            data = read_file(path, MAX_MEMORY)
        except FileNotFoundError:
            return cls(vkey=vkey)
        except OSError as error:
            raise Unreachable(f"{path} cannot be read: {error.strerror}.") from error
        try:
            found = dict(json.loads(data)).get("format")
            if found != FORMAT:
                sentence = f"{path} is of the format {found}, and this program's is {FORMAT}"
                raise Malformed(f"{sentence}; begin anew in another folder, and keep this one's evidence.")
            memory = cls.model_validate_json(data)
            is_sound = memory.tree.edge().root().hex() == memory.tree.root
        except (ValidationError, ValueError, TypeError, RecursionError):
            is_sound = False
        if not is_sound:
            raise Malformed(f"{path} is damaged; restore it from a backup, or begin anew in another folder.")
        if memory.vkey != vkey:
            raise Malformed(f"{path} is of another log; give each log a name and a folder of its own.")
        return memory

    def save(self, path: Path) -> None:
        """Replace the file, durably. Raises Unreachable when the disk fails."""
        try:
            replace_file(path, self.model_dump_json().encode())
        except OSError as error:
            raise Unreachable(f"{path} cannot be written: {error.strerror}.") from error
