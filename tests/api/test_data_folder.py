"""The data folder: one process at a time, one version, secrets in files of mode 600."""

import json
import stat

import pytest

from api.data_folder import hold, read_folder
from api.keys import log_signer, read_secret
from registry.errors import Unavailable


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
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.keys.iterdir()} == {0o600}
        assert stat.S_IMODE(folder.keys.stat().st_mode) == 0o700
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
