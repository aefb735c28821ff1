"""Asking a registry over REST for a command: with the token of who signed in, and its refusals as errors."""

import uuid
from pathlib import Path
from typing import Annotated, Any, Final

import typer

Registry = Annotated[
    str, typer.Option("--registry", envvar="GRAMLEDGER_PUBLIC_URL", help="Where the registry is reached.")
]
Token = Annotated[
    str, typer.Option("--token", envvar="GRAMLEDGER_TOKEN", help="An access token of the identity service.")
]
HERE: Final = "http://127.0.0.1:8000"
TIMEOUT_S: Final = 60


def ask(
    registry: str,
    token: str,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    content: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Ask the registry, with a JSON body or with bytes; what it refuses is an error with its own sentence.

    Raises `Invalid` for that, `Unavailable` when there is no registry.
    """
    import httpx2

    from registry.errors import Invalid, Unavailable

    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    sent = {**bearer, "Idempotency-Key": str(uuid.uuid4()), **(headers or {})}
    try:
        url = registry.rstrip("/") + path
        answer = httpx2.request(method, url, headers=sent, json=body, content=content, timeout=TIMEOUT_S)
        said: dict[str, Any] = answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise Unavailable(f"{registry} does not answer as a registry: {type(error).__name__}.") from None
    if answer.is_error:
        raise Invalid(f"{said.get('title')}: {said.get('detail')}")
    return said


def read_object(content: Path) -> dict[str, Any]:
    """Read the JSON object that a file has, as the registry would read it. Raises `Invalid`."""
    from api.door import strict_json
    from registry.errors import Invalid

    try:
        said = strict_json.read(content.read_bytes())
    except strict_json.NotStrict as error:
        raise Invalid(f"{content} cannot be sent: {error}.") from None
    if not isinstance(said, dict):
        raise Invalid(f"{content} is no object.")
    return said
