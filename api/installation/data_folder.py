"""The data folder: used by one process at a time, of one version, and open to nobody but its owner."""

import fcntl
import json
import os
import secrets
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from api.installation.closed_folder import close, ours_alone
from api.installation.keys import make_keys
from registry.errors import Unavailable
from registry.keyfile import sync_folder

FORMAT = 1
"""Version of the folder's layout. Another one is refused, never guessed at."""
POSTGRES = "postgres"
MARKER_BESIDE = ".gramledger.json.tmp"


class InUse(Unavailable):
    """Another process holds the data folder."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What a data folder says of itself, in `gramledger.json`."""

    format: int
    origin: str
    chain_id: int | None = None
    contract: str | None = None


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Where everything of one installation lies."""

    path: Path
    marker: Marker

    @property
    def log(self) -> Path:
        """The static tree, as it is served."""
        return self.path / "log"

    @property
    def batches(self) -> Path:
        """The files of batches that are not settled."""
        return self.path / "batches"

    @property
    def postgres(self) -> Path:
        """The embedded PostgreSQL."""
        return self.path / POSTGRES

    @property
    def chain(self) -> Path:
        """The embedded chain."""
        return self.path / "chain"

    @property
    def chain_address(self) -> Path:
        """Where the embedded chain answers, while it runs: for those who only read beside it."""
        return self.path / "chain.url"

    @property
    def issuer_address(self) -> Path:
        """Where the development issuer answers, or did last."""
        return self.path / "issuer.url"

    @property
    def state(self) -> Path:
        """The maps of the last recorded states; what is lost here is made again from the log."""
        return self.path / "state"

    @property
    def keys(self) -> Path:
        """The installation's keys."""
        return self.path / "keys"

    @property
    def has_stand_ins(self) -> bool:
        """Whether development keys lie here, in place of those of other people and of a settings file."""
        return (self.keys / "issuer.key").exists()

    def with_contract(self, chain_id: int, contract: str) -> "DataFolder":
        """Note which contract this log is anchored in."""
        marker = replace(self.marker, chain_id=chain_id, contract=contract)
        _write_marker(self.path, marker)
        return replace(self, marker=marker)


@contextmanager
def hold(path: Path, origin: str | None = None, *, create: bool = True, stand_ins: bool = True) -> Iterator[DataFolder]:
    """Hold a data folder for this process alone, making it, with its keys, when it is new and `create` says so.

    `origin` names the log in a new folder; one is made up when it is None. Without `stand_ins` it gets no development
    keys. What is made while it is held, by this process and those that it starts, is the owner's alone; a folder that
    others could read is closed to them. Raises `Unavailable` when the folder is in use, of another version, holds
    something else, cannot be written, belongs to another user, or could be written to by others.
    """
    path = path.expanduser().resolve()
    if not create:
        read_folder(path)
    with ours_alone(), _held(path):
        yield DataFolder(path, _marker(path, origin, stand_ins=stand_ins))


@contextmanager
def _held(path: Path) -> Iterator[None]:
    try:
        path.mkdir(parents=True, exist_ok=True)
        close(path)
        descriptor = os.open(path / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise Unavailable(f"The data folder {path} cannot be used: {error.strerror}.") from error
    try:
        _lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def read_folder(path: Path) -> DataFolder:
    """Read a data folder that another process may hold. Raises `Unavailable` when it is none."""
    path = path.expanduser().resolve()
    if not (path / "gramledger.json").exists():
        raise Unavailable(
            f"{path} is no data folder. `gram serve --data {shlex.quote(str(path))}` or `gram demo` makes one."
        )
    return DataFolder(path, _marker(path, None))


def refuse_taken(path: Path, origin: str) -> None:
    """Raise `Unavailable` when another log than `origin`, or one with development keys, lives in a folder."""
    path = path.expanduser().resolve()
    if not (path / "gramledger.json").exists():
        return
    found = read_folder(path)
    if found.has_stand_ins or found.marker.origin != origin:
        keys = " with development keys, as `gram demo` and `gram serve` begin one" if found.has_stand_ins else ""
        raise Unavailable(
            f"{path} holds the log {found.marker.origin}{keys}. It stays as it is; begin {origin} in another folder, "
            "with --data FOLDER."
        )


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InUse(f"The data folder {path} is in use by another process. Stop that one first.") from None


def _marker(path: Path, origin: str | None, *, stand_ins: bool = True) -> Marker:
    file = path / "gramledger.json"
    if not file.exists():
        _found(path, origin or f"gramledger.invalid/{secrets.token_hex(6)}", stand_ins=stand_ins)
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        version = said["format"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Unavailable(f"{file} cannot be read; restore it from a backup.") from None
    if version != FORMAT:
        raise Unavailable(f"{path} is a data folder of version {version}; this program uses version {FORMAT}.")
    marker = Marker(**{name: said.get(name) for name in Marker.__dataclass_fields__})
    if origin is not None and origin != marker.origin:
        raise Unavailable(
            f"The log in {path} is {marker.origin}, not {origin}; a log keeps its origin for life. "
            "Name another folder with --data for another log."
        )
    return marker


def _found(path: Path, origin: str, *, stand_ins: bool) -> None:
    """Make what a new folder begins with. The marker comes last: without it, keys were never used."""
    strangers = [entry.name for entry in path.iterdir() if entry.name not in {".lock", "keys", MARKER_BESIDE}]
    if strangers:
        raise Unavailable(
            f"{path} is not empty and no data folder of this program ({strangers[0]} is in it). "
            "Name another folder with --data."
        )
    shutil.rmtree(path / "keys", ignore_errors=True)
    make_keys(path / "keys", origin, stand_ins=stand_ins)
    _write_marker(path, Marker(FORMAT, origin))


def _write_marker(path: Path, marker: Marker) -> None:
    beside = path / MARKER_BESIDE
    with beside.open("w", encoding="utf-8") as file:
        json.dump(asdict(marker), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path / "gramledger.json")
    sync_folder(path)
