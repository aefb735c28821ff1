"""A public log, read and verified against a database that was set back, before a byte of it is believed.

1. The checkpoint is signed by the log, cosigned by enough of those who are to, and no smaller than what is known.
2. Every leaf that the database lacks is read once, into a file of our own: what was verified is what is written.
3. Hashed on from the database's own tree, they make the checkpoint's root: it is the same history, grown.
4. Every one of them is lawful against its parent, and no two of all leaves take one gram.
5. Every record among them has its document, whose digest is in the leaf.

Memory stays small: 88 bytes a leaf of the whole log lie in a file that is mapped, 114 a new leaf in another, and the
documents of new records in a third.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
import sqlalchemy as sa

from anchoring.auditing.audit import MAX_AUDITED
from anchoring.checkpoint import Checkpoint, open_checkpoint
from anchoring.errors import Refuted
from anchoring.leaf import LEAF_DTYPE, LEAF_SIZE, VERSION
from anchoring.merkle import CompactRange
from anchoring.note import MAX_NOTE, Note, Signature, parse_vkey
from anchoring.publishing.roots import edge_in_database, root_in_database
from anchoring.publishing.sequencer import MAX_BATCH, read_staged, staged_size
from anchoring.publishing.standing import standing
from anchoring.replaying.history import ROW, Rows, are_ends, are_origins, rows_of
from anchoring.replaying.judge import LAWFUL, Judge
from anchoring.replaying.overlaps import find_overlaps
from anchoring.replaying.reading import leaf_hashes
from anchoring.replaying.runs import broken_runs, ends_in_run
from anchoring.tree.builder import leaves_of
from anchoring.tree.documents import records_among, served_documents
from anchoring.tree.folder import CHECKPOINT
from anchoring.tree.sources import Source
from anchoring.tree.tiles import TILE_WIDTH, TileReader, root_at, tile_width
from registry.evidence.public import RULE, Faulty, split_line
from registry.ledger.rules import SENTENCES, Rule

Transactions = Callable[[], AbstractContextManager[sa.Connection]]


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signatures count: the log's `vkey`, and `quorum` of the `cosigners`' vkeys."""

    vkey: str
    cosigners: Sequence[str]
    quorum: int


@dataclass(frozen=True, slots=True)
class Verified:
    """A checkpoint that continues the database's tree, and the leaves `[start, checkpoint.size)` that lead there."""

    checkpoint: Checkpoint
    note: Note
    of_log: Note
    """The same, with the log's own signature alone."""
    start: int
    peaks: tuple[bytes, ...]
    frontier_g: int
    ended_g: int
    _leaves: BinaryIO
    _documents: BinaryIO

    def leaves(self, start: int, end: int) -> Rows:
        """Read leaves `[start, end)` (`LEAF_DTYPE`) that were verified."""
        self._leaves.seek((start - self.start) * LEAF_SIZE)
        return np.frombuffer(self._leaves.read((end - start) * LEAF_SIZE), LEAF_DTYPE)

    def documents(self) -> Iterator[tuple[int, str]]:
        """Read the verified documents of the records among them, in order: index, and fields in RFC 8785 form."""
        self._documents.seek(0)
        return map(split_line, self._documents)


@contextmanager
def verified(transaction: Transactions, source: Source, trust: Trust) -> Iterator[Verified]:
    """Read and verify the log at `source` past what the database has; give it until the block ends.

    Raises Refuted when it is not this log grown lawfully, Unreachable or Malformed when it does not give its leaves.
    """
    signed = open_checkpoint(source.read(CHECKPOINT, MAX_NOTE), trust.vkey, trust.cosigners)
    checkpoint = signed.checkpoint
    now = standing(transaction)
    least = max(now.size, now.known_size)
    if not least <= checkpoint.size <= MAX_AUDITED:
        raise Refuted(
            f"The log there has {checkpoint.size} leaves, and {least} are known to exist: it is not the whole of it. "
            "Nothing was written; recover from another place."
        )
    names = {one.verifier.name for one in signed.cosignatures}
    if len(names) < trust.quorum:
        raise Refuted(f"The checkpoint there is cosigned by {len(names)} of those who are to, not {trust.quorum}.")
    of_log = replace(signed.note, signatures=tuple(one for one in signed.note.signatures if _is_by(one, trust.vkey)))
    with tempfile.TemporaryFile() as leaves, tempfile.TemporaryFile() as rows, tempfile.TemporaryFile() as documents:
        with transaction() as tx:
            tx.execute(_PATIENT)
            start = min(staged_size(tx), checkpoint.size)
            edge = edge_in_database(tx, start)
            history = _History(rows, checkpoint.size)
            history.take_database(tx, start)
            _read(TileReader(source, cached_tiles=0), edge, checkpoint.size, history, leaves)
            if edge.root() != checkpoint.root:
                _refute(tx, source, now.size, checkpoint)
        figures = history.judge(start)
        public = Verified(checkpoint, signed.note, of_log, start, edge.peaks, *figures, leaves, documents)
        with transaction() as tx:
            tx.execute(_PATIENT)
            _read_documents(tx, source, public)
        yield public


