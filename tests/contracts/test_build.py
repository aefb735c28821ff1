"""The committed build is what the sources compile to, and the sources pass forge's tests."""

import os
import subprocess
from pathlib import Path

import pytest

from contracts import artifact, build

ROOT = Path(__file__).parents[2]


def test_artifact_is_fresh(capsys):
    assert build.main(["--check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_check_tells_a_stale_artifact(tmp_path, monkeypatch, capsys):
    stale = tmp_path / "GramAnchor.json"
    stale.write_text(build.render(artifact() | {"bytecode": "0x"}))
    monkeypatch.setattr(build, "ARTIFACT", stale)
    monkeypatch.setattr(build, "compile_contract", artifact)  # what the test above has proven it to give
    assert build.main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "GramAnchor.json is not what its sources compile to; run python -m contracts.build.\n"
    )


def test_missing_compiler_is_one_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(build, "COMPILER", tmp_path / "solc")
    assert build.main(["--check"]) == 2
    assert capsys.readouterr().err.startswith("GramAnchor could not be compiled: ")


@pytest.mark.slow
def test_forge():
    """Under few inputs and short histories; the README names the command for more."""
    few = {"FOUNDRY_FUZZ_RUNS": "48", "FOUNDRY_INVARIANT_RUNS": "8"}
    run = subprocess.run(  # noqa: PLW1510  # its output is the better message
        [ROOT / "scripts" / "forge", "test"], capture_output=True, text=True, timeout=600, env=os.environ | few
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 failed, 0 skipped" in run.stdout
