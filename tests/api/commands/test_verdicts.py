"""One verdict for one file: the command's, of the golden files that `tests/explorer/verdicts.test.mjs` reads too."""

import json
import re
from pathlib import Path

import pytest

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "verdicts.json").read_text())
KEYS, FILES = VECTORS["keys"][0], VECTORS["files"]
EXITS = {"partly": 0, "refuted": 1, "unchecked": 2, "another-log": 2}
SAID = {"partly": "Proven in part", "refuted": "False", "unchecked": "Not proven", "another-log": "Not checked"}


def is_said(verdict, out):
    return any(re.match(f"{SAID[verdict]}[:,]", line) for line in out.splitlines())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file["name"])
def test_the_command_gives_the_verdict(gram, tmp_path, file):
    path = tmp_path / "file"
    path.write_bytes("".join(text * times for text, times in file["parts"]).encode())
    cosigners = [word for key in KEYS["cosigners"] for word in ("--cosigner", key)] if file["cosigned"] else []
    code, out, err = gram("verify", path, "--vkey", KEYS["vkey"], *cosigners)
    assert (code, err) == (EXITS[file["verdict"]], "")
    assert is_said(file["verdict"], out)


@pytest.mark.parametrize("case", VECTORS["trusted"], ids=lambda case: case["name"])
def test_the_command_gives_the_verdict_by_a_trust_file(gram, tmp_path, case):
    (tmp_path / "file").write_text(case["file"])
    (tmp_path / "trust").write_text(case["trust"])
    code, out, _ = gram("verify", tmp_path / "file", "--trust", tmp_path / "trust")
    assert code == EXITS[case["verdict"]]
    assert is_said(case["verdict"], out)


def test_the_bounds_are_reached():
    sizes = {file["name"]: sum(len(text.encode()) * times for text, times in file["parts"]) for file in FILES}
    assert max(sizes.values()) > 512 * 1024
    assert sizes["twenty large cosignatures"] > 65_536
