"""`gram trust`: what this registry says of itself, for those who verify it."""

import typer

from api.cli import DATA, Data, Database, settings_of, trust_app, warn


@trust_app.command()
def show(data: Data = DATA, database: Database = None) -> None:
    """Write this registry's trust file, as `GET /v1/trust` serves it: log, witnesses, quorum, contracts in order.

    Give it to those who verify by another way than this site, or compare it with what the site serves. It reads
    beside a running registry, and asks no node.
    """
    from api.installation.trusting import trust_file
    from api.operating.beside import beside

    settings = settings_of(data, database=database)
    with beside(settings, warn) as at:
        said = trust_file(at.site(), settings.public_url)
    if settings.public_url is None:
        warn("GRAMLEDGER_PUBLIC_URL is not set: the file says neither where the log is nor where to ask its chain.")
    typer.echo(said, nl=False)
