"""The log's decisions, with all that rests on them, held against the rules of docs/design.md, section 11."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile

from anchoring.auditing.salts import Salts
from anchoring.decisions.following import Following
from anchoring.errors import Malformed, Unreachable
from anchoring.note import MAX_NOTE
from anchoring.replaying.faults import Fault, Faults
from anchoring.replaying.history import Rows
from anchoring.replaying.reading import CHECKPOINT
from anchoring.replaying.records import RecordLeaves
from anchoring.tree.documents import READ_TOGETHER, TileRecords, read_by_tile
from anchoring.tree.tiles import TILE_WIDTH, Source, tile_width
from registry.evidence.public import Document, Faulty, Flaw, RecordLeaf
from registry.procedure.lots import Issuance
from registry.procedure.rule import Finding

CHUNK = 1 << 18
"""Rows looked at together: 262,144, of 23 MB."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What the decisions of a log made: which lots, and what of it is not complete."""

    findings: tuple[Finding, ...] = ()
    issuances: Sequence[Issuance] = ()


def check_decisions(
    source: Source, rows: Rows, records: RecordLeaves, verified: Mapping[int, bytes], faults: Faults
) -> Decided:
    """Replay the decisions of a log whose leaves, documents and other rules hold; name faults, and give what they made.

    The documents are read again. A file that has the SHA-256 it had when it was `verified`, by tile, is what it was;
    of any other each document must be what its leaf binds: one that is served no more is a fault of its record, or
    whoever serves them would choose which decisions are asked. Raises Unreachable when the log is gone.
    """
    following, is_served = Following(), True

    def served(documents: Iterator[tuple[RecordLeaf, Document | None]]) -> Iterator[tuple[RecordLeaf, Document]]:
        nonlocal is_served
        for leaf, document in documents:
            if document is None:
                is_served = False
                faults.add(Fault("DOCUMENT", "its document was served once, and not a second time", leaf=leaf.index))
            else:
                salts.add(document)
                yield leaf, document

    with Salts() as salts, ThreadPoolExecutor(READ_TOGETHER, "decisions") as pool:
        for start in range(0, len(rows), CHUNK):
            end = min(start + CHUNK, len(rows))
            leaves = records.between(start, end)
            documents = _documents(source, leaves, len(rows), verified, pool)
            for fault in following.take(rows[:end], served(documents)):
                faults.add(Fault(fault.rule, fault.sentence, leaf=fault.leaf))
        for leaf, other in salts.repeated():
            faults.add(
                Fault("DOCUMENT", f"{Faulty(leaf, Flaw.SALT_TWICE).sentence}: in that of leaf {other}", leaf=leaf)
            )
    return Decided(following.findings(), following.issuances()) if is_served else Decided()


def _documents(
    source: Source, leaves: list[RecordLeaf], size: int, verified: Mapping[int, bytes], pool: ThreadPoolExecutor
) -> Iterator[tuple[RecordLeaf, Document | None]]:
    by_tile: dict[int, list[RecordLeaf]] = {}
    for leaf in leaves:
        by_tile.setdefault(leaf.index // TILE_WIDTH, []).append(leaf)
    tiles = [TileRecords(n, tile_width(0, n, size), records, verified.get(n)) for n, records in by_tile.items()]
    for tile, outcome in read_by_tile(source, tiles, pool):
        awaited = iter(tile.leaves)
        if isinstance(outcome, (Malformed, Unreachable)):
            source.read(CHECKPOINT, MAX_NOTE)  # of a log that went away nothing is known
        else:
            for document in (found for found in outcome if isinstance(found, Document)):
                yield from ((leaf, None) for leaf in takewhile(document.leaf.__ne__, awaited))
                yield document.leaf, document
        yield from ((leaf, None) for leaf in awaited)
