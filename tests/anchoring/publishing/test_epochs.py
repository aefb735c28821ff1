"""Epochs on a real PostgreSQL and a real folder: the record at its index, the map beside it, a crash at each step."""

import itertools
import os
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa

from anchoring.errors import Refuted
from anchoring.leaf import decode
from anchoring.publishing.epochs import Epochs, discard, maps_in, open_map, path_of
from anchoring.publishing.publisher import Publisher
from anchoring.state.segments import NO_INDEX
from anchoring.tree.folder import LogFolder
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TileReader
from registry.database.engine import Database
from registry.evidence.document import verify
from registry.ledger.movement import Kind
from tests.anchoring.publishing.test_publisher import COSIGNERS, LOG, act, checkpoint_of
from tests.support.publishing import GATE, cosigning
from tests.support.simulation import Simulation


@pytest.fixture
def folder(tmp_path: Path) -> LogFolder:
    return LogFolder(tmp_path / "log")


@pytest.fixture
def epochs(scheme, folder, tmp_path) -> Epochs:
    publisher = Publisher(
        scheme.database.transaction, folder, LOG, cosigning(COSIGNERS, scheme.clock), scheme.clock, GATE
    )
    return Epochs(publisher, tmp_path / "state")


def leaf_at(folder: LogFolder, index: int):
    return decode(TileReader(DirectorySource(folder.path)).leaf(index, checkpoint_of(folder).checkpoint.size))


def states_in(folder: LogFolder) -> list[int]:
    """The indices of all STATE records that are published; each must be of the leaves before it."""
    size = checkpoint_of(folder).checkpoint.size
    reader = TileReader(DirectorySource(folder.path))
    return [index for index in range(size) if decode(reader.leaf(index, size)).kind == Kind.STATE]


def test_an_epoch_is_a_record_at_the_size_it_is_of(scheme, folder, epochs):
    act(scheme)
    made = epochs.make()
    size = checkpoint_of(folder).checkpoint.size
    assert made.size == size - 1
    record = epochs_map(epochs, size).record
    assert leaf_at(folder, made.size) == record.movement(made.at)
    assert record.size == made.size
    with scheme.database.reading() as tx:
        fields = tx.execute(sa.text("SELECT fields FROM evidence WHERE digest = :d"), {"d": made.evidence}).scalar_one()
    assert verify(fields, made.evidence)
    assert {name: value for name, (_, value) in fields.items()} == {
        "record": "state",
        "size": str(record.size),
        "entries": str(record.entries),
        "frontier_g": "500",
        "root": record.root.hex(),
    }


def epochs_map(epochs: Epochs, published: int):
    found = open_map(epochs.folder, published)
    assert found is not None
    return found


def test_what_comes_meanwhile_has_its_index_behind_the_record(scheme, folder, epochs):
    act(scheme)

    def meanwhile(step: str) -> None:
        if step == "map":
            act(scheme, 2)

    made = Epochs(epochs.publisher, epochs.folder, meanwhile).make()
    assert states_in(folder) == [made.size]
    assert checkpoint_of(folder).checkpoint.size > made.size + 4
    again = epochs.make()
    assert states_in(folder) == [made.size, again.size]


def test_nothing_is_recorded_of_an_empty_log(database, tmp_path):
    cosigners = cosigning(COSIGNERS, lambda: 1)
    publisher = Publisher(database.transaction, LogFolder(tmp_path / "log"), LOG, cosigners, lambda: 1, GATE)
    assert Epochs(publisher, tmp_path / "state").make() is None


def test_files_that_were_changed_are_not_recorded(scheme, folder, epochs):
    act(scheme)
    epochs.publisher.publish()
    bundle = next(path for path in folder.path.rglob("*") if "entries" in str(path) and path.is_file())
    data = bytearray(bundle.read_bytes())
    data[-1] ^= 1
    bundle.write_bytes(data)
    with pytest.raises(Refuted):
        epochs.make()
    assert epochs.last() is None


def test_a_map_that_is_gone_or_cut_is_made_anew(scheme, epochs):
    act(scheme)
    made = epochs.make()
    path = path_of(epochs.folder, made.size)
    whole = path.read_bytes()
    assert not epochs.mend()
    for damaged in (b"", whole[:40], whole[:-1], b"X" + whole[1:], whole[:8] + b"\xff" * 24 + whole[32:]):
        path.write_bytes(damaged)
        assert open_map(epochs.folder, 10**6) is None
        assert epochs.mend()
        assert path.read_bytes() == whole
    discard(epochs.folder, made.size)
    assert epochs.mend()
    assert path.read_bytes() == whole


def test_only_the_last_maps_are_kept(scheme, epochs):
    made = []
    for _ in range(4):
        act(scheme, 1)
        made.append(epochs.make().size)
    assert maps_in(epochs.folder) == [made[3], made[2]]
    assert epochs_map(epochs, made[3]).record.size == made[2]
    assert epochs.last().size == made[3]


def test_the_blocks_in_the_database_are_the_map(scheme, folder, epochs):
    simulation = Simulation(scheme, seed=5)
    simulation.run(60)
    made = epochs.make()
    state = epochs_map(epochs, made.size + 1)
    with scheme.database.reading() as tx:
        blocks = tx.execute(_BLOCKS).all()
    reader = TileReader(DirectorySource(folder.path))
    entries = state.entries(0, state.record.entries, lambda index: reader.leaf(index, made.size + 1))
    assert all(entry.index != NO_INDEX for entry in entries)
    live = [(entry.first, entry.last, entry.index) for entry in entries if entry.movement.form]
    assert live == [(row.first_g, row.last_g, row.leaf) for row in blocks]
    assert (
        sum(entry.last - entry.first for entry in entries) == simulation.acts.cards.frontier == state.record.frontier_g
    )


_BLOCKS = sa.text(
    "SELECT b.first_g, b.last_g, e.index AS leaf FROM blocks b JOIN log_entries e USING (movement_id) "
    "ORDER BY b.first_g"
)


def die_at(url: str, folder: Path, last: int) -> int:
    """Make an epoch in a process of its own that is killed at its step `last`; its status, 0 when there is no such."""
    child = os.fork()
    if child == 0:
        steps = itertools.count(1)

        def on_step(_name: str) -> None:
            if next(steps) == last:
                os.kill(os.getpid(), signal.SIGKILL)

        log = LogFolder(folder / "log")
        cosigners = cosigning(COSIGNERS, lambda: 1_760_000_000_000)
        publisher = Publisher(Database(url).transaction, log, LOG, cosigners, lambda: 1_760_000_000_000, GATE, on_step)
        Epochs(publisher, folder / "state", on_step).make()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_kill_at_each_step_leaves_no_record_or_a_true_one(scheme, folder, epochs, tmp_path):
    url = scheme.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    kills = 0
    for last in range(1, 100):
        if last % 2:  # otherwise what the run before left is all there is
            act(scheme, 1)
            epochs.publisher.publish()
        status = die_at(url, tmp_path, last)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        kills += 1
    assert kills > 6
    epochs.publisher.publish()
    states = states_in(folder)
    assert epochs.last().size == states[-1]
    for index in states:
        discard(epochs.folder, index)
        assert epochs._write(index).movement(leaf_at(folder, index).at) == leaf_at(folder, index)
    with scheme.database.reading() as tx:
        assert tx.execute(sa.text("SELECT count(*) FROM unsequenced")).scalar_one() == 0
