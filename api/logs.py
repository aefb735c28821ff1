"""Our own log: one line for each thing worth knowing, on stderr, and never what a caller sent.

The library's default writes a defect's local variables: tokens, names, and a megabyte for each.
"""

import sys

import structlog


def configure() -> None:
    """Set the format for this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
