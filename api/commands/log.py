"""`gram log`: publish, status, state, rebuild, recount."""

from api.cli import DATA, AsJson, Contract, Data, Database, Rpc, log_app, out, settings_of, warn


@log_app.command()
def publish(data: Data = DATA, database: Database = None, rpc: Rpc = None, contract: Contract = None) -> None:
    """Publish everything that is recorded, once. `gram serve` does it by itself every second."""
    from api.installation.services import running

    with running(settings_of(data, database=database, rpc=rpc, contract=contract), warn) as site:
        out.print(f"The published log has {site.publisher.publish()} leaves.")


@log_app.command()
def state(data: Data = DATA, database: Database = None, rpc: Rpc = None, contract: Contract = None) -> None:
    """Record the state of all grams in the log, now. `gram serve` does it once a day by itself."""
    from anchoring.errors import NotYet
    from api.installation.services import running

    with running(settings_of(data, database=database, rpc=rpc, contract=contract), warn) as site:
        made = site.epochs.make()
        if made is None:
            raise NotYet("The log is empty; it has no state to record.")
        out.print(f"Leaf {made.size} records the state of the {made.size} leaves before it.")


@log_app.command()
def rebuild(data: Data = DATA, database: Database = None, rpc: Rpc = None, contract: Contract = None) -> None:
    """Write the log's files that are missing, from the database; those that are there are compared."""
    from api.installation.services import running

    with running(settings_of(data, database=database, rpc=rpc, contract=contract), warn, mend=True) as site:
        out.print(f"The folder {site.folder.log} holds the log of {site.publisher.rebuild()} leaves.", markup=False)


@log_app.command()
def recount(data: Data = DATA, database: Database = None, rpc: Rpc = None, contract: Contract = None) -> None:
    """Add up anew the totals that are shown, when `gram fsck` says that they are not what the leaves add up to."""
    from api.installation.services import running
    from registry.ledger.totals import recount as recount_totals
    from registry.ledger.totals import totals

    with running(settings_of(data, database=database, rpc=rpc, contract=contract), warn) as site:
        with site.database.transaction() as tx:
            recount_totals(tx)
            issued_g = totals(tx).issued_g
        out.print(f"The totals were added up anew: {issued_g:,} g were issued.")


@log_app.command()
def status(data: Data = DATA, as_json: AsJson = False) -> None:
    """Show the published log in the data folder: origin, key, size, root. Needs nothing to run."""
    import json

    from anchoring.checkpoint import open_checkpoint
    from anchoring.errors import NotYet
    from anchoring.tree.folder import LogFolder
    from api.installation.data_folder import read_folder
    from api.installation.keys import log_signer

    settings = settings_of(data)
    folder = read_folder(settings.data)
    vkey = log_signer(folder.keys, settings.log_key).verifier.vkey
    log = LogFolder(folder.log)
    if not log.has_checkpoint():
        raise NotYet("Nothing has been published yet.")
    signed = open_checkpoint(log.read("checkpoint"), vkey).checkpoint
    said = {"origin": signed.origin, "vkey": vkey, "size": signed.size, "root": signed.root.hex()}
    if as_json:
        out.print(json.dumps(said), markup=False)
        return
    for name, value in said.items():
        out.print(f"{name:<7} {value}", markup=False)
