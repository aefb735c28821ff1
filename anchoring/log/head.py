"""The head: the last signed checkpoint as the database has it, and how one goes on from there to the next."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from anchoring.errors import Refuted
from anchoring.merkle import EMPTY_ROOT, HASH_SIZE
from registry.ledger.movement import ENDS, Kind

Transactions = Callable[[], AbstractContextManager[sa.Connection]]
"""Opens a transaction that commits when its block ends."""

OVERTAKEN = "Another publisher advanced this log; only one may run. This one stops."


@dataclass(frozen=True, slots=True)
class Head:
    """The last signed checkpoint in the database, and how far the log is published."""

    size: int
    root: bytes
    frontier_g: int
    ended_g: int
    peaks: tuple[bytes, ...]
    published_size: int

    def grown(self, leaves: npt.NDArray[Any], root: bytes, peaks: tuple[bytes, ...]) -> "Head":
        """Count on over `leaves` (`LEAF_DTYPE`), of which come this root and these peaks.

        The frontier is the highest gram issued, exclusive; ended grams are those of EXPIRE, CANCEL and VOID.
        """
        issues = leaves[leaves["kind"] == Kind.ISSUE]
        ends = leaves[np.isin(leaves["kind"], [int(kind) for kind in ENDS])]
        return replace(
            self,
            size=self.size + len(leaves),
            root=root,
            peaks=peaks,
            frontier_g=max(self.frontier_g, int(issues["last"].max(initial=0))),
            ended_g=self.ended_g + int((ends["last"] - ends["first"]).sum(dtype=np.uint64)),
        )


def read_head(tx: sa.Connection) -> Head:
    """Read the head; before anything is signed it is that of the empty tree."""
    row = tx.execute(_HEAD).one()
    peaks = bytes(row.peaks or b"")
    cut = tuple(peaks[at : at + HASH_SIZE] for at in range(0, len(peaks), HASH_SIZE))
    root = EMPTY_ROOT if row.root is None else bytes(row.root)
    return Head(row.size, root, row.frontier_g or 0, row.ended_g or 0, cut, row.published_size)


def advance(tx: sa.Connection, old: Head, new: Head, note: bytes, at: int) -> None:
    """Put `new`, signed as `note` at Unix milliseconds `at`, after `old`.

    Raises Refuted when `old` is the head no longer.
    """
    if tx.execute(_ADVANCE, {"old": old.size, "new": new.size}).rowcount != 1:
        raise Refuted(OVERTAKEN)
    values = {name: getattr(new, name) for name in ("size", "root", "frontier_g", "ended_g")}
    values |= {"peaks": b"".join(new.peaks), "note": note.decode(), "signed_ms": at}
    tx.execute(_INSERT_CHECKPOINT, values)


def say_published(tx: sa.Connection, size: int, note: bytes, at: int) -> None:
    """Write down that the tree of `size` leaves is public, with its cosigned `note`, at Unix milliseconds `at`."""
    tx.execute(_INSERT_PUBLICATION, {"size": size, "note": note.decode(), "at": at})
    tx.execute(_PUBLISHED, {"size": size})


_HEAD = sa.text("""
    SELECT h.size, h.published_size, c.root, c.frontier_g, c.ended_g, c.peaks
    FROM log_head h LEFT JOIN checkpoints c ON c.size = h.size
""")
_ADVANCE = sa.text("UPDATE log_head SET size = :new WHERE size = :old AND known_size <= :old")
_INSERT_CHECKPOINT = sa.text("""
    INSERT INTO checkpoints (size, root, frontier_g, ended_g, peaks, note, signed_ms)
    VALUES (:size, :root, :frontier_g, :ended_g, :peaks, :note, :signed_ms)
""")
_INSERT_PUBLICATION = sa.text(
    "INSERT INTO publications (size, note, published_ms) VALUES (:size, :note, :at) ON CONFLICT DO NOTHING"
)
_PUBLISHED = sa.text("UPDATE log_head SET published_size = :size WHERE published_size < :size")
