"""Small logs with a STATE record, their maps, and proofs from them under a signed and cosigned checkpoint."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from anchoring import checkpoint, leaf, merkle
from anchoring.checkpoint import Checkpoint
from anchoring.leaf import LEAF_DTYPE
from anchoring.note import COSIGNATURE, Note, Signer, parse
from anchoring.receipt import Receipt
from anchoring.replaying.history import rows_of
from anchoring.state.proof import StateProof
from anchoring.state.record import StateRecord
from anchoring.state.segments import Segments, columns_of, segments_of
from anchoring.state.store import StateMap, write_map
from anchoring.state.tree import HASH, hash_map
from anchoring.tree.documents import records_among
from registry.evidence.public import line_of, text_of
from registry.ledger.movement import Kind, Movement
from tests.support import synthetic_log
from tests.support.synthetic_log import BEGIN_MS, SIGNER, VKEY

COSIGNER = Signer("witness.example/w1", COSIGNATURE, bytes(range(1, 33)))
COSIGNERS = (COSIGNER.verifier.vkey,)
AT_MS = 1_800_000_000_000
__all__ = ["VKEY"]


def leaves_of(movements: list[Movement]):
    """Leaves (`LEAF_DTYPE`)."""
    return np.frombuffer(b"".join(leaf.encode(movement) for movement in movements), LEAF_DTYPE)


def leaf_hashes_of(leaves):
    return np.frombuffer(b"".join(merkle.leaf_hash(one.tobytes()) for one in leaves), HASH)


def segments_from(leaves) -> Segments:
    return segments_of(columns_of(rows_of(leaves)))


def record_of(leaves) -> StateRecord:
    """The record of the state of these leaves, as anybody makes it."""
    segments = segments_from(leaves)
    root = hash_map(segments, leaf_hashes_of(leaves))
    return StateRecord(len(leaves), len(segments), segments.frontier_g, root)


RECORDS: dict[bytes, StateRecord] = {}
"""Every record that was made here, by its evidence."""


def documents_of(leaves, start: int = 0) -> dict[int, bytes]:
    """Write the documents of the records among synthetic leaves and states from index `start` on."""
    states = {at.index: RECORDS[at.evidence].fields() for at in records_among(leaves, start) if at.evidence in RECORDS}
    lines = {index: line_of(index, text_of(fields, fields, Kind.STATE)) for index, fields in states.items()}
    return synthetic_log.documents_of(leaves, start) | lines


def write_states(folder: Path, leaves) -> bytes:
    """Write the log of synthetic leaves with records of states among them."""
    return synthetic_log.write_log(folder, leaves, documents=documents_of(leaves))


def with_record(leaves, **lies):
    """These leaves and the STATE record behind them; `lies` are what it says otherwise."""
    record = replace(record_of(leaves), **lies)
    RECORDS[record.digest()] = record
    at = int(rows_of(leaves)["at"].max(initial=BEGIN_MS - 3_600_000))  # not before any that comes before it
    movement = replace(StateRecord(len(leaves), 0, 0, bytes(32)).movement(at), evidence=record.digest())
    return np.concatenate((leaves, leaves_of([movement]))).astype(LEAF_DTYPE)


def receipt_for(leaves, index: int) -> bytes:
    """A receipt for one leaf under a checkpoint of all, signed by the log and cosigned once."""
    hashes = [merkle.leaf_hash(one.tobytes()) for one in leaves]
    signed = checkpoint.sign(Checkpoint(SIGNER.name, len(hashes), merkle.root(hashes)), SIGNER)
    note = parse(signed)
    cosigned = Note(note.text, (*note.signatures, COSIGNER.cosign(note.text, AT_MS // 1000))).encode()
    return Receipt(leaves[index].tobytes(), index, tuple(merkle.inclusion_proof(index, hashes)), cosigned).encode()


@dataclass
class Proven:
    """The state of some leaves, in a file, with its record logged behind them."""

    leaves: object
    map: StateMap
    receipt: bytes

    @classmethod
    def of(cls, leaves, folder: Path) -> "Proven":
        record = write_map(folder / "map", len(leaves), segments_from(leaves), leaf_hashes_of(leaves))
        assert record == record_of(leaves)
        logged = with_record(leaves)
        return cls(leaves, StateMap.open(folder / "map"), receipt_for(logged, len(leaves)))

    def proof(self, first: int, last: int, limit: int = 1000) -> StateProof:
        start, end = self.map.covering(first, last, limit)
        shown = self.map.entries(start, end, lambda index: self.leaves[index].tobytes())
        record = self.map.record
        nodes = self.map.nodes(start, end)
        return StateProof(
            record.entries, record.frontier_g, record.root, start, tuple(shown), tuple(nodes), self.receipt
        )
