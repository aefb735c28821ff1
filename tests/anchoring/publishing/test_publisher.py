"""Publication on a real PostgreSQL and a real folder: what is published, and what a crash at each step leaves."""

import itertools
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial

import pytest

from anchoring.auditing.audit import audit
from anchoring.checkpoint import Checkpoint, open_checkpoint, sign
from anchoring.errors import Refuted, Unreachable
from anchoring.leaf import decode
from anchoring.merkle import EMPTY_ROOT, leaf_hash, verify_inclusion
from anchoring.publishing.consistency import check_checkpoints
from anchoring.publishing.publisher import Publisher
from anchoring.publishing.served import check_served
from anchoring.tree.folder import LogFolder
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TileReader, inclusion_proof, root_at
from registry.clock import system_clock
from registry.database.engine import Database
from registry.evidence.public import Document
from registry.ledger.rules import broken_rule
from tests.support.dying import die, run_in_a_process
from tests.support.publishing import COSIGNERS, GATE, LOG, act, cosigning, documents_of, files_of
from tests.support.scheme import FOUNDED, START, Scheme


def checkpoint_of(folder: LogFolder):
    vkeys = [cosigner.verifier.vkey for cosigner in COSIGNERS]
    return open_checkpoint(folder.read("checkpoint"), LOG.verifier.vkey, vkeys)


def test_what_is_committed_is_published_and_provable(scheme, folder, publisher):
    act(scheme)
    size = publisher.publish()
    signed = checkpoint_of(folder)
    assert signed.checkpoint.size == size == FOUNDED + 2 + 5 + 5  # issuance, issues, conversions
    assert len(signed.cosignatures) == 2
    reader = TileReader(DirectorySource(folder.path))
    assert root_at(reader, size) == signed.checkpoint.root
    leaves = [reader.leaf(index, size) for index in range(size)]
    for index, leaf in enumerate(leaves):
        proof = inclusion_proof(reader, index, size)
        assert verify_inclusion(index, size, leaf_hash(leaf), proof, signed.checkpoint.root)
        movement = decode(leaf)
        parent = None if movement.parent is None else decode(leaves[movement.parent])
        assert broken_rule(movement, parent) is None
        assert movement.parent is None or movement.parent < index


def test_an_empty_log_has_a_checkpoint_from_the_start_and_holds(database, folder):
    publisher = Publisher(database.transaction, folder, LOG, cosigning(COSIGNERS, system_clock), system_clock, GATE)
    assert publisher.publish() == 0
    signed = checkpoint_of(folder)
    assert (signed.checkpoint.size, signed.checkpoint.root, len(signed.cosignatures)) == (0, EMPTY_ROOT, 2)
    before = folder.read("checkpoint")
    assert (publisher.publish(), publisher.check(), folder.read("checkpoint")) == (0, 0, before)
    report = audit(DirectorySource(folder.path), LOG.verifier.vkey)
    assert (report.holds, report.verdict) == (True, "The log is empty, and holds.")
    with database.transaction() as tx:
        assert list(check_checkpoints(tx, LOG.verifier.vkey)) == []
        assert list(check_served(tx, DirectorySource(folder.path), LOG.verifier.vkey, "folder")) == []
    act(Scheme.found(database))
    assert publisher.publish() == checkpoint_of(folder).checkpoint.size > 0


def test_an_empty_checkpoint_never_stands_where_leaves_were_published(scheme, folder, publisher):
    empty = sign(Checkpoint(LOG.name, 0, EMPTY_ROOT), LOG)
    act(scheme)
    publisher.publish()
    folder.write_checkpoint(empty)
    with pytest.raises(Refuted, match="set back"):
        publisher.publish()


def test_publishing_again_without_news_changes_nothing(scheme, folder, publisher):
    act(scheme)
    size = publisher.publish()
    before = folder.read("checkpoint")
    assert publisher.publish() == size
    assert folder.read("checkpoint") == before


