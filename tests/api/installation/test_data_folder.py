"""The data folder: one process at a time, one version, and nobody's but its owner's."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.demo import write_receipts
from api.installation.data_folder import hold, read_folder
from api.installation.keys import log_signer, read_secret
from api.installation.witnesses import Told
from api.state.timetable import wish
from registry.errors import Unavailable
from tests.support.running import live_site


@contextmanager
def mask(number: int) -> Iterator[None]:
    before = os.umask(number)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def open_to_others(folder: Path) -> list[tuple[str, str]]:
    """Walk everything; links have no mode of their own."""
    every = [folder, *folder.rglob("*")]
    return [(str(path), oct(mode(path))) for path in every if mode(path) & 0o077 and not path.is_symlink()]


def test_a_folder_is_made_once_and_keeps_its_origin(tmp_path):
    with hold(tmp_path / "data") as first:
        origin = first.marker.origin
    with hold(tmp_path / "data") as second:
        assert second.marker.origin == origin


def test_a_folder_in_use_is_refused(tmp_path):
    with hold(tmp_path), pytest.raises(Unavailable, match="in use by another process"), hold(tmp_path):
        pass


def test_a_folder_is_free_again_after_a_failure(tmp_path):
    with pytest.raises(RuntimeError), hold(tmp_path):
        raise RuntimeError
    with hold(tmp_path):
        pass


def test_a_folder_of_another_version_is_refused(tmp_path):
    with hold(tmp_path):
        pass
    marker = json.loads((tmp_path / "gramledger.json").read_text())
    (tmp_path / "gramledger.json").write_text(json.dumps(marker | {"format": 99}))
    with pytest.raises(Unavailable, match="version 99"), hold(tmp_path):
        pass


@pytest.mark.parametrize("junk", ["", "{", "[]", '"x"', "{}", "\x00"])
def test_an_unreadable_marker_is_refused(tmp_path, junk):
    (tmp_path / "gramledger.json").write_text(junk)
    with pytest.raises(Unavailable), hold(tmp_path):
        pass


def test_somebody_elses_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(Unavailable, match="not empty"), hold(tmp_path):
        pass
    assert not (tmp_path / "gramledger.json").exists()


def test_a_log_keeps_its_origin_for_life(tmp_path):
    with hold(tmp_path, "city.example/log"):
        pass
    with pytest.raises(Unavailable, match="keeps its origin"), hold(tmp_path, "other.example/log"):
        pass


def test_a_folder_that_is_none_is_told(tmp_path):
    with pytest.raises(Unavailable, match="no data folder"):
        read_folder(tmp_path / "nothing")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unavailable, match="cannot be used"), hold(tmp_path / "file" / "data"):
        pass


def test_keys_are_made_once_and_are_for_their_owner_alone(tmp_path):
    with hold(tmp_path) as folder:
        before = {file.name: file.read_bytes() for file in folder.keys.iterdir()}
        assert "master.key" in before
        assert {mode(file) for file in folder.keys.iterdir()} == {0o600}
        assert mode(folder.keys) == 0o700
    with hold(tmp_path) as folder:
        assert {file.name: file.read_bytes() for file in folder.keys.iterdir()} == before


def test_a_lost_key_is_told_and_never_made_again(tmp_path):
    with hold(tmp_path) as folder:
        (folder.keys / "log.key").unlink()
    with hold(tmp_path) as folder, pytest.raises(Unavailable, match="Restore it from a backup"):
        log_signer(folder.keys)
    assert not (tmp_path / "keys" / "log.key").exists()


def test_a_folder_whose_making_was_cut_short_is_made_anew(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "master.key").write_bytes(b"half")
    with hold(tmp_path) as folder:
        assert len(read_secret(folder.keys, "master.key")) == 32


def test_what_only_reads_makes_no_folder(tmp_path):
    with pytest.raises(Unavailable, match="no data folder"), hold(tmp_path / "typo", create=False):
        pass
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("number", [0o000, 0o022])
def test_all_that_a_running_registry_writes_is_its_owners_alone(tmp_path, number):
    """Keys, database, chain, log, state, receipts and what is told between processes; while it runs, and after."""
    new = tmp_path / "new"
    with mask(number), live_site(new) as live:
        lot = live.issue({live.person(): 7})
        live.publish()
        live.site.epochs.make()
        wish(live.site.epochs.folder)
        write_receipts(live.site, {"issue": lot.movements[0].id})
        live.site.witnessing.tell(Told())
        assert open_to_others(new) == []
    assert open_to_others(new) == []
    written = {path.relative_to(new / "data").parts[0] for path in (new / "data").rglob("*") if path.is_file()}
    assert {"log", "state", "keys", "postgres", "postgres.log", "chain", "receipts", "gramledger.json"} <= written


def test_a_folder_that_others_could_read_is_closed_to_them_with_all_in_it(tmp_path):
    data = tmp_path / "data"
    with hold(data) as folder:
        (data / "outside").symlink_to(tmp_path)
        folder.log.mkdir()
        (folder.log / "checkpoint").write_bytes(b"x")
    for path in (folder.log / "checkpoint", folder.log, data / "gramledger.json", data):
        path.chmod(0o755 if path.is_dir() else 0o644)
    tmp_path.chmod(0o755)
    with hold(data):
        assert open_to_others(data) == []
    assert mode(tmp_path) == 0o755


@pytest.mark.parametrize("open_one", [".", "log", "gramledger.json"])
def test_a_folder_that_others_could_write_to_is_refused_and_left_as_it_is(tmp_path, open_one):
    data = tmp_path / "data"
    with hold(data) as folder:
        folder.log.mkdir()
    data.chmod(0o755)
    (data / open_one).chmod(0o775)
    before = {path: mode(path) for path in data.rglob("*")}
    with pytest.raises(Unavailable, match="Others than its owner can write"), hold(data):
        pass
    assert {path: mode(path) for path in data.rglob("*")} == before


def test_an_empty_folder_that_others_could_write_to_is_closed(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o777)
    with hold(tmp_path / "data"):
        assert open_to_others(tmp_path / "data") == []


def test_another_users_folder_is_refused(tmp_path):
    if os.geteuid() == 0:
        os.chown(tmp_path, 65534, 65534)
    with pytest.raises(Unavailable, match="belongs to another user"), hold(Path("/") if os.geteuid() else tmp_path):
        pass


def test_the_mask_is_given_back(tmp_path):
    with mask(0o027):
        with hold(tmp_path):
            pass
        assert os.umask(0o027) == 0o027


@pytest.mark.parametrize("command", ["demo", "serve", "migrate"])
def test_a_path_too_long_for_the_database_is_refused_before_anything_is_made(tmp_path, gram, command):
    code, _, said = gram(command, "--data", tmp_path / ("x" * 107))
    assert code == 2
    assert "too long for its socket" in said
    assert list(tmp_path.iterdir()) == []
