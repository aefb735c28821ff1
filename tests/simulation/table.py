"""What came of many seeds, as a table for people."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.simulation.run import Outcome

PLAIN = (
    "steps", "acts accepted", "acts refused", "rivals", "leaves", "epochs", "anchors", "reorgs", "drops", "delays",
    "repeats", "connections killed",
)  # fmt: skip


@dataclass
class Totals:
    """Sums over all outcomes, and those that failed."""

    seeds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self.seeds += 1
            self.counts += outcome.counts
            self.failed += [outcome] if outcome.failure is not None else []

    def lines(self, seconds: float) -> list[str]:
        """The table, and for each seed that failed how to replay it."""
        crashes = {name: count for name, count in sorted(self.counts.items()) if name.startswith("crashes")}
        rows = [("seeds", self.seeds), *((name, self.counts[name]) for name in PLAIN)]
        rows += [(name, count) for name, count in sorted(self.counts.items()) if name.startswith("transactions")]
        rows += [("crashes", sum(crashes.values())), *((f"  {name[9:]}", count) for name, count in crashes.items())]
        table = [f"{name:38}{count:10,}" for name, count in rows]
        return [*table, f"{'seconds':38}{seconds:10.1f}", f"{'failed':38}{len(self.failed):10,}", *self._told()]

    def _told(self) -> list[str]:
        said = []
        for outcome in self.failed[:10]:
            said += ["", f"seed {outcome.seed}: {type(outcome.failure).__name__}: {outcome.failure}"[:500]]
            said += [f"  {line}" for line in outcome.trace[-12:]]
            said.append(f"  replay: python -m tests.simulation --seed {outcome.seed} --count 1 --trace")
        return said
