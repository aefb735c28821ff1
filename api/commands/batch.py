"""`gram batch`: what a platform and officers do with a batch over REST, with the token of who signed in."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from api.cli import EXIT_FALSE, AsJson, batch_app, out
from api.commands.asking import HERE, Registry, Token, ask

Number = Annotated[int, typer.Argument(help="The batch's number.", min=1)]
Wait = Annotated[bool, typer.Option(help="Wait until the registry has done it.")]
PART_BYTES: Final = 2**20
ASK_S: Final = 0.5
"""How often it is asked how a batch stands."""


@batch_app.command()
def upload(
    file: Annotated[Path, typer.Argument(help="The file of activities.", exists=True, dir_okay=False)],
    source: Annotated[int, typer.Option(help="The source that it is of.", min=1)],
    profile: Annotated[str, typer.Option(help="How it is read, such as shanghai-rides.")],
    period_from: Annotated[str, typer.Option(help="The activities are of a time from here on.")],
    period_until: Annotated[str, typer.Option(help="The end of that time, exclusive.")],
    token: Token,
    registry: Registry = HERE,
    resume: Annotated[
        int | None, typer.Option(help="Go on with this batch instead of beginning one.", min=1, show_default=False)
    ] = None,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Report a file: its parts, each with its SHA-256, then the dry run, of which every reason is counted.

    What was interrupted goes on with --resume: only missing bytes are sent. Nothing is issued by this.
    """
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    if resume is None:
        new = {
            "profile": profile, "bytes": file.stat().st_size, "sha256": sha256, "period_from": period_from,
            "period_until": period_until,
        }  # fmt: skip
        said = ask(registry, token, "POST", f"/v1/sources/{source}/batches", new)
    else:
        said = ask(registry, token, "GET", f"/v1/batches/{resume}")
    for first, part in _missing(file, said):
        digest = base64.b64encode(hashlib.sha256(part).digest()).decode()
        headers = {"Content-Type": "application/octet-stream", "Content-Digest": f"sha-256=:{digest}:"}
        path = f"/v1/batches/{said['batch']}/parts/{first}"
        ask(registry, token, "PUT", path, content=part, headers=headers)
    _tell(_standing(registry, token, int(said["batch"]), wait=wait), as_json=as_json)


@batch_app.command()
def status(number: Number, token: Token, registry: Registry = HERE, as_json: AsJson = False) -> None:
    """Show how a batch stands: what is done with it, what it comes to, why it was refused."""
    _tell(ask(registry, token, "GET", f"/v1/batches/{number}"), as_json=as_json)


