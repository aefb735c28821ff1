"""Figures: what was measured, what it should be, and a yardstick of the same run beside it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `target` is what it must reach: at least, or at most when `at_most`; None for none."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_most: bool = False
    yardstick: str | None = None
    """What was measured beside it."""
    yardstick_value: float | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the target was reached; None where there is none."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target

    @property
    def ratio(self) -> float | None:
        """The value over the yardstick."""
        return self.value / self.yardstick_value if self.yardstick_value else None


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that `share` (0 to 1) of `values` do not pass; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def as_table(title: str, figures: Sequence[Figure]) -> Table:
    """Lay figures out for people, the yardstick under each."""
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    caption = f"{os.cpu_count()} processors; load average {load}"
    table = Table(title=title, caption=caption, box=SIMPLE_HEAD, title_justify="left", caption_justify="left")
    table.add_column("figure")
    for name in ("measured", "target", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for figure in figures:
        target = "" if figure.target is None else f"{'≤' if figure.at_most else '≥'} {_number(figure.target)}"
        said = {None: "", True: "holds", False: "MISSED"}[figure.holds]
        table.add_row(figure.name, f"{_number(figure.value)} {figure.unit}", target, said)
        if figure.ratio is not None:
            beside = f"{_number(figure.yardstick_value or 0)} {figure.unit}"
            table.add_row(f"    beside: {figure.yardstick}", beside, "", f"x {figure.ratio:.2f}", style="dim")
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.2f}"


def as_json(title: str, figures: Sequence[Figure], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give figures to programs, with the conditions they were measured under."""
    rows = [asdict(figure) | {"holds": figure.holds, "ratio": figure.ratio} for figure in figures]
    return {"bench": title, "processors": os.cpu_count(), "load": os.getloadavg(), **facts, "figures": rows}
