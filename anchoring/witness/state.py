"""What a witness must never forget, in its own folder: what it cosigned, and a row for every leaf it replayed.

| file | what | how it is written |
|---|---|---|
| `head.json` | the tree last cosigned, its peaks, and its checkpoint as cosigned | replaced whole |
| `cosigned` | 64 bytes for each size ever cosigned: size, root, frontier, ended, and a checksum | appended |
| `rows`, `hashes` | what must be known of every leaf (`anchoring.witness.rows`) | appended |
| `replayed.json` | how far the rows are good; after a commit not there: that is the head | replaced whole |

`commit` makes rows and cosigned sizes durable, then replaces the head: that rename is the one moment at which a
checkpoint becomes cosigned. What lies in the other files past the head was never answered for, and is overwritten.
`keep_progress` makes rows durable that were replayed and not cosigned, so that a long way to catch up is gone once.

Everything is checked when it is read. `head.json` names the format of the folder, and both name that of the rows up to
there: what is of another is refused. Head and cosigned sizes cannot be had again from anywhere; rows can, by replaying
the log once more: that is what a folder without `rows` does.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from anchoring.errors import Malformed, Unreachable
from anchoring.replaying.history import ROW_FORMAT, Rows
from anchoring.state.tree import Hashes
from anchoring.witness.disk import OnStep, lock, open_file
from anchoring.witness.journal import NEVER_LOST, Journal
from anchoring.witness.position import (
    DAMAGED,
    ROWS,
    START,
    Cosigned,
    Position,
    position_from_json,
    position_to_json,
    read_said,
    write_said,
)
from anchoring.witness.rows import RowFiles
from registry.keyfile import no_step

FORMAT: Final = "gramledger/witness-state/v2"
_HEAD, _REPLAYED, _COSIGNED = "head.json", "replayed.json", "cosigned"


@dataclass(frozen=True, slots=True)
class Head:
    """The last tree cosigned, its peaks, and its checkpoint with the log's signature and ours; None before the first.

    `tree` is the empty one before the first.
    """

    tree: Cosigned
    peaks: tuple[bytes, ...]
    note: str | None

    @property
    def position(self) -> Position:
        """The head without its note."""
        return Position(self.tree, self.peaks)


class WitnessState:
    """The folder of one witness of one log, owned by one process at a time."""

    head: Head
    position: Position
    """The rows of the leaves up to here are lawful and in place; after a restart perhaps those of fewer."""
    _rows: RowFiles
    _journal: Journal

    def __init__(self, folder: Path, vkey: str, *, is_new: bool) -> None:
        """Open the folder; `is_new` begins an empty one, which a witness does once in its life.

        A witness that forgot what it cosigned would cosign another history. Raises Unreachable when the folder is in
        use, missing, or there already when it should be new; Malformed when it is damaged or another log's.
        """
        self._folder = folder
        self._vkey = vkey
        self._is_sound = True
        with ExitStack() as opening:
            try:
                self._open(opening, is_new=is_new)
            except OSError as error:
                raise Unreachable(f"The state folder {folder} cannot be used: {error.strerror}.") from error
            self._opened = opening.pop_all()

    def __enter__(self) -> Self:
        """Use the folder."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.close()

    def close(self) -> None:
        """Close the files and let another process have the folder."""
        self._opened.close()

    @property
    def folder(self) -> Path:
        """Where all of it is."""
        return self._folder

    def rows(self, size: int) -> Rows:
        """Give the rows of the first `size` leaves, mapped and not read, shape (size,); those past `position` too."""
        return self._rows.rows(size)

    def check_rows(self, leaves: NDArray[np.intp], size: int) -> None:
        """Check the rows of some of the first `size` leaves, by index. Raises Malformed naming one that is damaged."""
        self._rows.check(leaves, size)

    def leaf_hashes(self, size: int) -> Hashes:
        """Give the hashes of the first `size` leaves; as `rows`."""
        return self._rows.hashes(size)

    def write_rows(self, start: int, rows: Rows, hashes: list[bytes]) -> None:
        """Write rows and hashes of the leaves from `start` on, past `position`. Raises Unreachable."""
        if start < self.position.tree.size:
            raise ValueError("the row of a leaf that was replayed does not change")
        self._rows.write(start, rows, hashes)

    def reach(self, position: Position) -> None:
        """Say that the rows up to `position` are lawful and in place; not durably."""
        self.position = position

    def keep_progress(self, on_step: OnStep) -> None:
        """Make `position` durable, without cosigning anything. Raises Unreachable as `commit`."""
        with self._writing():
            self._rows.sync()
            on_step("progress rows")
            self._write_position(self.position, on_step)

    def go_back(self) -> None:
        """Forget what was replayed past the head; or, where rows end before the head, all of them.

        Durably, and before any of those rows is overwritten: rows of two trees must never be taken for one.
        """
        is_past = self.position.tree.size > self.head.tree.size
        position = self.head.position if is_past else START
        with self._writing():
            self._write_position(position, no_step)
        self.position = position

    def commit(self, head: Head, on_step: OnStep) -> None:
        """Make `head` what was last cosigned, durably; only then may it be answered. `on_step` is told each step.

        Raises Unreachable when the disk fails. Then nobody knows what it holds, and nothing more is committed before
        the state was opened anew.
        """
        if head.tree.size < self.head.tree.size:
            raise ValueError("a witness never goes back")
        with self._writing():
            self._rows.sync()
            on_step("rows")
            entries = self._journal.append(head.tree, on_step)
            on_step("entry")
            self._write_head(head, on_step)
            # Below the head it says no more than where to begin again, so it need not go durably.
            (self._folder / _REPLAYED).unlink(missing_ok=True)
        self._journal.count(entries)
        self.head, self.position = head, head.position

    def cosigned(self, size: int) -> Cosigned | None:
        """Give what was cosigned at exactly `size` leaves, None when nothing was; Malformed for a damaged one."""
        return self._journal.at(size)

    def _open(self, opening: ExitStack, *, is_new: bool) -> None:
        """Take the lock, then open what is there; all of it is closed with `opening`."""
        if is_new:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock(self._folder, opening)
        if is_new:
            self._begin()
        self.head = self._read_head()
        path = self._folder / _COSIGNED
        self._journal = Journal(path, open_file(path, opening), self.head.tree.size)
        if self.head.note is not None and self.cosigned(self.head.tree.size) != self.head.tree:
            raise Malformed(f"{path} lacks the tree last cosigned; {NEVER_LOST}.")
        self._rows = RowFiles(self._folder, opening)
        self.position = self._read_position()

    def _begin(self) -> None:
        if (self._folder / _HEAD).exists():
            raise Unreachable(f"{self._folder} holds a witness's state already; it is not begun again.")
        self._write_head(Head(START.tree, START.peaks, None), no_step)

    def _write_head(self, head: Head, on_step: OnStep) -> None:
        said = position_to_json(head.position) | {"format": FORMAT, "note": head.note, "vkey": self._vkey}
        write_said(self._folder / _HEAD, said, on_step)

    def _read_head(self) -> Head:
        try:
            said = read_said(self._folder / _HEAD)
            if said.get("format") != FORMAT:
                sentence = (
                    f"{self._folder / _HEAD} is of the format {said.get('format')}, and this program's is {FORMAT}"
                )
                raise Malformed(f"{sentence}; {NEVER_LOST}.")
            position, note, vkey = position_from_json(said), said["note"], said["vkey"]
        except DAMAGED as error:
            raise Malformed(f"{self._folder / _HEAD} is damaged; {NEVER_LOST}.") from error
        if vkey != self._vkey:
            raise Malformed(f"The folder {self._folder} is the state of another log, {vkey}.")
        self._row_format = said.get(ROWS)
        return Head(position.tree, position.peaks, note)

    def _write_position(self, position: Position, on_step: OnStep) -> None:
        write_said(self._folder / _REPLAYED, position_to_json(position), on_step)

    def _read_position(self) -> Position:
        """Read how far the rows are good. A folder without rows begins with the first leaf again."""
        position, path = self.head.position, self._folder / _REPLAYED
        if not len(self._rows) and (path.exists() or position != START):
            self._write_position(START, no_step)
            return START
        try:
            said = read_said(path)
            position, self._row_format = position_from_json(said), said.get(ROWS)
        except FileNotFoundError:
            pass
        except DAMAGED as error:
            raise Malformed(f"{path} is damaged; remove it and `rows`: the log is replayed again.") from error
        if position != START and self._row_format != ROW_FORMAT:
            sentence = (
                f"The rows of {self._folder} are of the format {self._row_format}, and this program's is {ROW_FORMAT}"
            )
            raise Malformed(f"{sentence}; remove `rows`: the log is replayed again.")
        self._rows.rows(position.tree.size)
        self._rows.hashes(position.tree.size)
        return position

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write; when the disk fails inside, the state is unsound, for what the disk then holds nobody knows.

        The kernel may drop what it could not write and say so once: a second fsync that succeeds proves nothing.
        """
        if not self._is_sound:
            raise Unreachable("The state's disk failed; it goes on after a restart.")
        self._is_sound = False
        try:
            yield
        except OSError as error:
            raise Unreachable(f"The state cannot be written: {error.strerror}.") from error
        self._is_sound = True
