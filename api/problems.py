"""Problem documents (RFC 9457): one handler for the closed set of errors, one shape for all of them."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from anchoring.errors import AnchoringError, NotYet
from registry.errors import RegistryError, Unauthenticated, Unavailable

TYPE_BASE = "urn:gramledger:problem:"
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "2"

log = structlog.get_logger()


class Problem(BaseModel):
    """A problem document."""

    type: str
    title: str
    status: int
    detail: str


def problem(code: str, status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Render one problem."""
    body = {"type": TYPE_BASE + code, "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def _registry_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RegistryError)  # noqa: S101  (the handler is registered for this class)
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else None
    if isinstance(error, Unavailable):
        headers = {"Retry-After": RETRY_AFTER_S}
    return problem(error.code, error.status, error.title, str(error), headers)


def _anchoring_error(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, NotYet):
        return problem(NotYet.code, 404, "Not logged yet", str(error), {"Retry-After": RETRY_AFTER_S})
    assert isinstance(error, AnchoringError)  # noqa: S101
    log.error("log or chain at fault", code=error.code, detail=str(error))
    return problem(
        error.code, 503, "The log or the chain cannot be read now", str(error), {"Retry-After": RETRY_AFTER_S}
    )


def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    # Only where and why: the value itself may be personal, and an answer is no place to repeat it.
    where = ".".join(str(part) for part in first["loc"])
    return problem("malformed", 422, "The request is malformed", f"{where}: {first['msg']}.")


def _http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    codes = {404: "not-found", 405: "method-not-allowed", 400: "malformed"}
    headers = dict(error.headers) if error.headers else None
    return problem(
        codes.get(error.status_code, "http"), error.status_code, str(error.detail), str(error.detail), headers
    )


def _defect(_request: Request, error: Exception) -> JSONResponse:
    log.error("defect", error=type(error).__name__, exc_info=error)
    return problem("defect", 500, "A defect of ours", "Something is wrong on our side; it was logged. Try again later.")


def add_handlers(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(RegistryError, _registry_error)
    app.add_exception_handler(AnchoringError, _anchoring_error)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _defect)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems an operation may answer with, for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": "Problem", "model": Problem, "content": content} for status in statuses}
