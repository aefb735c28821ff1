"""Problem documents (RFC 9457): one handler for the closed set of errors, one shape for all of them.

What a person's browser asks for gets the same words as a page.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any

import structlog
from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from anchoring.errors import AnchoringError, NotYet
from api.door.causes import Cause, code_and_status
from api.door.fields import INT32, said
from registry.errors import Invalid, RegistryError, Unauthenticated, Unavailable

TYPE_BASE = "urn:gramledger:problem:"
MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPES = "x-problem-types"
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

DETAIL = "The account holds 30 g as reduction, and 900 g are needed. Ask for less."
AsPage = Callable[[Request, int, str, str, dict[str, str] | None], Response | None]
"""Says a problem to a person: of a request, its status, title, detail and headers; None where a program asks."""

log = structlog.get_logger()


class Problem(BaseModel):
    """A problem document."""

    type: Annotated[str, said("What went wrong, for programs.", f"{TYPE_BASE}insufficient")]
    title: Annotated[str, said("The same for people, in a few words.", "Not enough grams")]
    status: Annotated[int, said("The status of the answer.", 409, json_schema_extra=INT32)]
    detail: Annotated[str, said("What is wrong with this request, and what to do.", DETAIL)]


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


def documented(*causes: Cause) -> dict[int | str, dict[str, Any]]:
    """Declare the problems that an operation may answer with, beside those that `derived` tells of its signature."""
    return _by_status(code_and_status(cause) for cause in causes)


def derived(dependant: Dependant, *, takes_body: bool) -> dict[int | str, dict[str, Any]]:
    """Declare what an operation may answer because of what it asks for: a caller, a role, a key, a body."""
    return _by_status(code_and_status(cause) for cause in _causes_of(dependant, takes_body=takes_body))


def merged(*declared: Mapping[int | str, Mapping[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """Put declarations of problems together; what is said of answers that are none stays as it is."""
    problems = [(int(status), said) for of in declared for status, said in of.items() if PROBLEM_TYPES in said]
    pairs = ((kind.removeprefix(TYPE_BASE), status) for status, said in problems for kind in said[PROBLEM_TYPES])
    answers = {status: dict(said) for of in declared for status, said in of.items() if PROBLEM_TYPES not in said}
    return {**answers, **_by_status(pairs)}


def _by_status(problems: Iterable[tuple[str, int]]) -> dict[int | str, dict[str, Any]]:
    codes: dict[int, set[str]] = {}
    for code, status in problems:
        codes.setdefault(status, set()).add(code)
    return {
        status: {
            "description": f"A problem: {', '.join(f'`{code}`' for code in sorted(of))}.",
            "content": {MEDIA_TYPE: {"schema": PROBLEM_REF}},
            PROBLEM_TYPES: [TYPE_BASE + code for code in sorted(of)],
        }
        for status, of in sorted(codes.items())
    }


def _causes_of(dependant: Dependant, *, takes_body: bool) -> Iterator[Cause]:
    yield from ("unreadable-request", "malformed", "busy", Unavailable)
    if takes_body:
        yield from ("unsupported-media-type", "too-large")
    words = [field for field in dependant.path_params if field.field_info.annotation is str]
    if words or any(field.alias == "cursor" for field in dependant.query_params):
        yield Invalid  # a cursor of another's making, or words that the database cannot hold
    yield from _asked(dependant)


def _asked(dependant: Dependant) -> Iterator[Cause]:
    """Give what the dependencies of an operation say that they raise, however deep."""
    yield from getattr(dependant.call, "raises", ())
    for inner in dependant.dependencies:
        yield from _asked(inner)
