"""What a witness keeps when it refuses: enough for others to see by themselves why.

One JSON file for each refusal, in the witness's folder under `evidence`: the checkpoint as the log signed it; for a
broken rule the leaf, the leaf it breaks it against, and their inclusion proofs, which are what the contract's
`convict` takes; for a split view our own checkpoint of the same size.
"""

import contextlib
import json
from pathlib import Path
from typing import Any, Final

from anchoring.checkpoint import Checkpoint
from anchoring.errors import AnchoringError
from anchoring.log.tiles import Source, TileReader, inclusion_proof
from anchoring.merkle import leaf_hash, verify_inclusion
from anchoring.witness.replay import Unlawful
from registry.keyfile import write_secret

MAX_KEPT: Final = 1000
"""Files; a log that goes on misbehaving must not fill the disk, and the first ones convict it."""


class Evidence:
    """The evidence in one folder."""

    def __init__(self, folder: Path) -> None:
        """Keep it in `folder`, which is made when there is something to keep."""
        self._folder = folder

    def keep_unlawful(self, source: Source, signed: str, checkpoint: Checkpoint, found: Unlawful) -> None:
        """Keep the leaves of a broken rule, proven under the checkpoint as far as the log still gives them."""
        reader = TileReader(source)
        leaves = [found.leaf] if found.other is None else [found.leaf, found.other]
        proofs = [_prove(reader, checkpoint, index) for index in leaves]
        self._keep(
            "rule",
            checkpoint,
            {"rule": found.rule, "sentence": str(found), "checkpoint": signed, "leaves": proofs},
        )

    def keep_split(self, checkpoint: Checkpoint, signed: str, ours: str | None, our_root: bytes) -> None:
        """Keep two checkpoints of one size with two roots; `ours` is None when only its root is remembered."""
        said = {"checkpoint": signed, "cosigned_before": ours, "cosigned_root": our_root.hex()}
        self._keep("split-view", checkpoint, said)

    def _keep(self, what: str, checkpoint: Checkpoint, said: dict[str, Any]) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if sum(1 for _ in self._folder.iterdir()) >= MAX_KEPT:
            return
        path = self._folder / f"{what}-{checkpoint.size}-{checkpoint.root.hex()[:16]}.json"
        with contextlib.suppress(FileExistsError):
            write_secret(path, json.dumps(said | {"size": checkpoint.size}, indent=1).encode())


def _prove(reader: TileReader, checkpoint: Checkpoint, index: int) -> dict[str, Any]:
    """Give a leaf with its proof; `proven` says whether it holds under the root that the log signed."""
    try:
        leaf = reader.leaf(index, checkpoint.size)
        proof = inclusion_proof(reader, index, checkpoint.size)
    except AnchoringError as error:
        return {"index": index, "proven": False, "reason": str(error)}
    holds = verify_inclusion(index, checkpoint.size, leaf_hash(leaf), proof, checkpoint.root)
    return {"index": index, "proven": holds, "leaf": leaf.hex(), "proof": [node.hex() for node in proof]}
