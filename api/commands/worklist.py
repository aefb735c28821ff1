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
    """List what waits: each case, what may be decided of it, by whom and from when on; and what else somebody is to do.

    Motions, submissions, opinions, who was named for a role, findings, appeals. Beside a running registry too.
    """
    from api.decisions.errands import errands as all_errands
    from api.decisions.errands import of_authority
    from api.operating.beside import beside
    from registry.clock import system_clock, wall_clock
    from registry.decisions import worklist as waiting
    from registry.issuance.reconciling import open_differences
    from registry.policies.calendars import missing_calendars

    now = system_clock()
    with beside(settings_of(data, database=database), warn) as there:
        site = there.site()
        with site.database.reading() as tx:
            found = waiting.worklist(tx, site.ledger.vault.sealer, now)
            reminders = [*missing_calendars(tx, now), *open_differences(tx)]
            errands = all_errands(tx, site.ledger.vault, now, found)
    if authority is not None:
        found, errands = waiting.of_authority(found, authority), of_authority(errands, authority)
        reminders = [one for one in reminders if authority in one.by]
    for reminder in reminders:
        out.lines([f"By {wall_clock(reminder.due)}, {' or '.join(sorted(reminder.by))}: {reminder.about}"])
        out.lines([f"  {reminder.words.zh}", f"  {reminder.words.en}"])
    for one in found:
        named = f"{one.number} {one.about}" if one.about else one.number
        out.lines([f"{named}: {one.state.zh} · {one.state.en}, since {wall_clock(one.since)}"])
        out.lines(_line(step, now) for step in one.steps)
    out.lines(
        f"{one.what} {one.number}: {one.about}, since {wall_clock(one.since_ms)}; for {' or '.join(sorted(one.by))}; "
        f"{one.url}"
        for one in errands
    )
    if not (found or reminders or errands):
        out.lines(["Nothing waits."])


def _line(step: "Possible", now: int) -> str:
    from registry.clock import wall_clock

    if step.not_before is None:
        when = "not yet possible"
    else:
        when = "now" if step.not_before <= now else f"from {wall_clock(step.not_before)} on"
    second = f", approved by {' or '.join(sorted(step.second))}" if step.second else ""
    return f"  {step.decision} ({step.words.zh} · {step.words.en}): by {' or '.join(sorted(step.by))}{second}; {when}"
