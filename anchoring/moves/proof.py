"""The proof of a move, one JSON file: that the new contract goes on with the log that the old one held. Pure.

1. The receipt proves the record's leaf in a checkpoint of the log, signed by its key: at the size that the new contract
   anchored.
2. The leaf is a MOVE whose evidence is made of the two contracts.
3. The leaf is under the root that the old contract anchored, at a size that is not larger.
4. The root of the old contract's size and that of the new one's are of one log (RFC 9162, 2.1.4).
5. With the chains at hand: each contract holds that root for that size, and the old one was not convicted.

Then whatever the old contract says of the leaves before the move, the new one says too.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final, Protocol

from anchoring.checkpoint import open_checkpoint
from anchoring.errors import Malformed, Refuted
from anchoring.leaf import decode
from anchoring.merkle import HASH_SIZE, MAX_PROOF, leaf_hash, verify_consistency, verify_inclusion
from anchoring.moves.record import Move, read_move
from anchoring.receipt import MAX_RECEIPT, parse

FORMAT: Final = "gramledger/move/v1"
MAX_BYTES: Final = 4 * MAX_RECEIPT


class Contract(Protocol):
    """What is asked of each of the two contracts; `anchoring.chain.client.AnchorClient` is one."""

    def root_at(self, size: int) -> bytes | None:
        """The root anchored for a size, None when there is none."""
        ...

    def head(self) -> Any:
        """The last checkpoint, and whether the contract is broken."""
        ...


@dataclass(frozen=True, slots=True)
class MoveProof:
    """What the file says, read but not checked. Sizes are leaves, roots and hashes 32 bytes."""

    move: Move
    receipt: bytes
    from_size: int
    from_root: bytes
    path: tuple[bytes, ...]
    consistency: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Write the file."""
        said = {
            "format": FORMAT,
            **asdict(self.move),
            "receipt": self.receipt.decode(),
            "from_size": self.from_size,
            "from_root": self.from_root.hex(),
            "path": [node.hex() for node in self.path],
            "consistency": [node.hex() for node in self.consistency],
        }
        return json.dumps(said, indent=1).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Proven:
    """A move that was proven: the record's index, and the size and root that each contract must hold."""

    move: Move
    index: int
    from_size: int
    from_root: bytes
    to_size: int
    to_root: bytes


def parse_proof(data: bytes) -> MoveProof:
    """Read a proof. Raises Malformed."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"A proof of a move has at most {MAX_BYTES} bytes.")
    try:
        return _read(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Malformed(f"This is no proof of a move: JSON of the format {FORMAT}.") from None


def _read(said: Any) -> MoveProof:
    if said["format"] != FORMAT or type(said["from_size"]) is not int or not 0 < said["from_size"] < 1 << 63:
        raise ValueError("another format, or no size")
    hashes = {name: tuple(_hash(node) for node in said[name]) for name in ("path", "consistency")}
    if max(map(len, hashes.values())) > 2 * MAX_PROOF:
        raise ValueError("longer than any proof")
    return MoveProof(read_move(said), said["receipt"].encode(), said["from_size"], _hash(said["from_root"]), **hashes)


def verify_move(data: bytes, vkey: str) -> Proven:
    """Check steps 1 to 4, offline, for the log of this verifier key. Raises Malformed and Refuted, naming the step."""
    proof = parse_proof(data)
    receipt = parse(proof.receipt)
    signed = open_checkpoint(receipt.checkpoint_text, vkey).checkpoint
    hashed, index = leaf_hash(receipt.leaf), receipt.index
    if not verify_inclusion(index, signed.size, hashed, receipt.path, signed.root):
        raise Refuted("Step 1: the record is not in the checkpoint.")
    if decode(receipt.leaf) != proof.move.movement(decode(receipt.leaf).at):
        raise Refuted("Step 2: the record is of something else than this move.")
    if index >= proof.from_size or not verify_inclusion(index, proof.from_size, hashed, proof.path, proof.from_root):
        raise Refuted("Step 3: the record is not in what the old contract anchored.")
    if proof.from_size > signed.size or not verify_consistency(
        proof.from_size, signed.size, proof.from_root, signed.root, proof.consistency
    ):
        raise Refuted("Step 4: the new contract's tree does not continue the old contract's.")
    return Proven(proof.move, index, proof.from_size, proof.from_root, signed.size, signed.root)


def check_contract(proven: Proven, contract: Contract, *, is_old: bool) -> None:
    """Check step 5 for one of the two contracts. Raises Refuted, and what asking raises."""
    size, root = (proven.from_size, proven.from_root) if is_old else (proven.to_size, proven.to_root)
    which = "old" if is_old else "new"
    if contract.root_at(size) != root:
        raise Refuted(f"Step 5: the {which} contract does not hold this root for {size} leaves.")
    if contract.head().broken:
        raise Refuted(f"Step 5: the {which} contract was convicted of a broken rule; no move leads past that.")


def chain_of(moves: Sequence[Proven]) -> list[Proven]:
    """Put the moves of one log in order. Raises Refuted when one is missing, or does not begin where another ended."""
    ordered = sorted(moves, key=lambda proven: proven.move.number)
    for before, after in pairwise(ordered):
        end = (before.move.to_chain_id, before.move.to_contract)
        begin = (after.move.from_chain_id, after.move.from_contract)
        if after.move.number != before.move.number + 1 or begin != end or after.index < before.index:
            raise Refuted(f"Move {after.move.number} does not begin where move {before.move.number} ended.")
    return ordered


def _hash(text: Any) -> bytes:
    read = bytes.fromhex(text)
    if len(read) != HASH_SIZE or len(text) != 2 * HASH_SIZE:
        raise ValueError(text)
    return read
