"""`gram bench`: figures, each beside a yardstick of the same run.

Everything is made in a folder of its own, which is removed at the end. A target that was missed makes exit code 1.
"""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import EXIT_FALSE, AsJson, bench_app, out

if TYPE_CHECKING:
    from api.bench.figures import Figure

Leaves = Annotated[int, typer.Option(help="Leaves of the scratch log.", min=1000, max=100_000_000)]
Proofs = Annotated[int, typer.Option(help="Random leaves to prove.", min=1, max=1_000_000)]
Seconds = Annotated[int, typer.Option(help="Seconds for each kind of load.", min=1, max=3600)]
Connections = Annotated[int, typer.Option(help="Connections at once.", min=1, max=64)]
Blocks = Annotated[int, typer.Option(help="Live blocks.", min=1000, max=100_000_000)]
Crumbs = Annotated[int, typer.Option(help="Collected blocks.", min=2000, max=10_000_000)]
Held = Annotated[int, typer.Option(help="Connections held from one address.", min=1, max=15_000)]
Workers = Annotated[int | None, typer.Option(help="HTTP processes.", min=1, max=64, show_default=False)]
People = Annotated[int, typer.Option(help="Accounts that act.", min=2, max=100_000)]
Activities = Annotated[int, typer.Option(help="Activities to compute.", min=1000, max=100_000_000)]
Reported = Annotated[int, typer.Option("--rides", help="Rides in the file.", min=1000, max=5_000_000)]
Batches = Annotated[
    list[int] | None,
    typer.Option(
        "--rides", help="Rides in the file; may come several times.", min=100, max=5_000_000, show_default=False
    ),
]
Processes = Annotated[
    int | None, typer.Option(help="Processes; one for each processor by default.", min=1, max=256, show_default=False)
]
Rides = Annotated[Path | None, typer.Option("--rides", help="CSV of rides; a synthetic sample without it.")]


@bench_app.command()
def log(leaves: Leaves = 1_000_000, proofs: Proofs = 5000, as_json: AsJson = False) -> None:
    """Publish a log in bulk, from committed movements to the published checkpoint, and prove random leaves of it."""
    from api.bench.log import measure

    _show("log", lambda folder: measure(folder, leaves, proofs), {"leaves": leaves}, as_json=as_json)


@bench_app.command()
def witness(leaves: Leaves = 1_000_000, as_json: AsJson = False) -> None:
    """Let a new witness catch up with a lawful log, from its folder and over HTTP."""
    from api.bench.witness import measure

    _show("witness", lambda folder: measure(folder, leaves), {"leaves": leaves}, as_json=as_json)


@bench_app.command()
def anchor(as_json: AsJson = False) -> None:
    """Measure the gas of one anchor, in the worst case of sizes up to the largest that the contract takes."""
    from api.bench.anchor import measure

    _show("anchor", measure, {}, as_json=as_json)


@bench_app.command()
def activities(rides: Reported = 1_000_000, as_json: AsJson = False) -> None:
    """Judge a file of synthetic rides, and a fifth of it, beside DuckDB reading and summing the same file."""
    from api.bench.activities import measure

    _show("activities", lambda folder: measure(folder, rides), {"rides": rides}, as_json=as_json)


@bench_app.command()
def batch(rides: Batches = None, as_json: AsJson = False) -> None:
    """Take batches of synthetic rides from their upload to their lots, beside DuckDB reading and summing the same file.

    Through a running `gram serve`: uploaded in parts, judged, proposed by one officer, approved by another.
    """
    from api.bench.batch import measure

    sizes = sorted(rides or [1_000_000])
    _show("batch", lambda folder: measure(folder, sizes), {"rides": sizes}, as_json=as_json)


@bench_app.command()
def methodology(activities: Activities = 10_000_000, as_json: AsJson = False) -> None:
    """Compute activities by the bicycle's methodology as data, and by the same formula in SQL written by hand."""
    from api.bench.methodology import measure

    sizes = {"activities": activities}
    _show("methodology", lambda folder: measure(folder, activities), sizes, as_json=as_json)


@bench_app.command()
def http(
    seconds: Seconds = 10,
    connections: Connections = 8,
    workers: Workers = None,
    people: People = 400,
    as_json: AsJson = False,
) -> None:
    """Send acts and look-ups to a running `gram serve`, and the same SQL to its database alone."""
    from api.bench.http import Wanted, measure

    wanted = Wanted(seconds, connections, workers, people)
    facts = {"seconds": seconds, "connections": connections, "people": people}
    _show("http", lambda folder: measure(folder, wanted), facts, as_json=as_json)


@bench_app.command()
def pages(blocks: Blocks = 5_000_000, seconds: Seconds = 20, workers: Workers = None, as_json: AsJson = False) -> None:
    """Read the first page and the totals of a running `gram serve` that holds millions of live blocks."""
    from api.bench.pages import Wanted, measure

    facts = {"blocks": blocks, "seconds": seconds}
    _show("pages", lambda folder: measure(folder, Wanted(blocks, seconds, workers)), facts, as_json=as_json)


@bench_app.command()
def gather(blocks: Crumbs = 200_000, as_json: AsJson = False) -> None:
    """Return what a provider collected in very many blocks as one bundle, while others act, and trade 100 t of it."""
    from api.bench.gather import measure

    _show("gather", lambda folder: measure(folder, blocks), {"blocks": blocks}, as_json=as_json)


@bench_app.command()
def siege(held: Held = 5000, seconds: Seconds = 20, as_json: AsJson = False) -> None:
    """Act while one address holds connections, silent and slow, and another keeps the chain busy."""
    from api.bench.siege import measure

    _show("siege", lambda folder: measure(folder, held, seconds), {"held": held, "seconds": seconds}, as_json=as_json)


@bench_app.command()
def demo(rides: Rides = None, as_json: AsJson = False) -> None:
    """Run the whole demonstration: time, and peak memory of all processes together."""
    from api.bench.demo import measure

    absolute = None if rides is None else rides.resolve()
    _show("demo", lambda folder: measure(folder, absolute), {}, as_json=as_json)


@bench_app.command()
def audit(leaves: Leaves = 1_000_000, processes: Processes = None, as_json: AsJson = False) -> None:
    """Audit a synthetic log from a folder, from a state and over HTTP, and hash the same bytes alone.

    The log is lawful and made up: nobody rode, and nobody issued.
    """
    from api.bench.audit import measure

    count = processes or os.cpu_count() or 1
    facts = {"leaves": leaves, "processes": count}
    _show("audit", lambda folder: measure(folder, leaves, count), facts, as_json=as_json)


def _show(title: str, measure: Callable[[Path], "list[Figure]"], facts: dict[str, Any], *, as_json: bool) -> None:
    from api.bench.figures import as_json as to_json
    from api.bench.figures import as_table

    with tempfile.TemporaryDirectory(prefix=f"gram-bench-{title}-") as folder:
        figures = measure(Path(folder))
    if as_json:
        out.print(json.dumps(to_json(title, figures, facts)), markup=False)
    else:
        out.print(as_table(f"gram bench {title}", figures))
    if any(figure.holds is False for figure in figures):
        raise typer.Exit(EXIT_FALSE)
