"""scripts/demo refuses what cannot be done before it downloads anything: a copy of it, with nothing to set up."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
SETTING_UP = 77
"""What the copy's setup ends with: it came so far."""


@pytest.fixture
def demo(tmp_path):
    """Run a copy of the script; gives its exit code and what it said."""
    copy = tmp_path / "checkout" / "scripts"
    copy.mkdir(parents=True)
    shutil.copy(SCRIPTS / "demo", copy)
    (copy / "setup").write_text(f"#!/bin/sh\nexit {SETTING_UP}\n")
    (copy / "setup").chmod(0o755)
    nothing_set = {name: value for name, value in os.environ.items() if not name.startswith("GRAMLEDGER_")}

    def run(*words: object, **variables: str) -> tuple[int, str]:
        command = [copy / "demo", *map(str, words)]
        done = subprocess.run(
            command, cwd=tmp_path, env=nothing_set | variables, capture_output=True, text=True, timeout=30, check=False
        )
        return done.returncode, done.stderr

    return run


def room(tmp_path: Path, over: int) -> Path:
    """Name a data folder whose socket's path is `over` bytes longer than one may be, and has fewer characters."""
    bytes_left = 107 + over - len(os.fsencode(tmp_path / "克" / "postgres" / ".s.PGSQL.5432"))
    return tmp_path / ("克" + "x" * bytes_left)


def test_a_path_is_refused_when_it_is_too_long_for_a_socket_and_not_before(demo, tmp_path):
    assert demo("--data", room(tmp_path, 0)) == (SETTING_UP, "")
    for words in (("--data", room(tmp_path, 1)), (f"--data={room(tmp_path, 1)}",)):
        code, said = demo(*words)
        assert code == 2
        assert "is 1 bytes too long" in said
    assert demo(GRAMLEDGER_DATA=str(room(tmp_path, 1)))[0] == 2
    assert demo("--data", room(tmp_path, 1), "--database", "postgresql://h/d")[0] == SETTING_UP
    assert [path.name for path in tmp_path.iterdir()] == ["checkout"]


@pytest.mark.parametrize("name", [b"p,q", b"x\xff"], ids=["a comma", "not UTF-8"])
def test_a_path_that_no_client_can_be_told_is_refused(demo, tmp_path, name):
    code, said = demo("--data", tmp_path / os.fsdecode(name))
    assert (code, "a comma, or bytes that are not UTF-8" in said) == (2, True), said
    assert [path.name for path in tmp_path.iterdir()] == ["checkout"]


def test_a_folder_that_cannot_be_used_is_refused(demo, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "holiday.jpg").write_bytes(b"x")
    for folder, why in (("file", "no folder"), ("file/data", "no folder"), ("pictures", "not empty")):
        code, said = demo("--data", tmp_path / folder)
        assert (code, why in said) == (2, True), said


def test_a_file_of_rides_that_is_none_is_refused(demo, tmp_path):
    assert demo("--rides", tmp_path / "none.csv")[0] == 2
    (tmp_path / "some.csv").write_text("x")
    assert demo("--rides", tmp_path / "some.csv")[0] == SETTING_UP
    assert demo(f"--rides={tmp_path / 'some.csv'}", "--data", room(tmp_path, 1))[0] == 2
    assert demo(f"--rides={tmp_path / 'some.csv'}", "--database", "x", "--data", "new")[0] == SETTING_UP


def test_a_new_one_an_empty_one_and_one_of_ours_are_taken(demo, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "ours" / "log").mkdir(parents=True)
    (tmp_path / "ours" / "gramledger.json").write_text("{}")
    for folder in ("new", "new/er", "empty", "ours"):
        assert demo("--data", tmp_path / folder) == (SETTING_UP, "")
