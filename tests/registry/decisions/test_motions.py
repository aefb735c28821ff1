"""Two officers, two acts: one moves a decision, another approves it; what is recorded names both."""

import pytest
import sqlalchemy as sa

from registry.decisions.motions import end, list_open, move, take_up
from registry.decisions.recording import By
from registry.errors import Conflict, DecisionRefused, NotFound
from registry.policies.policies import in_force, propose_policy, publish_proposed, withdraw_proposed
from registry.procedure.decision import Officer

ONE, TWO = Officer("bureau", 1), Officer("bureau", 2)
LONG = {"validity_years": 5}


def proposed(scheme, value=None, after_ms=600_000):
    with scheme.database.transaction() as tx:
        at = (scheme.clock.now + after_ms) // 60_000 * 60_000
        case = propose_policy(tx, scheme.ledger, "points", value or LONG, at, By(ONE))
        return case, move(tx, case, "publish", ONE, scheme.clock()), at


def test_what_one_moves_another_approves_and_the_decision_names_both(scheme):
    case, number, at = proposed(scheme)
    with scheme.database.transaction() as tx:
        (waiting,) = list_open(tx)
        assert (waiting.id, waiting.case, waiting.decision, waiting.mover) == (number, case, "publish", ONE)
        motion = take_up(tx, number)
        publish_proposed(tx, scheme.ledger, motion.case, By(motion.mover, TWO))
        end(tx, number, TWO, scheme.clock(), approved=True)
    with scheme.database.transaction() as tx:
        assert list_open(tx) == []
        assert in_force(tx, scheme.ledger, "points", at).value == LONG
        with pytest.raises(Conflict, match="was approved by bureau:2"):
            take_up(tx, number)
        with pytest.raises(NotFound):
            take_up(tx, 10**9)


def test_nobody_approves_their_own(scheme):
    case, _, _ = proposed(scheme)
    for by in (By(ONE, ONE), By(TWO, ONE), By(ONE)):
        with pytest.raises(DecisionRefused), scheme.database.transaction() as tx:
            publish_proposed(tx, scheme.ledger, case, by)


def test_a_case_has_one_motion_at_a_time_and_a_proposal_can_be_taken_back(scheme):
    case, number, _ = proposed(scheme)
    with pytest.raises(Conflict, match=f"Motion {number} waits"), scheme.database.transaction() as tx:
        move(tx, case, "publish", TWO, scheme.clock())
    with scheme.database.transaction() as tx:
        withdraw_proposed(tx, scheme.ledger, case, By(ONE))
        end(tx, number, ONE, scheme.clock(), approved=False)
    with pytest.raises(DecisionRefused), scheme.database.transaction() as tx:
        publish_proposed(tx, scheme.ledger, case, By(ONE, TWO))
    again = proposed(scheme, {"validity_years": 3})
    assert again[0] == case
    assert again[1] != number


def test_what_is_approved_is_what_was_recorded(scheme):
    """What waits beside the record says nothing of what is decided, so nobody alters it there."""
    case, number, at = proposed(scheme)
    with scheme.database.transaction() as tx, pytest.raises(sa.exc.DBAPIError):
        tx.execute(sa.text("UPDATE motions SET mover = 'bureau:9' WHERE id = :id"), {"id": number})
    with scheme.database.transaction() as tx:
        publish_proposed(tx, scheme.ledger, case, By(ONE, TWO))
        assert in_force(tx, scheme.ledger, "points", at).value == LONG


def test_only_a_policys_case_has_a_policy(scheme):
    for case in ("S-1", "P-99"):
        with pytest.raises(NotFound), scheme.database.transaction() as tx:
            publish_proposed(tx, scheme.ledger, case, By(ONE, TWO))
