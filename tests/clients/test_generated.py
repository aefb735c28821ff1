"""Clients that other programs generate from docs/openapi.json, in Python and in TypeScript, and what each can do."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from registry.identity.grants import Grant
from registry.identity.roles import Role
from tests.support.attending import attended
from tests.support.reporting import Reporting

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
content_type_overrides: {application/jsonl: application/octet-stream, application/x-ndjson: application/octet-stream}
"""
"""JSON lines are taken as bytes: the generator knows no media type of theirs."""


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


@pytest.fixture
def reporting(live) -> Reporting:
    return Reporting.of(live)


@pytest.mark.slow
@pytest.mark.parametrize("generate", [in_python, in_typescript])
def test_a_generated_client_does_the_ten_calls(live, reporting, tmp_path, generate, gram):
    subject = f"client-{generate.__name__}"
    live.grant(subject, Grant(Role.PLATFORM, live.source.applicant_id))
    officers = [reporting.centre(number).token for number in (1, 2)]
    words = (live.url, live.site.development_issuer.url, *officers, live.source.id, subject)
    command = [*map(str, generate(tmp_path)), *map(str, words)]
    with (
        attended(live),
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as client,
    ):
        assert client.stdout is not None
        first = client.stdout.readline()
        assert re.fullmatch(r"\d+ \d+\n", first), first + client.stdout.read()
        tokens = [
            live.token(role, int(number)) for role, number in zip(("holder", "provider"), first.split(), strict=True)
        ]
        said, _ = client.communicate("\n".join([*tokens, ""]))
        assert client.returncode == 0, said
    told = json.loads(said)
    receipt, bundle, issued = told.pop("receipt"), told.pop("bundle"), told.pop("issued")
    assert told == {
        "stands": [1, ["not-consented"]],
        "balances": {"reduction": issued - 100, "points": 60},
        "moved": "bundle",
        "refused": "urn:gramledger:problem:insufficient",
        "events": ["redemption.received", "redemption.refunded", "return.done"],
    }
    assert re.fullmatch(r"SHCER-\d+-\d+", bundle)
    (tmp_path / "return.tlog-proof").write_text(receipt)
    code, shown, _ = gram("verify", tmp_path / "return.tlog-proof", "--vkey", live.site.log_signer.verifier.vkey)
    assert (code, "BUNDLE of 40 g" in shown) == (0, True), shown
