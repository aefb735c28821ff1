"""Officers decide about a batch: one proposes its issuance, another approves it; or they refuse it, with a reason.

What takes long, judging anew and writing the lot, is asked for here and done beside all else (`work.py`).
"""

import sqlalchemy as sa

from registry.decisions import motions
from registry.decisions.motions import Choose, Motion, approver
from registry.decisions.recording import By, Step, prepare
from registry.errors import Conflict, DecisionRefused, Invalid
from registry.issuance.batch import (
    Batch,
    State,
    Work,
    ask_for,
    batch_of_case,
    change,
    get_batch,
    refuse_other_version,
    require_state,
)
from registry.ledger.ledger import Ledger
from registry.procedure.decision import Officer, Record

ISSUES, REFUSES = "issue", "refuse"
CENTRE = frozenset({"centre"})


def propose_issuance(tx: sa.Connection, ledger: Ledger, number: int, seen: int, proposer: Officer) -> Batch:
    """Have a judged batch judged anew and then proposed, as the version that was seen.

    Raises `NotFound`, `VersionStale`, `BatchClosed`.
    """
    batch = get_batch(tx, number, lock=True)
    refuse_other_version(batch, seen)
    require_state(batch, State.JUDGED)
    return ask_for(tx, batch, ledger.clock(), Work.PROPOSE, proposer=str(proposer))


def decide_or_move(
    tx: sa.Connection, ledger: Ledger, case: str, decision: str, choose: Choose, reason: str | None
) -> tuple[str | None, int | None]:
    """Refuse an issuance, or have it judged anew and moved again, where that could not be done the first time.

    Raises `NotFound`, `BatchClosed`, `Invalid` without a reason, `DecisionRefused`, and what `choose` raises.
    """
    batch = batch_of_case(tx, case)
    officer = choose(CENTRE)
    if decision == ISSUES:
        require_state(batch, State.PROPOSED)
        if motions.waits(tx, case):
            raise Conflict(f"The issuance of batch {batch.id} waits for its approval already.")
        ask_for(tx, batch, ledger.clock(), Work.PROPOSE, proposer=str(officer))
        return State.PROPOSED, None
    if decision != REFUSES:
        raise DecisionRefused(f"An issuance is decided by {ISSUES} or {REFUSES}; {decision[:40]!r} is neither.")
    if reason is None:
        raise Invalid("Say why it is refused: a word, such as outdated.")
    require_state(batch, State.PROPOSED)
    prepare(tx, ledger, Record.ISSUANCE, case).take(tx, Step(REFUSES, "refused", By(officer, reason=reason)))
    at = ledger.clock()
    motions.end_of_case(tx, case, officer, at)
    told = {"type": DecisionRefused.code, "title": "The centre refused it", "detail": f"Refused: {reason}."}
    change(tx, batch, at, state=State.REFUSED, problem=told)
    return State.REFUSED, None


def approve_moved(tx: sa.Connection, ledger: Ledger, moved: Motion, choose: Choose) -> tuple[str, Officer]:
    """Approve that a lot is issued; gives how the batch stands, which is issued then, and who approved.

    Raises `NotFound`, `BatchClosed`, `Conflict` for who moved or proposed it, and what `choose` raises.
    """
    batch = batch_of_case(tx, moved.case)
    require_state(batch, State.PROPOSED)
    second = approver(tx, choose, CENTRE, moved.mover)
    before = prepare(tx, ledger, Record.ISSUANCE, moved.case).before
    if before is not None and motions.is_one_person(tx, str(before.actor), str(second)):
        raise Conflict(f"{second} proposed this; another officer approves it.")
    ask_for(tx, batch, ledger.clock(), Work.ISSUE, proposer=str(moved.mover), approver=str(second))
    return State.PROPOSED, second
