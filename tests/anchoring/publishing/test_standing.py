"""Whoever holds more of the log than the database signed stops it from signing, for good; another history at once."""

import pytest
import sqlalchemy as sa

from anchoring.errors import Behind, Refuted, Unreachable
from anchoring.note import ED25519, Signer
from anchoring.publishing.publisher import Publisher
from anchoring.publishing.standing import Known, known_to, standing, take_note
from anchoring.tree.folder import LogFolder
from anchoring.tree.sources import DirectorySource, HttpSource
from tests.support.publishing import GATE, cosigning
from tests.support.static import serve_files

LOG = Signer("example.com/log", ED25519, b"l" * 32)
VKEY = LOG.verifier.vkey


@pytest.fixture
def publisher(scheme, tmp_path):
    nobody = cosigning([], scheme.clock)
    return Publisher(scheme.database.transaction, LogFolder(tmp_path / "log"), LOG, nobody, scheme.clock, GATE)


def test_a_mirror_that_is_ahead_is_never_forgotten(scheme, publisher, tmp_path):
    transaction = scheme.database.transaction
    scheme.issue({scheme.person(): 10})
    size = publisher.publish()
    with serve_files(tmp_path / "log") as url, HttpSource(url) as mirror:
        assert not take_note(transaction, [known_to(mirror, VKEY, url)]).is_behind
    with transaction() as tx:
        root = tx.execute(sa.text("SELECT root FROM checkpoints WHERE size = :size"), {"size": size}).scalar_one()
    assert not take_note(transaction, [Known("a witness", size, bytes(root))]).is_behind
    assert take_note(transaction, [Known("a witness", size + 1, bytes(32))]).is_behind
    assert take_note(transaction, []).is_behind, "nobody answers, and it is still known"
    with pytest.raises(Behind, match=f"{size + 1} leaves, and the database signed {size}"):
        publisher.publish()
    assert standing(transaction).known_size == size + 1


def test_another_root_of_a_size_signed_here_is_another_history(scheme, publisher):
    scheme.issue({scheme.person(): 10})
    size = publisher.publish()
    for smaller in (size, size - 1):
        with pytest.raises(Refuted, match="the chain holds another history"):
            take_note(scheme.database.transaction, [Known("the chain", smaller, bytes(32))])


def test_another_history_is_found_also_of_a_tree_that_is_signed_in_the_meantime(scheme, publisher):
    """Between a look at the size and the note there is no moment in which the log may grow past it unseen."""
    scheme.issue({scheme.person(): 10})
    size, engine = publisher.publish(), scheme.database.engine
    scheme.issue({scheme.person(): 10})

    def grow(_connection, _cursor, statement, *_rest) -> None:
        if "SET known_size" in statement and standing(scheme.database.transaction).size == size:
            publisher.publish()

    sa.event.listen(engine, "before_cursor_execute", grow)
    try:
        with pytest.raises(Refuted, match="the chain holds another history"):
            take_note(scheme.database.transaction, [Known("the chain", size + 1, bytes(32))])
    finally:
        sa.event.remove(engine, "before_cursor_execute", grow)
    assert standing(scheme.database.transaction).size > size


def test_a_mirror_that_lies_or_is_silent_counts_for_nothing(scheme, publisher, tmp_path):
    scheme.issue({scheme.person(): 10})
    publisher.publish()
    source = DirectorySource(tmp_path / "log")
    with pytest.raises(Refuted):
        known_to(source, Signer(LOG.name, ED25519, b"x" * 32).verifier.vkey, "mirror")
    with pytest.raises(Unreachable):
        known_to(source, VKEY, "mirror", "nothing/checkpoint")


def test_a_folder_that_is_ahead_stops_acts_too(scheme, owner, publisher):
    """A standby that took over lags a moment behind: the running publisher sees it at its next run."""
    scheme.issue({scheme.person(): 10})
    publisher.publish()
    with owner.transaction() as tx:
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        tx.execute(sa.text("UPDATE log_head SET size = 0, published_size = 0"))
        tx.execute(sa.text("DELETE FROM publications"))
        tx.execute(sa.text("DELETE FROM checkpoints"))
    with pytest.raises(Behind):
        publisher.publish()
    with pytest.raises(Exception, match="restored from a backup"):
        scheme.issue({1: 10})
