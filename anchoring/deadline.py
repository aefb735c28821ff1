"""A deadline for one whole HTTP exchange: connecting, headers and body.

The HTTP client's own timeouts begin anew with every byte, so that a server which trickles its headers could hold us
for days. It has no setting for the whole; what can be replaced is the layer below, which reads from the socket.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2


class Deadline:
    """When the exchange of this thread must be over. One for each client, which threads may share."""

    def __init__(self, client: httpx2.Client) -> None:
        """Hold every connection that `client` will open, itself or through a proxy, to the deadline."""
        self._of_thread = threading.local()
        transports = [client._transport, *client._mounts.values()]  # noqa: SLF001  (there is no public way)
        for transport in transports:
            if isinstance(transport, httpx2.HTTPTransport):
                pool: Any = transport._pool  # noqa: SLF001
                pool._network_backend = _Backend(pool._network_backend, self)  # noqa: SLF001

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Inside, a read or a write later than `seconds` from now raises `httpx2.ReadTimeout`."""
        self._of_thread.at = time.monotonic() + seconds
        try:
            yield
        finally:
            del self._of_thread.at

    def cap(self, timeout: float | None) -> float:
        """Cut a timeout to what is left; both in seconds."""
        left: float = getattr(self._of_thread, "at", float("inf")) - time.monotonic()
        if left <= 0:
            raise httpx2.ReadTimeout("the whole of it took too long")
        return left if timeout is None else min(timeout, left)


class _Backend:
    """Opens connections that keep to the deadline, by a backend of httpcore's."""

    def __init__(self, opener: Any, deadline: Deadline) -> None:
        self._opener = opener
        self._deadline = deadline

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any) -> "_Stream":
        opened = self._opener.connect_tcp(host, port, self._deadline.cap(timeout), *args, **kwargs)
        return _Stream(opened, self._deadline)

    def sleep(self, seconds: float) -> None:
        self._opener.sleep(self._deadline.cap(seconds))


class _Stream:
    """One connection."""

    def __init__(self, stream: Any, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = self._stream.read(max_bytes, self._deadline.cap(timeout))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.cap(timeout))

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> "_Stream":
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.cap(timeout))
        return _Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()
