"""`gram source`: the information base over REST, as everybody reads it."""

from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from api.cli import AsJson, out, source_app
from api.commands.asking import HERE, Registry, ask

Number = Annotated[int, typer.Argument(help="The source's number.", min=1)]


@source_app.command(name="list")
def list_all(
    kind: Annotated[str | None, typer.Option(help="project, scenario or behaviour.", show_default=False)] = None,
    district: Annotated[str | None, typer.Option(help="Six digits.", show_default=False)] = None,
    methodology: Annotated[str | None, typer.Option(help="A methodology's code.", show_default=False)] = None,
    state: Annotated[str | None, typer.Option(help="How they stand, such as live.", show_default=False)] = None,
    rural: Annotated[
        bool | None, typer.Option("--rural/--not-rural", help="By their rural mark.", show_default=False)
    ] = None,
    registry: Registry = HERE,
) -> None:
    """List sources, newest first."""
    wanted = {"kind": kind, "district": district, "methodology": methodology, "state": state, "rural": rural}
    asked = {
        name: str(value).lower() if name == "rural" else value for name, value in wanted.items() if value is not None
    }
    cursor: str | None = ""
    lines: list[str] = []
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = ask(registry, "", "GET", f"/v1/sources?{urlencode({**asked, 'limit': 200, **more})}")
        lines += [_line(one) for one in page["items"]]
        cursor = page["next_cursor"]
    out.lines(lines or ["There is no such source."])


@source_app.command()
def show(number: Number, registry: Registry = HERE, as_json: AsJson = False) -> None:
    """Show a source: how it stands, what it brings beside carbon, who shares it."""
    said = ask(registry, "", "GET", f"/v1/sources/{number}")
    if as_json:
        out.print_json(data=said)
        return
    facts = (
        "case",
        "state",
        "kind",
        "district",
        "methodology",
        "version",
        "valid_from",
        "valid_until",
        "rural",
        "issued_g",
    )
    lines = [f"{said['name_zh']}  {said['name_en']}"]
    lines += [f"{name.replace('_', ' ')}: {said[name]}" for name in facts if said[name] is not None]
    lines += [f"shares: {one['parts'] / 100:.2f} % {one['sharer']} {one['name']}" for one in said["shares"]]
    lines += [f"beside carbon: {one['en']} ({one['unit'] or '-'})" for one in said["benefits"]]
    lines += [
        f"fits {one['what']} {one['support']}: {one['title_en']} ({one['by_name'] or 'bureau'})" for one in said["fits"]
    ]
    out.lines(lines)


def _line(of: dict[str, Any]) -> str:
    mark = "" if of["rural"] is None else f"  rural: {of['rural']}"
    where = of["district"] or "city"
    return f"{of['source']}  {of['kind']}  {of['state']}  {where}  {of['issued_g']} g  {of['name_en']}{mark}"
