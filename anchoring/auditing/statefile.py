"""What an audit keeps from one day to the next, so that it never reads a leaf twice: two files that belong together.

| file | what | how it is written |
|---|---|---|
| `FILE.rows` | 88 bytes a leaf (`anchoring.replaying.history.ROW`) | in the order of the log, never again |
| `FILE` | the log, its checkpoint, how far the audit has come, SHA-256 of the rows and of itself | replaced whole |

Rows are made durable before the file that counts them; what lies past that count is of an audit that was ended, and is
written again. What is kept rests on leaves whose root was proven to be a prefix of a checkpoint that the log signed.

The file is the auditor's own: whoever can write it can make the next audit believe what he likes of the leaves in it.
The digests find a disk that forgets, and files that do not belong together; they are no signature.
"""

import fcntl
import json
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from anchoring.auditing.rowfile import RowFile
from anchoring.auditing.standing import Standing
from anchoring.auditing.tally import CHUNK
from anchoring.checkpoint import Checkpoint
from anchoring.errors import Malformed, Unreachable
from anchoring.replaying.history import ROW_FORMAT
from registry.keyfile import replace_file

FORMAT: Final = f"gramledger/audit-state/v3 of {ROW_FORMAT}"
MAX_STATE: Final = 1 << 30
"""Bytes of `FILE`; a log of 100 million issuances makes one of this size."""


class StateFile:
    """The state of the audits of one log, used by one of them at a time."""

    def __init__(self, path: Path, vkey: str) -> None:
        """Open the state at `path`, or begin one.

        Raises Malformed when it is damaged, another log's or of another format, and Unreachable when it is in use or
        cannot be read.
        """
        self._path = path
        self._vkey = vkey
        self.checkpoint: Checkpoint | None = None
        """The last checkpoint that its leaves were proven to belong to; None while there is nothing yet."""
        self.states: frozenset[int] = frozenset()
        """Indices below its size of the STATE records that were checked, and are true."""
        self._said: dict[str, Any] | None = None
        try:
            self.rows = RowFile(path.with_name(f"{path.name}.rows"))
        except OSError as error:
            raise Unreachable(f"The state {path} cannot be used: {error.strerror}.") from error
        try:
            self._lock()
            self._standing = self._load()
        except BaseException:
            self.rows.close()
            raise

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.rows.close()

    def standing(self) -> Standing:
        """Give how far the audits have come, for one to go on from."""
        return Standing.from_json(self._standing)

    def save(self, standing: Standing, checkpoint: Checkpoint) -> None:
        """Keep how far this audit has come; `standing` is firm, and its leaves are a prefix of the checkpoint's.

        Raises Unreachable when the disk is full or fails: then what was kept before is still there.
        """
        self._hash_on(standing.size)
        said: dict[str, Any] = {
            "format": FORMAT,
            "vkey": self._vkey,
            "checkpoint": [checkpoint.origin, checkpoint.size, checkpoint.root.hex()],
            "rows": self._hash.hexdigest(),
            "standing": standing.to_json(),
            "states": sorted(self.states),
        }
        self._write(said)

    def remember(self, states: Collection[int], checkpoint: Checkpoint) -> None:
        """Keep which STATE records of the checkpoint's tree are true, if anything of that tree is kept.

        All its leaves were read, lawful, and made its root. Raises as `save`.
        """
        self.states |= frozenset(states)
        if self._said is not None:
            place = [checkpoint.origin, checkpoint.size, checkpoint.root.hex()]
            self._write(self._said | {"checkpoint": place, "states": sorted(self.states)})

    def _write(self, said: dict[str, Any]) -> None:
        try:
            self.rows.sync()
            replace_file(self._path, _encode(said | {"digest": sha256(_encode(said)).hexdigest()}))
        except OSError as error:
            raise Unreachable(f"The state {self._path} cannot be written: {error.strerror}.") from error
        self._said = said

    def _lock(self) -> None:
        try:
            fcntl.flock(self.rows.fileno, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unreachable(f"The state {self._path} is in use by another audit.") from error

    def _load(self) -> dict[str, Any]:
        self._hash, self._hashed = sha256(), 0
        try:
            with self._path.open("rb") as file:
                data = file.read(MAX_STATE + 1)
        except FileNotFoundError:
            return Standing().to_json()
        except OSError as error:
            raise Unreachable(f"The state {self._path} cannot be read: {error.strerror}.") from error
        try:
            said = _decode(data)
            self._check_owner(said)
            self._take(said)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            sentence = f"The state {self._path} is damaged"
            raise Malformed(f"{sentence}; move it away and audit from the beginning, or restore it.") from error
        standing: dict[str, Any] = said["standing"]
        return standing

    def _check_owner(self, said: dict[str, Any]) -> None:
        if said["format"] != FORMAT:
            sentence = f"The state {self._path} is of the format {said['format']!r}, and this program's is {FORMAT!r}"
            raise Malformed(f"{sentence}; move it away, with its rows, and audit from the beginning.")
        if said["vkey"] != self._vkey:
            raise Malformed(f"The state {self._path} is that of another log, {said['vkey']}.")

    def _take(self, said: dict[str, Any]) -> None:
        origin, size, root = said["checkpoint"]
        self.checkpoint = Checkpoint(origin, size, bytes.fromhex(root))
        standing = Standing.from_json(said["standing"])
        if self.rows.size < standing.size:
            raise ValueError("there are fewer rows than it counts")
        self._hash_on(standing.size)
        if self._hash.hexdigest() != said["rows"]:
            raise ValueError("its rows are others")
        self.states, self._said = frozenset(map(int, said["states"])), said

    def _hash_on(self, size: int) -> None:
        """Hash the rows up to `size`, at two gigabytes a second; those before were hashed already."""
        rows = self.rows.rows(size)
        for start in range(self._hashed, size, CHUNK):
            self._hash.update(np.ascontiguousarray(rows[start : start + CHUNK]).view(np.uint8).data)
        self._hashed = size


def _encode(said: dict[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _decode(data: bytes) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(data)
    if said.pop("digest") != sha256(_encode(said)).hexdigest():
        raise ValueError("its digest is another")
    return said
