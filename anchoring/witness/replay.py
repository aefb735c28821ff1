"""Replays every rule on the leaves that are new to a witness, against the rows it has of all earlier ones."""

from dataclasses import dataclass

import numpy as np

from anchoring.auditing.history import Rows, rows_of
from anchoring.auditing.judge import LAWFUL, Judge
from anchoring.auditing.overlaps import find_overlaps
from anchoring.auditing.reading import leaf_hashes
from anchoring.errors import Refuted
from anchoring.leaf import VERSION
from anchoring.log.fetching import LeafFetcher
from anchoring.log.tiles import Source
from anchoring.merkle import CompactRange
from anchoring.state import check
from anchoring.witness.state import Cosigned, Head, WitnessState
from anchoring.witness.takings import Takings
from registry.ledger.movement import ENDS, Kind
from registry.ledger.rules import SENTENCES, Rule

_END_KINDS = [int(kind) for kind in ENDS]


class Unlawful(Refuted):
    """A leaf breaks a rule; `other` is the leaf it breaks it against, None when there is none."""

    def __init__(self, leaf: int, rule: str, sentence: str, other: int | None) -> None:
        """Name the leaf by its index, and the rule."""
        super().__init__(f"leaf {leaf}: {rule}: {sentence}")
        self.leaf, self.rule, self.other = leaf, rule, other


@dataclass(frozen=True, slots=True)
class Replayed:
    """Where lawful leaves lead: the tree they make, its peaks, and who took what. Nothing of it is committed."""

    tree: Cosigned
    peaks: tuple[bytes, ...]
    takings: Takings


class Replayer:
    """Reads a log's entry bundles and judges them, one batch of at most 65,536 leaves in memory at a time."""

    def __init__(self, source: Source) -> None:
        """Read from `source`, which several threads ask at once."""
        self._fetcher = LeafFetcher(source)
        self._judge = Judge()

    def close(self) -> None:
        """Stop fetching."""
        self._fetcher.close()

    def replay(self, state: WitnessState, takings: Takings, size: int) -> Replayed:
        """Go from the state's head to `size` leaves; the rows are written, past the head, and not committed.

        `takings` are those of the head. Raises Unlawful for the first leaf that breaks a rule, Unreachable or
        Malformed when the log does not give its leaves.
        """
        head: Head = state.head
        edge = CompactRange(head.tree.size, head.peaks)
        frontier_g, ended_g = head.tree.frontier_g, head.tree.ended_g
        while edge.size < size:
            start = edge.size
            leaves = self._fetcher.fetch(start, size)
            unknown = np.flatnonzero(leaves["version"] != VERSION)
            if len(unknown):
                raise Unlawful(start + int(unknown[0]), "leaf-version", "the leaf is of an unknown version", None)
            hashes = leaf_hashes(leaves)
            state.write_rows(start, rows_of(leaves), hashes)
            rows = state.rows(start + len(leaves))
            self._check(rows, start, takings)
            _check_states(state, leaves, start)
            takings = takings.extended(rows, start)
            frontier_g, ended_g = count_on(frontier_g, ended_g, rows[start:])
            edge.extend(hashes)
        return Replayed(Cosigned(size, edge.root(), frontier_g, ended_g), edge.peaks, takings)

    def _check(self, rows: Rows, start: int, takings: Takings) -> None:
        """Raise Unlawful for the first leaf from `start` on that breaks a rule; its parent comes before its rivals."""
        found: list[tuple[int, int, Rule, int | None]] = []
        rules = self._judge.judge(rows, start)
        for place in np.flatnonzero(rules != LAWFUL)[:1].tolist():
            parent = int(rows["parent"][start + place])
            found.append((start + place, 0, Rule(rules[place]), parent if parent < start + place else None))
        for rule, (later, earlier) in find_overlaps(rows[start:]):
            found.append((start + later, 1, rule, start + earlier))
        found += [(later, 2, rule, earlier) for rule, (later, earlier) in takings.overlaps(rows, start)]
        if found:
            leaf, order, rule, other = min(found, key=lambda one: one[:2])
            detail = f": it takes grams of leaf {other}" if order else ""
            raise Unlawful(leaf, rule.name, SENTENCES[rule] + detail, other)


def _check_states(state: WitnessState, leaves: Rows, start: int) -> None:
    """Raise Unlawful for the first STATE record among lawful leaves that is not of the leaves before it."""
    for index, evidence in check.records_among(leaves, start):
        if not check.is_true(evidence, state.rows(index), state.leaf_hashes(index)):
            raise Unlawful(index, check.RULE, check.SENTENCE, None)


def count_on(frontier_g: int, ended_g: int, rows: Rows) -> tuple[int, int]:
    """Count frontier and ended grams on; lawful leaves end each of less than 2^64 grams once, so no sum overflows."""
    kind = rows["codes"] >> 14
    ends = rows[np.isin(kind, _END_KINDS)]
    frontier_g = max(frontier_g, int(rows["last"][kind == Kind.ISSUE].max(initial=0)))
    return frontier_g, ended_g + int((ends["last"] - ends["first"]).sum(dtype=np.uint64))
