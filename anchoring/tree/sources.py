"""Where a published log is read from: a folder, or HTTP. Both give a file's bytes, bounded, or say why not."""

import errno
import os
import re
import stat
import time
import zlib
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import httpx2

from anchoring.deadline import Deadline
from anchoring.errors import Malformed, Unreachable

ATTEMPTS: Final = 3
"""Tries for one file: enough for a restart of the server, few enough that a person does not wait long."""
PAUSE_S: Final = 0.2
"""Before the second try; doubled before each further one."""
TIMEOUT_S: Final = 10.0
"""To connect, and between two pieces of an answer."""
FILE_DEADLINE_S: Final = 60.0
"""For one whole answer, headers and all, so that a server which trickles bytes does not hold us for days."""
ENCODING_SLACK: Final = 1024
"""By how much gzip may be longer than what it holds."""

_PATH = re.compile(r"[a-z0-9][a-z0-9.]*(/[a-z0-9][a-z0-9.]*)*", re.ASCII)
_RETRIED = frozenset({429, 500, 502, 503, 504})


class Source(Protocol):
    """A published log's files by their paths, such as `checkpoint` and `tile/0/x001/234`."""

    def read(self, path: str, limit: int) -> bytes:
        """Read the file at `path`.

        Raises Unreachable when it is not there or there is no answer, Malformed when it is longer than `limit`
        bytes or the path is none that a log has.
        """
        ...


class DirectorySource:
    """A log in a folder, as its publisher writes it or as somebody mirrored it."""

    def __init__(self, folder: Path | str) -> None:
        """Name the folder that holds `checkpoint` and `tile`."""
        self._folder = Path(folder)

    def read(self, path: str, limit: int) -> bytes:
        """Read as `Source.read`; names beginning with a dot, such as half-written files, are no paths of a log."""
        _check_path(path)
        try:
            return _bounded(read_file(f"{self._folder}/{path}", limit), path, limit)
        except OSError as error:
            raise Unreachable(f"{path} cannot be read from {self._folder}: {error.strerror}") from error


def read_file(path: Path | str, limit: int) -> bytes:
    """Read a regular file, at most one byte more than `limit`; OSError when it cannot be read or is none.

    A pipe would block whoever opens it, and a device never ends; a folder of somebody else's may hold both.
    """
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        data, at_once = b"", min(status.st_size, limit) + 1
        while len(data) <= limit and (part := os.read(file, min(at_once, limit + 1 - len(data)))):
            data += part
        return data
    finally:
        os.close(file)


class HttpSource:
    """A log under a URL. Redirects are not followed: the log is where its address says, or it is not there."""

    def __init__(self, url: str) -> None:
        """Take the log's URL prefix, with or without a final slash; Malformed when it is no http(s) URL."""
        try:
            parsed = httpx2.URL(url)
        except (httpx2.InvalidURL, TypeError):
            parsed = httpx2.URL()
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
            raise Malformed("a log's URL begins with http:// or https:// and has no query")
        self._url = str(parsed).rstrip("/")
        self._client = httpx2.Client(timeout=TIMEOUT_S, headers={"Accept-Encoding": "gzip, identity"})
        self._deadline = Deadline(self._client)

    def __reduce__(self) -> tuple[type["HttpSource"], tuple[str]]:
        """Hand the log to another process, which opens connections of its own."""
        return type(self), (self._url,)

    def __enter__(self) -> Self:
        """Keep connections open for many files."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close them."""
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def read(self, path: str, limit: int) -> bytes:
        """Read as `Source.read`; a server that is down or overloaded is asked again, `ATTEMPTS` times in all."""
        _check_path(path)
        for attempt in range(1, ATTEMPTS):
            try:
                return self._read_once(path, limit)
            except _TryAgainError:
                time.sleep(PAUSE_S * 2 ** (attempt - 1))
        return self._read_once(path, limit)

    def _read_once(self, path: str, limit: int) -> bytes:
        started = time.monotonic()
        try:
            with self._deadline.within(FILE_DEADLINE_S), self._client.stream("GET", f"{self._url}/{path}") as response:
                if response.status_code != httpx2.codes.OK:
                    kind = _TryAgainError if response.status_code in _RETRIED else Unreachable
                    raise kind(f"{self._url}/{path} answers with status {response.status_code}")
                raw = self._read_raw(response, path, limit)
        except (UnicodeError, OverflowError, httpx2.InvalidURL) as error:
            # The socket layer's own words for a host or port that cannot exist.
            raise Unreachable(f"{self._url} names no host that there can be") from error
        except httpx2.HTTPError as error:
            if time.monotonic() - started >= FILE_DEADLINE_S:
                raise Unreachable(f"{self._url}/{path} takes longer than {FILE_DEADLINE_S:g} s") from error
            raise _TryAgainError(f"{self._url}/{path} does not answer: {error or type(error).__name__}") from error
        return _bounded(_decoded(raw, response.headers.get("Content-Encoding", ""), path, limit), path, limit)

    def _read_raw(self, response: httpx2.Response, path: str, limit: int) -> bytes:
        raw = bytearray()
        for piece in response.iter_raw():
            raw += piece
            if len(raw) > limit + ENCODING_SLACK:
                raise Malformed(f"{path} is longer than {limit} bytes")
        return bytes(raw)


class _TryAgainError(Unreachable):
    """No answer, or one that may be better in a moment."""


def _decoded(raw: bytes, encoding: str, path: str, limit: int) -> bytes:
    """Undo gzip, but never past the limit: a few bytes of gzip can hold gigabytes."""
    if encoding in ("", "identity"):
        return raw
    if encoding != "gzip":
        raise Malformed(f"{path} comes in the encoding {encoding!r}, which was not asked for")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        data = inflate.decompress(raw, limit + 1)
    except zlib.error as error:
        raise Malformed(f"{path} is not the gzip it claims to be") from error
    if len(data) <= limit and (not inflate.eof or inflate.unused_data):
        raise Malformed(f"{path} is not one whole gzip stream")
    return data


def _check_path(path: str) -> None:
    if not _PATH.fullmatch(path):
        raise Malformed(f"a log has no file {path!r}")


def _bounded(data: bytes, path: str, limit: int) -> bytes:
    if len(data) > limit:
        raise Malformed(f"{path} is longer than {limit} bytes")
    return data
