"""Our own log: one line for each thing worth knowing, on stderr, and never what a caller sent.

The library's default writes a defect's local variables: tokens, names, and a megabyte for each. And whoever can make
us say a thing can make us say it a million times: of each thing, so many lines in a minute are written.
"""

import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

from registry.printable import printable

NAMED: Final = 5
"""Movements named in one line; of what is more, the number."""
LINES_A_MINUTE: Final = 30
"""Of one kind: enough to see what it is and that it goes on."""
WINDOW_S: Final = 60.0
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


_bound = Bound()


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
    """Hold the libraries' own loggers to the same measure."""
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        if _admits not in logger.filters:
            logger.addFilter(_admits)


def _bounded(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    left_out = _bound.admit(str(event.get("event")))
    if left_out is None:
        raise structlog.DropEvent
    return event if not left_out else {**event, "left_out_before": left_out}


def _admits(record: logging.LogRecord) -> bool:
    return _bound.admit(f"{record.name} {record.msg}") is not None


def set_aside(refused: Mapping[int, str]) -> None:
    """Say which movements were set aside instead of logged, and why: one line, however many there are."""
    structlog.get_logger().error(
        "movements were set aside, and are not logged; see docs/recovery.md",
        count=len(refused),
        reasons=dict(Counter(refused.values())),
        movements=sorted(refused)[:NAMED],
    )
