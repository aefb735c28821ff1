"""Every code that a problem may have, with what it means: what the interface's description lists."""

from collections.abc import Callable, Iterator, Mapping
from inspect import getdoc
from typing import Any, Final, TypeVar

from anchoring.errors import AnchoringError, NotYet
from registry.errors import RegistryError

HTTP: Final[Mapping[str, str]] = {
    "malformed": "The request can be read, and is not in the form that the description gives.",
    "unreadable-request": "The request cannot be read, or in two ways: its HTTP, a header, or the JSON of its body.",
    "no-such-path": "There is nothing at this path.",
    "method-not-allowed": "The path has other methods.",
    "head-too-large": "The request line and the headers are larger than any request's, a token's header among them.",
    "too-large": "The body is larger than any act.",
    "range-not-satisfiable": "None of the bytes that the Range header asks for are there.",
    "unsupported-media-type": "The body is of a type that is not taken here.",
    "idempotency-key-missing": "A write without an Idempotency-Key.",
    "busy": "Too many connections are being answered, to this address or in all.",
    "timeout": "The request came too slowly.",
    "http": "The request does not follow HTTP; the title says how.",
    "defect": "A defect of this program; it was logged.",
}
"""What is wrong with a request before the programme sees it, and what is wrong with us."""
STATUSES: Final[Mapping[str, int]] = {
    "malformed": 422, "unreadable-request": 400, "no-such-path": 404, "method-not-allowed": 405, "too-large": 413,
    "range-not-satisfiable": 416, "unsupported-media-type": 415, "idempotency-key-missing": 400, "busy": 503,
    "head-too-large": 431,
}  # fmt: skip
"""Of those, the ones that come with one status."""
ANYWHERE: Final = (
    *("busy", "defect", "head-too-large", "http", "method-not-allowed", "no-such-path", "timeout", "too-large"),
    "unreadable-request",
)
"""What any path may answer, also one that has no operation: the server says it, or the door before the operation."""
Cause = type[RegistryError] | type[AnchoringError] | str
"""An error's class, or one of the codes of `STATUSES`."""
F = TypeVar("F", bound=Callable[..., Any])


def raising(*causes: Cause) -> Callable[[F], F]:
    """Say what a dependency raises: every operation that has it may answer so, and is described so."""

    def mark(function: F) -> F:
        vars(function)["raises"] = causes
        return function

    return mark


def causes() -> dict[str, str]:
    """Give every code with one sentence, in the order of the alphabet."""
    raised = {kind.code: _meaning(kind) for base in (RegistryError, AnchoringError) for kind in _kinds(base)}
    return dict(sorted({**raised, **HTTP}.items()))


def code_and_status(cause: Cause) -> tuple[str, int]:
    """Give the code of a cause and the HTTP status that it is answered with."""
    if isinstance(cause, str):
        return cause, STATUSES[cause]
    if issubclass(cause, RegistryError):
        return cause.code, cause.status
    return cause.code, 404 if issubclass(cause, NotYet) else 503


def below(base: type[RegistryError]) -> tuple[type[RegistryError], ...]:
    """Give an error with every one that is a kind of it."""
    return (base, *(kind for kind in _kinds(base) if issubclass(kind, RegistryError)))


def described() -> str:
    """Write them as a list, for the description of a problem's type."""
    return "What went wrong, for programs. One cause has one type:\n\n" + "\n".join(
        f"- `{code}`: {meaning}" for code, meaning in causes().items()
    )


def _kinds(base: type[RegistryError | AnchoringError]) -> Iterator[type[RegistryError | AnchoringError]]:
    """Give every class below `base` that has a code of its own."""
    for kind in base.__subclasses__():
        if "code" in vars(kind):
            yield kind
        yield from _kinds(kind)


def _meaning(kind: type[RegistryError | AnchoringError]) -> str:
    return (getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")
