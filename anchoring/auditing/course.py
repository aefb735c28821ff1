"""The course of an audit through one log: from where an earlier one came to, or from the first leaf, to the last."""

import tempfile
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from anchoring.auditing.crew import Crew
from anchoring.auditing.decisions import Decided
from anchoring.auditing.prior import RECALLED_TILES, check_grown, is_prefix_of, may_go_on, recall
from anchoring.auditing.replay import Replay
from anchoring.auditing.report import Totals
from anchoring.auditing.segment import SEGMENT
from anchoring.auditing.standing import Standing
from anchoring.auditing.statefile import StateFile
from anchoring.auditing.states import check_states
from anchoring.auditing.times import Moments
from anchoring.checkpoint import Checkpoint
from anchoring.errors import Unreachable
from anchoring.replaying.faults import Faults
from anchoring.tree.tiles import Source, TileReader
from registry.evidence.public import RULE
from registry.ledger.movement import Kind
from registry.procedure.rule import Finding

Progress = Callable[[int, int], None]
"""Is told (leaves done, leaves in all)."""


@dataclass(frozen=True, slots=True)
class Means:
    """What an audit may use; it finds the same with any.

    Up to `processes` divide the log among them. `state` is a file that keeps what was found for the next audit of this
    log, and for this one if it is ended before its time: written after every 16 segments.
    """

    processes: int = 1
    state: Path | None = None
    segment: int = SEGMENT
    """Leaves read together, whole tiles."""
    share: int = 16 * SEGMENT
    """Leaves for each process: for fewer it is not worth its start."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked beside the leaves."""

    states: tuple[int, ...]
    """Indices of the STATE records that were checked, now or by an earlier audit."""
    findings: tuple[Finding, ...]
    """What decisions leave open."""
    moments: Moments
    """When records say that they are."""


def run(
    source: Source,
    vkey: str,
    checkpoint: Checkpoint | None,
    sizes: AbstractSet[int],
    on_progress: Progress,
    means: Means,
    *,
    every_state: bool,
) -> tuple[Standing, Totals, Faults, Checked]:
    """Replay the log of a signed checkpoint, and find the roots and figures at `sizes` where they can be.

    Without a checkpoint nothing is read. Gives also the faults that no later audit would find again, and what was
    checked beside the leaves.
    """
    faults, unproven = Faults(), None
    with ExitStack() as stack:
        state = None if means.state is None else stack.enter_context(StateFile(means.state, vkey))
        if checkpoint is None:
            checkpoint, sizes, state = Checkpoint("", 0, b""), frozenset(), None
        elif state is not None and state.checkpoint is not None:
            reader = TileReader(source)
            if not may_go_on(reader, state.checkpoint, checkpoint, faults):
                unproven = state.checkpoint
                state = None
        standing = Standing() if state is None else state.standing()
        rows = _scratch(stack) if state is None else state.rows.path
        processes = max(1, min(means.processes, checkpoint.size // means.share))
        crew = stack.enter_context(Crew(source, rows, processes))
        known = () if unproven is None else (unproven.size,)
        asked = sorted(size for size in {checkpoint.size, *known, *sizes} if 0 < size <= checkpoint.size)
        replay = Replay(crew, source, standing, checkpoint.size, asked)
        _recall(source, crew, standing, asked, checkpoint)
        replay.run(on_progress, lambda: _keep(state, source, standing, checkpoint), means.segment)
        if unproven is not None and not faults.counts:
            check_grown(standing, unproven, faults)
        found = replay.overlaps()
        faults.merge(found.sorted(), found.counts)
        # What is missing beside the leaves leaves their state as it is.
        is_lawful = standing.faults.counts.keys() <= {RULE} and not faults.counts
        is_lawful &= standing.roots.get(checkpoint.size) == checkpoint.root
        decided = replay.decisions(source, faults) if is_lawful and not standing.faults.counts else Decided()
        states = _states(source, state, standing, checkpoint, faults, every=every_state) if is_lawful else ()
        return standing, replay.totals(decided.issuances), faults, Checked(states, decided.findings, replay.moments())


def _states(
    source: Source, state: StateFile | None, standing: Standing, checkpoint: Checkpoint, faults: Faults, *, every: bool
) -> tuple[int, ...]:
    """Check the last STATE record of a lawful log, or every one, but for those that an earlier audit checked."""
    records = standing.records.get(Kind.STATE, [])
    chosen = records if every else records[-1:]
    known = frozenset() if state is None else state.states
    checked = check_states(source, checkpoint, set(chosen) - known, faults)
    if state is not None and checked and not faults.counts:
        state.remember(checked, checkpoint)
    return tuple(sorted(known.intersection(chosen).union(checked)))


def _scratch(stack: ExitStack) -> Path:
    """Make a file for the rows of this audit alone, among the temporary files."""
    try:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gram-audit-"))
    except OSError as error:
        raise Unreachable(f"An audit needs a temporary file of 88 bytes a leaf: {error.strerror}.") from error
    return Path(folder) / "rows"


def _recall(source: Source, crew: Crew, standing: Standing, asked: list[int], checkpoint: Checkpoint) -> None:
    passed = [size for size in asked if size <= standing.size and size not in standing.roots.keys() & standing.figures]
    if passed:
        recall(TileReader(source, RECALLED_TILES), crew.rows(standing.size), standing, passed, checkpoint)


def _keep(state: StateFile | None, source: Source, standing: Standing, checkpoint: Checkpoint) -> None:
    """Keep what is known, if a state is kept and all of it is proven."""
    if state is not None and standing.is_firm and is_prefix_of(TileReader(source), standing, checkpoint):
        state.save(standing, checkpoint)
