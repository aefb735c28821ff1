"""`gram aside`: movements that are not in the log because they are not as this program wrote them."""

from typing import Annotated

import typer

from api.cli import DATA, Contract, Data, Database, Rpc, aside_app, out, settings_of, warn


@aside_app.command(name="list")
def list_all(data: Data = DATA, database: Database = None) -> None:
    """List movements that were set aside, each with why and since when; beside a running registry too."""
    from anchoring.publishing.doubts import sentence_of
    from api.operating.beside import beside
    from registry.clock import rfc3339
    from registry.ledger.movement import serial
    from registry.upkeep.recovery.aside import list_aside

    with beside(settings_of(data, database=database), warn) as at, at.database().reading() as tx:
        found = list_aside(tx)
        if not found:
            warn("Nothing is set aside.")
        for one in found:
            grams = "" if not one.last or one.first is None else f" of {serial(one.first, one.last)}"
            whose = f", account {one.giver_id or '-'} to {one.account_id or '-'}"
            said = f"movement {one.id}{grams}{whose}, since {rfc3339(one.at)}: {sentence_of(one.reason)}"
            out.print(said, markup=False)


@aside_app.command()
def retry(data: Data = DATA, database: Database = None, rpc: Rpc = None, contract: Contract = None) -> None:
    """Judge them again at the next publication, once what was altered or taken away was put right from a backup."""
    from api.installation.services import running
    from registry.upkeep.recovery.aside import judge_again

    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with running(settings, warn) as site, site.database.transaction() as tx:
        count = judge_again(tx)
    out.print(f"{count} movements wait for the next publication.")


@aside_app.command()
def dismiss(
    number: Annotated[int, typer.Argument(help="A movement that was set aside.")],
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
) -> None:
    """Take a movement that was set aside out of the ledger, with all that came of it; its giver has the grams back."""
    from api.installation.services import running
    from registry.upkeep.recovery.aside import dismiss as take_out

    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with running(settings, warn) as site, site.database.transaction() as tx:
        numbers = take_out(tx, number, site.ledger.clock())
    out.print(f"Taken out of the ledger: movements {', '.join(map(str, numbers))}.")
