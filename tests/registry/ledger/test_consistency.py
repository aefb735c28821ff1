"""Tables that agree are not doubted, whatever was done; that those which do not are found is the tamper campaign's."""

import pytest
import sqlalchemy as sa

from anchoring.log.consistency import check_checkpoints
from anchoring.log.folder import LogFolder
from anchoring.log.publisher import Publisher
from anchoring.note import ED25519, Signer
from registry.accounts.accounts import erase_account
from registry.ledger.bindings import check_evidence, check_holders
from registry.ledger.consistency import check_tables
from tests.support.publishing import GATE, cosigning
from tests.support.simulation import Simulation

LOG = Signer("example.com/log", ED25519, b"l" * 32)


def findings(scheme):
    with scheme.database.transaction() as tx:
        found = [*check_tables(tx), *check_evidence(tx), *check_holders(tx, scheme.ledger.vault)]
        return [*found, *check_checkpoints(tx, LOG.verifier.vkey)]


@pytest.mark.parametrize("seed", [1, 2])
def test_lawful_lives_of_every_kind_are_not_doubted(scheme, tmp_path, seed):
    publisher = Publisher(
        scheme.database.transaction, LogFolder(tmp_path), LOG, cosigning([], scheme.clock), scheme.clock, GATE
    )
    simulation = Simulation(scheme, seed)
    for _ in range(3):
        simulation.run(60)
        assert findings(scheme) == [], "while some of it waits for the log"
        publisher.publish()
    assert findings(scheme) == []
    with scheme.database.transaction() as tx:
        erase_account(tx, simulation.acts.people[0], scheme.clock())
    assert findings(scheme) == [], "an erased account is no fault"


def test_a_publisher_that_stopped_between_two_steps_is_no_fault(scheme, tmp_path):
    scheme.issue({scheme.person(): 10})
    stop = {"tiles", "checkpoint"}

    def on_step(step: str) -> None:
        if step in stop:
            stop.remove(step)
            raise InterruptedError

    publisher = Publisher(
        scheme.database.transaction, LogFolder(tmp_path), LOG, cosigning([], scheme.clock), scheme.clock, GATE, on_step
    )
    for _ in range(2):
        with pytest.raises(InterruptedError):
            publisher.publish()
        assert findings(scheme) == []
    publisher.publish()
    assert findings(scheme) == []


def test_a_false_block_is_named(scheme, owner):
    scheme.issue({scheme.person(): 10})
    with owner.engine.connect() as tx:
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        tx.execute(sa.text("UPDATE blocks SET last_g = 9"))
        movement = tx.execute(sa.text("SELECT movement_id FROM blocks")).scalar_one()
        found = list(check_tables(tx))
        tx.rollback()
    assert [one.place for one in found][:2] == [f"movement {movement}", "the totals"]
