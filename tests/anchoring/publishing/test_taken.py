"""What is taken from the database past its rules, or given another shape there, is not missed by the log."""

# ruff: noqa: S608
import secrets

import pytest

from registry.consumption.cancel import Intent, cancel
from registry.ledger.ledger import Amount
from registry.ledger.movement import Kind
from registry.ledger.publication import set_aside_count
from registry.points.points import redeem
from registry.upkeep.consistency import check_tables
from registry.upkeep.recovery.aside import judge_again
from registry.upkeep.sealed import check_seals
from tests.support.insider import Insider
from tests.support.publishing import GATE, act


@pytest.fixture
def insider(scheme, owner, tmp_path):
    return Insider(scheme, owner, tmp_path)


def test_what_was_logged_and_deleted_is_not_spent_again(insider):
    """The rows of a logged act are gone and its block is back; its holder spends it once more in good faith."""
    with insider.scheme.database.transaction() as tx:
        cancel(tx, insider.scheme.ledger, insider.person, Amount(400), Intent("reduction", "donation"))
    insider.publisher.publish()
    first = insider.last(Kind.CANCEL)
    of = "SELECT * FROM movements WHERE id = (SELECT parent_id FROM movements WHERE id = :first)"
    parent = insider.execute(of, first=first)[0]
    block = """
        INSERT INTO blocks
            (movement_id, account_id, lot_id, lot_first_g, lot_last_g, first_g, last_g, form, flags, until_ms)
        SELECT p.id, p.account_id, l.id, l.first_g, l.last_g, m.first_g, m.last_g, p.form, p.flags, p.until_ms
        FROM movements m JOIN movements p ON p.id = m.parent_id
        JOIN lots l ON l.first_g <= m.first_g AND l.last_g >= m.last_g
        WHERE m.id = :first
    """
    insider.execute(block, triggers=False, first=first)
    for statement in ("log_entries WHERE movement_id", "certificates WHERE act_id > 0 OR act_id", "movements WHERE id"):
        insider.execute(f"DELETE FROM {statement} = :first", triggers=False, first=first)
    with insider.scheme.database.transaction() as tx:
        cancel(tx, insider.scheme.ledger, insider.person, Amount(400), Intent("reduction", "donation"))
    second = insider.last(Kind.CANCEL)
    assert insider.execute("SELECT parent_id FROM movements WHERE id = :second", second=second) == [(parent.id,)]
    act(insider.scheme, 2)
    insider.publisher.publish()
    assert insider.refused == {second: "rule-overlap"}
    assert insider.execute("SELECT count(*) FROM unsequenced") == [(0,)]


@pytest.mark.parametrize("kind", [Kind.CONVERT, Kind.METHODOLOGY, Kind.SOURCE])
def test_what_was_logged_and_lost_its_leaf_is_not_logged_twice(insider, kind):
    number = insider.execute("SELECT max(id) FROM movements WHERE kind = :kind", kind=int(kind))[0][0]
    if number is None:
        number = insider.execute("SELECT min(id) FROM movements WHERE kind >= 64")[0][0]
    insider.execute("DELETE FROM log_entries WHERE movement_id = :number", triggers=False, number=number)
    insider.execute("INSERT INTO unsequenced VALUES (:number)", number=number)
    act(insider.scheme, 2)
    size = insider.publisher.publish()
    assert insider.refused == {number: "logged"}
    assert insider.execute("SELECT count(*) FROM log_entries") == [(size - 1,)]


@pytest.mark.parametrize("hidden", [True, False])
def test_what_was_taken_out_of_the_queue_is_found_and_queued_again(insider, hidden):
    """Past the triggers, or as the registry's own role by way of `set_aside`."""
    with insider.scheme.database.transaction() as tx:
        number = redeem(tx, insider.scheme.ledger, insider.person, insider.shop, 50).movements[0].id
    if hidden:
        insider.execute("INSERT INTO set_aside VALUES (:number, '', 1, 1)", number=number)
    insider.execute("DELETE FROM unsequenced WHERE movement_id = :number", triggers=hidden, number=number)
    insider.goes_on() if not hidden else insider.publisher.publish()
    with insider.scheme.database.transaction() as tx:
        assert f"movement {number}" in [one.place for one in check_tables(tx)]
        assert list(check_seals(tx, GATE.sealer)) == []
        assert set_aside_count(tx) == int(hidden)
        assert judge_again(tx) == 1
    insider.goes_on()
    with insider.scheme.database.transaction() as tx:
        assert list(check_tables(tx)) == []


