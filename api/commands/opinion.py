"""`gram opinion`: what an expert or a technical service body does over REST, by their own token."""

import json
from pathlib import Path
from typing import Annotated

import typer

from api.cli import opinion_app, out
from api.commands.asking import HERE, Registry, Token, ask

Number = Annotated[int, typer.Argument(help="The request's number: gram opinion list shows them.", min=1)]


@opinion_app.command(name="list")
def list_asked(token: Token, registry: Registry = HERE) -> None:
    """列出待出具的意见 · List what one is asked for an opinion on, what waits first."""
    found = ask(registry, token, "GET", "/v1/opinions")["items"]
    lines = [f"{one['request']}  {one['case']}  {one['state']}  asked by {one['asked_by']}" for one in found]
    out.lines(lines or ["Nothing was asked."])


@opinion_app.command()
def show(number: Number, token: Token, registry: Registry = HERE) -> None:
    """查看对象 · Show what the opinion is about: the methodology's text, or what the source was applied for with."""
    said = ask(registry, token, "GET", f"/v1/opinions/{number}")
    out.lines(json.dumps(said, ensure_ascii=False, indent=2).split("\n"))


@opinion_app.command()
def answer(
    number: Number,
    stance: Annotated[str, typer.Argument(help="for, against or conditions.")],
    text: Annotated[Path, typer.Argument(help="A file with its grounds, for officers.", exists=True, dir_okay=False)],
    token: Token,
    reason: Annotated[str, typer.Option(help="PUBLIC: a word, such as sound-baseline.")],
    interest: Annotated[
        bool, typer.Option("--no-interest", help="Declare that one has no interest in the case.")
    ] = False,
    registry: Registry = HERE,
) -> None:
    """出具意见 · Give the opinion that was asked for, once."""
    from registry.errors import Invalid

    try:
        grounds = text.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"{text} is not UTF-8 text.") from None
    body = {"stance": stance, "reason": reason, "text": grounds, "no_interest": interest}
    said = ask(registry, token, "POST", f"/v1/opinions/{number}/answer", body)
    out.print(f"The opinion is {said['state']}; its digest, which becomes public: {said['digest']}", markup=False)


@opinion_app.command()
def decline(
    number: Number,
    token: Token,
    reason: Annotated[str, typer.Option(help="Why, a word, such as interest.")],
    registry: Registry = HERE,
) -> None:
    """回避 · Decline to give an opinion."""
    said = ask(registry, token, "POST", f"/v1/opinions/{number}/recusal", {"reason": reason})
    out.print(f"The request is {said['state']} now.", markup=False)
