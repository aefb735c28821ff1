"""Files that must not be lost: secrets, of mode 600 and written once, and states, replaced whole."""

import os
from pathlib import Path


def write_secret(path: Path, secret: bytes) -> None:
    """Write a secret where there is none yet, durably. Raises FileExistsError when there is one."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file of mode 600 durably: whoever reads it, and whoever crashes, sees the old one or the new one."""
    beside = path.with_name(f".{path.name}.tmp")
    with open(beside, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
