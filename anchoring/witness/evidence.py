"""What a witness keeps when it refuses: enough for others to see by themselves why.

One JSON file for each refusal, in the witness's folder under `evidence`: the checkpoint as the log signed it; for a
broken rule the leaf, the leaf it breaks it against, and their inclusion proofs, which are what the contract's
`convict` takes; for a split view our own checkpoint of the same size.
"""

import json
from pathlib import Path
from typing import Any, Final

from anchoring.checkpoint import Checkpoint
from anchoring.errors import AnchoringError
from anchoring.merkle import leaf_hash, verify_inclusion
from anchoring.tree.tiles import Source, TileReader, inclusion_proof
from anchoring.witness.disk import OnStep
from anchoring.witness.replay import Unlawful
from registry.keyfile import no_step, replace_file

MAX_KEPT: Final = 1000
"""Files; a log that goes on misbehaving must not fill the disk, and the first ones convict it."""


class Evidence:
    """The evidence in one folder."""

    def __init__(self, folder: Path, on_step: OnStep = no_step) -> None:
        """Keep it in `folder`, which is made when there is something to keep; `on_step` is told each step."""
        self._folder, self._on_step = folder, on_step

    def keep_unlawful(self, source: Source, signed: str, checkpoint: Checkpoint, found: Unlawful) -> None:
        """Keep the leaves of a broken rule, proven under the checkpoint as far as the log still gives them."""
        reader = TileReader(source)
        leaves = [found.leaf] if found.other is None else [found.leaf, found.other]
        proofs = [_prove(reader, checkpoint, index, found.data.get(index)) for index in leaves]
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
        path = self._folder / f"{what}-{checkpoint.size}-{checkpoint.root.hex()[:16]}.json"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if path.exists() or sum(1 for _ in self._folder.glob("*.json")) >= MAX_KEPT:
            return
        replace_file(path, json.dumps(said | {"size": checkpoint.size}, indent=1).encode(), self._on_step)


def _prove(reader: TileReader, checkpoint: Checkpoint, index: int, leaf: bytes | None) -> dict[str, Any]:
    """Give a leaf with its proof; `leaf` is what was read of it before, for the log may serve another by now.

    `proven` says whether it holds under the root that the log signed.
    """
    try:
        leaf = leaf or reader.leaf(index, checkpoint.size)
        proof = inclusion_proof(reader, index, checkpoint.size)
    except AnchoringError as error:
        kept = {} if leaf is None else {"leaf": leaf.hex()}
        return {"index": index, "proven": False, "reason": str(error)} | kept
    holds = verify_inclusion(index, checkpoint.size, leaf_hash(leaf), proof, checkpoint.root)
    return {"index": index, "proven": holds, "leaf": leaf.hex(), "proof": [node.hex() for node in proof]}
