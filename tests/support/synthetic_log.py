"""Synthetic logs, and chains in memory that hold their anchors."""

from dataclasses import dataclass, replace

from anchoring.leaf import decode
from anchoring.merkle import leaf_hash
from anchoring.merkle import root as merkle_root
from api.bench.synthetic_log import (
    BEGIN_MS,
    FIRST_LIFE,
    LIFE,
    ORIGIN,
    SIGNER,
    STEPS,
    UNTIL_MS,
    VKEY,
    documents_of,
    lawful_leaves,
    sign_log,
    six_bytes,
    write_log,
)
from registry.ledger.movement import ENDS, ORIGINS, Kind

__all__ = [
    "BEGIN_MS",
    "FIRST_LIFE",
    "LIFE",
    "ORIGIN",
    "SIGNER",
    "STEPS",
    "UNTIL_MS",
    "VKEY",
    "FakeAnchor",
    "FakeChain",
    "anchor_of",
    "documents_of",
    "is_whole",
    "lawful_leaves",
    "sign_log",
    "six_bytes",
    "write_log",
]


@dataclass
class FakeAnchor:
    """A checkpoint as a chain has it."""

    size: int
    root: bytes
    frontier: int
    ended: int
    broken: bool = False
    at: int = 2**46
    """When its block was made, Unix milliseconds."""


@dataclass
class FakeChain:
    """A chain in memory with these anchors; the last is the head."""

    anchors: list[FakeAnchor]
    is_broken: bool = False

    def head(self) -> FakeAnchor:
        last = max(self.anchors, key=lambda anchor: anchor.size, default=FakeAnchor(0, bytes(32), 0, 0))
        return replace(last, broken=self.is_broken)

    def anchored(self) -> list[FakeAnchor]:
        return list(self.anchors)

    def made_at(self, anchor: FakeAnchor) -> int:
        return anchor.at


def is_whole(leaves, size: int) -> bool:
    """Whether a log may be signed with the first `size` leaves: the last is no GATHER."""
    return size == 0 or leaves["kind"][size - 1] != Kind.GATHER


def anchor_of(leaves, size: int) -> FakeAnchor:
    """What a faithful chain has for the first leaves, leaf by leaf with Python's own integers."""
    moved = [decode(leaf.tobytes()) for leaf in leaves[:size]]
    frontier = max((movement.last for movement in moved if movement.kind in ORIGINS), default=0)
    ended = sum(movement.quantity_g for movement in moved if movement.kind in ENDS)
    root = merkle_root([leaf_hash(leaf.tobytes()) for leaf in leaves[:size]])
    return FakeAnchor(size, root, frontier, ended, at=max((movement.at for movement in moved), default=0))
