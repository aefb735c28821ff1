"""`gram policy`: what the rules of the programme are, since when, and what changed."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import DATA, AsJson, Contract, Data, Database, Rpc, out, policy_app, settings_of, warn
from registry.policies.measures import Measure

if TYPE_CHECKING:
    from registry.policies.versions import Version

Name = Annotated[str | None, typer.Argument(help="A policy, such as points; without it, all of them.")]


MeasureOption = Annotated[
    Measure,
    typer.Option(help="Of which measure (管理办法): the trial's of 2023, or that of 2025, as far as it is known."),
]


@policy_app.command()
def first(
    proposer: Annotated[
        str, typer.Option(help="Who proposes and publishes them: an authority and an officer's number.")
    ],
    second: Annotated[str, typer.Option(help="Who approves that; another officer.")],
    measure: MeasureOption = Measure.TRIAL,
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
) -> None:
    """Publish the policies that ship and that this log has not: life cycles, publicity, calendar, points, rides.

    Without them nothing else can be decided. Officers are named as the log has them, such as bureau:1. The registry
    must be stopped; it publishes at its next start. Done again, nothing is published twice.
    """
    from api.installation.services import running
    from registry.decisions.recording import Officers, read_officer
    from registry.policies.first import publish_first

    officers = Officers(read_officer(proposer), read_officer(proposer), read_officer(second))
    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with running(settings, warn, create=True) as site, site.database.transaction() as tx:
        published = publish_first(tx, site.ledger, officers, measure=measure)
    out.lines(published or ["Nothing: each of them is published already."])


@policy_app.command()
def shipped(name: Name = None, measure: MeasureOption = Measure.TRIAL) -> None:
    """List the policies that ship for a measure, or print the value of one, for `gram decide policy`.

    So a city goes over to the other measure: by a decision on each policy that differs.
    """
    from registry.errors import NotFound
    from registry.policies.first import shipped_first

    values = shipped_first(measure)
    if name is None:
        out.lines(values)
    elif name in values:
        out.lines(json.dumps(values[name], ensure_ascii=False, indent=2).split("\n"))
    else:
        raise NotFound(f"No policy {name[:80]!r} ships for that measure. `gram policy shipped` lists those that do.")


@policy_app.command()
def show(
    name: Name = None,
    at: Annotated[
        str | None, typer.Option(help="A time such as 2026-11-28T00:00:00.000Z; without it, now.", show_default=False)
    ] = None,
    data: Data = DATA,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show what was in force at a time, by the published log; beside a running registry too. One by name: its value."""
    from api.operating.beside import beside
    from api.policies.shapes import Policy
    from registry.clock import system_clock
    from registry.errors import Invalid, NotFound
    from registry.policies.versions import in_force_at
    from registry.procedure.fields import Unreadable, moment

    try:
        at_ms = system_clock() if at is None else moment(at)
    except Unreadable as error:
        raise Invalid(f"--at {error}.") from None
    with beside(settings_of(data, database=database), warn) as there, there.database().reading() as tx:
        found = [version for version in in_force_at(tx, at_ms) if name in (None, version.name)]
    if name is not None and not found:
        raise NotFound(f"No policy {name!r} was in force then. `gram policy show` lists those that were.")
    if as_json:
        out.lines([json.dumps([Policy.of(one).model_dump() for one in found], ensure_ascii=False, indent=2)])
        return
    for version in found:
        out.lines([_line(version)])
        if name is not None:
            out.lines(json.dumps(version.value, ensure_ascii=False, indent=2).split("\n"))


@policy_app.command()
def history(
    name: Annotated[str, typer.Argument(help="A policy, such as points.")],
    data: Data = DATA,
    database: Database = None,
) -> None:
    """Show since when each version of a policy holds, and what changed from the one before, oldest first."""
    from api.operating.beside import beside
    from registry.policies.versions import all_versions, changes

    before: dict[str, Any] | None = None
    with beside(settings_of(data, database=database), warn) as there, there.database().reading() as tx:
        for version in all_versions(tx, name):
            out.lines([_line(version)])
            if before is not None:
                out.lines(
                    f"  {place}: {_said(was)} -> {_said(now)}" for place, was, now in changes(before, version.value)
                )
            before = dict(version.value)


def _line(version: "Version") -> str:
    from registry.clock import wall_clock
    from registry.policies.kinds import kind_of

    kind = kind_of(version.name)
    title = f" · {kind.zh} · {kind.en}" if kind else ""
    since = "from the beginning" if version.in_force_ms == 0 else f"from {wall_clock(version.in_force_ms)}"
    return f"{version.name}{title}; {since}; case {version.case}, leaf {version.index}"


def _said(value: object) -> str:
    return "not there" if value is None else json.dumps(value, ensure_ascii=False)
