"""How `gram` tells what it can: each command's first sentence, whole, whatever the terminal's width."""

from importlib.metadata import version
from typing import Any

import typer
from typer.core import TyperGroup

NAME = "gramledger"
LONGEST = 10_000
"""Characters of a first sentence that are shown: all of them, on as many lines as they take."""


class WholeSentences(TyperGroup):
    """A group whose list of commands cuts no sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands that are not hidden."""
        named = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, found.get_short_help_str(LONGEST)) for name, found in named if found and not found.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def group(purpose: str, **given: Any) -> typer.Typer:
    """Make a group of commands; `-h` asks it for help too."""
    chosen = {"no_args_is_help": True, "rich_markup_mode": None, "pretty_exceptions_enable": False} | given
    return typer.Typer(
        cls=WholeSentences, help=purpose, context_settings={"help_option_names": ["-h", "--help"]}, **chosen
    )


def tell_version(asked: bool) -> None:
    """Print the version that is installed, and end."""
    if asked:
        typer.echo(f"gram {version(NAME)}")
        raise typer.Exit
