"""`gram account`: open, show, erase."""

from typing import Annotated

import typer

from api.cli import DATA, Contract, Data, Database, Rpc, account_app, out, settings_of, warn

Number = Annotated[int, typer.Argument(help="The account's number.", min=1)]


@account_app.command(name="open")
def open_one(
    name: Annotated[str, typer.Argument(help="Name of the person or organisation.")],
    kind: Annotated[str, typer.Option(help="individual or institution.")] = "individual",
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
) -> None:
    """Open an account and print its number."""
    from api.services import running
    from registry.accounts.accounts import open_account

    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with running(settings, warn) as site, site.database.transaction() as tx:
        number = open_account(tx, site.ledger.vault, kind=kind, name=name, at=site.ledger.clock())
    out.print(str(number))


@account_app.command()
def show(
    number: Number, data: Data = DATA, database: Database = None, rpc: Rpc = None, contract: Contract = None
) -> None:
    """Show what an account holds, by form, and its live blocks (the first 50)."""
    from api.rest.views import FORMS, tonnes
    from api.services import running
    from registry.accounts.accounts import account_row
    from registry.ledger.movement import Form, serial
    from registry.ledger.queries import holdings, list_blocks

    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with running(settings, warn) as site, site.database.transaction() as tx:
        erased = account_row(tx, number).erased_ms is not None
        held = holdings(tx, number)
        if not held:
            warn(f"Account {number} holds nothing{', and is erased' if erased else ''}.")
        for row in held:
            locked = " locked" if row.locked else ""
            out.print(
                f"{FORMS[Form(row.form)]}{locked}: {row.grams} g = {tonnes(row.grams)} tCO2e, {row.blocks} blocks"
            )
        for row in list_blocks(tx, number).items:
            out.print(f"  {serial(row.first_g, row.last_g)}  {FORMS[Form(row.form)]}  {row.last_g - row.first_g} g")


@account_app.command()
def erase(
    number: Number, data: Data = DATA, database: Database = None, rpc: Rpc = None, contract: Contract = None
) -> None:
    """Destroy an account's key and personal data for good. Every proof still verifies. It cannot be undone."""
    from api.services import running
    from registry.accounts.accounts import erase_account

    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with running(settings, warn) as site, site.database.transaction() as tx:
        erase_account(tx, number, site.ledger.clock())
    out.print(f"Account {number} is erased.")
