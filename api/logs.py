"""Our own log: one line for each thing worth knowing, on stderr, and never what a caller sent.

The library's default writes a defect's local variables: tokens, names, and a megabyte for each.
"""

import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from registry.printable import printable


def configure() -> None:
    """Set the format for this process."""
    structlog.configure(
        processors=[
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


def _lines(_logger: object, _method: str, written: str) -> str:
    """Let nothing through that a terminal obeys; a traceback has lines of its own."""
    return "\n".join(map(printable, written.split("\n")))
