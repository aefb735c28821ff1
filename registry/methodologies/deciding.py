"""A methodology on its way: submitted, evaluated, published with its class or refused, revised, withdrawn (R7, R8).

A text is kept when it is submitted, and never altered; each decision names its digest, and what is published is that
text. What needs a second officer waits as a motion.
"""

from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.database.schema import methodologies, methodology_texts
from registry.decisions.motions import Choose, Motion, approver, move
from registry.decisions.recalled import about, last_decision
from registry.decisions.recording import By, Pending, case_about, prepare
from registry.errors import Conflict, DecisionRefused, Invalid, NotFound, Unclassified
from registry.ledger.ledger import Ledger
from registry.methodologies.published import digest_decided, enact
from registry.methodologies.record import Methodology, digest, parse, to_document
from registry.methodologies.reproduced import must_reproduce
from registry.opinions.opinions import counted
from registry.procedure import table
from registry.procedure.decision import PREFIXES, MethodologyVersion, Officer, Record

REFUSES = "refuse"
REVISES = "revise"


def submit(tx: sa.Connection, ledger: Ledger, methodology: Methodology, by: By) -> tuple[str, str]:
    """Take a methodology's text in; gives its case, and how that stands.

    The first of a code begins its case. One of a code that is published waits to be revised to (`revise`). Raises
    `MethodologyUnsound` when an example does not come out, `Unclassified`, `Conflict` for a version that has another
    text, `DecisionRefused`.
    """
    if methodology.methodology_class is None:
        raise Unclassified(f"Methodology {methodology.key} has no class; say which, I or II, is applied for.")
    must_reproduce(tx, methodology)
    case = case_about(tx, Record.METHODOLOGY, methodology.key)
    pending = prepare(tx, ledger, Record.METHODOLOGY, case)
    _keep(tx, methodology)
    if pending.before is not None and pending.before.state == "published":
        return case, pending.before.state
    enact(tx, pending, methodology, "submit", "submitted", by)
    return case, "submitted"


def decide_or_move(
    tx: sa.Connection, ledger: Ledger, case: str, decision: str, choose: Choose, reason: str | None
) -> tuple[str | None, int | None]:
    """Take a decision, or move it: gives the state that it leads to, or the number of the motion.

    Raises `NotFound`, `DecisionRefused`, `Conflict`, `Invalid` for a refusal without reason, and what `choose` raises.
    """
    pending, methodology, step = _next(tx, ledger, case, decision)
    if decision == REFUSES and reason is None:
        raise Invalid("A methodology is refused with a reason; give a word that says which.")
    mover = choose(step.by)
    if step.second:
        return None, move(tx, case, decision, mover, ledger.clock(), reason)
    _enact(tx, pending, methodology, step, By(mover, reason=reason))
    return step.to_state, None


def approve_moved(tx: sa.Connection, ledger: Ledger, moved: Motion, choose: Choose) -> tuple[str, Officer]:
    """Take a decision that was moved; gives the state that it leads to, and who approved it. Raises the same."""
    pending, methodology, step = _next(tx, ledger, moved.case, moved.decision)
    second = approver(tx, choose, step.second, moved.mover)
    if step.to_state == "published":
        must_reproduce(tx, methodology)
    _enact(tx, pending, methodology, step, moved.by(second))
    return step.to_state, second


def _enact(tx: sa.Connection, pending: Pending, methodology: Methodology, step: table.Step, by: By) -> None:
    """Record a decision with the opinions that were given on how the case stands."""
    enact(tx, pending, methodology, step.decision, step.to_state, by, counted(tx, pending))


def text_of_case(tx: sa.Connection, case: str) -> dict[str, Any]:
    """Give the newest text that was submitted in a case, as JSON has it. Raises `NotFound`."""
    newest = sa.select(methodology_texts.c.record).where(methodology_texts.c.code == about(tx, case))
    text = tx.execute(newest.order_by(methodology_texts.c.version.desc()).limit(1)).scalar_one_or_none()
    if text is None:
        raise NotFound(f"No text of case {case[:40]} was submitted.")
    return dict(text)


def _next(tx: sa.Connection, ledger: Ledger, case: str, decision: str) -> tuple[Pending, Methodology, table.Step]:
    """Hold a case; give its next decision, and the text that this is about."""
    code = about(tx, case)
    if code is None or not case.startswith(PREFIXES[Record.METHODOLOGY]):
        raise NotFound(f"Case {case} is no methodology's.")
    pending = prepare(tx, ledger, Record.METHODOLOGY, case)
    last = last_decision(tx, ledger.vault.sealer, case)
    if last is None or pending.before is None or not isinstance(last.content, MethodologyVersion):
        raise DecisionRefused(f"Case {case} was not begun.")
    step = pending.next_step(decision, last.content.kind)
    if decision == REVISES:
        return pending, _text(tx, code, last.content.version + 1), step
    methodology = _text(tx, code, last.content.version)
    if digest_decided(tx, pending.before.digest) != digest(methodology).hex():
        raise DecisionRefused(f"The text of {code} that is kept is not the one that case {case} is about.")
    return pending, methodology, step


def _keep(tx: sa.Connection, methodology: Methodology) -> None:
    """Keep a text under its code and version; the same again is the same."""
    row = {"code": methodology.key, "version": methodology.version, "digest": digest(methodology)}
    tx.execute(insert(methodology_texts).values(row | {"record": to_document(methodology)}).on_conflict_do_nothing())
    if digest(_text(tx, methodology.key, methodology.version)) != digest(methodology):
        named = f"Version {methodology.version} of {methodology.key}"
        raise Conflict(f"{named} was submitted with another text; give this one a new number.")


def _text(tx: sa.Connection, code: str, version: int) -> Methodology:
    """Give a version's text as it was submitted; of one whose submission was lost, as it was published."""
    row = next((row for row in (tx.execute(_of(kept, code, version)).one_or_none() for kept in _KEPT) if row), None)
    if row is None:
        raise DecisionRefused(f"No text of version {version} of methodology {code} was submitted.")
    methodology = parse(rfc8785.dumps(row.record))
    if digest(methodology) != bytes(row.digest):
        raise DecisionRefused(f"The text of version {version} of {code} is not the one that was submitted.")
    return methodology


_KEPT = (methodology_texts, methodologies)


def _of(kept: sa.Table, code: str, version: int) -> sa.Select[tuple[object, bytes]]:
    return sa.select(kept.c.record, kept.c.digest).where(kept.c.code == code, kept.c.version == version)
