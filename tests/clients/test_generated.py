"""Clients that other programs generate from docs/openapi.json, in Python and in TypeScript, and what each can do."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.rest import authority, person_with

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
OPENAPI = ROOT / "docs" / "openapi.json"
PYTHON, TOOLS = ROOT / ".tools" / "client" / "bin", HERE / "node_modules" / ".bin"


def run(*command: object, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


CONFIG = """
post_hooks: []
package_name_override: registry_client
content_type_overrides: {application/jsonl: text/plain}
"""
"""JSON lines are taken as text: the generator knows no media type of theirs."""


def in_python(folder: Path) -> list[object]:
    """Generate it; nothing of the interface may be left out. Gives the command that uses it."""
    (folder / "config.yml").write_text(CONFIG)
    options = ["--meta", "none", "--output-path", folder / "registry_client", "--config", folder / "config.yml"]
    said = run(PYTHON / "openapi-python-client", "generate", "--path", OPENAPI, *options, cwd=folder)
    assert "WARNING" not in said.upper(), said
    return [PYTHON / "python", HERE / "use.py"]


def in_typescript(folder: Path) -> list[object]:
    """Generate the types, and compile what uses them, strictly. Gives the command that uses them."""
    run(TOOLS / "openapi-typescript", OPENAPI, "-o", folder / "schema.d.ts", cwd=folder)
    (folder / "use.ts").write_text((HERE / "use.ts").read_text())
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    strict = ["--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--skipLibCheck"]
    kind = ["--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"]
    run(TOOLS / "tsc", *strict, *kind, "use.ts", cwd=folder)
    return ["node", folder / "use.js"]


@pytest.mark.parametrize("generate", [in_python, in_typescript])
def test_a_generated_client_opens_reads_and_acts(live, tmp_path, generate):
    rider = person_with(live, 50)
    words = (live.url, authority(live, "centre").token, rider.token, rider.account)
    said = run(*generate(tmp_path), *words, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert json.loads(said) == {
        "balances": {"reduction": 30, "points": 20},
        "moved": "convert",
        "refused": "urn:gramledger:problem:insufficient",
        "issued": True,
    }
