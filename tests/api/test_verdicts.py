"""One verdict for one file: the command's, of the golden files that `tests/explorer/verdicts.test.mjs` reads too."""

import json
from pathlib import Path

import pytest

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "verdicts.json").read_text())
KEYS, FILES = VECTORS["keys"][0], VECTORS["files"]
EXITS = {"holds": 0, "refuted": 1, "unchecked": 2, "another-log": 2}
SAID = {"holds": "Proven", "refuted": "False", "unchecked": "Not proven", "another-log": "Not checked"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file["name"])
def test_the_command_gives_the_verdict(gram, tmp_path, file):
    path = tmp_path / "file"
    path.write_bytes("".join(text * times for text, times in file["parts"]).encode())
    cosigners = [word for key in KEYS["cosigners"] for word in ("--cosigner", key)] if file["cosigned"] else []
    code, out, err = gram("verify", path, "--vkey", KEYS["vkey"], *cosigners)
    assert (code, err) == (EXITS[file["verdict"]], "")
    assert any(line.startswith(f"{SAID[file['verdict']]}:") for line in out.splitlines())


def test_the_bounds_are_reached():
    sizes = {file["name"]: sum(len(text.encode()) * times for text, times in file["parts"]) for file in FILES}
    assert max(sizes.values()) > 512 * 1024
    assert sizes["twenty large cosignatures"] > 65_536
