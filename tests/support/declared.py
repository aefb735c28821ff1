"""What the committed description says that an operation may answer, held against what it answers."""

import json
import re
from pathlib import Path
from typing import Any, Final

DOCUMENT: Final[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
PROBLEM: Final = "application/problem+json"
TYPES: Final = "x-problem-types"
_OPERATIONS: Final = sorted(
    (
        (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), {method.upper(): of for method, of in methods.items()})
        for path, methods in DOCUMENT["paths"].items()
    ),
    key=lambda entry: entry[0].pattern.count("[^/]+"),  # words before what any word may stand for
)


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """Find the operation of a request; None where the description has none."""
    found = next((methods for pattern, methods in _OPERATIONS if pattern.fullmatch(path)), {})
    return found.get(method)


def undeclared(method: str, path: str, status: int, media_type: str, body: bytes) -> str | None:
    """Say what is answered and not declared: a status, a media type, or the type of a problem; None for none."""
    operation = operation_of("GET" if method == "HEAD" else method, path)
    is_problem = media_type == PROBLEM
    kind = json.loads(body)["type"] if is_problem and body else None
    if operation is None or kind in DOCUMENT[TYPES]:
        return None
    declared = operation["responses"].get(str(status))
    if declared is None or media_type not in declared["content"]:
        return f"{method} {path} answers {status} as {media_type} ({kind}), which is not declared"
    if kind is not None and kind not in declared[TYPES]:
        return f"{method} {path} answers {status} with {kind}, which is not among its problems"
    return None
