"""Where the command's output goes: an encoding that lacks its marks, and a reader who goes away."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.commands.test_cli import GOOD, KEYS
from tests.support.synthetic_log import VKEY, lawful_leaves, write_log

ROOT = Path(__file__).parents[3]
GRAM = [sys.executable, "-c", "from api.gram import main; main()"]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """What is asked, by name; all of it holds."""
    folder = tmp_path_factory.mktemp("output")
    (folder / "good.tlog-proof").write_text(GOOD)
    log, vkey = folder / "log", VKEY
    write_log(log, lawful_leaves(10, cohort=5))
    verify = ("verify", folder / "good.tlog-proof", "--vkey", KEYS["vkey"])
    return {
        "verify": verify,
        "verify --json": (*verify, "--json"),
        "audit": ("audit", "--log", log, "--vkey", vkey, "--processes", "1"),
        "monitor --once": ("monitor", "--log", log, "--vkey", vkey, "--state", folder / "seen", "--once"),
        "help": ("verify", "--help"),
    }


def _run(words, stdout, **environment):
    return subprocess.run(
        [*GRAM, *map(str, words)], cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "encoding"), [("verify", "gbk"), ("verify", "ascii"), ("verify", "utf-8"), ("audit", "gbk")]
)
def test_an_encoding_without_our_marks_changes_no_verdict(words, name, encoding):
    done = _run(words[name], subprocess.PIPE, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    said = done.stdout.decode(encoding)
    assert ("\u2713" if encoding == "utf-8" else "\\u2713") in said or name == "audit"


@pytest.mark.parametrize("name", ["verify", "verify --json", "audit", "monitor --once", "help"])
def test_a_reader_who_goes_away_makes_nothing_false(words, name):
    gone, stdout = os.pipe()
    os.close(gone)
    try:
        done = _run(words[name], stdout)
    finally:
        os.close(stdout)
    assert done.returncode == 141
    assert not {b"Traceback", b"defect", b"BrokenPipe"} & set(re.findall(rb"\w+", done.stderr))
