"""HTTP/1.1, one request at a time, and none that two readers could take for something else.

The parser is llhttp's, in C. It would read on into the next request before one is answered, and into a head that never
ends; and it takes some requests that others on the way may read differently. So it is given one whole head, then that
request's body, and no more before the answer; the rest is held, and whoever sends it waits.
"""

import re
from collections.abc import Sequence
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES: Final = 16 * 1024
"""Of a head; also of what is not the body in a body that comes in chunks, in one piece."""
_END: Final = b"\r\n\r\n"
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[^\n]*)?\r\n")
"""The line that begins a chunk. Any other is read as a line, which is slower and never reads too far."""
_FIRST: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n")
"""What a request begins with: a method, or the end of a line that some send after the last."""

Headers = Sequence[tuple[bytes, bytes]]


class Unclear(ValueError):
    """A head that two readers may understand differently."""


class RequestsInTurn(HttpToolsProtocol):
    """uvicorn's protocol, which is given a request when the one before it is answered."""

    _held = b""
    """What came and was not given to the parser yet."""
    _in_body = False
    _left: int | None = 0
    """Bytes of the body that are to come; None when it comes in chunks."""
    _in_chunk = 0
    """Bytes of the chunk that are to come."""
    _is_last = False
    """Whether the chunk that ends a body has come: what follows begins none."""
    _line = b""
    """What came of a line beside the chunks: a chunk's size, the end of its data, a header after the body."""
    _beside = 0
    """Bytes since the last of the body: sizes of chunks, what is said of them, headers after the body."""

    @property
    def is_under_way(self) -> bool:
        """Whether a request is being read or answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        self._held += data
        self.read()

    def read(self) -> None:
        """Give the parser what is held, to the end of one request."""
        data, at = self._held, 0
        while at < len(data) and not self.transport.is_closing():
            end = self._body_end(data, at) if self._in_body else self._head_end(data, at)
            if end is None or end == at:
                break
            super().data_received(data[at:end])
            at = end
            if self._beside > HEAD_BYTES:
                self.send_400_response("")
        self._held = b"" if self.transport.is_closing() else data[at:]
        if self._held:
            self._unset_keepalive_if_required()
            if self.is_under_way:
                self.flow.pause_reading()

    def refuse_large_head(self) -> None:
        """Answer a head that is too large, and end the connection."""
        raise NotImplementedError

    def _head_end(self, data: bytes, at: int) -> int | None:
        """Find where a whole head ends; None while it is not to be read."""
        if self.is_under_way:
            return None
        end = data.find(_END, at)
        if data[at] not in _FIRST:
            self.send_400_response("")
            return None
        if (end if end >= 0 else len(data)) - at > HEAD_BYTES:
            self.refuse_large_head()
            return None
        return end + len(_END) if end >= 0 else None

    def _body_end(self, data: bytes, at: int) -> int:
        """Find how far to read in a body: to its end; in chunks, to the end of a chunk or of a line beside them."""
        if self._left is not None:
            end = min(len(data), at + self._left)
            self._left -= end - at
            return end
        if self._in_chunk:
            end = min(len(data), at + self._in_chunk)
            self._in_chunk -= end - at
            return end
        line = data.find(b"\n", at)
        end = line + 1 if line >= 0 else len(data)
        self._beside += end - at
        self._line += data[at:end]
        if line >= 0:
            size = None if self._is_last else _CHUNK.match(self._line)
            self._in_chunk, self._line = int(size[1], 16) if size else 0, b""
            self._is_last |= size is not None and not self._in_chunk
        return end

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header of the head; what comes after a body is for nobody."""
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin a request, unless it is unclear: raising in here makes it one that cannot be read."""
        self._left = body_length(self.headers, self.parser.get_http_version())
        upgrades = self.parser.should_upgrade()
        if upgrades and self._left != 0:
            raise Unclear("a body, and then another protocol")
        self._in_body, self._in_chunk, self._is_last, self._line, self._beside = True, 0, False, b"", 0
        super().on_headers_complete()
        self.cycle.keep_alive = self.cycle.keep_alive and not upgrades

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._beside = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Be ready for the next."""
        self._in_body = False
        super().on_message_complete()


def body_length(headers: Headers, version: str) -> int | None:
    """Tell how long a body is, None in chunks (RFC 9112, section 6.3). Raises `Unclear`."""
    lengths, codings, hosts = (
        [value for name, value in headers if name == wanted]
        for wanted in (b"content-length", b"transfer-encoding", b"host")
    )
    if version not in {"1.0", "1.1"} or len(hosts) > 1 or (not hosts and version == "1.1"):
        raise Unclear("no version that is spoken here, or not one Host")
    if len(lengths) > 1 or (codings and (lengths or [coding.lower() for coding in codings] != [b"chunked"])):
        raise Unclear("more than one way to tell where it ends")
    return None if codings else int(lengths[0]) if lengths else 0
