"""What is said to people, in Chinese and English, by id: `texts.json` holds `id: [zh, en]`."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("zh", "en")
"""The first is the default."""


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Give the labels by language and id."""
    table = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return {lang: {key: pair[i] for key, pair in table.items()} for i, lang in enumerate(LANGUAGES)}