def _is_by(signature: Signature, vkey: str) -> bool:
    verifier = parse_vkey(vkey)
    return (signature.name, signature.key_id) == (verifier.name, verifier.key_id)


class _History:
    """The rows (`ROW`) of all leaves, in a file that is mapped."""

    def __init__(self, file: Any, size: int) -> None:
        self.rows: Rows = np.memmap(file, ROW, "w+", shape=(size,)) if size else np.zeros(0, ROW)

    def take_database(self, tx: sa.Connection, size: int) -> None:
        for start in range(0, size, MAX_BATCH):
            end = min(size, start + MAX_BATCH)
            self.rows[start:end] = rows_of(read_staged(tx, start, end))

    def judge(self, start: int) -> tuple[int, int]:
        """Refuse the first leaf from `start` on that breaks a rule; give frontier and ended grams of all."""
        judge = Judge()
        for begin in range(start, len(self.rows), MAX_BATCH):
            rules = judge.judge(self.rows[: begin + MAX_BATCH], begin)
            for place in np.flatnonzero(rules != LAWFUL)[:1].tolist():
                _refuse(begin + place, Rule(rules[place]), "")
        for rule, (later, earlier) in find_overlaps(self.rows):
            _refuse(later, rule, f" It takes grams of leaf {earlier}.")
        for leaf in broken_runs(self.rows, start)[:1].tolist():
            _refuse(leaf, Rule.GATHERED, f" The leaf before it is {leaf - 1}." if leaf else "")
        if ends_in_run(self.rows):
            _refuse(len(self.rows) - 1, Rule.GATHERED, " It is the last, and its BUNDLE is not there.")
        kind = self.rows["codes"] >> 14
        ends = self.rows[are_ends(kind)]
        ended_g = int((ends["last"] - ends["first"]).sum(dtype=np.uint64))
        return int(self.rows["last"][are_origins(kind)].max(initial=0)), ended_g


def _refuse(leaf: int, rule: Rule, detail: str) -> None:
    raise Refuted(f"Leaf {leaf} of the log there breaks a rule: {SENTENCES[rule]}.{detail} Nothing was written.")


def _read(reader: TileReader, edge: CompactRange, size: int, history: _History, file: BinaryIO) -> None:
    """Read the leaves from the edge up to `size`, hash them, and keep them."""
    while edge.size < size:
        start, n = edge.size, edge.size // TILE_WIDTH
        width = tile_width(0, n, size)
        leaves = leaves_of(reader.bundle(n, width), width)[start - n * TILE_WIDTH :]
        if not (leaves["version"] == VERSION).all():
            raise Refuted(f"A leaf of the log there, from {start} on, is of an unknown version. Nothing was written.")
        edge.extend(leaf_hashes(leaves))
        history.rows[start : start + len(leaves)] = rows_of(leaves)
        file.write(leaves.tobytes())


def _read_documents(tx: sa.Connection, source: Source, public: Verified) -> None:
    """Read and check the documents of the new leaves; those of one file are in memory at a time."""
    start, size = public.start, public.checkpoint.size
    for n in range(start // TILE_WIDTH, -(-size // TILE_WIDTH)):
        first, end = n * TILE_WIDTH, min(size, (n + 1) * TILE_WIDTH)
        known = max(first, min(start, end))
        data = read_staged(tx, first, known).tobytes() + public.leaves(known, end).tobytes()
        for found in served_documents(source, n, end - first, records_among(np.frombuffer(data, LEAF_DTYPE), first)):
            if isinstance(found, Faulty):
                raise Refuted(
                    f"Leaf {found.index} of the log there: {RULE}: {found.sentence}. Nothing was written; recover from "
                    "another place."
                )
            if found.leaf.index >= start:
                public._documents.write(found.line)  # noqa: SLF001  (it is being made)


def _refute(tx: sa.Connection, source: Source, signed_size: int, checkpoint: Checkpoint) -> None:
    """Say in what a log whose root does not come out is another one."""
    theirs = root_at(TileReader(source), signed_size, within=checkpoint.size)
    if theirs != root_in_database(tx, signed_size):
        raise Refuted(
            f"The log there has another history: its first {signed_size} leaves are not this database's. Nothing was "
            "written; keep both, they prove that two histories were signed."
        )
    raise Refuted(
        f"The leaves there, after this database's, do not make the root that its checkpoint of {checkpoint.size} "
        "leaves signs: a file of it was altered, or this database holds leaves that it never had. Nothing was written."
    )


# The database waits meanwhile for a log that may be far away.
_PATIENT = sa.text("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
