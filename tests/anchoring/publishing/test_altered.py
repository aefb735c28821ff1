"""Where the log cannot go on from what it finds, it says what was altered; put right, it goes on, and all is logged."""

from dataclasses import replace

import pytest

from anchoring.errors import Altered
from anchoring.leaf import encode
from anchoring.publishing.epochs import Epochs
from api.installation.condition import STOPPED, Conditions
from api.installation.witnesses import UNTOLD, Publishing, Witnessing
from registry.ledger.movement import Kind
from registry.points.points import redeem
from tests.support.backups import checked
from tests.support.insider import Insider
from tests.support.publishing import act

ALTERED = {
    "a table is gone": ("ALTER TABLE seals RENAME TO taken", "ALTER TABLE taken RENAME TO seals", "seals"),
    "a column is gone": (
        "ALTER TABLE unsequenced RENAME COLUMN movement_id TO taken",
        "ALTER TABLE unsequenced RENAME COLUMN taken TO movement_id",
        "movement_id",
    ),
    "a column has another type": (
        (
            "ALTER TABLE log_entries DROP CONSTRAINT log_entries_leaf_check;"
            "ALTER TABLE log_entries ALTER COLUMN leaf TYPE text USING encode(leaf, 'hex')"
        ),
        "ALTER TABLE log_entries ALTER COLUMN leaf TYPE bytea USING decode(leaf, 'hex')",
        "invalid byte sequence",
    ),
    "a rule of his own": (
        "ALTER TABLE log_entries ADD CONSTRAINT his CHECK (index < 3) NOT VALID",
        "ALTER TABLE log_entries DROP CONSTRAINT his",
        "violates check constraint",
    ),
    "the role's rights are gone": (
        "REVOKE SELECT ON checkpoints FROM gramledger_registry",
        "GRANT SELECT ON checkpoints TO gramledger_registry",
        "permission denied",
    ),
    "the head is further": (
        "UPDATE log_head SET size = size + 7",
        "UPDATE log_head SET size = size - 7",
        "the last checkpoint at",
    ),
    "the head is back": (
        "UPDATE log_head SET size = 0, published_size = 0",
        "UPDATE log_head SET size = {size}, published_size = {size}",
        "the head of the log is at 0",
    ),
    "there are two heads": (
        "ALTER TABLE log_head DROP CONSTRAINT log_head_pkey; INSERT INTO log_head VALUES (true, 0, 0)",
        "DELETE FROM log_head WHERE size = 0; ALTER TABLE log_head ADD PRIMARY KEY (sole)",
        "MultipleResultsFound",
    ),
    "a checkpoint that the log did not sign": (
        (
            "INSERT INTO checkpoints SELECT size + 1, root, frontier_g, ended_g, peaks, note, 1 FROM checkpoints;"
            "UPDATE log_head SET size = size + 1"
        ),
        "UPDATE log_head SET size = size - 1; DELETE FROM checkpoints WHERE size > {size}",
        "is none that the log signed|of no checkpoint that the log signed",
    ),
    "another root": (
        "UPDATE checkpoints SET root = sha256(root)",
        "UPDATE checkpoints SET root = decode('{root}', 'hex')",
        "of no checkpoint that the log signed|is not one that this database signed",
    ),
    "published, it is said": (
        "DELETE FROM publications",
        "INSERT INTO publications VALUES ({size}, '{note}', 1)",
        "was not published there",
    ),
}


@pytest.fixture
def insider(scheme, owner, tmp_path):
    return Insider(scheme, owner, tmp_path)


def signed(insider) -> dict[str, object]:
    return insider.execute("SELECT size, encode(root, 'hex') AS root, note FROM checkpoints")[0]._asdict()


def alter(insider, statements: str, **values) -> None:
    for statement in statements.split(";"):
        insider.execute(statement.format(**values), triggers=False)


@pytest.mark.parametrize("attack", ALTERED)
def test_what_was_altered_is_named_and_what_was_recorded_is_logged_when_it_is_put_right(insider, attack):
    done, undone, said = ALTERED[attack]
    before = signed(insider)
    act(insider.scheme, 1)
    alter(insider, done, **before)
    with pytest.raises(Altered, match=f"(?i){said}.*docs/recovery.md"):
        insider.publisher.publish()
    alter(insider, undone, **before)
    insider.goes_on()


def test_health_is_told_until_it_is_put_right(insider, tmp_path):
    witnessing = Witnessing(tmp_path / "witnesses.json")
    conditions = Conditions(tmp_path / "conditions.json", witnessing)
    publishing = Publishing(insider.publisher, witnessing, insider.scheme.clock)
    alter(insider, "UPDATE log_head SET size = size + 7")
    assert not publishing.turn()
    since = witnessing.read().stopped_since_ms
    assert not publishing.turn()
    assert [(one.name, one.since_ms) for one in conditions.read()] == [(STOPPED, since)]
    assert "the last checkpoint at" in witnessing.read().stopped
    alter(insider, "UPDATE log_head SET size = size - 7")
    assert publishing.turn()
    assert conditions.read() == []


def test_what_nobody_thought_of_ends_no_turn(insider, tmp_path):
    witnessing = Witnessing(tmp_path / "witnesses.json")
    publishing = Publishing(insider.publisher, witnessing, insider.scheme.clock)
    insider.execute("ALTER TABLE log_head ALTER COLUMN known_size DROP NOT NULL")
    insider.execute("UPDATE log_head SET known_size = NULL", triggers=False)
    act(insider.scheme, 1)
    assert not publishing.turn()
    assert witnessing.read().stopped == UNTOLD
    insider.execute("UPDATE log_head SET known_size = 0", triggers=False)
    assert publishing.turn()


class Stop(Exception):
    """A crash."""


def stop(step: str) -> None:
    if step == "recorded":
        raise Stop


def test_a_state_that_was_moved_to_another_index_is_not_signed(insider):
    """Staged and not signed: an earlier movement, committed later, was put before it."""
    ledger, epochs = insider.scheme.ledger, Epochs(insider.publisher, insider.publisher.folder.path / "state", stop)
    with insider.scheme.database.transaction() as late:
        written = redeem(late, ledger, insider.person, insider.shop, 50).movements[0]
        with pytest.raises(Stop):
            epochs.make()
    state = insider.last(Kind.STATE)
    of = "SELECT index FROM log_entries WHERE movement_id = :number"
    index, parent = (insider.execute(of, number=number)[0][0] for number in (state, written.movement.parent))
    leaf = encode(replace(written.movement, parent=parent))
    insider.execute("UPDATE log_entries SET index = index + 1 WHERE movement_id = :state", triggers=False, state=state)
    insider.execute("INSERT INTO log_entries VALUES (:index, :id, :leaf)", index=index, id=written.id, leaf=leaf)
    insider.goes_on(state)
    assert insider.refused[state] == "state"


def test_a_checkpoint_with_the_hashes_of_another_size_is_named_by_fsck(insider):
    alter(insider, "UPDATE checkpoints SET peaks = peaks || sha256(peaks)")
    report = checked(insider.scheme.database, insider.publisher.folder.path)
    size = signed(insider)["size"]
    assert f"checkpoint {size}" in {finding.place for finding in report.findings}
    assert any(f"The checkpoint of {size} leaves has not" in finding.sentence for finding in report.findings)
