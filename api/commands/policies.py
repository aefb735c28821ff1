"""`gram policies`: the first policies of a log, without which nothing else can be decided."""

from typing import Annotated

import typer

from api.cli import DATA, Contract, Data, Database, Rpc, app, out, settings_of, warn


@app.command()
def policies(
    proposer: Annotated[str, typer.Option(help="Who proposes them: an authority and its officer's number.")],
    publisher: Annotated[str, typer.Option(help="Who publishes them; may be who proposed them.")],
    second: Annotated[str, typer.Option(help="Who approves that; another officer than both.")],
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
) -> None:
    """Publish the policies that ship and that this log has not: life cycles, publicity, calendar, points, rides.

    Officers are named as the log has them, such as bureau:1. The registry must be stopped; it publishes at its next
    start. Done again, nothing is published twice.
    """
    from api.installation.services import running
    from registry.decisions.recording import Officers, read_officer
    from registry.policies.first import publish_first

    officers = Officers(read_officer(proposer), read_officer(publisher), read_officer(second))
    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with running(settings, warn, create=True) as site, site.database.transaction() as tx:
        published = publish_first(tx, site.ledger, officers)
    out.lines(published or ["Nothing: each of them is published already."])
