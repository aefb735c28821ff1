"""The embedded server takes only what it needs: no folder is opened for it, no path read, nothing inherited."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

import psycopg
import pytest

from registry.database import program
from registry.database.embedded import EmbeddedPostgres, check_place, running_url
from registry.database.roles import REGISTRY_ROLE, as_registry
from registry.errors import Unavailable


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def place():
    """A folder in a closed one, with a name that a shell and a URL would each read in a way of their own."""
    with tempfile.TemporaryDirectory(prefix="gl-") as name:
        folder = Path(name) / "it's $(touch pwned) `touch pwned` %41 + \\ & data"
        folder.mkdir(mode=0o700)
        yield folder


def test_it_runs_in_a_closed_folder_of_any_name_and_leaves_the_folders_as_they_are(place, monkeypatch):
    monkeypatch.setenv("GRAMLEDGER_MASTER_KEY", "5ec2e7")
    monkeypatch.chdir(place.parent)
    above = {path: (mode(path), path.stat().st_uid) for path in [place, *place.parents]}
    server = EmbeddedPostgres(place / "postgres")
    url = server.start()
    try:
        assert running_url(place / "postgres") == url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {REGISTRY_ROLE} LOGIN")
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            pid = connection.execute("SELECT pg_backend_pid()").fetchone()[0]
            for number in (pid, int((place / "postgres" / "postmaster.pid").read_text().split()[0])):
                said = dict(
                    word.split("=", 1) for word in Path(f"/proc/{number}/environ").read_text().split("\0") if word
                )
                assert said.keys() <= {"PATH", "LC_ALL", "TZ", "PG_GRANDPARENT_PID"}
        with psycopg.connect(as_registry(url)) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (REGISTRY_ROLE,)
        assert {path: (mode(path), path.stat().st_uid) for path in above} == above
        inside = [place / "postgres", *(place / "postgres").rglob("*"), server.log]
        assert {mode(path) & 0o077 for path in inside} == {0}
        assert sorted(path.name for path in place.iterdir()) == ["postgres", "postgres.log"]
        assert sorted(path.name for path in place.parent.iterdir()) == [place.name]
    finally:
        server.stop()
    with pytest.raises(Unavailable, match="No embedded PostgreSQL runs"):
        running_url(place / "postgres")


def test_a_path_too_long_for_a_socket_is_refused_before_anything_is_made(tmp_path):
    folder = tmp_path / ("x" * 107) / "postgres"
    with pytest.raises(Unavailable, match="too long for its socket"):
        EmbeddedPostgres(folder).start()
    assert list(tmp_path.iterdir()) == []
    check_place(Path("/" + "x" * 92))
    with pytest.raises(Unavailable, match="1 bytes too long"):
        check_place(Path("/" + "x" * 93))


@pytest.mark.parametrize("name", [b"p,q", b"x\xff"], ids=["a comma", "not UTF-8"])
def test_a_path_that_no_client_can_be_told_is_refused_before_anything_is_made(tmp_path, name):
    with pytest.raises(Unavailable, match="a comma, or bytes that are not UTF-8"):
        EmbeddedPostgres(tmp_path / os.fsdecode(name) / "postgres").start()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_half_made_is_made_anew(place):
    half = place / ".postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(place / "postgres")
    server.start()
    server.stop()
    assert not half.exists()


def test_a_server_that_does_not_start_says_where_its_words_are_and_only_if_they_are_there(place):
    (place / "postgres").mkdir()
    (place / "postgres" / "PG_VERSION").write_text("9\n")
    server = EmbeddedPostgres(place / "postgres")
    with pytest.raises(Unavailable, match=r"did not start; its own words are in .*postgres\.log"):
        server.start()
    assert server.log.read_text()
    (place / "file").write_text("")
    with pytest.raises(Unavailable, match=r"did not start\.$"):
        EmbeddedPostgres(place / "file" / "postgres").start()


def test_programs_whose_path_a_shell_would_read_are_not_run(monkeypatch, tmp_path):
    program.programs.cache_clear()
    monkeypatch.setattr(program, "installed", lambda: tmp_path / "$(touch pwned)" / "bin")
    with pytest.raises(Unavailable, match="a shell would read its path"):
        program.programs(None)


def test_programs_in_a_closed_folder_are_copied_for_a_user_who_cannot_reach_them(monkeypatch, tmp_path):
    """Only root can run something as another user; who is not root has nothing to copy, for he reaches what he runs."""
    closed, copies = tmp_path / "closed", Path(tempfile.mkdtemp(prefix="gl-copies-"))
    copies.chmod(0o755)
    shutil.copytree(program.installed().parent, closed, symlinks=True)
    closed.chmod(0o700)
    monkeypatch.setattr(program, "installed", lambda: closed / "bin")
    monkeypatch.setattr(program, "COPIES", copies)
    user = program.user_of(tmp_path / "new")
    try:
        program.programs.cache_clear()
        found = program.programs(user)
        assert mode(closed) == 0o700
        assert (found.parent.parent == copies) == (os.geteuid() == 0)
        assert program._can_run(found, user)
        program.programs.cache_clear()
        assert program.programs(user) == found
        assert len(list(copies.iterdir())) == (os.geteuid() == 0)
    finally:
        program.programs.cache_clear()
        shutil.rmtree(copies)


def test_a_version_with_a_known_hole_is_told():
    assert "CVE-2026-6460" in program.known_hole((18, 4))
    assert program.known_hole((18, 7)) is None
    assert program.known_hole((19, 0)) is None
    assert len(program.version()) == 2
