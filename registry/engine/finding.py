"""What is wrong with a methodology, said line by line, in Chinese and English, each with a code that stays."""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

Path = tuple[str | int, ...]
"""Where in the document: names of members and places in lists."""

MAX_FINDINGS: Final = 100
"""An author mends the first hundred, and asks again."""
SHOWN: Final = 60
"""Characters of an author's text that a sentence repeats."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `line` counts from 1; `path` is where it stands, as `steps.3.expression`."""

    line: int
    path: str
    code: str
    zh: str
    en: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.path or 'the document'}: {self.code}: {self.en}"


class Flaw(Exception):
    """A fault in one expression or value; who knows the place makes a finding of it."""

    def __init__(self, code: str, **said: object) -> None:
        """Name the fault by its code, with the values that its sentence needs."""
        self.code = code
        values = {name: shown(value) for name, value in said.items()}
        self.zh, self.en = (TEXTS[code][language].format(**values) for language in ("zh", "en"))
        super().__init__(self.en)


def shown(value: object) -> str:
    """Give what a sentence repeats of an author's text: bounded, on one line."""
    text = str(value)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


TEXTS: Final[dict[str, dict[str, str]]] = json.loads((files(__package__) / "texts.json").read_text(encoding="utf-8"))
"""Code -> its sentence in both languages, with the names of what it repeats in braces."""
