"""Epochs: the state of all grams at one size of the log, its map in a file, its root in a record of the log itself.

The record's index is the size whose state it commits to, so nothing may be staged between the two. Recovery is the
publisher's:

| we crash | what is there | after |
|---|---|---|
| before the map's file is renamed | a temporary file | the epoch is made anew, at the size the log has then |
| after it | a map nobody refers to | the same; it is removed with the next epoch |
| after the record was staged | a leaf with an index, not signed | the publisher signs it, as any other |

Business never waits for this. Publication does, for as long as the state takes to compute.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from anchoring import leaf
from anchoring.errors import AnchoringError, Refuted, Unreachable
from anchoring.publishing.publisher import Publisher
from anchoring.publishing.sequencer import lock_head, staged_size
from anchoring.publishing.standing import refuse_behind
from anchoring.state.reading import read_leaves
from anchoring.state.record import StateRecord
from anchoring.state.segments import segments_of
from anchoring.state.store import StateMap, write_map
from anchoring.tree.sources import DirectorySource
from registry.evidence.public import text_of
from registry.ledger.movement import Kind, Movement

KEPT: Final = 2
"""Maps kept: the last, and the one before it, which is served until the last one's record is published."""
SUFFIX: Final = ".map"


@dataclass(frozen=True, slots=True)
class Epoch:
    """A record of the log: its index, which is the size it is of; when it was written; its evidence's digest."""

    size: int
    at: int
    evidence: bytes


def _nothing(_step: str) -> None:
    """Take no notice of a step."""


@dataclass(frozen=True)
class Epochs:
    """Makes the epochs of one publisher's log, with their maps in `folder`."""

    publisher: Publisher
    folder: Path
    on_step: Callable[[str], None] = _nothing
    """Told the name of each step as it is done; the crash tests stop the process there."""

    def make(self) -> Epoch | None:
        """Publish everything, and record the state of it; None while the log is empty.

        Raises Refuted when the log's files do not make the root that was signed, or this machine's clock is ahead of
        the witnesses': no record is made then.
        """
        size = self.publisher.publish()
        if self.publisher.is_ahead:
            raise Refuted(
                "This machine's clock is ahead of the witnesses': no state is recorded until it is set right."
            )
        if not size:
            return None
        record = self._write(size)
        self.on_step("map")
        made = self._record(record)
        self.on_step("recorded")
        self.publisher.publish()
        self._sweep()
        return made

    def last(self) -> Epoch | None:
        """Find the last epoch that has an index in the log, signed or not."""
        with self.publisher.transaction() as tx:
            row = tx.execute(_LAST, {"kind": int(Kind.STATE)}).one_or_none()
        return None if row is None else Epoch(row.size, row.at_ms, bytes(row.evidence))

    def begun(self) -> int | None:
        """Say when this log was first signed, in Unix milliseconds; None before."""
        with self.publisher.transaction() as tx:
            return tx.execute(_BEGUN).scalar_one_or_none()

    def mend(self) -> bool:
        """Make the map of the last epoch anew from the log, if it is missing; say whether it was.

        Raises Refuted when the log's files lead to another state than the record says.
        """
        last = self.last()
        if last is None or path_of(self.folder, last.size).exists():
            return False
        if self._write(last.size).digest() != last.evidence:
            path_of(self.folder, last.size).unlink(missing_ok=True)
            raise Refuted(f"The leaves do not lead to the state that the record at leaf {last.size} says.")
        return True

    def _write(self, size: int) -> StateRecord:
        with self.publisher.transaction() as tx:
            root = tx.execute(_ROOT, {"size": size}).scalar_one()
        read = read_leaves(DirectorySource(self.publisher.folder.path), size, bytes(root))
        try:
            self.folder.mkdir(exist_ok=True)
            return write_map(path_of(self.folder, size), size, segments_of(read.columns), read.hashes)
        except OSError as error:
            raise Unreachable(f"The map of the state cannot be written: {error.strerror}.") from error

    def _record(self, record: StateRecord) -> Epoch:
        """Write the record and give it its index, in one transaction: there is no moment at which it has none."""
        movement = record.movement(self.publisher.clock())
        with self.publisher.transaction() as tx:
            refuse_behind(lock_head(tx))
            if staged_size(tx) != record.size:
                raise Refuted("Another publisher staged leaves; only one may run. No state was recorded.")
            values = {"at": movement.at, "evidence": movement.evidence, "kind": int(movement.kind)}
            fields = record.fields()
            values |= {"fields": json.dumps(fields), "public": text_of(fields, fields, movement.kind)}
            values |= {"no_tag": movement.to_tag}
            values |= {"index": record.size, "leaf": leaf.encode(movement)}
            tx.execute(_EVIDENCE, values)
            written = tx.execute(_MOVEMENT, values).one()
            number = written.id
            self._seal(tx, movement, number, written.act_id)
            tx.execute(_ENTRY, values | {"movement": number})
            tx.execute(_DEQUEUE, {"movement": number})
        return Epoch(record.size, movement.at, movement.evidence)

    def _seal(self, tx: sa.Connection, movement: Movement, number: int, act_id: int) -> None:
        columns = {"id": number, "act": act_id, "giver": None, "account": None}
        columns |= {name: getattr(movement, name) for name in Movement.__dataclass_fields__}
        for seal in self.publisher.gate.sealer.seals({name: [value] for name, value in columns.items()}):
            tx.execute(_SEAL, {"first": seal.first_id, "count": seal.count, "mac": seal.mac})

    def _sweep(self) -> None:
        for size in maps_in(self.folder)[KEPT:]:
            path_of(self.folder, size).unlink(missing_ok=True)
        for left_behind in self.folder.glob(f".*{SUFFIX}.tmp"):
            left_behind.unlink(missing_ok=True)


