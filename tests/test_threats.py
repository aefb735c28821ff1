"""Threat model and fault tables name tests that exist; the model names kinds that are drawn, and every known gap."""

import re
from pathlib import Path

import pytest

from tests.tamper.campaign import KNOWN_GAPS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "threats.md").read_text()
SOURCES = "".join(path.read_text() for path in sorted((ROOT / "tests" / "tamper").glob("of_*.py")))


@pytest.mark.parametrize("page", ["threats.md", "faults.md"])
def test_tests_that_it_names_exist(page):
    named = set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", (ROOT / "docs" / page).read_text()))
    assert len(named) >= 5
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(), f"{file}::{test}"


@pytest.mark.parametrize(
    "kind",
    sorted({kind for cell in re.findall(r'TC ((?:"[^"]+",? ?)+)', TEXT) for kind in re.findall(r'"([^"]+)"', cell)}),
)
def test_kinds_that_it_names_are_drawn(kind):
    group, _, name = kind.rpartition(": ")
    assert (f'"{group}: ' in SOURCES or f'f"{group}: ' in SOURCES) if name == "..." else f'"{name}"' in SOURCES


def test_every_known_gap_is_told():
    section = TEXT.split("## Gaps")[1].split("\n## ")[0]
    assert len(re.findall(r"^\| (?!altered|---)", section, re.MULTILINE)) == len(KNOWN_GAPS)
