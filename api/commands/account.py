"""`gram account`: open, show, erase."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import DATA, Contract, Data, Database, Rpc, account_app, out, settings_of, warn
from registry.clock import rfc3339

if TYPE_CHECKING:
    from registry.upkeep.erasure import Choice, Held

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
    from api.installation.services import running
    from registry.accounts.accounts import open_account

    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with running(settings, warn) as site, site.database.transaction() as tx:
        number = open_account(tx, site.ledger.vault, kind=kind, name=name, at=site.ledger.clock())
    out.print(str(number))


@account_app.command()
def show(number: Number, data: Data = DATA, database: Database = None) -> None:
    """Show what an account holds, by form, and its live blocks (the first 50); beside a running registry too."""
    from api.ledger.views import FORMS, tonnes
    from api.operating.beside import beside
    from registry.accounts.accounts import open_row
    from registry.ledger.movement import Form, serial
    from registry.ledger.queries import holdings, list_blocks

    with beside(settings_of(data, database=database), warn) as at, at.database().reading() as tx:
        open_row(tx, number)
        held = holdings(tx, number)
        if not held:
            warn(f"Account {number} holds nothing.")
        for row in held:
            locked = " locked" if row.locked else ""
            out.print(
                f"{FORMS[Form(row.form)]}{locked}: {row.grams} g = {tonnes(row.grams)} tCO2e, {row.blocks} blocks"
            )
        for row in list_blocks(tx, number).items:
            out.print(f"  {serial(row.first_g, row.last_g)}  {FORMS[Form(row.form)]}  {row.last_g - row.first_g} g")


@account_app.command()
def erase(
    number: Number,
    reductions: Annotated[
        str | None, typer.Option(help="voluntary-cancellation, donation, transfer or forfeit.", show_default=False)
    ] = None,
    points: Annotated[
        str | None, typer.Option(help="voluntary-cancellation, donation or forfeit.", show_default=False)
    ] = None,
    to: Annotated[int | None, typer.Option(help="The account that transferred reductions go to.", min=1)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: what is held is as good as seen.")] = False,
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
) -> None:
    """Show what an account holds, settle it as chosen, and destroy its key and personal data. It cannot be undone."""
    from api.installation.services import running
    from registry.upkeep.erasure import Choice, read_held, settle_and_erase

    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with running(settings, warn) as site:
        with site.database.reading() as tx:
            held = read_held(tx, site.ledger, number)
        _show_held(number, held)
        choice = Choice(reductions, points, to)
        if not yes:
            choice = _asked(held, choice)
            typer.confirm(f"Erase account {number} for good?", abort=True)
        with site.database.transaction() as tx:
            settled = settle_and_erase(tx, site.ledger, number, choice, held.digest)
    for one in settled:
        what = f"certificate {one.certificate}" if one.certificate else f"act {one.posted.act_id}"
        out.print(f"  {one.posted.kind}: {one.posted.quantity_g} g, {what}")
    out.print(f"Account {number} is erased.")


def _asked(held: "Held", choice: "Choice") -> "Choice":
    """Ask for what the options leave open."""
    from registry.upkeep.erasure import CHOICES, TRANSFER

    if held.reductions_g and choice.reductions is None:
        choice = replace(choice, reductions=typer.prompt(f"Reductions: {', '.join(CHOICES['reductions'])}"))
    if choice.reductions == TRANSFER and choice.to is None:
        choice = replace(choice, to=typer.prompt("To account", type=int))
    if held.points_g and choice.points is None:
        choice = replace(choice, points=typer.prompt(f"Points: {', '.join(CHOICES['points'])}"))
    return choice


def _show_held(number: int, held: "Held") -> None:
    """Say what an erasure would end."""
    out.print(f"Account {number} holds {held.reductions_g} g of reductions and {held.points_g} points.")
    for until, grams in held.points:
        out.print(f"  {grams} points, {f'until {rfc3339(until)}' if until else 'without end'}")
    for form, purpose, grams in held.locked:
        out.print(f"  locked: {grams} g of {form} ({purpose})")
    out.print(f"  past expiry: {held.expired_g} points; refundable by providers: {held.refundable_g} points")
    out.print(f"  consents that stand: {held.consents}")
    out.print("What is forfeited stays where nobody can move it; points expire in their time.")
