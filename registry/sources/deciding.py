"""An officer decides about a source: at once, or as a motion that waits for a second one, as the life cycle says."""

import sqlalchemy as sa

from registry.decisions.motions import Choose, Motion, approver, move
from registry.decisions.recording import By, number_of
from registry.ledger.ledger import Ledger
from registry.procedure.decision import Officer, Record
from registry.sources.approval import next_step, take
from registry.sources.given import NOTHING, Given, as_kept, checked_given
from registry.sources.sources import DECLARED


def decide_or_move(
    tx: sa.Connection,
    ledger: Ledger,
    case: str,
    decision: str,
    choose: Choose,
    reason: str | None,
    given: Given = NOTHING,
) -> tuple[str | None, int | None]:
    """Take a decision, or move it: gives the state that it leads to, or the number of the motion.

    Raises `NotFound`, `DecisionRefused`, `Conflict`, `Invalid` for what the step does not ask for, and what `choose`
    raises.
    """
    pending, source, step = next_step(tx, ledger, source_of(case), decision)
    mover = choose(step.by)
    checked_given(step, given, is_marked=source.rural == DECLARED)
    if step.second:
        return None, move(tx, case, decision, mover, ledger.clock(), reason, given.kept())
    return take(tx, pending, source, step, By(mover, reason=reason), given), None


def approve_moved(tx: sa.Connection, ledger: Ledger, moved: Motion, choose: Choose) -> tuple[str, Officer]:
    """Take a decision that was moved, as it was given; gives the state that it leads to, and who approved it."""
    pending, source, step = next_step(tx, ledger, source_of(moved.case), moved.decision)
    second = approver(tx, choose, step.second, moved.mover)
    return take(tx, pending, source, step, moved.by(second), as_kept(moved.given)), second


def source_of(case: str) -> int:
    """Give the number of the source that a case is about. Raises `NotFound` for any other case."""
    return number_of(case, Record.SOURCE)
