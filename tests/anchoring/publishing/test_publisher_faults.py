"""The publisher's rows of docs/faults.md: each external write fails, is carried out unheard, or hangs."""

import threading
from collections.abc import Iterator

import pytest

from anchoring.checkpoint import open_checkpoint
from anchoring.errors import Refuted, Unreachable
from anchoring.publishing.publisher import Publisher
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TileReader, root_at
from registry.database.engine import Database
from registry.errors import Unavailable
from tests.support.faulty_wire import Fault, FaultyWire, to_postgres
from tests.support.publishing import COSIGNERS, GATE, LOG, act, cosigning, files_of


@pytest.fixture
def wire(scheme) -> Iterator[FaultyWire]:
    url = scheme.database.url
    with FaultyWire(to_postgres(url.query["host"], 5432), b"COMMIT") as made:
        yield made


@pytest.fixture
def wired(scheme, wire, folder) -> Iterator[Publisher]:
    """A publisher whose database is at the other end of the wire."""
    url = scheme.database.url.set(drivername="postgresql", host="127.0.0.1", port=wire.port, query={})
    database = Database(url.render_as_string(hide_password=False), pool_size=1)
    yield Publisher(database.transaction, folder, LOG, cosigning(COSIGNERS, scheme.clock), scheme.clock, GATE)
    database.close()


def published(folder) -> int:
    """Size of the public checkpoint, whose tiles must all be there."""
    if not folder.has_checkpoint():
        return 0
    tree = open_checkpoint(folder.read("checkpoint"), LOG.verifier.vkey).checkpoint
    assert root_at(TileReader(DirectorySource(folder.path)), tree.size) == tree.root
    return tree.size


def whole(scheme, folder, publisher, tmp_path) -> None:
    """Nothing waits, nothing is skipped or doubled, and the folder is what the database makes anew."""
    size = publisher.publish()
    assert published(folder) == size
    again = type(folder)(tmp_path / "again")
    Publisher(scheme.database.transaction, again, LOG, publisher.cosigners, scheme.clock, GATE).rebuild()
    assert files_of(again).items() <= files_of(folder).items()
    with scheme.database.transaction() as tx:
        counts = tx.exec_driver_sql(
            "SELECT (SELECT count(*) FROM movements), (SELECT count(*) FROM log_entries), "
            "(SELECT count(DISTINCT movement_id) FROM log_entries), (SELECT count(*) FROM unsequenced)"
        ).one()
    assert counts == (size, size, size, 0)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_each_commit_of_a_publication(scheme, folder, publisher, wired, wire, tmp_path, fault):
    act(scheme, 2)
    before = publisher.publish()
    commits = failed = 0
    while commits == failed:
        act(scheme, 1)
        commits += 1
        wire.fail(commits, fault)
        if fault is Fault.TIMED_OUT:
            failed += overtaken(publisher, wired, wire)
        else:
            failed += stopped(wired)
        assert published(folder) >= before
        before = publisher.publish()
    assert failed >= 6  # check, head, stage, advance, publication and their like
    whole(scheme, folder, publisher, tmp_path)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_each_commit_of_setting_aside(scheme, folder, publisher, wired, wire, tmp_path, fault):
    """What does not stand is set aside once, and neither waits nor keeps anybody waiting, whichever commit fails."""
    commits = failed = 0
    while commits == failed:
        act(scheme, 1)
        commits += 1
        with scheme.database.transaction() as tx:
            tx.exec_driver_sql("INSERT INTO unsequenced VALUES (%s)", (-commits,))
        wire.fail(commits, fault)
        failed += overtaken(publisher, wired, wire) if fault is Fault.TIMED_OUT else stopped(wired)
        publisher.publish()
    with scheme.database.transaction() as tx:
        aside = tx.exec_driver_sql("SELECT movement_id, reason FROM set_aside ORDER BY 1 DESC").all()
    assert aside == [(-number, "gone") for number in range(1, commits + 1)]
    whole(scheme, folder, publisher, tmp_path)


def stopped(wired: Publisher) -> int:
    """Publish over the wire; 1 when the fault was met."""
    try:
        wired.publish()
    except Unavailable:
        return 1
    return 0


def overtaken(publisher: Publisher, wired: Publisher, wire: FaultyWire) -> int:
    """Publish over the wire, and while the answer hangs publish without it; 1 when the fault was met.

    Whoever waits hears the late answer when all is done already. It may find nothing to do, or be refused; it may not
    sign or publish anything else.
    """
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            wired.publish()
        except (Refuted, Unreachable, Unavailable) as error:
            ended.append(error)
        else:
            ended.append(None)

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive() and not wire.struck.wait(0.01):
        pass
    size = publisher.publish()
    wire.release()
    thread.join()
    assert len(ended) == 1
    assert published(publisher.folder) == size
    return int(wire.struck.is_set())


def test_each_file_that_was_written_and_reported_as_failed(scheme, folder, publisher, tmp_path):
    """Failed but persisted: the disk's error comes after the rename, as that of a folder's fsync does."""
    for failing in range(1, 100):
        act(scheme, 12)
        seen = published(folder)
        steps = iter(range(1, 100))

        def on_step(name: str, steps: Iterator[int] = steps, failing: int = failing) -> None:
            if name.startswith(("tile ", "checkpoint")) and next(steps) == failing:
                raise Unreachable("the disk fails")

        broken = Publisher(
            scheme.database.transaction, folder, LOG, cosigning(COSIGNERS, scheme.clock), scheme.clock, GATE, on_step
        )
        try:
            broken.publish()
        except Unreachable:
            assert published(folder) >= seen
        else:
            break
    assert failing > 4
    whole(scheme, folder, publisher, tmp_path)
