"""Our own log: one line for each thing worth knowing, on stderr, and never what a caller sent.

The library's default writes a defect's local variables: tokens, names, and a megabyte for each. And whoever can make
us say a thing can make us say it a million times: of each thing so many lines are written in a minute, of all things
so many bytes, and of one thing the begin and the end.
"""

import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

from registry.printable import printable

NAMED: Final = 5
"""Movements named in one line; of what is more, the number."""
LINES_A_MINUTE: Final = 30
"""Of one kind: enough to see what it is and that it goes on."""
WINDOW_S: Final = 60.0
BYTES_A_MINUTE: Final = 256 * 1024
"""Of all kinds, in one process: two kinds at their bounds leave room for others."""
HEAD_BYTES, TAIL_BYTES = 1024, 3 * 1024
"""Of what is written at once; a traceback says at its end what happened."""
MAX_KINDS: Final = 256
"""Kinds that are told apart; what is more shares one count."""
LIBRARIES: Final = ("asyncio", "uvicorn.error", "concurrent.futures")
"""Loggers of libraries that say the same thing for each connection."""


class Bound:
    """How many lines of each kind were written in this minute, and how many were not."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Begin with none. `now` is in seconds, and never goes back."""
        self._now = now
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[float, int]] = {}

    def admit(self, kind: str) -> int | None:
        """Give how many lines were left out before this one; None when it is to be left out."""
        with self._lock:
            now = self._now()
            if kind not in self._counts and len(self._counts) >= MAX_KINDS:
                kind = ""
            since, count = self._counts.get(kind, (now, 0))
            if now - since < WINDOW_S:
                self._counts[kind] = since, count + 1
                return 0 if count < LINES_A_MINUTE else None
            self._counts[kind] = now, 1
            return max(0, count - LINES_A_MINUTE)


class Volume:
    """How many bytes were written in this minute, and how many were not."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Begin with none. `now` is in seconds, and never goes back."""
        self._now = now
        self._lock = threading.Lock()
        self._since, self._written, self._left_out = now(), 0, 0

    def admit(self, size: int) -> int | None:
        """Give how many bytes were left out before these; None when they are to be left out."""
        with self._lock:
            now = self._now()
            if now - self._since >= WINDOW_S:
                self._since, self._written = now, 0
            if self._written + size > BYTES_A_MINUTE:
                self._left_out += size
                return None
            self._written += size
            left_out, self._left_out = self._left_out, 0
            return left_out


_bound, _volume = Bound(), Volume()


def configure() -> None:
    """Set the format for this process."""
    structlog.configure(
        processors=[
            _bounded,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            _printable,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
            _lines,
            _short,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def _printable(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep words from outside on the line of their event."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


def _lines(_logger: object, _method: str, written: Any) -> str:
    """Let nothing through that a terminal obeys; a traceback has lines of its own."""
    return "\n".join(map(printable, written.split("\n")))


def bound_libraries() -> None:
    """Write what the libraries say as our own: in our form, and held to the same measure."""
    configure()
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_ours], False


def _bounded(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    left_out = _bound.admit(str(event.get("event")))
    if left_out is None:
        raise structlog.DropEvent
    return event if not left_out else {**event, "left_out_before": left_out}


def _short(_logger: object, _method: str, written: Any) -> str:
    text = shortened(written)
    left_out = _volume.admit(len(text.encode()))
    if left_out is None:
        raise structlog.DropEvent
    return text if not left_out else f"{text}\n({left_out} bytes were left out before this)"


def shortened(written: str) -> str:
    """Leave out the middle of what is too long."""
    data = written.encode()
    over = len(data) - HEAD_BYTES - TAIL_BYTES
    if over <= 0:
        return written
    head, tail = data[:HEAD_BYTES].decode(errors="ignore"), data[-TAIL_BYTES:].decode(errors="ignore")
    return f"{head}\n({over} bytes are left out here)\n{tail}"


class _Ours(logging.Handler):
    """Passes on what a library says; its kind is what stands in the library's code.

    What cannot be written is lost: the library is in the middle of something, such as taking connections.
    """

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):
            said = {"said": record.getMessage()} if record.args else {}
            kind = f"{record.name}: {record.msg}"
            structlog.get_logger().log(record.levelno, kind, exc_info=record.exc_info, **said)


_ours = _Ours()


def set_aside(refused: Mapping[int, str]) -> None:
    """Say which movements were set aside instead of logged, and why: one line, however many there are."""
    structlog.get_logger().error(
        "movements were set aside, and are not logged; see docs/recovery.md",
        count=len(refused),
        reasons=dict(Counter(refused.values())),
        movements=sorted(refused)[:NAMED],
    )