def test_a_second_row_under_one_number(insider):
    """Its seal covers one of the two, and nothing says which."""
    with insider.scheme.database.transaction() as tx:
        redeem(tx, insider.scheme.ledger, insider.person, insider.shop, 50)
    number = insider.last(Kind.REDEEM)
    row = insider.execute("SELECT * FROM movements WHERE id = :number", number=number)[0]._asdict()
    insider.execute("ALTER TABLE movements DROP CONSTRAINT movements_pkey CASCADE")
    insider.execute("ALTER TABLE log_entries DROP CONSTRAINT log_entries_movement_id_key")
    for tag in (secrets.token_bytes(20), secrets.token_bytes(20)):
        values = row | {"to_tag": tag}
        columns = f"({', '.join(values)}) OVERRIDING SYSTEM VALUE VALUES ({', '.join(f':{name}' for name in values)})"
        insider.execute(f"INSERT INTO movements {columns}", triggers=False, **values)
    insider.goes_on(number)


UNSHAPED = {
    "from_tag": ["NULL", "'\\x00'", "repeat('x', 5000)::bytea"],
    "evidence": ["NULL", "'\\x00'"],
    "kind": ["NULL", "-5"],
    "flags": ["NULL", "32767"],
    "at_ms": ["NULL", "-1", "9223372036854775807"],
    "act_id": ["NULL"],
    "account_id": ["NULL"],
}


@pytest.mark.parametrize(("column", "value"), [(name, value) for name, values in UNSHAPED.items() for value in values])
def test_a_column_of_another_shape(insider, column, value):
    """Its constraints were dropped first."""
    with insider.scheme.database.transaction() as tx:
        redeem(tx, insider.scheme.ledger, insider.person, insider.shop, 50)
    number = insider.last(Kind.REDEEM)
    drop_constraints(insider)
    insider.execute(f"UPDATE movements SET {column} = {value} WHERE id = {number}", triggers=False)
    insider.goes_on(number)


@pytest.mark.parametrize("table", ["movements", "log_entries", "seals", "evidence", "account_keys"])
def test_logged_rows_and_seals_of_another_shape(insider, table):
    """Of what is logged and was judged; who depends on such a row is set aside, everybody else goes on."""
    drop_constraints(insider)
    changes = {
        "movements": "UPDATE movements SET evidence = NULL, to_tag = NULL WHERE kind = 3",
        "log_entries": "UPDATE log_entries SET leaf = NULL WHERE index < 3",
        "seals": "UPDATE seals SET mac = NULL, count = NULL WHERE first_id < 5",
        "evidence": "UPDATE evidence SET fields = '[1, null]'",
        "account_keys": "UPDATE account_keys SET sealed = '\\x00' WHERE account_id = :person",
    }
    with insider.scheme.database.transaction() as tx:
        spent = redeem(tx, insider.scheme.ledger, insider.person, insider.shop, 50)
    values = {"person": insider.shop} if table == "account_keys" else {}
    insider.execute(changes[table], triggers=False, **values)
    insider.goes_on(*([] if table in {"log_entries", "seals"} else [spent.movements[0].id]))


def drop_constraints(insider):
    """Every check, every reference and every NOT NULL, but of primary keys, of the tables that the log reads."""
    for table in ("movements", "log_entries", "seals", "evidence", "account_keys"):
        of = "SELECT conname, contype::text FROM pg_constraint WHERE conrelid = CAST(:table AS regclass)"
        kept = (
            "conkey <@ (SELECT conkey FROM pg_constraint WHERE conrelid = CAST(:table AS regclass) AND contype = 'p')"
        )
        for name, _ in insider.execute(f"{of} AND contype IN ('c', 'n', 'f') AND NOT {kept}", table=table):
            insider.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')
    insider.execute("ALTER TABLE seals DROP CONSTRAINT seals_pkey")
    insider.execute("ALTER TABLE seals ALTER COLUMN mac DROP NOT NULL")
