"""The contract `GramAnchor`: its Solidity, and the build of it that is committed and deployed."""

import json
from importlib.resources import files
from typing import Any


def artifact() -> dict[str, Any]:
    """Load the committed build of `GramAnchor`, as `contracts.build` wrote it.

    Keys: `contract` its name, `abi` a list, `bytecode` and `deployedBytecode` hex with 0x, `compiler` the solc version,
    `settings` what it was compiled with.
    """
    text = files(__package__).joinpath("artifacts/GramAnchor.json").read_text(encoding="utf-8")
    build: dict[str, Any] = json.loads(text)
    return build
