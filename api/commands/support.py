"""`gram support`: policies and finance that fit sources, and what owners let financiers see, over REST."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import out, support_app
from api.commands.asking import HERE, Registry, Token, ask, read_object

Number = Annotated[int, typer.Argument(help="The support's number.", min=1)]
Own = Annotated[int, typer.Option("--account", help="One's own account.", min=1)]
Account = Annotated[int | None, typer.Option(help="An institution's account.", show_default=False, min=1)]
Content = Annotated[Path, typer.Argument(help="JSON, as docs/openapi.json has it.", exists=True, dir_okay=False)]


@support_app.command(name="list")
def list_standing(registry: Registry = HERE) -> None:
    """List what is on offer now, which is public."""
    found = ask(registry, "", "GET", "/v1/supports")["items"]
    lines = [f"{one['support']}  {one['what']}  {one['title_zh']}  {one['title_en']}" for one in found]
    out.lines(lines or ["Nothing is on offer."])


@support_app.command()
def enter(content: Content, token: Token, account: Account = None, registry: Registry = HERE) -> None:
    """Enter a policy as the bureau, or with --account a financial support, which the centre approves."""
    path = "/v1/supports" if account is None else f"/v1/accounts/{account}/supports"
    _say(ask(registry, token, "POST", path, read_object(content)))


@support_app.command()
def approve(number: Number, token: Token, registry: Registry = HERE) -> None:
    """Approve a financial support, as the centre."""
    _say(ask(registry, token, "POST", f"/v1/supports/{number}/approval", {}))


@support_app.command()
def refuse(number: Number, token: Token, registry: Registry = HERE) -> None:
    """Refuse a financial support, as the centre."""
    _say(ask(registry, token, "POST", f"/v1/supports/{number}/refusal", {}))


@support_app.command()
def end(number: Number, token: Token, account: Account = None, registry: Registry = HERE) -> None:
    """End a support: one's own with --account, else as the bureau or the centre."""
    path = f"/v1/supports/{number}/end" if account is None else f"/v1/accounts/{account}/supports/{number}/end"
    _say(ask(registry, token, "POST", path, {}))


@support_app.command(name="let-see")
def let_see(
    source: Annotated[int, typer.Argument(help="The source's number.", min=1)],
    financier: Annotated[int, typer.Argument(help="The financier's account.", min=1)],
    account: Own,
    token: Token,
    registry: Registry = HERE,
) -> None:
    """Let one financier see a source of one's own, until it is taken back."""
    body = {"source": source, "financier": financier}
    said = ask(registry, token, "POST", f"/v1/accounts/{account}/disclosures", body)
    out.lines(_disclosures(said))


@support_app.command(name="take-back")
def take_back(
    disclosure: Annotated[int, typer.Argument(help="Its number.", min=1)], account: Own, token: Token,
    registry: Registry = HERE,
) -> None:  # fmt: skip
    """Take back what a financier may see."""
    out.lines(_disclosures(ask(registry, token, "POST", f"/v1/accounts/{account}/disclosures/{disclosure}/end", {})))


@support_app.command()
def disclosures(account: Own, token: Token, registry: Registry = HERE) -> None:
    """List what one let financiers see, and when they read it."""
    out.lines(_disclosures(ask(registry, token, "GET", f"/v1/accounts/{account}/disclosures")) or ["Nothing."])


@support_app.command()
def see(
    source: Annotated[int, typer.Argument(help="The source's number.", min=1)], account: Own, token: Token,
    registry: Registry = HERE,
) -> None:  # fmt: skip
    """See a source as its financier; its owner is told."""
    said = ask(registry, token, "GET", f"/v1/accounts/{account}/disclosed-sources/{source}")
    issued = [
        f"lot {one['lot']}: {one['quantity_g']} g, {one['period_from']} to {one['period_until']}"
        for one in said["lots"]
    ]
    out.lines([
        f"{said['source']}  {said['name_zh']}  {said['name_en']}  {said['applicant'] or '-'}  {said['state']}",
        *issued,
    ])  # fmt: skip


def _disclosures(said: dict[str, Any]) -> list[str]:
    return [
        f"{one['disclosure']}  source {one['source']}  account {one['financier']}  since {one['since']}"
        f"{'' if one['ended_at'] is None else ', taken back ' + one['ended_at']}, read {len(one['read_at'])} times"
        for one in said["items"]
    ]


def _say(answer: dict[str, Any]) -> None:
    out.print(f"Support {answer['support']} is {answer['state']} now.", markup=False)
