"""The embedded PostgreSQL: real binaries from a wheel, running in the data folder, reached by a Unix socket.

A stand-in for a database server of one's own; the composition root warns of it and refuses it in production. It is
handed its folder open, and so never needs the folders above it, nor does any program of it, or any shell, read the
folder's path.
"""

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from registry.database.program import User, options_of, programs, user_of
from registry.errors import Unavailable

SETTINGS: Final = {
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",  # checkpoints by time, not in the middle of a bulk load
    "log_error_verbosity": "terse",  # a refusal's detail repeats values: names, users of a platform
    "unix_socket_permissions": "0700",  # root, who started it, needs none
    "jit": "off",  # our statements are short; compiling one takes longer than running it
}
"""What differs from PostgreSQL's own defaults. Every commit waits for the disk, as it does by default."""
_SOCKET: Final = ".s.PGSQL.5432"
_LONGEST_SOCKET: Final = 107
"""Bytes in the path of a Unix socket; Linux has no room for more."""
_START_S, _STOP_S, _LOOK_S = 60, 30, 0.02
_INITDB = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale")
# Who reaches the socket is the folder's owner, or root; so nobody is asked for a password.
_COLLATION = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")


class EmbeddedPostgres:
    """A PostgreSQL server in a folder. Start it with `start`, stop it with `stop`."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing runs yet."""
        self.folder = folder.expanduser().resolve()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the server says; beside its folder, where its own user cannot put another file in the place."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def start(self) -> str:
        """Start the server, or join the one that already runs there, and return its `postgresql://` URL.

        Raises `Unavailable` when it cannot run there; then nothing of it runs.
        """
        check_place(self.folder)
        try:
            user = user_of(self.folder)
            self._lay_out(user)
            if _pid(self.folder) is None:
                self._launch(user)
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(f"The embedded PostgreSQL in {self.folder} did not start{self._where_said()}.") from error
        return url_of(self.folder)

    def stop(self) -> None:
        """Stop the server, whoever started it; its clients are sent away. Harmless when none runs."""
        pid = self._process.pid if self._process is not None else _pid(self.folder)
        if pid is not None:
            with suppress(ProcessLookupError):
                _end(pid)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _lay_out(self, user: User | None) -> None:
        """Make the database's files where there are none; they come into being beside, so that half of them is none."""
        if (self.folder / "PG_VERSION").exists():
            return
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self.folder.with_name(f".{self.folder.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        if user is not None:
            os.chown(beside, user.uid, user.gid)
        with _open(beside) as (descriptor, here):
            self._run(["initdb", "-D", here, *_INITDB, *_COLLATION], descriptor, user)
        beside.rename(self.folder)

    def _run(self, command: list[str], descriptor: int, user: User | None) -> None:
        with self._words() as log:
            subprocess.run(
                [programs(user) / command[0], *command[1:]],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[descriptor], check=True, **options_of(user),
            )  # fmt: skip

    def _launch(self, user: User | None) -> None:
        with _open(self.folder) as (descriptor, here), self._words() as log:
            settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
            self._process = subprocess.Popen(
                [programs(user) / "postgres", "-D", here, "-h", "", "-k", here, *settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[descriptor],
                start_new_session=True,  # Ctrl-C is for us; the database ends after us, so that we can finish with it
                **options_of(user),
            )  # fmt: skip
        deadline = time.monotonic() + _START_S
        while not _is_ready(self.folder, self._process.pid):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Unavailable(f"The embedded PostgreSQL in {self.folder} did not start{self._where_said()}.")
            time.sleep(_LOOK_S)

    @contextmanager
    def _words(self) -> Iterator[int]:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self.log, flags, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _where_said(self) -> str:
        return f"; its own words are in {self.log}" if self.log.exists() else ""


def check_place(folder: Path) -> None:
    """Raise `Unavailable` when no server can run in a folder: clients cannot be told its path, or it is too long."""
    socket = os.fsencode(folder.expanduser().resolve() / _SOCKET)
    if b"," in socket or not _is_utf8(socket):  # libpq reads a comma as the end of a host; a URL is text
        raise Unavailable(
            "The embedded PostgreSQL cannot run in a folder whose path has a comma, or bytes that are not UTF-8. "
            "Choose another --data, or name a database with --database."
        )
    if len(socket) > _LONGEST_SOCKET:
        raise Unavailable(
            f"The embedded PostgreSQL cannot run in {folder}: the path is {len(socket) - _LONGEST_SOCKET} bytes too "
            "long for its socket. Choose a --data with a shorter path, or name a database with --database."
        )


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def running_url(folder: Path) -> str:
    """Give the URL of the server that somebody else runs in a folder. Raises `Unavailable` when there is none."""
    if _pid(folder) is None:
        raise Unavailable(f"No embedded PostgreSQL runs in {folder}. Start the registry, or name its --database.")
    return url_of(folder)


def url_of(folder: Path) -> str:
    """Write the URL of a folder's server, for its owner."""
    return f"postgresql://postgres:@/postgres?host={quote(str(folder.expanduser().resolve()))}"


@contextmanager
def _open(folder: Path) -> Iterator[tuple[int, str]]:
    """Open a folder for a process to be started, and give the name under which that process has it."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor, f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _lines(folder: Path) -> list[str]:
    try:
        return (folder / "postmaster.pid").read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return []


def _pid(folder: Path) -> int | None:
    """Find the server that runs in a folder; a number that is by now another process's is none."""
    number = next(iter(_lines(folder)), "")
    if not number.isdecimal():
        return None
    with suppress(OSError):
        if Path(f"/proc/{number}/cwd").samefile(folder):
            return int(number)
    return None


def _is_ready(folder: Path, pid: int) -> bool:
    lines = _lines(folder)
    return lines[:1] == [str(pid)] and [line.strip() for line in lines[7:8]] == ["ready"]


def _end(pid: int) -> None:
    descriptor = os.pidfd_open(pid)
    try:
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # a fast shutdown, one as after a crash, and an end
            signal.pidfd_send_signal(descriptor, how)
            if select.select([descriptor], [], [], _STOP_S)[0]:
                return
    finally:
        os.close(descriptor)
