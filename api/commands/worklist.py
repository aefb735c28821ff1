"""`gram worklist`: what waits for a decision, and whose it is."""

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import DATA, Data, Database, app, out, settings_of, warn

if TYPE_CHECKING:
    from registry.decisions.worklist import Possible


@app.command()
def worklist(
    authority: Annotated[
        str | None, typer.Argument(help="Only what this authority may decide or must approve, such as centre.")
    ] = None,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """List each case that waits, what may be decided of it, by whom and from when on; beside a running registry too."""
    from api.operating.beside import beside
    from registry.clock import system_clock, wall_clock
    from registry.decisions import worklist as waiting
    from registry.policies.calendars import missing_calendars

    now = system_clock()
    with beside(settings_of(data, database=database), warn) as there:
        site = there.site()
        with site.database.reading() as tx:
            found, reminders = waiting.worklist(tx, site.ledger.vault.sealer, now), list(missing_calendars(tx, now))
    if authority is not None:
        found = waiting.of_authority(found, authority)
        reminders = [one for one in reminders if authority in one.by]
    for reminder in reminders:
        out.lines([f"By {wall_clock(reminder.due)}, {' or '.join(sorted(reminder.by))}: {reminder.about}"])
        out.lines([f"  {reminder.words.zh}", f"  {reminder.words.en}"])
    for one in found:
        named = f"{one.number} {one.about}" if one.about else one.number
        out.lines([f"{named}: {one.state.zh} · {one.state.en}, since {wall_clock(one.since)}"])
        out.lines(_line(step, now) for step in one.steps)
    if not found and not reminders:
        out.lines(["Nothing waits."])


def _line(step: "Possible", now: int) -> str:
    from registry.clock import wall_clock

    if step.not_before is None:
        when = "not yet possible"
    else:
        when = "now" if step.not_before <= now else f"from {wall_clock(step.not_before)} on"
    second = f", approved by {' or '.join(sorted(step.second))}" if step.second else ""
    return f"  {step.decision} ({step.words.zh} · {step.words.en}): by {' or '.join(sorted(step.by))}{second}; {when}"
