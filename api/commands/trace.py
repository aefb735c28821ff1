"""`gram trace`: one gram's whole way, from its issue to where it is now, through every bundle."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.cli import DATA, Data, Database, app, out, settings_of, warn

if TYPE_CHECKING:
    from registry.decisions.taken import Taken
    from registry.ledger.bundles import Stretch
    from registry.ledger.logged import Logged

AT_ONCE: Final = 1_000
"""Numbers of a gram that are read together."""


@app.command()
def trace(
    gram: Annotated[int, typer.Argument(help="A gram's number, any of those that it had.", min=0)],
    data: Data = DATA,
    database: Database = None,
) -> None:
    """Follow a gram from its issue to where it is now by the published log; beside a running registry too."""
    from api.operating.beside import beside
    from registry.decisions.behind import behind_lot
    from registry.ledger.bundles import made_of, numbers_after, numbers_before, stretch_of
    from registry.ledger.movement import serial

    with beside(settings_of(data, database=database), warn) as at, at.database().reading() as tx:
        stretch_of(tx, gram)
        number = gram
        while before := numbers_before(tx, number, AT_ONCE):
            number = before[-1]
        lot = made_of(tx, [(number, number + 1)]).parts[0].lot
        said = f"Gram {gram}: issued in {serial(lot.first_g, lot.last_g)}, {lot.name_en} ({lot.methodology_code})."
        out.print(said, markup=False)
        for decision in behind_lot(tx, lot.id):
            out.print(f"  {_decided(decision)}", markup=False)
        numbers = [number]
        while numbers:
            for number in numbers:
                _tell(stretch_of(tx, number))
            numbers = numbers_after(tx, number, AT_ONCE)


def _decided(taken: "Taken") -> str:
    from registry.printable import printable

    says = taken.says
    about = says.get("name") or says.get("code") or ""
    second = f", approved by {says['second']}" if "second" in says else ""
    until = f", public until {says['publicity_until']}" if "publicity_until" in says else ""
    case = f"{says['case']} {about}".strip()
    said = f"{says['at']}  {says['record']} {case}: {says['decision']}, now {says['to']}, by {says['actor']}"
    return printable(f"{said}{second}{until}; leaf {taken.index}")


def _tell(stretch: "Stretch") -> None:
    out.print(f"as gram {stretch.gram}", style="bold")
    if stretch.earlier:
        out.print(f"  {stretch.earlier} earlier steps are not listed.")
    for step in stretch.steps:
        out.print(f"  {_line(step)}", markup=False)


def _line(step: "Logged") -> str:
    from api.door.fields import KIND_NAMES, PURPOSE_NAMES
    from api.ledger.views import FORMS, gathered_into
    from registry.clock import rfc3339
    from registry.ledger.movement import Form

    movement = step.movement
    into = gathered_into(movement)
    became = f"gathered into {into}" if into else FORMS[Form(movement.form)]
    purpose = f" ({PURPOSE_NAMES[movement.purpose]})" if movement.purpose in PURPOSE_NAMES else ""
    said = f"{rfc3339(movement.at)}  {KIND_NAMES[movement.kind]}{purpose}, {step.serial}: {became}"
    return f"{said}; leaf {step.index}, {step.state}"