def test_a_log_that_grows_past_a_tile_drops_its_partial_versions(scheme, folder, publisher):
    act(scheme)
    publisher.publish()
    act(scheme, 150)
    size = publisher.publish()
    assert size > 256
    names = set(files_of(folder))
    assert {"tile/0/000", "tile/entries/000"} <= names
    assert not any(name.startswith(("tile/0/000.p/", "tile/entries/000.p/")) for name in names)
    reader = TileReader(DirectorySource(folder.path))
    assert root_at(reader, size) == checkpoint_of(folder).checkpoint.root


def test_a_tile_changed_behind_our_back_stops_publication(scheme, folder, publisher):
    act(scheme)
    publisher.publish()
    tile = next(path for path in folder.path.rglob("*") if "tile/0/" in str(path) and path.is_file())
    tile.write_bytes(bytes([tile.read_bytes()[0] ^ 1]) + tile.read_bytes()[1:])
    act(scheme)
    with pytest.raises(Refuted):
        publisher.publish()


def publish_until(url: str, folder: LogFolder, last: int) -> None:
    """Publish, and be killed at step `last`, from 1."""
    steps = itertools.count(1)

    def on_step(_name: str) -> None:
        if next(steps) == last:
            die()

    with closing(Database(url)) as database:
        cosigners, clock = cosigning(COSIGNERS, lambda: START), lambda: START
        Publisher(database.transaction, folder, LOG, cosigners, clock, GATE, on_step).publish()


def test_a_kill_at_each_step_loses_nothing_and_repeats_nothing(scheme, tmp_path, publisher, folder):
    act(scheme)
    url = scheme.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    kills = 0
    for last in range(1, 100):
        act(scheme, 1)
        ended = run_in_a_process(partial(publish_until, url, folder, last))
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        kills += 1
        size = publisher.publish()
        assert checkpoint_of(folder).checkpoint.size == size
        documents = documents_of(folder)
        assert len(documents) == FOUNDED + 2 + 2 * kills  # and an issuance, proposed and decided, for each act
        assert all(isinstance(one, Document) for one in documents)
    assert kills >= 9
    size = publisher.publish()
    untouched = LogFolder(tmp_path / "again")
    assert (
        Publisher(
            scheme.database.transaction, untouched, LOG, cosigning(COSIGNERS, scheme.clock), scheme.clock, GATE
        ).rebuild()
        == size
    )
    assert files_of(untouched).items() <= files_of(folder).items()
    assert checkpoint_of(untouched) == checkpoint_of(folder)


def test_two_publishers_never_fork_the_log(scheme, folder, publisher):
    act(scheme)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(publisher.publish) for _ in range(2)]
        for run in runs:
            assert run.exception() is None or isinstance(run.exception(), (Refuted, Unreachable))
    size = publisher.publish()
    assert checkpoint_of(folder).checkpoint.size == size


@pytest.mark.parametrize("step", ["signed", "tiles", "checkpoint"])
def test_one_that_was_overtaken_does_not_set_the_public_checkpoint_back(scheme, folder, publisher, step):
    """A publisher stands still between two steps while another goes on: what is public stays."""
    sizes = []

    def overtake(done: str) -> None:
        if done == step and not sizes:
            act(scheme)
            sizes.append(publisher.publish())

    act(scheme)
    with suppress(Refuted):
        replace(publisher, on_step=overtake).publish()
    assert checkpoint_of(folder).checkpoint.size == sizes[0]
    assert publisher.publish() == sizes[0]


@contextmanager
def small_files():
    """No file of this process may grow past 20 kB: what a full disk does to a bundle, half-way through writing it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_takes_no_more_is_told_and_loses_nothing(scheme, folder, publisher):
    act(scheme, 2)
    first = publisher.publish()
    seen = folder.read("checkpoint")
    act(scheme, 150)
    with small_files(), pytest.raises(Unreachable, match="cannot be written"):
        publisher.publish()
    assert folder.read("checkpoint") == seen
    assert not [name for name in files_of(folder) if name.endswith(".tmp")]
    size = publisher.publish()
    assert size > first
    assert checkpoint_of(folder).checkpoint.size == size
    reader = TileReader(DirectorySource(folder.path))
    assert root_at(reader, size) == checkpoint_of(folder).checkpoint.root
