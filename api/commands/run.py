"""`gram serve`, `gram migrate`, `gram init`."""

from typing import Annotated

import typer

from api.cli import DATA, Contract, Data, Database, Rpc, app, out, settings_of, warn


@app.command()
def serve(
    data: Data = DATA,
    port: Annotated[int, typer.Option(help="Port for HTTP; 0 takes a free one.", min=0, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; loopback unless told otherwise.")] = "127.0.0.1",
    workers: Annotated[int | None, typer.Option(help="HTTP processes.", min=1, max=64)] = None,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
) -> None:
    """Run database, chain, publisher and HTTP, until Ctrl-C.

    The explorer is at /, REST under /v1 (OpenAPI at /openapi.json), the public log under /log, the chain's JSON-RPC
    at /chain; /v1/about says everything an outsider needs.
    """
    from api.installation.services import running
    from api.serving.serve import listen, spare_collector, stop_on_signals
    from api.serving.serve import run as run_site

    settings = settings_of(data, port=port, host=host, workers=workers, database=database, rpc=rpc, contract=contract)
    with (
        stop_on_signals() as stop,
        listen(settings.host, settings.port) as listener,
        running(settings, warn, create=True) as site,
    ):
        spare_collector()
        run_site(site, listener, lambda url: out.print(f"Gramledger is at {url}", markup=False), stop)


@app.command()
def migrate(
    data: Data = DATA,
    database: Database = None,
    role: Annotated[
        str | None,
        typer.Option(help="The role that the registry works under: it gets what it needs.", show_default=False),
    ] = None,
) -> None:
    """Bring the database to this version's schema, as its owner; does nothing when it is there already."""
    from contextlib import ExitStack

    from api.installation.data_folder import POSTGRES, hold
    from api.installation.site import vault_if_any
    from registry.database.embedded import EmbeddedPostgres, check_place
    from registry.database.engine import Database as Engine
    from registry.database.engine import migrate as bring_up
    from registry.database.roles import establish

    settings = settings_of(data, database=database)
    with ExitStack() as stack:
        if settings.database is not None:
            url = settings.database.get_secret_value()
        else:
            check_place(settings.data / POSTGRES)
            server = EmbeddedPostgres(stack.enter_context(hold(settings.data)).postgres)
            url = server.start()
            stack.callback(server.stop)
        engine = Engine(url, pool_size=1)
        stack.callback(engine.close)
        bring_up(engine, role, vault_if_any(settings))
        if settings.database is None:
            with engine.transaction() as tx:
                establish(tx)
    granted = "" if role is None else f" The registry works under {role}, which owns nothing in it."
    out.print(f"The database has this version's schema.{granted}", markup=False)


@app.command()
def init(
    origin: Annotated[str, typer.Option(help="The log's origin line, for life: a name under a domain of yours.")],
    data: Data = DATA,
) -> None:
    """Begin an installation for production: a data folder with the log's key, and no other.

    Prints what the witnesses need, and the address of GRAMLEDGER_PAYER if it is set. Development needs no such step.
    """
    from api.installation.data_folder import hold, refuse_taken
    from api.installation.keys import log_signer, payer

    settings = settings_of(data)
    refuse_taken(settings.data, origin)
    with hold(settings.data, origin, stand_ins=False) as folder:
        out.print(f"origin  {folder.marker.origin}", markup=False)
        out.print(f"vkey    {log_signer(folder.keys, settings.log_key).verifier.vkey}", markup=False)
        if settings.payer is not None:
            out.print(f"payer   {payer(folder.keys, settings.payer).address}", markup=False)
