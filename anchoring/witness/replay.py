"""Replays every rule on the leaves that are new to a witness, against the rows it has of all earlier ones.

For each batch of leaves:

1. Its leaves are read once, and hashed.
2. They lead to the tree that the log signed: for the last batch by its root, before that by a consistency proof.
3. Every new tile of hashes that the log serves is what the leaves make, so that what is cosigned can be proven.
4. Every leaf is lawful: by itself, against its parent, against all that took grams before, and beside the leaf before
   it; and a STATE record is of the leaves before it. Rows of earlier leaves are checked before they are believed.
5. Every record has exactly its one document, which its leaf binds (`registry.evidence.public`); decisions, and what
   rests on them, are lawful (`anchoring.witness.decisions`).
6. How far this went is kept, so that after a crash a long way goes on from there. Nothing is cosigned by it.

At the end the last leaf must not be a GATHER, whose BUNDLE is missing then.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchoring.errors import Refuted
from anchoring.leaf import VERSION
from anchoring.merkle import verify_consistency
from anchoring.replaying.history import Rows, are_ends, are_origins, rows_of
from anchoring.replaying.judge import LAWFUL, Judge
from anchoring.replaying.overlaps import find_overlaps
from anchoring.replaying.reading import leaf_hashes
from anchoring.replaying.runs import broken_runs, ends_in_run
from anchoring.replaying.takings import Takings, overlaps_among
from anchoring.state import check
from anchoring.tree.fetching import BATCH, WHOLE, Batch, LeafFetcher
from anchoring.tree.tiles import TILE_WIDTH, Source, TileReader, consistency_proof, entries_path, tile_width
from anchoring.witness.decisions import Decisions, Fault
from anchoring.witness.disk import OnStep
from anchoring.witness.edge import MadeTile, TreeEdge
from anchoring.witness.position import Cosigned, Position
from anchoring.witness.state import WitnessState
from registry.keyfile import no_step
from registry.ledger.rules import SENTENCES, Rule
from registry.procedure.clock import USUAL, Bounds

_DETAILS = ("", ": it takes grams of leaf {}", ": it takes grams of leaf {}", ": the leaf before it is {}")
Found = tuple[int, int, Rule, int | None]
"""A leaf that breaks a rule, a place in the order of reasons, the rule, and the other leaf if there is one."""


class Unlawful(Refuted):
    """A leaf breaks a rule; `other` is the leaf it breaks it against, None when there is none.

    `data` are the bytes of those of the two that were read just now, by index.
    """

    def __init__(self, leaf: int, rule: str, sentence: str, other: int | None, data: Mapping[int, bytes]) -> None:
        """Name the leaf by its index, and the rule."""
        super().__init__(f"leaf {leaf}: {rule}: {sentence}")
        self.leaf, self.rule, self.other, self.data = leaf, rule, other, data


class Replayer:
    """Brings a state's position forward by what its log serves; one batch in memory at a time."""

    def __init__(
        self,
        state: WitnessState,
        source: Source,
        batch: Batch = WHOLE,
        on_step: OnStep = no_step,
        clock: Callable[[], int] | None = None,
        *,
        bounds: Bounds = USUAL,
        states: bool = True,
    ) -> None:
        """Read from `source`, which several threads ask at once, and check all rows: Malformed for a damaged one.

        With a `clock`, Unix milliseconds, leaves are of the time at which they come, within `bounds`. Without
        `states` STATE records are left to the caller: each costs as much as all leaves before it.
        """
        self._state, self._on_step, self._states = state, on_step, states
        self._source = source
        self._fetcher = LeafFetcher(source, batch)
        self._decisions = Decisions(state, self._fetcher, clock, bounds)
        self._judge = Judge()
        self._takings = _takings_of(state)

    def close(self) -> None:
        """Stop fetching."""
        self._fetcher.close()

    def replay(self, size: int, root: bytes) -> Position:
        """Go on to the `size` leaves that make `root`, which continue the head; not durably at the end.

        Raises Unlawful for the first leaf that breaks a rule, or a GATHER as the last; Refuted when leaves or tiles are
        not those of that tree; Unreachable or Malformed when the log does not give them.
        """
        # What it reads it keeps: not longer than this, for it may be false, and mended by the next time.
        self._reader = TileReader(self._source)
        if not self._is_on_the_way(size, root):
            self._state.go_back()
            self._takings = self._takings.before(self._state.position.tree.size)
        position = self._state.position
        self._refuse(self._decisions.recall(size))
        edge = TreeEdge(position.tree.size, position.peaks)
        while edge.size < size:
            self._replay_batch(edge, size, root)
            if edge.size < size:
                self._state.keep_progress(self._on_step)
        self._check_end(size)
        return self._state.position

    def _is_on_the_way(self, size: int, root: bytes) -> bool:
        """Whether what was replayed is a prefix of the tree; of the head the request has proven it."""
        tree = self._state.position.tree
        if tree == self._state.head.tree:
            return True
        return tree.size <= size and self._leads_to(tree.size, tree.root, size, root)

    def _leads_to(self, size1: int, root1: bytes, size2: int, root2: bytes) -> bool:
        proof = consistency_proof(self._reader, size1, size2)
        return verify_consistency(size1, size2, root1, root2, proof)

    def _replay_batch(self, edge: TreeEdge, size: int, root: bytes) -> None:
        start = edge.size
        whole, hashes = self._take(edge, size, root)
        leaves = whole[start % TILE_WIDTH :]
        self._on_step("fetched")
        rows = self._write(start, leaves, hashes)
        self._on_step("rows written")
        self._check(rows, leaves, start)
        if self._states:
            self.check_states(leaves, start)
        self._refuse(self._decisions.take(whole, start, size), leaves, start)
        tree = self._state.position.tree
        figures = count_on(tree.frontier_g, tree.ended_g, rows[start:])
        self._takings = self._takings.extended(rows[start:], start)
        self._state.reach(Position(Cosigned(edge.size, edge.root(), *figures), edge.peaks))

    def _take(self, edge: TreeEdge, size: int, root: bytes) -> tuple[Rows, list[bytes]]:
        """Read the next leaves and their hashes, bring the edge forward, and hold it to the log.

        Leaves (`LEAF_DTYPE`) are given from the beginning of the tile on that the edge was in.
        """
        start, old = edge.size, edge.size % TILE_WIDTH
        leaves = self._fetcher.fetch(start - old, size)
        hashes = leaf_hashes(leaves)
        if not edge.recall(hashes[:old]):
            path = entries_path(start // TILE_WIDTH, tile_width(0, start // TILE_WIDTH, size))
            raise Refuted(f"{path}: its first {old} leaves are not those that were replayed before")
        made = list(edge.extend(hashes[old:]))
        if edge.size < size:
            self._compare(made)
            if not self._leads_to(edge.size, edge.root(), size, root):
                said = f"the leaves up to {edge.size} are not those of the signed tree, or the log's tiles are false"
                raise Refuted(f"{said}: they make no consistency proof that holds")
        elif edge.root() == root:
            self._compare([*made, *edge.partials()])
        else:
            said = f"the leaves that the log serves make the root {edge.root().hex()}, not the signed one"
            raise Refuted(said)
        return leaves, hashes[old:]

    def _compare(self, made: list[MadeTile]) -> None:
        published = self._fetcher.fetch_tiles([(tile.level, tile.n, tile.width) for tile in made])
        for tile, data in zip(made, published, strict=True):
            tile.check(data)

    def _write(self, start: int, leaves: Rows, hashes: list[bytes]) -> Rows:
        """Write the rows of leaves that can be read, and give those of all leaves up to the last of them."""
        unknown = np.flatnonzero(leaves["version"] != VERSION)
        if len(unknown):
            leaf = start + int(unknown[0])
            data = _bytes_of([leaf], leaves, start)
            raise Unlawful(leaf, "leaf-version", "the leaf is of an unknown version", None, data)
        self._state.write_rows(start, rows_of(leaves), hashes)
        return self._state.rows(start + len(leaves))

    def _check(self, rows: Rows, leaves: Rows, start: int) -> None:
        """Raise Unlawful for the first leaf from `start` on that breaks a rule; its parent comes before its rivals."""
        found = [*self._against_parents(rows, start), *self._against_rivals(rows, start), *self._in_runs(rows, start)]
        if found:
            leaf, order, rule, other = min(found, key=lambda one: one[:2])
            detail = _DETAILS[order].format(other) if other is not None else ""
            data = _bytes_of([leaf] if other is None else [leaf, other], leaves, start)
            raise Unlawful(leaf, rule.name, SENTENCES[rule] + detail, other, data)

    def check_states(self, leaves: Rows, start: int) -> None:
        """Raise Unlawful for the first STATE record among lawful leaves that is not of the leaves before it.

        `leaves` (`LEAF_DTYPE`) begin at index `start`, and their rows were replayed.
        """
        for index, evidence in check.records_among(leaves, start):
            self._state.check_rows(np.arange(index), index)
            if not check.is_true(evidence, self._state.rows(index), self._state.leaf_hashes(index)):
                raise Unlawful(index, check.RULE, check.SENTENCE, None, _bytes_of([index], leaves, start))

    def _refuse(self, fault: Fault | None, leaves: Rows | None = None, start: int = 0) -> None:
        if fault is not None:
            leaf, rule, sentence = fault
            data = {} if leaves is None else _bytes_of([leaf], leaves, start)
            raise Unlawful(leaf, rule, sentence, None, data)

    def _against_parents(self, rows: Rows, start: int) -> list[Found]:
        """Find the first leaf that is unlawful by itself or against its parent."""
        parents = rows["parent"][start:]
        self._check_rows(parents[parents < start], rows)
        rules = self._judge.judge(rows, start)
        places = np.flatnonzero(rules != LAWFUL)[:1].tolist()
        return [
            (start + at, 0, Rule(rules[at]), int(parents[at]) if parents[at] < start + at else None) for at in places
        ]

    def _against_rivals(self, rows: Rows, start: int) -> list[Found]:
        """Find the leaves that take what another one took."""
        among = [(start + later, 1, rule, start + earlier) for rule, (later, earlier) in find_overlaps(rows[start:])]
        later, earlier = self._takings.neighbours(rows[start:], start)
        self._check_rows(earlier, rows)
        return [*among, *((one, 2, rule, other) for rule, (one, other) in overlaps_among(rows, later, earlier))]

    def _in_runs(self, rows: Rows, start: int) -> list[Found]:
        """Find the leaves that should be of one run with the leaf before them and are not."""
        self._check_rows(np.arange(max(start - 1, 0), start), rows)
        return [(leaf, 3, Rule.GATHERED, leaf - 1 if leaf else None) for leaf in broken_runs(rows, start).tolist()]

    def _check_end(self, size: int) -> None:
        """Raise Unlawful when the last of `size` leaves is a GATHER; it may have been replayed some time ago."""
        last = self._state.rows(size)[max(size - 1, 0) :]
        self._state.check_rows(np.arange(max(size - 1, 0), size), size)
        if ends_in_run(last):
            sentence = f"{SENTENCES[Rule.GATHERED]}: it is the last of the checkpoint"
            raise Unlawful(size - 1, Rule.GATHERED.name, sentence, None, {})

    def _check_rows(self, leaves: NDArray[Any], rows: Rows) -> None:
        self._state.check_rows(np.unique(leaves).astype(np.intp), len(rows))


def count_on(frontier_g: int, ended_g: int, rows: Rows) -> tuple[int, int]:
    """Count frontier and ended grams on; lawful leaves end each of less than 2^64 grams once, so no sum overflows."""
    kind = rows["codes"] >> 14
    ends = rows[are_ends(kind)]
    frontier_g = max(frontier_g, int(rows["last"][are_origins(kind)].max(initial=0)))
    return frontier_g, ended_g + int((ends["last"] - ends["first"]).sum(dtype=np.uint64))


def _takings_of(state: WitnessState) -> Takings:
    """Check all rows up to the state's position, and see who took what."""
    takings, size = Takings(), state.position.tree.size
    for start in range(0, size, BATCH):
        end = min(size, start + BATCH)
        state.check_rows(np.arange(start, end), end)
        takings = takings.extended(state.rows(end)[start:], start)
    return takings


def _bytes_of(indices: Iterable[int], leaves: Rows, start: int) -> dict[int, bytes]:
    return {index: leaves[index - start].tobytes() for index in indices if index >= start}
