"""What waits for a decision, among many cases that wait for nobody any more."""

from registry.decisions import worklist
from registry.issuance.correction import Told, Wrong, decide_or_move, propose_correction
from registry.procedure.decision import Officer, Record

CENTRE = Officer("centre", 1)


def test_what_waits_is_not_hidden_by_cases_that_were_dismissed(scheme, monkeypatch):
    """Of each record the oldest are listed: those that came to an end would fill the list, and stay."""
    monkeypatch.setattr(worklist, "MOST", 2)
    lot = scheme.issue({scheme.person(): 10})
    wrong, told = Wrong(lot.id, ((lot.first, lot.first + 1),)), Told("meter-fault", "Told.")
    with scheme.database.transaction() as tx:
        for _ in range(2):
            case = propose_correction(tx, scheme.ledger, wrong, told, CENTRE)
            decide_or_move(tx, scheme.ledger, case, "dismiss", lambda _: CENTRE, "in-order")
        waits = [propose_correction(tx, scheme.ledger, wrong, told, CENTRE) for _ in range(2)]
    with scheme.database.reading() as tx:
        found = worklist.worklist(tx, scheme.ledger.vault.sealer, scheme.clock())
    assert [one.number for one in found if one.record is Record.CORRECTION] == waits
