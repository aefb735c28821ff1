"""Problem documents (RFC 9457): one handler for the closed set of errors, one shape for all of them.

What a person's browser asks for gets the same words as a page.
"""

from collections.abc import Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from anchoring.errors import AnchoringError, NotYet
from registry.errors import RegistryError, Unauthenticated, Unavailable

TYPE_BASE = "urn:gramledger:problem:"
MEDIA_TYPE = "application/problem+json"
PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}
RETRY_AFTER_S = "2"
MAX_WHERE_CHARS = 100
"""Of the name of a field that is at fault; the caller made it up."""
KEY_MISSING = "Send an Idempotency-Key header, new for each new act; with it an act can be asked for twice in safety."
HTTP_PROBLEMS = {
    400: ("unreadable-request", "The request cannot be read"),
    404: ("no-such-path", "Nothing is here"),
    405: ("method-not-allowed", "The method is not offered here"),
    413: ("too-large", "The request is too large"),
    415: ("unsupported-media-type", "The body is of a type that is not taken here"),
    416: ("range-not-satisfiable", "The file has no such range"),
}
FRAMEWORK_SENTENCES = {
    "Not Found": "There is nothing at this path; /openapi.json names every path.",
    "Method Not Allowed": "This path has other methods; the Allow header names them.",
}
"""What the framework says of its own accord -> what we say."""

AsPage = Callable[[Request, int, str, str, dict[str, str] | None], Response | None]
"""Says a problem to a person: of a request, its status, title, detail and headers; None where a program asks."""

log = structlog.get_logger()


class Problem(BaseModel):
    """A problem document."""

    type: str
    title: str
    status: int
    detail: str


def problem(code: str, status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Render one problem. What cannot be written in UTF-8 is escaped: a caller's field name may be in the detail."""
    shown = detail.encode("utf-8", "backslashreplace").decode()
    body = {"type": TYPE_BASE + code, "title": title, "status": status, "detail": shown}
    return JSONResponse(body, status, {"X-Content-Type-Options": "nosniff"} | (headers or {}), MEDIA_TYPE)


def _answer(
    request: Request, code: str, status: int, title: str, detail: str, headers: dict[str, str] | None = None
) -> Response:
    as_page: AsPage = request.app.state.as_page
    page = as_page(request, status, title, detail, headers)
    return problem(code, status, title, detail, headers) if page is None else page


def _registry_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RegistryError)  # noqa: S101  (the handler is registered for this class)
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else None
    if isinstance(error, Unavailable):
        headers = {"Retry-After": RETRY_AFTER_S}
    return _answer(request, error.code, error.status, error.title, str(error), headers)


def _anchoring_error(request: Request, error: Exception) -> Response:
    again = {"Retry-After": RETRY_AFTER_S}
    if isinstance(error, NotYet):
        return _answer(request, NotYet.code, 404, "Not logged yet", str(error), again)
    assert isinstance(error, AnchoringError)  # noqa: S101
    log.error("log or chain at fault", code=error.code, detail=str(error))
    return _answer(request, error.code, 503, "The log or the chain cannot be read now", str(error), again)


def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    if first["type"] == "missing" and first["loc"] == ("header", "idempotency-key"):
        return _answer(request, "idempotency-key-missing", 400, "An Idempotency-Key is missing", KEY_MISSING)
    # Only where and why: the value itself may be personal, and an answer is no place to repeat it.
    where = ".".join(str(part) for part in first["loc"])[:MAX_WHERE_CHARS]
    why = first["msg"].removeprefix("Value error, ")
    return _answer(request, "malformed", 422, "The request is malformed", f"{where}: {why}.")


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = dict(error.headers) if error.headers else None
    code, title = HTTP_PROBLEMS.get(error.status_code, ("http", str(error.detail)))
    detail = FRAMEWORK_SENTENCES.get(error.detail, error.detail)
    return _answer(request, code, error.status_code, title, detail, headers)


def _defect(request: Request, error: Exception) -> Response:
    log.error("defect", error=type(error).__name__, exc_info=error)
    sentence = "Something is wrong on our side; it was logged. Try again later."
    return _answer(request, "defect", 500, "A defect of ours", sentence)


def add_handlers(app: FastAPI, as_page: AsPage) -> None:
    """Register the handlers; `as_page` shows a problem where people look."""
    app.state.as_page = as_page
    app.add_exception_handler(RegistryError, _registry_error)
    app.add_exception_handler(AnchoringError, _anchoring_error)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _defect)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems an operation may answer with, for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": PROBLEM_REF}}
    return {status: {"description": "Problem", "model": Problem, "content": content} for status in statuses}
