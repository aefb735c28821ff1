"""The Merkle tree of RFC 6962 and RFC 9162 with SHA-256: hashes, roots, proofs, and their verification.

Pure. `verify_inclusion` and `verify_consistency` answer False to whatever is handed to them, never an exception
and never more than 65 hashes of work. The proofs over a list are the reference for tests and small trees; proofs
of a published log come from its tiles (`anchoring.tree.tiles`).
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, Self, TypeGuard

import numpy as np

HASH_SIZE = 32
MAX_SIZE = 2**64 - 1
"""Tree sizes are 64 bit on the wire and in the contract, so no proof is longer than 65 hashes."""

MANY: Final = 64
"""Nodes of a level from which on they are hashed together."""
AT_ONCE: Final = 1024
"""Of what is hashed together, so many are laid out at a time: they stay near the processor."""
MAX_PROOF = 65
EMPTY_ROOT = sha256(b"").digest()
"""The root of the tree without leaves (RFC 9162, 2.1.1)."""


def leaf_hash(data: bytes) -> bytes:
    """Hash one leaf's bytes: SHA-256(0x00 || data), 32 bytes (RFC 9162, 2.1.1)."""
    return sha256(b"\x00" + data).digest()


def leaf_hashes(data: bytes, size: int) -> list[bytes]:
    """Hash leaves of `size` bytes each that follow each other in `data`; ValueError when the last is not whole."""
    return _hash_each(0, data, size)


