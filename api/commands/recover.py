"""`gram recover`: the public log into a database that was set back; lost documents and lost holders."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import DATA, Contract, Data, Database, Rpc, out, recover_app, settings_of, warn
from api.commands.check import open_source

if TYPE_CHECKING:
    from anchoring.publishing.verified import Trust
    from api.installation.site import Site
    from api.operating.recover import Recovered

From = Annotated[
    str | None,
    typer.Option("--from", help="URL of the log, or a folder with its static tree.", show_default=False),
]

RULES = (
    "policies, methodologies and sources that the log has and that do NOT hold here: before anybody acts, give back "
    "their evidence (gram recover evidence), or record them again"
)


@recover_app.callback()
def recover(
    context: typer.Context,
    source: From = None,
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
) -> None:
    """Replay the public log into a database that was restored from a backup; the registry must be stopped.

    The log is verified before anything is written: its signatures, that it continues this database, every rule. It
    can be stopped at any time, and run again goes on. docs/recovery.md says what comes back and what does not.
    """
    if context.invoked_subcommand is not None:
        return
    from anchoring.errors import Malformed

    if source is None:
        raise Malformed("Name where the public log is: --from URL_OR_FOLDER.")
    from api.installation.services import running
    from api.operating.recover import Recovery
    from api.operating.recover import recover as run

    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with ExitStack() as stack:
        opened = open_source(stack, source)
        site = stack.enter_context(running(settings, warn, mend=True))
        done = run(Recovery(site.database, site.ledger, site.publisher), opened, source, trust_of(site))
    out.print("\n".join(_lines(done)), markup=False)


def trust_of(site: "Site") -> "Trust":
    """Whose signatures a log needs to be replayed: its own, and the threshold of the authorities' cosignatures."""
    from anchoring.publishing.verified import Trust

    return Trust(site.log_signer.verifier.vkey, [one["cosigner_vkey"] for one in site.signers], site.settings.threshold)


def _lines(done: "Recovered") -> list[str]:
    came = done.size - done.before
    lines = [
        f"Leaves replayed: {came}. This database has the log of {done.size} leaves."
        if came
        else f"This database has the whole log of {done.size} leaves already."
    ]
    if done.waiting:
        lines.append(f"Recorded here, not logged yet, and published next: {done.waiting} movements.")
    lost = (
        (done.lost_holders, "holders whose accounts were lost; nobody can spend theirs (gram recover holder)"),
        (done.lost_lots, "source and methodology of lots (gram recover evidence)"),
        (done.lost_evidence, "evidence documents, but for their digests (gram recover evidence)"),
        (done.lost_rules, RULES),
    )
    lines += [f"Lost: {what}: {count}." for count, what in lost if count]
    return [*lines, "`gram fsck` lists each of them. What was never published before the loss is gone."]


@recover_app.command()
def evidence(
    file: Annotated[Path, typer.Argument(help="JSON: a document as it was shown, or a list of them.")],
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
) -> None:
    """Give lost evidence documents back; each must have the digest that is in its leaf."""
    from api.installation.services import running
    from registry.upkeep.recovery.evidence import awaited, give_back, read_documents

    documents = read_documents(file.read_bytes())
    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with running(settings, warn) as site, site.database.transaction() as tx:
        given = [give_back(tx, site.ledger.vault, document) for document in documents]
        waiting = {what for document in documents if (what := awaited(tx, document)) is not None}
    for what in sorted(waiting):
        warn(f"Waits, and is not taken: evidence that needs {what}. Give it again when that is there.")
    out.print(f"{sum(given)} of {len(given)} documents were lost and are back; the others are none that is missing.")


@recover_app.command()
def holder(
    number: Annotated[int, typer.Argument(help="The account that stands for an unknown holder.", min=1)],
    name: Annotated[str, typer.Option(help="Name of the person or organisation whose claim was proven.")],
    claim: Annotated[Path, typer.Option(help="The file that proves the claim; its SHA-256 goes into the log.")],
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
) -> None:
    """Make an account that stands for an unknown holder the account of whoever has proven the claim."""
    import hashlib

    from api.installation.services import running
    from registry.upkeep.recovery.claims import recognise

    with claim.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").digest()
    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with running(settings, warn) as site, site.database.transaction() as tx:
        recognise(tx, site.ledger, number, name, digest)
    out.print(f"Account {number} is now that of {name}.", markup=False)
