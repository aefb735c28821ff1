"""A place in a log's tree, and the small JSON files in which a witness keeps one."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from anchoring.merkle import EMPTY_ROOT, HASH_SIZE, CompactRange
from anchoring.note import MAX_NOTE
from anchoring.replaying.history import ROW_FORMAT
from anchoring.witness.disk import OnStep
from registry.keyfile import replace_file

MAX_FILE: Final = 8 * MAX_NOTE
"""Bytes of such a file: a note, which JSON may write six times as long, and some numbers."""
Said = dict[str, Any]
ROWS: Final = "row_format"
"""The field that names the format of the rows up to there."""
DAMAGED: Final = (ValueError, KeyError, TypeError, RecursionError)
"""What reading a damaged file raises."""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """One tree that was cosigned, or could be: `size` leaves, `frontier_g` and `ended_g` grams."""

    size: int
    root: bytes
    frontier_g: int
    ended_g: int


@dataclass(frozen=True, slots=True)
class Position:
    """How far leaves were replayed: the tree they make, and its peaks."""

    tree: Cosigned
    peaks: tuple[bytes, ...]


START: Final = Position(Cosigned(0, EMPTY_ROOT, 0, 0), ())


def write_said(path: Path, said: Said, on_step: OnStep) -> None:
    """Replace a file by what is said and its digest, durably; OSError when the disk fails."""
    replace_file(path, json.dumps(said | {"sha256": _digest(said)}).encode(), on_step)


def read_said(path: Path) -> Said:
    """Read a file that `write_said` wrote; one of `DAMAGED` when it is not as it was written."""
    with path.open("rb") as file:
        said: Said = dict(json.loads(file.read(MAX_FILE)))
    if said.pop("sha256") != _digest(said):
        raise ValueError(path)
    return said


def position_to_json(position: Position) -> Said:
    """Write a position, and of what format its rows are."""
    return {
        "size": position.tree.size,
        "root": position.tree.root.hex(),
        "frontier_g": position.tree.frontier_g,
        "ended_g": position.tree.ended_g,
        "peaks": [peak.hex() for peak in position.peaks],
        ROWS: ROW_FORMAT,
    }


def position_from_json(said: Said) -> Position:
    """Read a position; one of `DAMAGED` when it is none, or its peaks do not make its root."""
    numbers = [said[name] for name in ("size", "frontier_g", "ended_g")]
    peaks, root = said["peaks"], said["root"]
    if not (isinstance(peaks, list) and isinstance(root, str)):
        raise TypeError
    size, frontier_g, ended_g = (number for number in numbers if isinstance(number, int))
    tree = CompactRange(size, [bytes.fromhex(peak) for peak in peaks])
    if tree.root().hex() != root or len(root) != 2 * HASH_SIZE:
        raise ValueError(root)
    return Position(Cosigned(size, tree.root(), frontier_g, ended_g), tree.peaks)


def _digest(said: Said) -> str:
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
