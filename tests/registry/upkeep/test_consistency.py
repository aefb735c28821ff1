"""Tables that agree are not doubted, whatever was done; that those which do not are found is the tamper campaign's."""

import pytest
import sqlalchemy as sa

from anchoring.note import ED25519, Signer
from anchoring.publishing.consistency import check_checkpoints
from anchoring.publishing.publisher import Publisher
from anchoring.tree.folder import LogFolder
from registry.consumption.transfer import transfer
from registry.ledger.ledger import Amount
from registry.ledger.sealing import MAX_RUN
from registry.upkeep.bindings import check_evidence, check_holders
from registry.upkeep.consistency import check_tables
from registry.upkeep.erasure import erase_account
from registry.upkeep.sealed import check_seals
from tests.support.publishing import GATE, cosigning
from tests.support.simulation import Simulation

LOG = Signer("example.com/log", ED25519, b"l" * 32)


def findings(scheme):
    with scheme.database.transaction() as tx:
        found = [*check_tables(tx), *check_evidence(tx, scheme.ledger.vault), *check_holders(tx, scheme.ledger.vault)]
        found += check_seals(tx, scheme.ledger.vault.sealer)
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


FALSE_BLOCKS = {
    "it is too short": "UPDATE blocks SET last_g = 9",
    "another lies in it": """
        INSERT INTO blocks (movement_id, account_id, lot_id, lot_first_g, lot_last_g, first_g, last_g, form, flags,
            until_ms)
        SELECT movement_id, account_id, lot_id, lot_first_g, lot_last_g, 4, 6, form, flags, until_ms FROM blocks
    """,
}


@pytest.mark.parametrize("how", FALSE_BLOCKS)
def test_a_false_block_is_named(scheme, owner, how):
    scheme.issue({scheme.person(): 10})
    with owner.engine.connect() as tx:
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        tx.execute(sa.text(FALSE_BLOCKS[how]))
        movement = tx.execute(sa.text("SELECT DISTINCT movement_id FROM blocks")).scalar_one()
        found = list(check_tables(tx))
        tx.rollback()
    assert [one.place for one in found] == [f"movement {movement}"]


MISPLACED = {
    "an activity is said to be of another lot": "UPDATE activities SET lot_id = :other WHERE account_id = :person",
    "an activity is of a lot that never was": "UPDATE activities SET lot_id = 10000 WHERE account_id = :person",
    "an activity is said to have saved more": "UPDATE activities SET quantity_g = 11 WHERE account_id = :person",
    "who was busy is said to be so of no lot": "UPDATE occupied SET lot_id = 10000 WHERE account_id = :person",
}


@pytest.mark.parametrize("way", MISPLACED)
def test_an_activity_of_another_lot_is_named(scheme, owner, way):
    """No key binds them to their lots: they are written before it (0014_bulk.py)."""
    person = scheme.person()
    lot, other = scheme.issue({person: 10}), scheme.issue({scheme.person(): 20})
    with owner.engine.connect() as tx:
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        statement = sa.text(MISPLACED[way])
        values = {"person": person, "other": other.id}
        assert tx.execute(statement, {name: values[name] for name in statement.compile().params}).rowcount == 1
        places = {one.place for one in check_tables(tx)}
        tx.rollback()
    assert places <= {f"lot {lot.id}", f"lot {other.id}", "lot 10000"}
    assert places


PLANTED = {
    "a row of its own": "INSERT INTO movements OVERRIDING SYSTEM VALUE SELECT * FROM changed",
    "another act": "UPDATE movements SET act_id = act_id - 1 WHERE id = :id",
    "another giver": "UPDATE movements SET giver_id = :other WHERE id = :id",
    "another holder": "UPDATE movements SET account_id = :other WHERE id = :id",
    "a gram more": "UPDATE movements SET last_g = last_g + 1 WHERE id = :id",
    "a tag cut short": "UPDATE movements SET to_tag = substr(to_tag, 1, 19) WHERE id = :id",
    "its seal altered": "UPDATE seals SET mac = sha256(mac) WHERE first_id <= :id AND first_id + count > :id",
    "its seal taken away": "DELETE FROM seals WHERE first_id <= :id AND first_id + count > :id",
    "its seal lengthened": "UPDATE seals SET count = 1000000000 WHERE first_id <= :id AND first_id + count > :id",
}


@pytest.mark.parametrize("way", PLANTED)
def test_what_this_program_did_not_write_so_is_named(scheme, owner, way):
    """Each transfer is one movement under one seal; those before and after it are not doubted."""
    people = [scheme.person() for _ in range(3)]
    scheme.issue({people[0]: 30})
    moved = []
    for _ in range(3):
        with scheme.database.transaction() as tx:
            moved += transfer(tx, scheme.ledger, people[0], people[1], Amount(1), "donation").movements
    number = moved[1].id
    with owner.engine.connect() as tx:
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for table in ("movements", "seals"):
            for name in tx.execute(_CHECKED, {"table": table}).scalars().all():
                tx.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
        if way == "a row of its own":
            tx.execute(sa.text("CREATE TEMP TABLE changed AS SELECT * FROM movements WHERE id = :id"), {"id": number})
            number += 10_000
            tx.execute(sa.text("UPDATE changed SET id = :id"), {"id": number})
        statement = sa.text(PLANTED[way])
        values = {"id": number, "other": people[2]}
        tx.execute(statement, {name: values[name] for name in statement.compile().params})
        found = list(check_seals(tx, scheme.ledger.vault.sealer))
        tx.rollback()
    assert [one.place for one in found] == [f"movement {number}"]
    assert "no seal of this program" in found[0].sentence


def test_false_seals_hide_nothing_and_cost_no_memory(scheme, owner):
    """A thousand that overlap, before, on and after the true ones: nobody is doubted, and the window stays one run."""
    person = scheme.person()
    for _ in range(3):
        scheme.issue({person: 5, scheme.person(): 5})
    with owner.engine.connect() as tx:
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        tx.execute(sa.text(
            "INSERT INTO seals SELECT n, :most, sha256(convert_to(n || ' ' || i, 'UTF8')) "
            "FROM generate_series((SELECT min(id) - 2 FROM movements), (SELECT max(id) + 2 FROM movements)) n, "
            "generate_series(1, 20) i"
        ), {"most": MAX_RUN})  # fmt: skip
        assert list(check_seals(tx, scheme.ledger.vault.sealer)) == []
        tx.rollback()


_CHECKED = sa.text("""
    SELECT conname FROM pg_constraint WHERE conrelid = CAST(:table AS regclass) AND contype IN ('c', 'x', 'f', 'u')
""")
