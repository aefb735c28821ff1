"""Folder, database, keys and contract belong together: whatever was set back or swapped is refused before it signs."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import registry.errors
from anchoring.errors import Behind, Malformed, Refuted
from api.installation.officers import BUREAU
from api.installation.services import running
from api.installation.settings import Settings
from api.installation.site import Site
from registry.accounts.accounts import open_account
from registry.errors import Unavailable
from registry.policies.policies import publish_policy


@contextmanager
def site(data: Path, **given: object) -> Iterator[Site]:
    with running(Settings(data=data, **given), lambda _sentence: None, create=True) as running_site:
        yield running_site


def act(running_site: Site, year: int) -> int:
    """Write two leaves and publish them; gives the log's size."""
    with running_site.database.transaction() as tx:
        publish_policy(tx, running_site.ledger, f"calendar/{year}", {"holidays": [], "workdays": []}, 0, BUREAU)
    return running_site.publisher.publish()


def set_back(data: Path, *parts: str) -> None:
    """Live to size 4, with size 2 and 4 anchored, then put the backup of size 2 of these parts in place."""
    backup = data.with_name("backup")
    with site(data) as first:
        assert act(first, 2001) == 2
        first.anchorer.anchor()
    subprocess.run(["cp", "-a", data, backup], check=True)
    with site(data) as second:
        assert act(second, 2002) == 4
        second.anchorer.anchor()
    for part in parts:
        shutil.rmtree(data / part)
        (backup / part).rename(data / part)


def test_a_database_that_was_set_back_with_its_folder_signs_and_writes_nothing(tmp_path):
    data = tmp_path / "data"
    set_back(data, "postgres", "log")
    public = (data / "log" / "checkpoint").read_bytes()
    with site(data) as back:
        assert back.as_of == 2, "the chain tells"
        with pytest.raises(registry.errors.Behind, match="restored from a backup"):
            act(back, 2003)
        with pytest.raises(registry.errors.Behind), back.database.transaction() as tx:
            open_account(tx, back.ledger.vault, kind="individual", name="Person", at=1)
        with pytest.raises(Behind, match="4 leaves, and the database signed 2"):
            back.publisher.publish()
    assert (data / "log" / "checkpoint").read_bytes() == public


def test_a_log_folder_that_was_lost_names_its_remedy_and_comes_back(tmp_path):
    data = tmp_path / "data"
    with site(data) as first:
        act(first, 2001)
        public = (data / "log" / "checkpoint").read_bytes()
        shutil.rmtree(data / "log")
        with pytest.raises(Refuted, match="gram log rebuild"):
            first.publisher.publish()
        first.publisher.rebuild()
        assert (data / "log" / "checkpoint").read_bytes() == public
        assert act(first, 2002) == 4


def test_a_checkpoint_that_this_database_never_signed_stops_publication(tmp_path):
    data = tmp_path / "data"
    with site(data) as first:
        act(first, 2001)
        (data / "log" / "checkpoint").write_bytes(b"example.com/other\n1\n")
        with pytest.raises(Malformed):
            first.publisher.publish()


def test_a_database_of_another_folder_is_refused(tmp_path):
    with site(tmp_path / "one") as first:
        act(first, 2001)
        url = first.where.database_url
        with pytest.raises(Unavailable, match="in use by another data folder"), site(tmp_path / "two", database=url):
            pass


def test_another_master_key_is_refused(tmp_path):
    with site(tmp_path / "data"):
        pass
    with pytest.raises(Unavailable, match="master key"), site(tmp_path / "data", master_key="ab" * 32):
        pass
