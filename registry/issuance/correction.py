"""Corrections: grams that came from abnormal data are voided as decisions order it, and no others (R20)."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from registry.decisions.recording import Officers, Step, next_case, prepare
from registry.errors import Invalid
from registry.ledger import child
from registry.ledger.blocks import Piece
from registry.ledger.bundles import origins
from registry.ledger.ledger import Ledger, in_time
from registry.ledger.movement import Kind, Purpose
from registry.ledger.posting import Posted, post
from registry.procedure.decision import PREFIXES, Correction, Record


def correct(
    tx: sa.Connection, ledger: Ledger, account_id: int, pieces: Sequence[Piece], officers: Officers, reason: str
) -> Posted:
    """Order that an account's grams are voided, a correction for each lot that they were issued in, and void them.

    Locked ones too, and an erased account's. The account must be locked by the caller (`lock_even_erased`). Raises
    `Invalid` for grams of which the log does not tell the lot, `DecisionRefused` when a rule forbids it.
    """
    found = [origin for piece in pieces for origin in origins(tx, piece.first, piece.last)]
    if sum(origin.last - origin.first for origin in found) != sum(piece.quantity_g for piece in pieces):
        raise Invalid("Some of these grams lie in no lot that is known here; find their issuance first.")
    cases = []
    for lot_id in sorted({origin.lot_id for origin in found}):
        ranges = sorted((origin.first, origin.last) for origin in found if origin.lot_id == lot_id)
        cases.append(_order(tx, ledger, lot_id, ranges, officers))
    at, taken = in_time(ledger, lambda _: list(pieces))
    step = child.Step(Kind.VOID, at, Purpose.ABNORMAL_DATA)
    facts: dict[str, Any] = {"reason": reason, "corrections": cases}
    return post(tx, ledger.vault, "void", account_id, taken, step, facts, tell=ledger.tell)


def _order(
    tx: sa.Connection, ledger: Ledger, lot_id: int, ranges: Sequence[tuple[int, int]], officers: Officers
) -> str:
    issuance = f"{PREFIXES[Record.ISSUANCE]}{lot_id}"
    case = next_case(tx, Record.CORRECTION)
    pending = prepare(tx, ledger, Record.CORRECTION, case, cases=(issuance,))
    pending.take(tx, Step("propose", "proposed", officers.proposing))
    lot = pending.standing.cases.get(issuance)
    total = sum(end - first for first, end in ranges)
    order = Correction("" if lot is None else lot.digest, tuple(ranges), total, 0)
    pending.take(tx, Step("order", "ordered", officers.deciding, order))
    return case
