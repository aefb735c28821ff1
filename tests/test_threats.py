"""Threat model and fault tables name tests that exist; the model names kinds that are drawn, and every known gap."""

import re

import pytest

from tests.support.docs_pages import ROOT, missing_tests, named_tests, page
from tests.tamper.campaign import KNOWN_GAPS

TEXT = page("threats.md")
SOURCES = "".join(path.read_text() for path in sorted((ROOT / "tests" / "tamper").glob("of_*.py")))


@pytest.mark.parametrize("name", ["threats.md", "faults.md"])
def test_tests_that_it_names_exist(name):
    assert len(named_tests(page(name))) >= 5
    assert missing_tests(page(name)) == []


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
