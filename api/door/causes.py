"""Every code that a problem may have, with what it means: what the interface's description lists."""

from collections.abc import Iterator, Mapping
from inspect import getdoc
from typing import Final

from anchoring.errors import AnchoringError, NotYet
from registry.errors import RegistryError

HTTP: Final[Mapping[str, str]] = {
    "malformed": "The request can be read, and is not in the form that the description gives.",
    "unreadable-request": "The request cannot be read, or in two ways: its HTTP, a header, or the JSON of its body.",
    "no-such-path": "There is nothing at this path.",
    "method-not-allowed": "The path has other methods.",
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
}  # fmt: skip
"""Of those, the ones that come with one status."""


def causes() -> dict[str, str]:
    """Give every code with one sentence, in the order of the alphabet."""
    raised = {kind.code: _meaning(kind) for base in (RegistryError, AnchoringError) for kind in _kinds(base)}
    return dict(sorted({**raised, **HTTP}.items()))


def of_status(status: int) -> list[str]:
    """Give the codes that an answer of this HTTP status may have, in the order of the alphabet."""
    kinds = [kind for kind in _kinds(RegistryError) if issubclass(kind, RegistryError)]
    raised = {kind.code: kind.status for kind in kinds}
    of_log = {kind.code: 404 if kind is NotYet else 503 for kind in _kinds(AnchoringError)}
    return sorted(code for code, of in {**raised, **of_log, **STATUSES}.items() if of == status)


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