def _hash_each(prefix: int, data: bytes, size: int) -> list[bytes]:
    """Hash each `size` bytes of `data` behind one byte, which is put before many of them at once: hashing is left."""
    hashes: list[bytes] = []
    rows = np.frombuffer(data, np.uint8).reshape(-1, size)
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        items = np.full((len(some), 1 + size), prefix, np.uint8)
        items[:, 1:] = some
        hashes += [sha256(item).digest() for item in items.view(f"V{1 + size}")[:, 0].tolist()]
    return hashes


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children of 32 bytes each: SHA-256(0x01 || left || right), 32 bytes (RFC 9162, 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def _pair(level: Sequence[bytes]) -> list[bytes]:
    """Hash an even number of nodes two by two, into the level above."""
    if len(level) >= MANY:
        return _hash_each(1, b"".join(level), 2 * HASH_SIZE)
    return [sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=True)]


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """Compute the root over leaf hashes of 32 bytes each, `EMPTY_ROOT` if there are none (RFC 9162, 2.1.1)."""
    level = list(leaf_hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        # A node without a sibling rises as it is: that is the RFC's split at the largest power of two.
        odd = [level.pop()] if len(level) % 2 else []
        level = _pair(level) + odd
    return level[0]


def subtrees(leaf_hashes: Sequence[bytes], width: int) -> list[bytes]:
    """Compute the roots over each `width` leaf hashes, a power of two that divides how many there are."""
    level: Sequence[bytes] = leaf_hashes
    while width > 1:
        level, width = _pair(level), width // 2
    return list(level)


def inclusion_proof(index: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """Prove the leaf at `index` in the tree over `leaf_hashes`, sibling first (RFC 9162, 2.1.3.1).

    Raises ValueError when there is no such leaf.
    """
    size = len(leaf_hashes)
    if not 0 <= index < size:
        raise ValueError(f"the tree of {size} leaves has no leaf {index}")
    if size == 1:
        return []
    split = split_point(size)
    if index < split:
        return [*inclusion_proof(index, leaf_hashes[:split]), root(leaf_hashes[split:])]
    return [*inclusion_proof(index - split, leaf_hashes[split:]), root(leaf_hashes[:split])]


def consistency_proof(size1: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """Prove that the tree of the first `size1` leaves is a prefix of the tree over all (RFC 9162, 2.1.4.1).

    Empty for `size1` 0, where there is nothing to prove. Raises ValueError when `size1` is negative or larger
    than the tree.
    """
    if not 0 <= size1 <= len(leaf_hashes):
        raise ValueError(f"a tree of {size1} leaves is no prefix of one of {len(leaf_hashes)}")
    return _subproof(size1, leaf_hashes, whole=True) if size1 else []


def _subproof(size1: int, leaf_hashes: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 9162, 2.1.4.1; `whole` while the verifier already holds this subtree's root."""
    size = len(leaf_hashes)
    if size1 == size:
        return [] if whole else [root(leaf_hashes)]
    split = split_point(size)
    if size1 <= split:
        return [*_subproof(size1, leaf_hashes[:split], whole=whole), root(leaf_hashes[split:])]
    return [*_subproof(size1 - split, leaf_hashes[split:], whole=False), root(leaf_hashes[:split])]


def split_point(size: int) -> int:
    """Give the largest power of two smaller than `size` (at least 2): where a tree divides (RFC 9162, 2.1.1)."""
    return 1 << (size - 1).bit_length() - 1


def verify_inclusion(index: object, size: object, leaf_hash: object, proof: object, root: object) -> bool:
    """Check that `leaf_hash` is leaf `index` of the tree of `size` leaves with `root` (RFC 9162, 2.1.3.2).

    Hashes are `bytes` of 32, `proof` a list or tuple of them. Anything else, and any number outside 64 bits,
    is False.
    """
    if not (_is_size(index) and _is_size(size) and index < size and _is_proof(proof)):
        return False
    if not (_is_hash(leaf_hash) and _is_hash(root)):
        return False
    node, last, result = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            shift = _zeros(node)
            node, last = node >> shift, last >> shift
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and result == root


def verify_consistency(size1: object, size2: object, root1: object, root2: object, proof: object) -> bool:
    """Check that the tree (`size1`, `root1`) is a prefix of (`size2`, `root2`) (RFC 9162, 2.1.4.2).

    Types as in `verify_inclusion`. The RFC defines 0 < size1 < size2. Beyond it: equal sizes are consistent
    when the roots are equal and the proof is empty; the empty tree, known by `EMPTY_ROOT`, is a prefix of every
    tree, with an empty proof.
    """
    if not (_is_size(size1) and _is_size(size2) and size1 <= size2 and _is_proof(proof)):
        return False
    if not (_is_hash(root1) and _is_hash(root2)):
        return False
    if size1 == size2:
        return not proof and root1 == root2 and (size1 > 0 or root1 == EMPTY_ROOT)
    if size1 == 0:
        return not proof and root1 == EMPTY_ROOT
    return _check_consistency(size1, size2, root1, root2, proof)


def _check_consistency(size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> bool:
    """Steps 1 to 7 of RFC 9162, 2.1.4.2, for 0 < size1 < size2."""
    path = [root1, *proof] if size1 & (size1 - 1) == 0 else proof
    if not path or not proof:
        return False
    shift = _zeros(size1)
    node, last = (size1 - 1) >> shift, (size2 - 1) >> shift
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            shift = _zeros(node)
            node, last = node >> shift, last >> shift
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old == root1 and new == root2


def _zeros(number: int) -> int:
    """Count the zero bits below the lowest set bit; 0 for 0, which the RFC's loops leave as it is."""
    return (number & -number).bit_length() - 1 if number else 0


def _is_size(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= MAX_SIZE


def _is_hash(value: object) -> TypeGuard[bytes]:
    return isinstance(value, bytes) and len(value) == HASH_SIZE


def _is_proof(value: object) -> TypeGuard[list[bytes] | tuple[bytes, ...]]:
    return isinstance(value, (list, tuple)) and len(value) <= MAX_PROOF and all(map(_is_hash, value))


class CompactRange:
    """The right edge of a growing tree: enough to append leaves and to know the root, in O(log n) memory.

    `peaks` are the roots of the perfect subtrees that the size's set bits name, the largest (leftmost) first.
    """

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Start empty, or go on from a `size` and its peaks; ValueError when they do not belong together."""
        if not (_is_size(size) and len(peaks) == size.bit_count() and all(map(_is_hash, peaks))):
            raise ValueError(f"a tree of {size} leaves has other peaks than these {len(peaks)}")
        self._size = size
        lowest_first = iter(reversed(peaks))
        self._by_height: list[bytes | None] = [
            next(lowest_first) if size >> height & 1 else None for height in range(size.bit_length())
        ]

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self._size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The perfect subtrees' roots, leftmost first; with `size` they are all there is to keep."""
        return tuple(peak for peak in reversed(self._by_height) if peak is not None)

    def copy(self) -> Self:
        """Give an independent range of the same state."""
        return type(self)(self._size, self.peaks)

    def append(self, leaf_hash: bytes) -> None:
        """Append one leaf hash of 32 bytes."""
        self.extend((leaf_hash,))

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Append many leaf hashes of 32 bytes; level by level, so that the cost is the hashing.

        Raises ValueError beyond 2^64 - 1 leaves, and then changes nothing.
        """
        level = list(leaf_hashes)
        if self._size + len(level) > MAX_SIZE:
            raise ValueError("a tree has at most 2^64 - 1 leaves")
        self._size += len(level)
        height = 0
        while level:
            if height == len(self._by_height):
                self._by_height.append(None)
            peak = self._by_height[height]
            if peak is not None:
                level.insert(0, peak)
            self._by_height[height] = level.pop() if len(level) % 2 else None
            level = _pair(level)
            height += 1

    def root(self) -> bytes:
        """Compute the root of the tree so far; `EMPTY_ROOT` when it is empty."""
        result: bytes | None = None
        for peak in self._by_height:
            if peak is not None:
                result = peak if result is None else node_hash(peak, result)
        return EMPTY_ROOT if result is None else result
