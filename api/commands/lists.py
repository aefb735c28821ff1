"""`gram lists`: lists of other registries and of the quota boundary over REST, and what of a source is near to them."""

import base64
import hashlib
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from api.cli import lists_app, out
from api.commands.asking import HERE, Registry, Token, ask

Case = Annotated[str, typer.Argument(help="The case of a source, such as S-1.")]


@lists_app.command(name="list")
def list_all(registry: Registry = HERE) -> None:
    """List what was imported, which is public: each with its own date, origin and the SHA-256 of its file."""
    found = ask(registry, "", "GET", "/v1/lists")["items"]
    out.lines([_line(one) for one in found] or ["No list was imported."])


@lists_app.command(name="import")
def import_one(
    name: Annotated[str, typer.Argument(help="The list's name, a word, such as ccer.")],
    file: Annotated[
        Path, typer.Argument(help="CSV, or JSON lines: entity, kind, identifier.", exists=True, dir_okay=False)
    ],
    dated: Annotated[str, typer.Option(help="The date that the list says of itself, such as 2026-10-01.")],
    origin: Annotated[str, typer.Option(help="Who published it, and where.")],
    token: Token,
    purpose: Annotated[
        str, typer.Option(help="What applications are held against it for: registry, or quota.")
    ] = "registry",
    registry: Registry = HERE,
) -> None:
    """Import a list as an officer of the centre; the newest of its name counts."""
    content = file.read_bytes()
    form = "jsonl" if file.suffix in {".jsonl", ".ndjson"} else "csv"
    asked = urlencode({"purpose": purpose, "dated": dated, "origin": origin, "format": form})
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    headers = {"Content-Type": "application/octet-stream", "Content-Digest": f"sha-256=:{digest}:"}
    said = ask(registry, token, "PUT", f"/v1/lists/{quote(name, safe='')}?{asked}", content=content, headers=headers)
    out.lines([_line(said)])


@lists_app.command()
def matches(case: Case, token: Token, registry: Registry = HERE) -> None:
    """Show what the lists that count have of a source, the same or near, and what officers said of it."""
    found = ask(registry, token, "GET", f"/v1/cases/{quote(case, safe='')}/matches")["items"]
    out.lines([_match(one) for one in found] or ["Nothing of it is in a list that counts, nor near."])


@lists_app.command()
def judge(
    case: Case,
    number: Annotated[int, typer.Argument(help="The list's number.", min=1)],
    place: Annotated[int, typer.Argument(help="The entry's place in it.", min=1)],
    same: Annotated[
        bool, typer.Option("--same/--another", help="Whether it is the same asset, or the same applicant.")
    ],
    reason: Annotated[str, typer.Option(help="PUBLIC: why, a word, such as another-site.")],
    token: Token,
    registry: Registry = HERE,
) -> None:
    """Judge a near match; the next decision on the source names it."""
    body = {"list": number, "place": place, "same": same, "reason": reason}
    said = ask(registry, token, "POST", f"/v1/cases/{quote(case, safe='')}/matches", body)
    out.print(f"{said['left']} near matches of {said['case']} are still to be judged.", markup=False)


def _line(of: dict[str, Any]) -> str:
    return (
        f"{of['list']}  {of['name']}  {of['purpose']}  {of['dated']}  {of['entries']} entries  {of['sha256']}  "
        f"{of['origin']}{'' if of['counts'] else '  (a newer one counts)'}"
    )


def _match(of: dict[str, Any]) -> str:
    near = "the same" if of["same"] else "near"
    word = (
        ""
        if of["judged_by"] is None
        else f"; {of['judged_by']}: {'same' if of['judged_same'] else of['judged_reason']}"
    )
    return f"{of['list']} {of['place']}  {of['name']}: {near}: {of['of']} ~ {of['identifier'] or of['entity']}{word}"
