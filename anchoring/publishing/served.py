"""Whether a published log, in its folder or under a URL, is the one that the database's leaves make, file by file."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

import sqlalchemy as sa

from anchoring.checkpoint import Checkpoint, open_checkpoint
from anchoring.errors import Altered, AnchoringError, Malformed, Refuted, Unreachable
from anchoring.leaf import LEAF_SIZE
from anchoring.note import MAX_NOTE
from anchoring.publishing.consistency import REPLAY
from anchoring.publishing.recorded import documents_in_database
from anchoring.publishing.roots import root_in_database
from anchoring.publishing.sequencer import MAX_BATCH, read_staged
from anchoring.tree.builder import TileBuilder
from anchoring.tree.folder import CHECKPOINT
from anchoring.tree.sources import Source
from anchoring.tree.tiles import TILE_WIDTH
from registry.evidence.public import file_limit
from registry.ledger.finding import Finding
from registry.ledger.movement import Kind

MAX_FINDINGS: Final = 100
"""Files that are missing or differ before the rest is left out: a folder that was emptied has as many as the log."""
REBUILD: Final = "`gram log rebuild` writes what is missing from the database; move aside what differs first"


def check_served(tx: sa.Connection, source: Source, vkey: str, place: str) -> Iterator[Finding]:
    """Compare the log at `source`, called `place`, with the database's; `vkey` is the log's.

    A log that has grown since the snapshot that `tx` sees is compared as far as that goes; whether the database has
    grown with it is for the caller to ask (`grown_to`). Raises `Unreachable` when there is no answer at all.
    """
    published = tx.execute(_PUBLISHED).scalar_one()
    signed = read_checkpoint(source, vkey)
    if isinstance(signed, Finding):
        yield _in(place, signed)
        return
    if signed is None or signed.size < published:
        held = 0 if signed is None else signed.size
        sentence = f"it has {held} leaves, and {published} were published: it was set back, or lost"
        if published:
            yield _in(place, Finding(CHECKPOINT, sentence, REBUILD, held + 1))
    elif signed.size == published and signed.root != root_in_database(tx, published):
        sentence = f"its checkpoint of {signed.size} leaves has another root than the database's leaves"
        yield _in(place, Finding(CHECKPOINT, sentence, "keep both: one of them is a second history", signed.size))
    for count, finding in enumerate(_check_files(tx, source, published)):
        yield _in(place, finding)
        if count == MAX_FINDINGS:
            yield _in(place, Finding("tile", f"more than {MAX_FINDINGS} files differ; the rest was not read", REBUILD))
            return


def read_checkpoint(source: Source, vkey: str) -> Checkpoint | Finding | None:
    """Read a log's checkpoint: None when there is none, a finding when it is not the log's."""
    try:
        return open_checkpoint(source.read(CHECKPOINT, MAX_NOTE), vkey).checkpoint
    except Unreachable:
        return None
    except (Malformed, Refuted) as error:
        return Finding(CHECKPOINT, str(error), REBUILD)


def _in(place: str, finding: Finding) -> Finding:
    return Finding(f"{place}: {finding.place}", finding.sentence, finding.remedy, finding.size)


def _check_files(tx: sa.Connection, source: Source, size: int) -> Iterator[Finding]:
    """Make every file of the tree of `size` leaves, and compare."""
    builder = TileBuilder(0, [], b"")
    while builder.size < size:
        try:
            leaves = read_staged(tx, builder.size, min(size, builder.size + MAX_BATCH))
            documents = documents_in_database(tx, leaves, builder.size)
        except (Altered, Malformed) as error:
            yield Finding(f"leaf {builder.size}", str(error), REPLAY, builder.size + 1)
            return
        for path, data in builder.extend(leaves, documents):
            yield from _compare(source, path, data)
    for path, data in builder.partials():
        yield from _compare(source, path, data)


def _compare(source: Source, path: str, data: bytes) -> Iterator[Finding]:
    """Compare one file; the longer one that a partial has grown into since serves as well."""
    found = _read(source, path, len(data))
    if found is None and ".p/" in path:
        found = _read(source, path.partition(".p/")[0], _full_bytes(path))
        found = found and found[: len(data)]
    if found is None:
        yield Finding(path, "it is missing, or cannot be read", REBUILD)
    elif found != data:
        yield Finding(path, _first_difference(path, found, data), REBUILD)


def _full_bytes(path: str) -> int:
    """Give the most bytes that the full file of this kind has."""
    if path.startswith("document/"):
        return file_limit([Kind.POLICY] * TILE_WIDTH)
    return TILE_WIDTH * (2 + LEAF_SIZE if "entries" in path else 32)


def _read(source: Source, path: str, limit: int) -> bytes | None:
    try:
        return source.read(path, limit)
    except AnchoringError:
        return None


def _first_difference(path: str, found: bytes, data: bytes) -> str:
    if path.startswith("document/"):
        pairs = enumerate(zip_longest(found.split(b"\n"), data.split(b"\n")))
        place = next(place for place, (theirs, ours) in pairs if theirs != ours)
        return f"it is not what the database holds; the first document that differs is its number {place}"
    stride = 2 + LEAF_SIZE if "entries" in path else 32
    starts = range(0, len(data), stride)
    place = next((at // stride for at in starts if found[at : at + stride] != data[at : at + stride]), 0)
    what = "leaf" if stride != 32 else "hash"
    return f"it is not what the database's leaves make; the first {what} that differs is its number {place}"


_PUBLISHED = sa.text("SELECT published_size FROM log_head")
