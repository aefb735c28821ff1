"""`gram decide`: what an officer does over REST, with the token of who signed in (`GRAMLEDGER_TOKEN`)."""

import hashlib
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import decide_app, out
from api.commands.asking import HERE, Registry, Token, ask, read_object

_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)
Motion = Annotated[int, typer.Argument(help="The motion's number.", min=1)]


@decide_app.command(name="list")
def list_waiting(token: Token, registry: Registry = HERE) -> None:
    """List the decisions that wait for a second officer."""
    said = ask(registry, token, "GET", "/v1/motions")
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
    proposed = {"name": name, "value": read_object(value), "in_force": in_force}
    _say(ask(registry, token, "POST", "/v1/policies", proposed))


@decide_app.command()
def step(
    case: Annotated[str, typer.Argument(help="The case of a source, such as S-1.")],
    decision: Annotated[str, typer.Argument(help="The decision, as the life cycle in force has it.")],
    token: Token,
    reason: Annotated[str | None, typer.Option(help="A word.", show_default=False)] = None,
    valid_until: Annotated[str | None, typer.Option(help="Until when a source is renewed.", show_default=False)] = None,
    mend_days: Annotated[
        int | None, typer.Option(help="Working days in which what was found is to be mended.", show_default=False)
    ] = None,
    says: Annotated[
        list[str] | None,
        typer.Option(help="What the step says by a SHA-256: contract_sha256=FILE, or its hex.", show_default=False),
    ] = None,
    rural: Annotated[
        bool | None,
        typer.Option(
            "--rural/--not-rural", help="Whether a declared rural mark holds, at a review.", show_default=False
        ),
    ] = None,
    registry: Registry = HERE,
) -> None:
    """Take the next decision of a case, or move it where the life cycle wants a second officer."""
    given = {
        "reason": reason, "valid_until": valid_until, "mend_days": mend_days, "rural": rural,
        "says": dict(map(_said, says)) if says else None,
    }  # fmt: skip
    body = {"decision": decision} | {name: value for name, value in given.items() if value is not None}
    _say(ask(registry, token, "POST", f"/v1/cases/{case}/decisions", body))


@decide_app.command()
def approve(motion: Motion, token: Token, registry: Registry = HERE) -> None:
    """Approve what another officer moved."""
    _say(ask(registry, token, "POST", f"/v1/motions/{motion}/approval", {}))


@decide_app.command()
def withdraw(motion: Motion, token: Token, registry: Registry = HERE) -> None:
    """Take back what waits."""
    _say(ask(registry, token, "POST", f"/v1/motions/{motion}/withdrawal", {}))


@decide_app.command()
def record(
    submission: Annotated[
        int, typer.Argument(help="The submission's number: gram worklist lists those that wait.", min=1)
    ],
    token: Token,
    registry: Registry = HERE,
) -> None:
    """Record what somebody handed in: its case begins."""
    said = ask(registry, token, "POST", f"/v1/incoming/{submission}/recording", {})
    out.print(f"Submission {submission} is case {said['case']} now.", markup=False)


@decide_app.command(name="ask")
def ask_expert(
    case: Annotated[str, typer.Argument(help="The case of a methodology or a source, such as M-3.")],
    expert: Annotated[str, typer.Argument(help="A number of the register, such as expert:3.")],
    token: Token,
    registry: Registry = HERE,
) -> None:
    """Ask an expert or service body for an opinion on a case as it stands."""
    said = ask(registry, token, "POST", f"/v1/cases/{case}/opinions", {"expert": expert})
    out.print(f"Request {said['request']} waits for {expert}.", markup=False)


@decide_app.command()
def name(
    role: Annotated[str, typer.Argument(help="What they are to be, such as expert.")],
    subject: Annotated[str, typer.Option(help="Who, as the issuer's tokens name them: `sub`.")],
    token: Token,
    number: Annotated[
        int | None, typer.Option(help="Of an officer, expert or service body.", show_default=False)
    ] = None,
    account: Annotated[int | None, typer.Option(help="For roles that are of one.", show_default=False)] = None,
    district: Annotated[str | None, typer.Option(help="A district bureau's.", show_default=False)] = None,
    until: Annotated[str | None, typer.Option(help="When it ends by itself.", show_default=False)] = None,
    field: Annotated[
        list[str] | None, typer.Option(help="Of expertise; may come several times.", show_default=False)
    ] = None,
    body: Annotated[str | None, typer.Option(help="A service body's name, public.", show_default=False)] = None,
    registry: Registry = HERE,
) -> None:
    """Name somebody for a role; another officer confirms it."""
    asked = {
        "role": role, "subject": subject, "number": number, "account": account, "district": district, "until": until,
        "fields": field or None, "name": body,
    }  # fmt: skip
    said = ask(registry, token, "POST", "/v1/appointments", asked)
    out.print(f"Appointment {said['appointment']} waits for another officer: gram decide confirm.")


@decide_app.command()
def confirm(
    appointment: Annotated[int, typer.Argument(help="The appointment's number.", min=1)],
    token: Token,
    registry: Registry = HERE,
) -> None:
    """Approve whom another officer named: the role stands."""
    said = ask(registry, token, "POST", f"/v1/appointments/{appointment}/approval", {})
    out.print(f"Grant {said['grant']} stands.")


@decide_app.command(name="end-role")
def end_role(
    grant: Annotated[int, typer.Argument(help="The grant's number.", min=1)], token: Token, registry: Registry = HERE
) -> None:
    """End a role at once; every process of the registry sees it within two seconds."""
    ask(registry, token, "POST", f"/v1/grants/{grant}/end", {})
    out.print(f"Grant {grant} is ended.")


def _said(text: str) -> tuple[str, str]:
    """Read what a step says: a digest as it is, or that of a file."""
    from registry.errors import Invalid

    name, equals, value = text.partition("=")
    if not equals:
        raise Invalid(f"Write {text[:40]!r} as NAME=FILE, or NAME=SHA-256.")
    if _DIGEST.fullmatch(value):
        return name, value
    with Path(value).open("rb") as file:
        return name, hashlib.file_digest(file, "sha256").hexdigest()


def _say(answer: dict[str, Any]) -> None:
    if answer["motion"] is not None:
        out.print(f"Motion {answer['motion']} waits in case {answer['case']} for another officer: gram decide approve.")
    elif answer["state"] is not None:
        out.print(f"{answer['case']} is {answer['state']} now.", markup=False)
    else:
        out.print(f"Nothing waits in {answer['case']} now.", markup=False)
