"""`gram trace`: one gram's whole way, from its issue to where it is now, through every bundle."""

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import DATA, Data, Database, app, out, settings_of, warn

if TYPE_CHECKING:
    from registry.ledger.logged import Logged


@app.command()
def trace(
    gram: Annotated[int, typer.Argument(help="A gram's number, any of those that it had.", min=0)],
    data: Data = DATA,
    database: Database = None,
) -> None:
    """Follow a gram from its issue to where it is now by the published log; beside a running registry too."""
    from api.beside import beside
    from registry.ledger.bundles import made_of
    from registry.ledger.bundles import trace as follow
    from registry.ledger.movement import serial

    with beside(settings_of(data, database=database), warn) as at, at.database().reading() as tx:
        stretches = follow(tx, gram)
        (origin,) = made_of(tx, stretches[0].gram, stretches[0].gram + 1)
    lot = origin.lot
    said = f"Gram {gram}: issued in {serial(lot.first_g, lot.last_g)}, {lot.name_en} ({lot.methodology_code})."
    out.print(said, markup=False)
    for stretch in stretches:
        out.print(f"as gram {stretch.gram}", style="bold")
        for step in stretch.steps:
            out.print(f"  {_line(step)}", markup=False)


def _line(step: "Logged") -> str:
    from api.rest.views import FORMS, KINDS, PURPOSES, gathered_into
    from registry.clock import rfc3339
    from registry.ledger.movement import Form

    movement = step.movement
    into = gathered_into(movement)
    became = f"gathered into {into}" if into else FORMS[Form(movement.form)]
    purpose = f" ({PURPOSES[movement.purpose]})" if movement.purpose in PURPOSES else ""
    said = f"{rfc3339(movement.at)}  {KINDS[movement.kind]}{purpose}, {step.serial}: {became}"
    return f"{said}; leaf {step.index}, {step.state}"
