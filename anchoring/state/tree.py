"""The Merkle-sum map over segments: every node commits to how many grams lie below it. Pure.

    leaf   SHA-256(0x00 || first 8 || last 8 || index 8 || leaf hash 32)
    inner  SHA-256(0x01 || left span 8 || left hash 32 || right span 8 || right hash 32)

Numbers are big-endian, a span is grams, the leaf hash is that of the log's own tree (RFC 9162, 2.1.1), and the tree
has RFC 9162's shape. Where grams were never issued, the index is all ones and the leaf hash zero. As each inner node
commits to the span of its left side, two entries that verify under one root lie side by side: no gram has two, whoever
made the root.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anchoring.merkle import EMPTY_ROOT, HASH_SIZE
from anchoring.state.segments import NO_INDEX, Grams, Segments

CHUNK: Final = 1 << 16
"""Entries hashed together: a power of two, so that the roots of chunks are nodes of the whole tree."""
NO_LEAF: Final = bytes(HASH_SIZE)
"""The leaf hash of grams that were never issued."""
Hashes = NDArray[Any]
"""Shape (n,), of `HASH`."""
HASH: Final = np.dtype("V32")
Sink = Callable[[int, int, Hashes], None]
"""Takes the hashes of one level from one place on."""

_LEAF: Final = np.dtype([("prefix", "u1"), ("first", ">u8"), ("last", ">u8"), ("index", ">u8"), ("leaf", HASH)])
_INNER: Final = np.dtype(
    [("prefix", "u1"), ("left_span", ">u8"), ("left", HASH), ("right_span", ">u8"), ("right", HASH)]
)


def entry_hash(first: int, last: int, index: int, leaf_hash: bytes) -> bytes:
    """Hash one entry; every number is of 64 bits."""
    return sha256(b"\0" + b"".join(number.to_bytes(8) for number in (first, last, index)) + leaf_hash).digest()


def inner_hash(left_span: int, left: bytes, right_span: int, right: bytes) -> bytes:
    """Hash two nodes of a map with their spans in grams."""
    return sha256(b"\x01" + left_span.to_bytes(8) + left + right_span.to_bytes(8) + right).digest()


def hash_map(segments: Segments, leaf_hashes: Hashes, sink: Sink = lambda _level, _start, _hashes: None) -> bytes:
    """Compute the root over `segments`, `EMPTY_ROOT` when there are none; `leaf_hashes` are the log's, by index.

    `sink` is given every level as it is made: level 0 the entries, and each node without a sibling once more on each
    level it rises through. Without a sink no more than a chunk of 65,536 is in memory.
    """
    if not len(segments):
        return EMPTY_ROOT
    tops, top_spans = [], []
    for start in range(0, len(segments), CHUNK):
        end = min(start + CHUNK, len(segments))
        hashes, spans = _entries(segments, leaf_hashes, start, end)
        sink(0, start, hashes)
        level = 0
        while len(hashes) > 1 or (end - start < CHUNK < len(segments) and 1 << level < CHUNK):
            hashes, spans = _level_above(hashes, spans)
            level += 1
            sink(level, start >> level, hashes)
        tops.append(hashes)
        top_spans.append(spans)
    hashes, spans = np.concatenate(tops), np.concatenate(top_spans)
    level = CHUNK.bit_length() - 1
    while len(hashes) > 1:
        hashes, spans = _level_above(hashes, spans)
        level += 1
        sink(level, 0, hashes)
    return bytes(hashes[0])


def level_sizes(entries: int) -> Iterator[int]:
    """Count the nodes of each level over so many entries, from the entries to the root."""
    while entries:
        yield entries
        entries = 0 if entries == 1 else -(-entries // 2)


def _entries(segments: Segments, leaf_hashes: Hashes, start: int, end: int) -> tuple[Hashes, Grams]:
    first, index = segments.first[start:end], segments.index[start:end]
    behind = segments.first[end : end + 1] if end < len(segments) else np.array([segments.frontier_g], np.uint64)
    last = np.concatenate((first[1:], behind))
    raw = np.zeros(len(first), _LEAF)
    raw["first"], raw["last"], raw["index"] = first, last, index
    issued = index != NO_INDEX
    raw["leaf"][issued] = leaf_hashes[index[issued].astype(np.intp)]
    return _sha256_each(raw), last - first


def _level_above(hashes: Hashes, spans: Grams) -> tuple[Hashes, Grams]:
    pairs = len(hashes) // 2
    raw = np.zeros(pairs, _INNER)
    raw["prefix"] = 1
    raw["left_span"], raw["right_span"] = spans[: 2 * pairs : 2], spans[1 : 2 * pairs : 2]
    raw["left"], raw["right"] = hashes[: 2 * pairs : 2], hashes[1 : 2 * pairs : 2]
    above, summed = _sha256_each(raw), spans[: 2 * pairs : 2] + spans[1 : 2 * pairs : 2]
    if len(hashes) % 2:
        return np.append(above, hashes[-1:]), np.append(summed, spans[-1:])
    return above, summed


def _sha256_each(rows: NDArray[Any]) -> Hashes:
    data, stride = rows.tobytes(), rows.dtype.itemsize
    return np.frombuffer(
        b"".join([sha256(data[at : at + stride]).digest() for at in range(0, len(data), stride)]), HASH
    )
