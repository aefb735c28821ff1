"""`gram decide`: what an officer does over REST, with the token of who signed in (`GRAMLEDGER_TOKEN`)."""

import json
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import decide_app, out

Registry = Annotated[
    str, typer.Option("--registry", envvar="GRAMLEDGER_PUBLIC_URL", help="Where the registry is reached.")
]
Token = Annotated[
    str, typer.Option("--token", envvar="GRAMLEDGER_TOKEN", help="An access token of the identity service.")
]
Motion = Annotated[int, typer.Argument(help="The motion's number.", min=1)]
HERE = "http://127.0.0.1:8000"
TIMEOUT_S = 60


@decide_app.command(name="list")
def list_waiting(token: Token, registry: Registry = HERE) -> None:
    """List the decisions that wait for a second officer."""
    said = _ask(registry, token, "GET", "/v1/motions")
    lines = [
        f"{one['motion']}  {one['case']}  {one['decision']}  moved by {one['mover']} at {one['moved_at']}"
        for one in said["items"]
    ]
    out.lines(lines or ["Nothing waits."])


@decide_app.command()
def policy(
    name: Annotated[str, typer.Argument(help="The policy's name, such as points.")],
    value: Annotated[Path, typer.Argument(help="A file with its value, JSON.", exists=True, dir_okay=False)],
    in_force: Annotated[str, typer.Option(help="From when it holds, such as 2027-01-01T00:00:00.000Z.")],
    token: Token,
    registry: Registry = HERE,
) -> None:
    """Propose a policy; another officer of the bureau approves it."""
    from registry.errors import Invalid

    try:
        found = json.loads(value.read_text(encoding="utf-8"))
    except ValueError:
        raise Invalid(f"{value} is no JSON.") from None
    _say(_ask(registry, token, "POST", "/v1/policies", {"name": name, "value": found, "in_force": in_force}))


@decide_app.command()
def step(
    case: Annotated[str, typer.Argument(help="The case of a source, such as S-1.")],
    decision: Annotated[str, typer.Argument(help="The decision, as the life cycle in force has it.")],
    token: Token,
    reason: Annotated[str | None, typer.Option(help="A word.", show_default=False)] = None,
    registry: Registry = HERE,
) -> None:
    """Take the next decision of a source's case, or move it where the life cycle wants a second officer."""
    body = {"decision": decision} | ({} if reason is None else {"reason": reason})
    _say(_ask(registry, token, "POST", f"/v1/cases/{case}/decisions", body))


@decide_app.command()
def approve(motion: Motion, token: Token, registry: Registry = HERE) -> None:
    """Approve what another officer moved."""
    _say(_ask(registry, token, "POST", f"/v1/motions/{motion}/approval", {}))


@decide_app.command()
def withdraw(motion: Motion, token: Token, registry: Registry = HERE) -> None:
    """Take back what waits."""
    _say(_ask(registry, token, "POST", f"/v1/motions/{motion}/withdrawal", {}))


def _ask(registry: str, token: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the registry; what it refuses is an error with its own sentence."""
    import httpx2

    from registry.errors import Invalid, Unavailable

    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid.uuid4())}
    try:
        url = registry.rstrip("/") + path
        answer = httpx2.request(method, url, headers=headers, json=body, timeout=TIMEOUT_S)
        said: dict[str, Any] = answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise Unavailable(f"{registry} does not answer as a registry: {type(error).__name__}.") from None
    if answer.is_error:
        raise Invalid(f"{said.get('title')}: {said.get('detail')}")
    return said


def _say(answer: dict[str, Any]) -> None:
    if answer["motion"] is not None:
        out.print(f"Motion {answer['motion']} waits in case {answer['case']} for another officer: gram decide approve.")
    elif answer["state"] is not None:
        out.print(f"{answer['case']} is {answer['state']} now.", markup=False)
    else:
        out.print(f"Nothing waits in {answer['case']} now.", markup=False)
