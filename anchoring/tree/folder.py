"""The folder that is served as the log: files appear whole, stay as they are, and only `checkpoint` changes."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anchoring.errors import Refuted, Unreachable

CHECKPOINT = "checkpoint"
File = tuple[str, bytes]
"""A path below the log's folder, and the bytes that belong there."""
_BESIDE: Final = ".new-"
_OVERTAKEN: Final = (
    "Another publisher removed what this one had written beside the log; only one may run. This one stops."
)
_AT_ONCE: Final = 4
"""Files that are written at once."""


def _nothing(_name: str) -> None:
    """Take no notice of a file."""


Written = Future[tuple[str, Path | None]]
"""What a file is to be called, and where it is beside the tree; nowhere, when the tree has it already."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Files that are being made and written to the disk beside the tree, and do not appear in it yet."""

    beside: Path
    """The folder where they are."""
    made: Future[list[Written]]
    """Done when the last of them is made, and is being written as those before it."""
    changed: set[Path]
    """Folders whose entries changed and were not synced yet."""

    def wait(self) -> list[tuple[str, Path | None]]:
        """Wait until all are on the disk; say what each is to be called, and where it is.

        Raises what making them raises, `Refuted` when the tree has one with other bytes, and `Unreachable` when the
        disk is full or fails.
        """
        files: list[Written] = []
        try:
            files = self.made.result()
            return [file.result() for file in files]
        except BaseException:
            for file in files:
                file.cancel()
            futures.wait(files)
            shutil.rmtree(self.beside, ignore_errors=True)
            raise


class LogFolder:
    """A log's static tree on disk."""

    def __init__(self, path: Path) -> None:
        """Name the folder; it is made when something is written."""
        self.path = path

    def read(self, name: str) -> bytes:
        """Read a file. Raises `Unreachable` when it is not there."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise Unreachable(f"The log's file {name} cannot be read: {error.strerror}.") from error

    def has_checkpoint(self) -> bool:
        """Whether anything was published here."""
        return (self.path / CHECKPOINT).exists()

    def write_immutable(self, files: Iterable[File]) -> None:
        """Write files that never change. One that is there already with the same bytes is left alone.

        If we crash between two files, those written are whole and the next run writes the rest. Raises `Refuted` when
        a file is there with other bytes, and `Unreachable` when the disk is full or fails.
        """
        self.put(self.prepare(files))

    def prepare(self, files: Iterable[File]) -> Prepared:
        """Begin to make files and to write them beside the tree, in which they appear by `put`. Raises `Unreachable`.

        It goes on beside whatever the caller does then, several at once: each waits for the disk, and one wait does
        for all that are there by then. What a run before us prepared and did not put is removed.
        """
        try:
            changed = _make_folders(self.path)
            for left_behind in self.path.glob(f"{_BESIDE}*"):
                shutil.rmtree(left_behind, ignore_errors=True)
            beside = Path(tempfile.mkdtemp(prefix=_BESIDE, dir=self.path))
        except OSError as error:
            raise self._unwritten(CHECKPOINT, error) from error
        pool = ThreadPoolExecutor(_AT_ONCE)
        return Prepared(beside, pool.submit(self._make, files, beside, pool), changed)

    def _make(self, files: Iterable[File], beside: Path, pool: ThreadPoolExecutor) -> list[Written]:
        try:
            return [pool.submit(self._prepare, *file, beside / str(number)) for number, file in enumerate(files)]
        finally:
            pool.shutdown(wait=False)

    def _prepare(self, name: str, data: bytes, beside: Path) -> tuple[str, Path | None]:
        if not (self.path / name).exists():
            try:
                _write_synced(beside, data)
            except OSError as error:
                raise self._unwritten(name, error) from error
            return name, beside
        if self.read(name) != data:
            raise Refuted(f"The log's file {name} is not what the database says; it was changed after publication.")
        # A run before us may have died between this file and the sync of its folder.
        return name, None

    def put(self, prepared: Prepared, on_file: Callable[[str], None] = _nothing) -> None:
        """Have prepared files appear in the tree, one after the other; `on_file` is told the name of each.

        Raises what `Prepared.wait` does, and then nothing has appeared; `Unreachable` when the disk fails, and
        `Refuted` when they are gone.
        """
        changed, folders = set(prepared.changed), set[Path]()
        for name, beside in prepared.wait():
            target = self.path / name
            try:
                if target.parent not in folders:
                    changed |= _make_folders(target.parent)
                    folders.add(target.parent)
                if beside is not None:
                    beside.rename(target)
            except FileNotFoundError as error:
                raise Refuted(_OVERTAKEN) from error
            except OSError as error:
                raise self._unwritten(name, error) from error
            on_file(name)
        for folder in changed | folders:
            _sync_folder(folder)
        shutil.rmtree(prepared.beside, ignore_errors=True)

    def write_checkpoint(self, note: bytes) -> None:
        """Replace the checkpoint: readers see the old one or the new one, never a part."""
        for folder in self._write(CHECKPOINT, note):
            _sync_folder(folder)

    def drop_partials(self, full_files: Iterable[str]) -> None:
        """Remove the partial versions of tiles that are full now (tlog-tiles, "Partial Tiles")."""
        for name in full_files:
            parts = self.path / f"{name}.p"
            if parts.is_dir():
                for part in parts.iterdir():
                    part.unlink(missing_ok=True)
                parts.rmdir()

    def _write(self, name: str, data: bytes) -> set[Path]:
        """Write by temporary file, fsync and rename; return the folders whose entries changed."""
        target = self.path / name
        beside = target.with_name(f".{target.name}.tmp")
        try:
            made = _make_folders(target.parent)
            _write_synced(beside, data)
            beside.rename(target)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise self._unwritten(name, error) from error
        return made | {target.parent}

    def _unwritten(self, name: str, error: OSError) -> Unreachable:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
        return Unreachable(
            f"The log's file {name} cannot be written: {reason}. Nothing is lost; publication goes on when there is "
            "room."
        )


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _make_folders(folder: Path) -> set[Path]:
    """Make a folder and those above it; return the parents that got a new entry."""
    changed: set[Path] = set()
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        changed.add(new.parent)
    return changed


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
