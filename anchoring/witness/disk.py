"""How a witness writes: each way leaves, wherever it is cut off, what was there before or what is to be there."""

import fcntl
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from anchoring.errors import Unreachable

OnStep = Callable[[str], None]
"""Is told each step of a write; what it raises is taken for a failure of the disk."""


def open_file(path: Path, opening: ExitStack) -> int:
    """Open or make a file of mode 600; its descriptor is closed with `opening`."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    opening.callback(os.close, descriptor)
    return descriptor


def lock(folder: Path, opening: ExitStack) -> None:
    """Take the folder for this process until `opening` is closed; Unreachable when another one has it."""
    try:
        fcntl.flock(open_file(folder / "lock", opening), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Unreachable(f"The state folder {folder} is in use by another process.") from error


def write_all(descriptor: int, data: bytes, offset: int) -> None:
    """Write at an offset, however many calls that takes."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
