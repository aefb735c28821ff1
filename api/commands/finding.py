"""`gram finding`: the integrity record over REST: opened and approved by officers, appealed against by its party."""

from typing import Annotated, Any

import typer

from api.cli import finding_app, out
from api.commands.asking import HERE, Registry, Token, ask

Number = Annotated[int, typer.Argument(help="The finding's number.", min=1)]
Message = Annotated[str, typer.Option(help="For its party and the authorities alone.")]


@finding_app.command(name="list")
def list_in_force(registry: Registry = HERE) -> None:
    """列出生效的诚信记录 · List the findings in force, which are public."""
    found = ask(registry, "", "GET", "/v1/integrity")["items"]
    lines = [
        f"{one['finding']}  {one['case']}  {one['expert'] or one['name'] or 'a person'}  {one['what']}"
        f"{', bars' if one['bars'] else ''}  until {one['until']}"
        for one in found
    ]
    out.lines(lines or ["No finding is in force."])


@finding_app.command(name="open")
def open_one(
    finding: Annotated[str, typer.Argument(help="PUBLIC: what it is, a word, such as false-report.")],
    token: Token,
    reasons: Message,
    until: Annotated[str, typer.Option(help="When it ends by itself, within ten years.")],
    expert: Annotated[str | None, typer.Option(help="A number of the register.", show_default=False)] = None,
    account: Annotated[int | None, typer.Option(help="Or an account.", show_default=False)] = None,
    bars: Annotated[bool, typer.Option("--bars", help="Who is barred opines and applies no more.")] = False,
    registry: Registry = HERE,
) -> None:
    """立案 · Open a finding as an officer of the centre; another officer approves it."""
    body = {
        "expert": expert, "account": account, "finding": finding, "reasons": reasons, "bars": bars, "until": until,
    }  # fmt: skip
    _say(ask(registry, token, "POST", "/v1/integrity", body))


@finding_app.command()
def approve(number: Number, token: Token, registry: Registry = HERE) -> None:
    """批准 · Approve what another officer opened: it holds from now on."""
    _say(ask(registry, token, "POST", f"/v1/integrity/{number}/approval", {}))


@finding_app.command()
def withdraw(number: Number, token: Token, registry: Registry = HERE) -> None:
    """撤回 · Take back a finding that waits for approval."""
    _say(ask(registry, token, "POST", f"/v1/integrity/{number}/withdrawal", {}))


@finding_app.command()
def appeal(number: Number, token: Token, message: Message, registry: Registry = HERE) -> None:
    """申诉 · Appeal once against a finding about oneself; it holds meanwhile."""
    _say(ask(registry, token, "POST", f"/v1/integrity/{number}/appeal", {"message": message}))


@finding_app.command()
def answer(
    number: Number,
    token: Token,
    message: Message,
    upheld: Annotated[bool, typer.Option("--upheld/--lifted", help="Whether it stands.")],
    registry: Registry = HERE,
) -> None:
    """答复申诉 · Answer an appeal, as an officer of the bureau who had no part in the finding."""
    _say(ask(registry, token, "POST", f"/v1/integrity/{number}/answer", {"message": message, "upheld": upheld}))


def _say(answer: dict[str, Any]) -> None:
    out.print(f"Finding {answer['finding']} is {answer['state']} now.", markup=False)