def path_of(folder: Path, size: int) -> Path:
    """Give where the map of the state of `size` leaves is."""
    return folder / f"{size}{SUFFIX}"


def maps_in(folder: Path) -> list[int]:
    """List the sizes of which there are maps, the largest first."""
    names = [path.stem for path in folder.glob(f"*{SUFFIX}")]
    return sorted((int(name) for name in names if name.isascii() and name.isdecimal()), reverse=True)


def open_map(folder: Path, published: int) -> StateMap | None:
    """Open the last map whose record is among the first `published` leaves; None when there is none to read."""
    for size in maps_in(folder):
        if size < published:
            try:
                return StateMap.open(path_of(folder, size))
            except AnchoringError:
                discard(folder, size)
    return None


def discard(folder: Path, size: int) -> None:
    """Remove a map that is damaged; `Epochs.mend` makes it anew."""
    path_of(folder, size).unlink(missing_ok=True)


_LAST = sa.text("""
    SELECT e.index AS size, m.at_ms, m.evidence FROM movements m JOIN log_entries e ON e.movement_id = m.id
    WHERE m.kind = :kind ORDER BY m.id DESC LIMIT 1
""")
_BEGUN = sa.text("SELECT signed_ms FROM checkpoints ORDER BY size LIMIT 1")
_ROOT = sa.text("SELECT root FROM checkpoints WHERE size = :size")
_EVIDENCE = sa.text("""
    INSERT INTO evidence (digest, fields, public) VALUES (:evidence, CAST(:fields AS jsonb), :public)
""")
_MOVEMENT = sa.text("""
    WITH act AS (INSERT INTO acts (kind, at_ms, quantity_g) VALUES ('state', :at, 0) RETURNING id)
    INSERT INTO movements (act_id, kind, form, flags, purpose, first_g, last_g, at_ms, until_ms,
        from_tag, to_tag, evidence)
    SELECT id, :kind, 0, 0, 0, 0, 0, :at, 0, :no_tag, :no_tag, :evidence FROM act RETURNING id, act_id
""")
_SEAL = sa.text("INSERT INTO seals (first_id, count, mac) VALUES (:first, :count, :mac)")
_ENTRY = sa.text("INSERT INTO log_entries (index, movement_id, leaf) VALUES (:index, :movement, :leaf)")
_DEQUEUE = sa.text("DELETE FROM unsequenced WHERE movement_id = :movement")
