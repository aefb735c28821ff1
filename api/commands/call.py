"""`gram call`: calls for applications over REST: everybody lists them, the centre opens and ends them."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli import call_app, out
from api.commands.asking import HERE, Registry, Token, ask, read_object


@call_app.command(name="list")
def list_all(registry: Registry = HERE) -> None:
    """List the calls, newest first, and what each asks for."""
    found = ask(registry, "", "GET", "/v1/calls")["items"]
    lines = [
        f"{one['call']}  {'open' if one['is_open'] else 'closed'}  {one['opens_at']} to {one['closes_at']}  "
        f"{one['title_zh']}  {one['title_en']}  {one['verification']}  "
        f"{', '.join(one['documents']) or '-'}"
        for one in found
    ]
    out.lines(lines or ["There is no call."])


@call_app.command(name="open")
def open_one(
    content: Annotated[Path, typer.Argument(help="JSON, as docs/openapi.json has it.", exists=True, dir_okay=False)],
    token: Token,
    registry: Registry = HERE,
) -> None:
    """Open a call, as the centre."""
    said = ask(registry, token, "POST", "/v1/calls", read_object(content))
    out.print(f"Call {said['call']} closes at {said['closes_at']}.", markup=False)


@call_app.command()
def end(
    number: Annotated[int, typer.Argument(help="The call's number.", min=1)], token: Token, registry: Registry = HERE
) -> None:
    """End a call before its time, as the centre."""
    ask(registry, token, "POST", f"/v1/calls/{number}/end", {})
    out.print(f"Call {number} is ended.", markup=False)
