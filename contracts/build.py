"""Compile `GramAnchor` into the committed artifact, or prove that the artifact is what the sources compile to.

python -m contracts.build [--check]

Works in a checkout only (the compiler is npm's, see README.md here), and without network.
Exit codes: 0 good, 1 the artifact differs from its sources, 2 it could not be compiled.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import solcx
from solcx.exceptions import SolcError

FOLDER = Path(__file__).parent
COMPILER = FOLDER.parent / "scripts" / "solc"
ARTIFACT = FOLDER / "artifacts" / "GramAnchor.json"
SOURCES = (
    "GramAnchor.sol",
    "interfaces/IGramAnchor.sol",
    "libraries/MerkleLib.sol",
    "libraries/RulesLib.sol",
    "libraries/SignatureLib.sol",
)

SETTINGS: dict[str, Any] = {
    # The last EVM without PUSH0: what it emits runs unchanged on consortium chains that stopped at London or Paris,
    # on py-evm, and on everything newer.
    "evmVersion": "paris",
    # Anchoring happens for as long as the log lives, deployment once: the optimizer trades size for running cost.
    "optimizer": {"enabled": True, "runs": 1_000_000},
    "viaIR": True,
    # Without the metadata's hash the bytecode depends on the code alone, not on comments and paths.
    "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
}
ACCEPTED_WARNINGS = frozenset(
    {"8760"}  # a parameter named as a view (size, root, ...): both names are the published interface
)


class BuildError(Exception):
    """The sources do not compile without warnings, or the compiler is not there."""


def compile_contract() -> dict[str, Any]:
    """Compile the sources with the pinned compiler, and give the artifact as `contracts.artifact` documents it.

    Raises BuildError, in the compiler's words.
    """
    query = {
        "language": "Solidity",
        "sources": {name: {"content": (FOLDER / name).read_text(encoding="utf-8")} for name in SOURCES},
        "settings": SETTINGS
        | {"outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode"]}}},
    }
    try:
        output = solcx.compile_standard(query, solc_binary=COMPILER)
        version = solcx.wrapper.get_solc_version(COMPILER, with_commit_hash=True)
    except (SolcError, OSError) as error:
        raise BuildError(str(error)) from error
    complaints = [e["formattedMessage"] for e in output.get("errors", ()) if e["errorCode"] not in ACCEPTED_WARNINGS]
    if complaints:
        raise BuildError("\n".join(complaints))
    built = output["contracts"]["GramAnchor.sol"]["GramAnchor"]
    if built["evm"]["deployedBytecode"]["immutableReferences"]:
        raise BuildError("an immutable would make the deployed code differ from the artifact's, which clients compare")
    return {
        "contract": "GramAnchor",
        "compiler": str(version),
        "settings": SETTINGS,
        "abi": built["abi"],
        "bytecode": "0x" + built["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + built["evm"]["deployedBytecode"]["object"],
    }


def render(build: dict[str, Any]) -> str:
    """Write an artifact as the text that is committed: the same build gives the same bytes."""
    return json.dumps(build, indent=2) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module's text for its exit codes."""
    parser = argparse.ArgumentParser(prog="python -m contracts.build", description="Compile GramAnchor.")
    parser.add_argument("--check", action="store_true", help="write nothing; compare with the committed artifact")
    check: bool = parser.parse_args(arguments).check
    try:
        text = render(compile_contract())
    except BuildError as error:
        sys.stderr.write(f"GramAnchor could not be compiled: {error}\n")
        return 2
    if not check:
        ARTIFACT.write_text(text, encoding="utf-8")
        return 0
    if ARTIFACT.is_file() and ARTIFACT.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{ARTIFACT.name} is not what its sources compile to; run python -m contracts.build.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
