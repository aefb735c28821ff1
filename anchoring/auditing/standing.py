"""How far an audit has come: all that it knows of the leaves so far, beside their rows; and that as JSON and back."""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

from anchoring.auditing.tree import UpperTree
from anchoring.merkle import HASH_SIZE
from anchoring.replaying.faults import Fault, Faults
from anchoring.replaying.judging import Figures
from anchoring.replaying.records import RecordLeaves
from anchoring.tree.tiles import TILE_WIDTH
from registry.ledger.rules import Rule

OF_LEAVES = {rule.name for rule in Rule} | {"leaf-version"}
"""Faults of leaves that are proven to be in the tree: they stay what they are, whatever a server gives tomorrow."""


@dataclass(slots=True)
class Standing:
    """What the first `size` leaves are known to be and to do."""

    size: int = 0
    tree: UpperTree = field(default_factory=UpperTree)
    kinds: Counter[int] = field(default_factory=Counter)
    records: dict[int, list[int]] = field(default_factory=dict)
    """Kind of record that is remembered -> indices."""
    record_leaves: RecordLeaves = field(default_factory=RecordLeaves)
    documents: dict[int, bytes] = field(default_factory=dict)
    """Tile with records -> SHA-256 of the file in which each of them has its document."""
    leaves_read: int = 0
    read_to: int = 0
    """The first leaf that could not be read, or `size`: up to here there are figures."""
    whole: Figures = field(default_factory=Figures)
    roots: dict[int, bytes] = field(default_factory=dict)
    """Size that was asked for -> root, if it could be recomputed."""
    figures: dict[int, Figures] = field(default_factory=dict)
    """Size that was asked for -> figures, if they could be recomputed."""
    faults: Faults = field(default_factory=Faults)

    @property
    def is_firm(self) -> bool:
        """Whether nothing that is known rests on files that were missing or false."""
        return self.size % TILE_WIDTH == 0 and self.tree.is_known and set(self.faults.counts) <= OF_LEAVES

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values; only of what is firm."""
        marks = sorted(size for size in self.roots.keys() & self.figures.keys() if size <= self.size)
        return {
            "size": self.size,
            "levels": ["".join(node.hex() for node in level) for level in self.tree.levels],
            "kinds": sorted(self.kinds.items()),
            "records": sorted(self.records.items()),
            "record_leaves": b64encode(self.record_leaves.packed).decode(),
            "documents": b64encode(_packed(self.documents)).decode(),
            "leaves_read": self.leaves_read,
            "read_to": self.read_to,
            "whole": astuple(self.whole),
            "marks": [[size, self.roots[size].hex(), *astuple(self.figures[size])] for size in marks],
            "faults": [[fault.code, fault.sentence, fault.leaf] for fault in self.faults.sorted()],
            "fault_counts": sorted(self.faults.counts.items()),
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> "Standing":
        """Read what `to_json` wrote; KeyError, TypeError or ValueError for anything else."""
        size = int(said["size"])
        levels = [_nodes(level) for level in said["levels"]]
        made = sum(len(level) * TILE_WIDTH**height for height, level in enumerate(levels, start=1))
        if made != size:
            raise ValueError(f"the tree has {made} leaves and not {size}")
        standing = cls(
            size=size,
            tree=UpperTree(levels, size // TILE_WIDTH),
            kinds=Counter(dict(said["kinds"])),
            records=dict(said["records"]),
            record_leaves=RecordLeaves(b64decode(said["record_leaves"], validate=True)),
            documents=_unpacked(b64decode(said["documents"], validate=True)),
            leaves_read=int(said["leaves_read"]),
            read_to=int(said["read_to"]),
            whole=Figures(*said["whole"]),
            roots={mark[0]: bytes.fromhex(mark[1]) for mark in said["marks"]},
            figures={mark[0]: Figures(*mark[2:]) for mark in said["marks"]},
        )
        standing.faults.merge([Fault(*fault) for fault in said["faults"]], dict(said["fault_counts"]))
        return standing


def _packed(documents: Mapping[int, bytes]) -> bytes:
    return b"".join(n.to_bytes(8) + digest for n, digest in documents.items())


def _unpacked(data: bytes) -> dict[int, bytes]:
    width = 8 + HASH_SIZE
    if len(data) % width:
        raise ValueError("the digests of documents are not whole")
    parts = (data[at : at + width] for at in range(0, len(data), width))
    return {int.from_bytes(part[:8]): part[8:] for part in parts}


def _nodes(level: str) -> list[bytes]:
    data = bytes.fromhex(level)
    if len(data) % HASH_SIZE:
        raise ValueError("a level of the tree is not whole")
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]
