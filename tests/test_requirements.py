"""The page of requirements has each of them once, and names code and tests that exist."""

import re
from dataclasses import dataclass

import pytest

from tests.support.docs_pages import ROOT, missing_tests, named_tests, page

TEXT = page("requirements.md")
HOLDS, IN_PART, NOT_YET = "holds", "in part", "not yet"


@dataclass(frozen=True)
class Row:
    number: int
    state: str
    where: str
    shown_by: str
    misses: str


def rows() -> list[Row]:
    found = []
    for line in TEXT.splitlines():
        if match := re.match(r"\| R(\d+)\b", line):
            _, *cells = [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]
            found.append(Row(int(match[1]), *cells))
    return found


ROWS = rows()


def test_each_requirement_stands_there_once_and_in_order():
    assert [row.number for row in ROWS] == list(range(1, 75))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"R{row.number}")
def test_a_row_names_code_and_tests_as_its_state_says(row):
    assert row.state in {HOLDS, IN_PART, NOT_YET}
    if row.state == NOT_YET:
        assert (row.where, row.shown_by) == ("", "")
        assert "`" not in row.misses
        return
    paths = re.findall(r"`([^`]+)`", row.where)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
    named = named_tests(row.shown_by)
    assert len(named) == row.shown_by.count("::") > 0, "each test stands as `file::test`, and once"
    assert missing_tests(row.shown_by) == []
    assert bool(row.misses) == (row.state == IN_PART)


def test_the_page_counts_its_states_right():
    holds, in_part, not_yet = ([row.state for row in ROWS].count(state) for state in (HOLDS, IN_PART, NOT_YET))
    said = re.sub(r"\s+", " ", TEXT)
    assert f"Of {len(ROWS)}, {holds} hold, {in_part} hold in part, {not_yet} are not built yet." in said


def test_what_code_says_it_does_is_not_called_unbuilt():
    """Docstrings name the requirements that they meet."""
    sources = [path for room in ("registry", "api") for path in (ROOT / room).rglob("*.py")]
    cited = {int(number) for path in sources for number in re.findall(r"\bR(\d{1,2})\b", path.read_text())}
    assert cited, "docstrings name requirements"
    assert cited & {row.number for row in ROWS if row.state == NOT_YET} == set()
