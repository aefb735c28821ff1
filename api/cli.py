"""What the commands of `gram` share: their groups and options, and how they print."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from api.help import group, tell_version
from registry.printable import printable

if TYPE_CHECKING:
    from api.installation.settings import Settings

EXIT_FALSE, EXIT_NOT_CHECKED = 1, 2
EXIT_READER_GONE = 141
"""What a shell says of a program that SIGPIPE ended: nobody read what was found, so it is no verdict."""

app = group(
    "Gramledger 克账: a carbon-inclusion registry in which every gram of CO2e can be followed for life.\n\n"
    "Start with `gram demo`. To check somebody else's registry, you need only `gram verify` and `gram audit`.",
    name="gram",
)
account_app = group("账户 · Open, show, erase accounts, on the machine of the data folder.")
log_app = group("日志 · Publish the log, record its state, show how it stands, rebuild its files.")
recover_app = group(
    "恢复 · Replay the public log into a database that was restored from a backup.",
    invoke_without_command=True,
    no_args_is_help=False,
)
chain_app = group("上链 · Deploy the contract, anchor, show what it holds, move to another, convict.")
bench_app = group("性能 · Measure each figure beside a yardstick of the same run.")
aside_app = group("搁置的流转 · List, judge again, take out movements that were set aside instead of logged.")
policy_app = group("政策 · Show the rules of the programme: since when each holds, and what changed.")
methodology_app = group("方法学 · Check a methodology's text line by line, list and show those that ship.")
trust_app = group("信任文件 · Write what this registry says of itself, for those who verify it.")
role_app = group("角色 · Grant, list, end who may what: subjects, their roles, officers' numbers.")
decide_app = group("办理 · Decide as an officer, over REST and with one's own token.")
batch_app = group("批次 · Report a batch of activities as its platform, and decide about it as an officer, over REST.")
submission_app = group("提交申请 · Submit a methodology, or apply for a source; the centre returns or refuses.")
opinion_app = group("专家意见 · Give the opinions that one is asked for, as an expert or a technical service body.")
finding_app = group("诚信记录 · The integrity record: open, approve, appeal, answer.")
source_app = group("信息库 · The information base: every source as everybody reads it.")
support_app = group("政策与金融 · What is on offer to sources, and what their owners let financiers see.")
call_app = group("征集 · Calls for applications: list, open, end.")
lists_app = group("外部名单 · Lists of other registries: import them, judge what of a source is near to them.")
quarantine_app = group("待核查 · What rules against abuse caught: list, show, release, refuse, appeal.")
for _name, _group in {
    "account": account_app,
    "log": log_app,
    "recover": recover_app,
    "chain": chain_app,
    "bench": bench_app,
    "aside": aside_app,
    "policy": policy_app,
    "methodology": methodology_app,
    "trust": trust_app,
    "role": role_app,
    "decide": decide_app,
    "batch": batch_app,
    "submission": submission_app,
    "opinion": opinion_app,
    "finding": finding_app,
    "source": source_app,
    "lists": lists_app,
    "call": call_app,
    "support": support_app,
    "quarantine": quarantine_app,
}.items():
    app.add_typer(_group, name=_name)


@app.callback()
def gram(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=tell_version, is_eager=True)
    ] = False,
) -> None:
    """See the group's help."""


Data = Annotated[Path, typer.Option("--data", help="Data folder: log, keys, and whatever runs embedded.")]
Database = Annotated[
    str | None,
    typer.Option("--database", help="postgresql://... instead of the embedded PostgreSQL.", show_default=False),
]
Rpc = Annotated[
    str | None,
    typer.Option(
        "--rpc",
        help="JSON-RPC URL of an EVM chain instead of the embedded one; several with commas between.",
        show_default=False,
    ),
]
Contract = Annotated[str | None, typer.Option("--contract", help="Address of the anchor contract.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DATA = Path("data")


class Lines(Console):
    """A terminal or file that is written to in lines; no word from outside commands it, whoever prints it."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Write to stdout or stderr."""
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)

    def print(self, *objects: Any, **given: Any) -> None:
        """Print as rich does; of texts, what is no visible mark, space or line break is escaped."""
        super().print(*(_lines_of(one) if isinstance(one, str) else one for one in objects), **given)

    def lines(self, said: Iterable[str]) -> None:
        """Print each text on a line of its own, whatever line breaks are in it."""
        for line in said:
            super().print(printable(line), markup=False)


def _lines_of(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


out = Lines()
err = Lines(stderr=True)


def settings_of(data: Path, **given: Any) -> "Settings":
    """Read settings: the command line over the environment over the defaults. Exits 2 with a sentence if wrong."""
    from pydantic import ValidationError

    from api.installation.settings import Settings
    from registry.errors import Invalid

    chosen = {name: value for name, value in given.items() if value is not None}
    if data != DATA or "GRAMLEDGER_DATA" not in os.environ:
        chosen["data"] = data
    try:
        return Settings(**chosen)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise Invalid(f"{where}: {said}" if where else said) from None


def warn(sentence: str) -> None:
    """Tell a person something on stderr."""
    err.lines([f"· {sentence}"])