@batch_app.command()
def rows(
    number: Number,
    token: Token,
    registry: Registry = HERE,
    most: Annotated[int, typer.Option(help="Rows to list.", min=1, max=1_000_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List the rows that do not stand by the dry run, with reason and remedy; `rows.csv` over REST has all."""
    for row in _rows(registry, token, number, most):
        line = f"{row['row']}  {row['reference'] or '-'}  {row['reason']}{' (held)' if row['held'] else ''}"
        out.lines([json.dumps(row, ensure_ascii=False) if as_json else f"{line}: {row['en']} {row['zh']}"])


@batch_app.command()
def withdraw(number: Number, token: Token, registry: Registry = HERE) -> None:
    """Take back a batch that nobody proposed yet."""
    _tell(ask(registry, token, "POST", f"/v1/batches/{number}/withdrawal", {}), as_json=False)


@batch_app.command()
def propose(
    number: Number, token: Token, registry: Registry = HERE, wait: Wait = True, as_json: AsJson = False
) -> None:
    """Propose the issuance of a batch as it stands now, as an officer of the centre."""
    seen = ask(registry, token, "GET", f"/v1/batches/{number}")
    ask(registry, token, "POST", f"/v1/batches/{number}/proposal", {"version": seen["version"]})
    _tell(_standing(registry, token, number, wait=wait), as_json=as_json)


@batch_app.command()
def approve(
    number: Number, token: Token, registry: Registry = HERE, wait: Wait = True, as_json: AsJson = False
) -> None:
    """Approve what another officer proposed of a batch: its lot is issued."""
    from registry.errors import NotFound

    said = ask(registry, token, "GET", f"/v1/batches/{number}")
    waiting = ask(registry, token, "GET", "/v1/motions")["items"]
    motion = next((one["motion"] for one in waiting if said["case"] is not None and one["case"] == said["case"]), None)
    if motion is None:
        raise NotFound(f"Nothing waits for an approval of batch {number}, which is {said['state']}.")
    ask(registry, token, "POST", f"/v1/motions/{motion}/approval", {})
    _tell(_standing(registry, token, number, wait=wait), as_json=as_json)


@batch_app.command()
def refuse(
    number: Number,
    reason: Annotated[str, typer.Option(help="A word, such as outdated.")],
    token: Token,
    registry: Registry = HERE,
) -> None:
    """Refuse a batch that was proposed, as an officer of the centre."""
    from registry.errors import NotFound

    said = ask(registry, token, "GET", f"/v1/batches/{number}")
    if said["case"] is None:
        raise NotFound(f"Batch {number} was not proposed; it is {said['state']}.")
    ask(registry, token, "POST", f"/v1/cases/{said['case']}/decisions", {"decision": "refuse", "reason": reason})
    _tell(ask(registry, token, "GET", f"/v1/batches/{number}"), as_json=False)


def _missing(file: Path, said: dict[str, Any]) -> Iterator[tuple[int, bytes]]:
    """Give the parts that are to be sent. A hundred gaps at most are told: what is behind them, the next run sends."""
    with file.open("rb") as stream:
        for gap in said["missing"]:
            stream.seek(gap["first"])
            at = gap["first"]
            while at < gap["end"] and (part := stream.read(min(PART_BYTES, gap["end"] - at))):
                yield at, part
                at += len(part)


def _standing(registry: str, token: str, number: int, *, wait: bool) -> dict[str, Any]:
    while True:
        said = ask(registry, token, "GET", f"/v1/batches/{number}")
        if said["work"] is None or not wait:
            return said
        time.sleep(ASK_S)


def _rows(registry: str, token: str, number: int, most: int) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while most > 0:
        after = "" if cursor is None else f"&cursor={cursor}"
        page = ask(registry, token, "GET", f"/v1/batches/{number}/rows?limit={min(most, 200)}{after}")
        yield from page["items"]
        most, cursor = most - len(page["items"]), page["next_cursor"]
        if cursor is None:
            return


def _tell(said: dict[str, Any], *, as_json: bool) -> None:
    """Print how a batch stands; exit code 1 when its last work was not done, or it was refused."""
    if as_json:
        out.lines(json.dumps(said, ensure_ascii=False, indent=2).split("\n"))
    else:
        out.lines(_told(said))
    if said["problem"] is not None:
        raise typer.Exit(EXIT_FALSE)


def _told(said: dict[str, Any]) -> Iterator[str]:
    doing = "" if said["work"] is None else f", waits for work ({said['work']})"
    case = "" if said["case"] is None else f", case {said['case']}"
    lot = "" if said["lot"] is None else f", lot {said['lot']}"
    yield f"Batch {said['batch']} of source {said['source']} is {said['state']}{doing}{case}{lot}."
    if said["missing"]:
        yield f"  missing from byte {said['missing'][0]['first']} on: send it again with --resume {said['batch']}"
    if said["summary"] is not None:
        found = said["summary"]
        counted = f"{found['accepted']} accepted, {found['quantity_g']} g, {found['accounts']} accounts"
        yield f"  {found['rows']} rows, {counted}"
        for kind in ("refused", "held"):
            yield from (f"  {kind} {reason}: {count}" for reason, count in found[kind].items())
    if said["problem"] is not None:
        yield f"  {said['problem']['title']}: {said['problem']['detail']}"
