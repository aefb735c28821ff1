"""`gram quarantine`: what rules against abuse caught, over REST: shown, released, refused, appealed for."""

from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from api.cli import out, quarantine_app
from api.commands.asking import HERE, Registry, Token, ask

Number = Annotated[int, typer.Argument(help="Its number in quarantine.", min=1)]
Numbers = Annotated[list[int], typer.Argument(help="Numbers in quarantine.", min=1)]
Account = Annotated[int | None, typer.Option(help="One's own account: what of it waits.", show_default=False, min=1)]
TOLD = (
    "state", "reason", "zh", "en", "quantity_g", "reference", "begins_at", "ends_at", "caught_at", "appeal_until",
    "lapses_at", "appealed_at", "appeal", "decided_at", "decided_by", "outcome", "words", "release", "account",
)  # fmt: skip


@quarantine_app.command(name="list")
def list_held(
    token: Token,
    account: Account = None,
    state: Annotated[str | None, typer.Option(help="Only what stands so, such as waiting.", show_default=False)] = None,
    registry: Registry = HERE,
) -> None:
    """List what is in quarantine, newest first: of an account, or as officer or platform all that one may see."""
    path = "/v1/quarantine" if account is None else f"/v1/accounts/{account}/quarantine"
    asked: dict[str, Any] = {"limit": 200} | ({} if state is None else {"state": state})
    lines: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = ask(registry, token, "GET", f"{path}?{urlencode(asked | ({'cursor': cursor} if cursor else {}))}")
        lines += [_line(one) for one in page["items"]]
        cursor = page["next_cursor"]
    out.lines(lines or ["Nothing is in quarantine."])


@quarantine_app.command()
def show(
    number: Number,
    token: Token,
    purpose: Annotated[str, typer.Option(help="What an officer reads it for; whose it is sees that.")],
    registry: Registry = HERE,
) -> None:
    """Show all that there is of one, with its appeal, to an officer of the centre or the bureau."""
    headers = {"Purpose": quote(purpose)}
    said = ask(registry, token, "GET", f"/v1/quarantine/{number}", headers=headers)
    out.lines([f"{name.replace('_', ' ')}: {said[name]}" for name in TOLD if said[name] is not None])


@quarantine_app.command()
def release(numbers: Numbers, token: Token, registry: Registry = HERE) -> None:
    """Have some of one source issued after all: a batch, which another officer approves as a motion."""
    said = ask(registry, token, "POST", "/v1/quarantine-releases", {"items": numbers})
    out.print(
        f"Batch {said['batch']} releases {len(numbers)}: gram batch show, then gram decide approve.", markup=False
    )


@quarantine_app.command()
def refuse(
    numbers: Numbers,
    token: Token,
    message: Annotated[str, typer.Option(help="Why; those whose they are read it.")],
    registry: Registry = HERE,
) -> None:
    """Refuse some, with reasons."""
    said = ask(registry, token, "POST", "/v1/quarantine-refusals", {"items": numbers, "message": message})
    out.print(f"{said['refused']} are refused.", markup=False)


@quarantine_app.command()
def appeal(
    number: Number,
    account: Annotated[int, typer.Option(help="One's own account.", min=1)],
    token: Token,
    message: Annotated[str, typer.Option(help="Why it should be issued; for the officers who decide.")],
    registry: Registry = HERE,
) -> None:
    """Appeal once, in time; it does not lapse until an officer decides."""
    path = f"/v1/accounts/{account}/quarantine/{number}/appeal"
    said = ask(registry, token, "POST", path, {"message": message})
    out.print(f"{said['quarantine']} is {said['state']}, and appealed for since {said['appealed_at']}.", markup=False)


def _line(of: dict[str, Any]) -> str:
    appealed = "" if of["appealed_at"] is None else "  appealed"
    return f"{of['quarantine']}  source {of['source']}  {of['state']}  {of['reason']}  {of['quantity_g']} g{appealed}"
