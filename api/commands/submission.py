"""`gram submission`: what an author of a methodology or an applicant for a source does over REST, by their token."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import out, submission_app
from api.commands.asking import HERE, Registry, Token, ask, read_object

Number = Annotated[int, typer.Argument(help="The submission's number.", min=1)]
Content = Annotated[
    Path,
    typer.Argument(
        help="JSON: a methodology's text, or with --account an application as docs/openapi.json has it.",
        exists=True,
        dir_okay=False,
    ),
]
Account = Annotated[
    int | None,
    typer.Option(help="The account that applies for a source; without it, a methodology.", show_default=False, min=1),
]


@submission_app.command()
def begin(content: Content, token: Token, account: Account = None, registry: Registry = HERE) -> None:
    """起草 · Keep a draft: a methodology's text, or an application for a source in the name of an account."""
    said = read_object(content)
    if account is None:
        _say(ask(registry, token, "POST", "/v1/submissions", {"definition": said}))
    else:
        _say(ask(registry, token, "POST", f"/v1/accounts/{account}/applications", said))


@submission_app.command()
def correct(number: Number, content: Content, token: Token, registry: Registry = HERE) -> None:
    """修改 · Put another content in the place of a draft, or of what the centre returned."""
    before = ask(registry, token, "GET", f"/v1/submissions/{number}")
    what = "definition" if before["record"] == "methodology" else "application"
    _say(ask(registry, token, "POST", f"/v1/submissions/{number}/correction", {what: read_object(content)}))


@submission_app.command(name="hand-in")
def hand_in(number: Number, token: Token, registry: Registry = HERE) -> None:
    """提交 · Hand a draft in to the centre; the faults of a text are told with their lines."""
    _say(ask(registry, token, "POST", f"/v1/submissions/{number}/handing-in", {}))


@submission_app.command()
def withdraw(number: Number, token: Token, registry: Registry = HERE) -> None:
    """撤回 · Take a submission back before its case begins."""
    _say(ask(registry, token, "POST", f"/v1/submissions/{number}/withdrawal", {}))


@submission_app.command(name="list")
def list_own(token: Token, registry: Registry = HERE) -> None:
    """列出本人提交 · List what one submitted, newest first."""
    found = ask(registry, token, "GET", "/v1/submissions")["items"]
    lines = [f"{one['submission']}  {one['record']}  {one['state']}  {one['case'] or '-'}" for one in found]
    out.lines(lines or ["Nothing was submitted."])


@submission_app.command()
def show(number: Number, token: Token, registry: Registry = HERE) -> None:
    """查看进度 · Show how a submission stands, and why it was returned or refused."""
    said = ask(registry, token, "GET", f"/v1/submissions/{number}")
    shown = ("state", "reason", "message", "case", "case_state", "case_reason")
    out.lines([f"{name.replace('_', ' ')}: {said[name]}" for name in shown if said[name] is not None])


@submission_app.command(name="return")
def give_back(
    number: Number,
    token: Token,
    reason: Annotated[str, typer.Option(help="Why, a word.")],
    message: Annotated[str, typer.Option(help="What is to be mended, for who submitted alone.")],
    registry: Registry = HERE,
) -> None:
    """退回补正 · Give back what was handed in, to be mended; the centre does."""
    body = {"reason": reason, "message": message}
    _say(ask(registry, token, "POST", f"/v1/incoming/{number}/return", body))


@submission_app.command()
def refuse(
    number: Number, token: Token, reason: Annotated[str, typer.Option(help="Why, a word.")], registry: Registry = HERE
) -> None:
    """不予受理 · Refuse what was handed in for good; the centre does. To record it: gram decide record."""
    _say(ask(registry, token, "POST", f"/v1/incoming/{number}/refusal", {"reason": reason}))


def _say(answer: dict[str, Any]) -> None:
    of_case = "" if answer["case"] is None else f": its case is {answer['case']}"
    out.print(f"Submission {answer['submission']} is {answer['state']} now{of_case}.", markup=False)
