"""Grams of an account voided by corrections of their lots, proposed and ordered in one transaction."""

from collections.abc import Sequence

import sqlalchemy as sa

from registry.decisions.recording import Officers
from registry.issuance.correction import Told, Wrong, order_corrections, propose_correction
from registry.issuance.living import issued_as
from registry.ledger.blocks import Piece
from registry.ledger.ledger import Ledger
from registry.ledger.posting import Posted


def correct(
    tx: sa.Connection, ledger: Ledger, account_id: int, pieces: Sequence[Piece], officers: Officers, reason: str
) -> Posted:
    """Void pieces that an account holds; it must be locked."""
    told = Told(reason.replace(" ", "-"), "Said in a test.")
    cases = [
        propose_correction(tx, ledger, Wrong(lot, ranges), told, officers.proposer)
        for lot, ranges in issued_as(tx, [(piece.first, piece.last) for piece in pieces]).items()
    ]
    (posted,) = order_corrections(tx, ledger, cases, officers.deciding)
    assert posted.movements[0].movement.kind == 9, account_id
    return posted
