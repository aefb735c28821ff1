"""Pages of docs/ that name tests, as `file::test` below tests/."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def named_tests(text: str) -> set[tuple[str, str]]:
    """File and function of each test that a text names."""
    return set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", text))


def missing_tests(text: str) -> list[str]:
    """Those that a text names and that do not exist."""
    return [f"{file}::{test}" for file, test in sorted(named_tests(text)) if not _exists(ROOT / "tests" / file, test)]


def _exists(file: Path, test: str) -> bool:
    return file.is_file() and f"def {test}(" in file.read_text()
