"""A folder that is its owner's alone: folders of mode 700, files of mode 600, whatever the shell's umask is.

One mask for the process instead of a mode at each write, so that no writer can forget it: those of the log, the state
and the receipts, the libraries, and the processes that are started while it holds.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from registry.errors import Unavailable

OTHERS: Final = 0o077
"""What others than the owner may do with a file or folder: nothing of it is given, and all of it taken."""
WRITERS: Final = 0o022
"""Of that, to write."""


@contextmanager
def ours_alone() -> Iterator[None]:
    """While inside, whatever this process and those it starts make is nobody else's to read or write."""
    before = os.umask(OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def close(folder: Path) -> None:
    """Take from others what they may do with a folder, and with all in it if they could come in.

    Raises `Unavailable` for another user's folder, and for one that others could write to and that is not empty: what
    is in it may be theirs. OSError when it cannot be looked at.
    """
    seen = folder.stat()
    if seen.st_uid != os.geteuid():
        raise Unavailable(
            f"The data folder {folder} belongs to another user (number {seen.st_uid}). Start this as that user, or "
            "give the folder, with all in it, to this one by chown."
        )
    if not seen.st_mode & OTHERS:
        return
    wide = list(_wide(folder))
    if any(mode & WRITERS for _, mode in wide) or (seen.st_mode & WRITERS and next(folder.iterdir(), None)):
        raise Unavailable(
            f"Others than its owner can write to the data folder {folder}, so what is in it may be theirs. Make sure "
            f"that it is yours, then take it from them: chmod -R go-rwx {folder}"
        )
    for path, mode in wide:
        path.chmod(mode & ~OTHERS)
    folder.chmod(stat.S_IMODE(seen.st_mode) & ~OTHERS)  # last: cut short before, all of it is done again


def _wide(folder: Path) -> Iterator[tuple[Path, int]]:
    """Give files and folders of our own that are open to others, with their modes; no link is followed.

    What belongs to another user, as the files of a PostgreSQL that root started, is his to close.
    """
    for path in folder.iterdir():
        seen = path.lstat()
        if seen.st_uid != os.geteuid() or not (stat.S_ISREG(seen.st_mode) or stat.S_ISDIR(seen.st_mode)):
            continue
        if stat.S_ISDIR(seen.st_mode):
            yield from _wide(path)
        if seen.st_mode & OTHERS:
            yield path, stat.S_IMODE(seen.st_mode)
