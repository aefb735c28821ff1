"""`gram fsck`: whether database, log and chain agree."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import DATA, AsJson, Contract, Data, Database, Rpc, app, out, settings_of, warn
from registry.clock import wall_clock

if TYPE_CHECKING:
    from api.operating.fsck import Report
    from registry.ledger.finding import Finding

SHOWN = 20
Log = Annotated[
    str | None,
    typer.Option("--log", help="Also compare the log as it is served there: a URL, or a folder.", show_default=False),
]


@app.command()
def fsck(
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
    log: Log = None,
    as_json: AsJson = False,
) -> None:
    """Compare database, log folder and chain; name every place where they do not agree, since when, and what to do.

    Reads only, in one snapshot, whether the registry runs or not. Exits 1 when something does not agree, 2 when
    something could not be compared. What a recovery could not bring back is listed, and is no fault.
    """
    from api.operating.fsck import fsck as examine

    report = examine(settings_of(data, database=database, rpc=rpc, contract=contract), log, warn)
    if as_json:
        out.print(json.dumps(_to_json(report)), markup=False)
    else:
        out.print("\n".join(_lines(report)), markup=False)
    raise typer.Exit(report.exit_code)


def _lines(report: "Report") -> list[str]:
    """Write a report for a person: the verdict, what was compared, the first faults."""
    verdict = f"Everything agrees at size {report.size}."
    if report.faults:
        since = _since(report.first_size, report.first_ms)
        verdict = f"{report.faults} {_count(report.faults, 'thing does', 'things do')} not agree{since}."
    elif report.unchecked:
        verdict = f"What was compared agrees at size {report.size}; not everything could be compared."
    lines = [verdict, f"Compared: {', '.join(report.checked) or 'nothing'}."]
    lines += [f"Not compared: {what}: {why}" for what, why in report.unchecked.items()]
    lines += _listed(report.findings, report.faults)
    if report.lost:
        lines.append(f"Lost, and known to be ({report.lost}):")
        lines += _listed(report.losses, report.lost)
    return lines


def _listed(findings: "list[Finding]", count: int) -> list[str]:
    lines = [
        f"  {one.place}: {one.sentence}{_since(one.size, one.at_ms)}. To do: {one.remedy}." for one in findings[:SHOWN]
    ]
    if count > len(lines):
        lines.append(f"  and {count - len(lines)} more; --json lists up to {max(len(findings), len(lines))}.")
    return lines


def _since(size: int | None, at_ms: int | None) -> str:
    """Say since which size and time, as far as they are known."""
    parts = [] if size is None else [f"size {size}"]
    if at_ms is not None:
        try:
            parts.append(wall_clock(at_ms))
        except (ValueError, OverflowError, OSError):  # a time that somebody wrote in by hand
            parts.append(f"{at_ms} ms")
    return f", since {' of '.join(parts)}" if parts else ""


def _count(number: int, one: str, more: str) -> str:
    return one if number == 1 else more


def _to_json(report: "Report") -> dict[str, object]:
    return {
        "agrees": not report.faults and not report.unchecked,
        "size": report.size,
        "checked": report.checked,
        "unchecked": report.unchecked,
        "first_size": report.first_size,
        "first_ms": report.first_ms,
        "faults": report.faults,
        "findings": [_finding(one) for one in report.findings],
        "lost": report.lost,
        "losses": [_finding(one) for one in report.losses],
    }


def _finding(one: "Finding") -> dict[str, object]:
    return {
        "place": one.place,
        "sentence": one.sentence,
        "size": one.size,
        "at_ms": one.at_ms,
        "remedy": one.remedy,
    }
