"""Counts each request of an HTTP worker, and writes its line in the request log, where these are wanted.

Both name the route, never the path: account numbers, serials and search words stand there. Nor do they name who asked.
"""

import json
import logging
import time
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Final

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.clock import Clock, rfc3339

OTHER: Final = "other"
"""What leads to no route: nothing is there, or a static file."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_LABELS = ["method", "route", "status"]
REQUESTS = Counter("gramledger_http_requests", "Requests answered.", _LABELS)
SECONDS = Histogram(
    "gramledger_http_request_seconds",
    "From the whole request's arrival to the end of its answer.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class Measuring:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, clock: Clock, *, counts: bool, lines: Path | None) -> None:
        """Stand before `app`; `clock` gives the time that lines say."""
        self._app, self._clock, self._counts = app, clock, counts
        self._lines = None if lines is None else _lines_to(lines)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and say what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 499  # who goes away before an answer was begun

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            self._say(scope, status, time.perf_counter() - began)

    def _say(self, scope: Scope, status: int, took_s: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else OTHER
        route = getattr(scope.get("route"), "path", OTHER)
        if self._counts:
            REQUESTS.labels(method, route, status).inc()
            SECONDS.labels(route).observe(took_s)
        if self._lines is not None:
            at = rfc3339(self._clock())
            line = {"at": at, "method": method, "route": route, "status": status, "ms": round(took_s * 1000, 1)}
            self._lines.info(json.dumps(line))


def _lines_to(path: Path) -> logging.Logger:
    """Append lines to a file, which is opened anew when somebody moved it away to keep it small."""
    logger = logging.getLogger("gramledger.requests")
    logger.handlers, logger.propagate = [WatchedFileHandler(path, encoding="ascii")], False
    logger.setLevel(logging.INFO)
    return logger
