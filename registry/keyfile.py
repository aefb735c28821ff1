"""Files that must not be lost: secrets, of mode 600 and written once, and states, replaced whole."""

import os
from collections.abc import Callable
from pathlib import Path


def write_secret(path: Path, secret: bytes) -> None:
    """Write a secret where there is none yet, durably. Raises FileExistsError when there is one."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def no_step(_step: str) -> None:
    """Take no notice of a step."""


def replace_file(path: Path, data: bytes, on_step: Callable[[str], None] = no_step) -> None:
    """Replace a file of mode 600 durably: whoever reads it, and whoever crashes, sees the old one or the new one.

    `on_step` is told each step. OSError when the disk fails; the place of what could not be written is given back.
    """
    beside = path.with_name(f".{path.name}.tmp")
    try:
        with open(beside, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        on_step(f"{path.name} written")
        beside.rename(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    on_step(f"{path.name} renamed")
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
