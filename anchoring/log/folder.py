"""The folder that is served as the log: files appear whole, stay as they are, and only `checkpoint` changes."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from anchoring.errors import Refuted, Unreachable

CHECKPOINT = "checkpoint"


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

    def write_immutable(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write files that never change. One that is there already with the same bytes is left alone.

        If we crash between two files, those written are whole and the next run writes the rest. Raises `Refuted` when
        a file is there with other bytes, and `Unreachable` when the disk is full or fails.
        """
        folders: set[Path] = set()
        for name, data in files:
            target = self.path / name
            if target.exists():
                if target.read_bytes() != data:
                    raise Refuted(
                        f"The log's file {name} is not what the database says; it was changed after publication."
                    )
                # A run before us may have died between this file and the sync of its folder.
                folders.add(target.parent)
                continue
            folders |= self._write(target, data)
        for folder in folders:
            _sync_folder(folder)

    def write_checkpoint(self, note: bytes) -> None:
        """Replace the checkpoint: readers see the old one or the new one, never a part."""
        for folder in self._write(self.path / CHECKPOINT, note):
            _sync_folder(folder)

    def drop_partials(self, full_files: Iterable[str]) -> None:
        """Remove the partial versions of tiles that are full now (tlog-tiles, "Partial Tiles")."""
        for name in full_files:
            parts = self.path / f"{name}.p"
            if parts.is_dir():
                for part in parts.iterdir():
                    part.unlink(missing_ok=True)
                parts.rmdir()

    def _write(self, target: Path, data: bytes) -> set[Path]:
        """Write by temporary file, fsync and rename; return the folders whose entries changed."""
        beside = target.with_name(f".{target.name}.tmp")
        try:
            made = _make_folders(target.parent)
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.rename(target)
        except OSError as error:
            beside.unlink(missing_ok=True)
            reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
            raise Unreachable(
                f"The log's file {target.relative_to(self.path)} cannot be written: {reason}. Nothing is lost; "
                "publication goes on when there is room."
            ) from error
        return made | {target.parent}


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
