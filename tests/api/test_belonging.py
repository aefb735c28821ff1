"""Folder, database, keys and contract belong together: whatever was set back or swapped is refused before it signs."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anchoring.errors import Malformed, Refuted
from api.services import running
from api.settings import Settings
from api.site import Site
from registry.errors import Unavailable
from registry.policies.policies import publish_policy


@contextmanager
def site(data: Path, **given: object) -> Iterator[Site]:
    with running(Settings(data=data, **given), lambda _sentence: None, create=True) as running_site:
        yield running_site


def act(running_site: Site, name: str) -> int:
    """Write one leaf and publish it; gives the log's size."""
    clock = running_site.ledger.clock
    with running_site.database.transaction() as tx:
        publish_policy(tx, name, {"n": 1}, 0, clock())
    return running_site.publisher.publish()


def test_a_database_that_was_set_back_signs_nothing(tmp_path):
    data = tmp_path / "data"
    with site(data) as first:
        assert act(first, "one") == 1
    subprocess.run(["cp", "-a", data / "postgres", tmp_path / "backup"], check=True)
    with site(data) as second:
        assert act(second, "two") == 2
        public = (data / "log" / "checkpoint").read_bytes()
    shutil.rmtree(data / "postgres")
    (tmp_path / "backup").rename(data / "postgres")
    with pytest.raises(Refuted, match="the database was set back"), site(data):
        pass
    assert (data / "log" / "checkpoint").read_bytes() == public


def test_a_log_folder_that_was_lost_names_its_remedy_and_comes_back(tmp_path):
    data = tmp_path / "data"
    with site(data) as first:
        act(first, "one")
        public = (data / "log" / "checkpoint").read_bytes()
        shutil.rmtree(data / "log")
        with pytest.raises(Refuted, match="gram log rebuild"):
            first.publisher.publish()
        first.publisher.rebuild()
        assert (data / "log" / "checkpoint").read_bytes() == public
        assert act(first, "two") == 2


def test_a_checkpoint_that_this_database_never_signed_stops_publication(tmp_path):
    data = tmp_path / "data"
    with site(data) as first:
        act(first, "one")
        (data / "log" / "checkpoint").write_bytes(b"example.com/other\n1\n")
        with pytest.raises(Malformed):
            first.publisher.publish()


def test_a_database_of_another_folder_is_refused(tmp_path):
    with site(tmp_path / "one") as first:
        act(first, "one")
        url = first.where.database_url
        with pytest.raises(Unavailable, match="in use by another data folder"), site(tmp_path / "two", database=url):
            pass


def test_another_master_key_is_refused(tmp_path):
    with site(tmp_path / "data"):
        pass
    with pytest.raises(Unavailable, match="master key"), site(tmp_path / "data", master_key="ab" * 32):
        pass
