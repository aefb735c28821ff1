"""The head: the last signed checkpoint as the database has it, and how one goes on from there to the next."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
import sqlalchemy as sa

from anchoring.checkpoint import open_checkpoint
from anchoring.errors import Altered, AnchoringError, Refuted
from anchoring.merkle import EMPTY_ROOT, HASH_SIZE, CompactRange
from anchoring.replaying.history import are_ends, are_origins

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

        The frontier is the highest gram issued or bundled, exclusive; ended grams are those of EXPIRE, CANCEL and VOID,
        and of GATHER, whose grams go on under other numbers.
        """
        origins, ends = leaves[are_origins(leaves["kind"])], leaves[are_ends(leaves["kind"])]
        return replace(
            self,
            size=self.size + len(leaves),
            root=root,
            peaks=peaks,
            frontier_g=max(self.frontier_g, int(origins["last"].max(initial=0))),
            ended_g=self.ended_g + int((ends["last"] - ends["first"]).sum(dtype=np.uint64)),
        )


def read_head(tx: sa.Connection, vkey: str) -> Head:
    """Read the head; before anything is signed it is that of the empty tree.

    Raises Altered when it is not the one that the log's key `vkey` signed. Nothing else says what was signed since the
    last publication: to go on from an earlier tree could be to sign a second one of the same size.
    """
    row = tx.execute(_HEAD).one()
    if row.size != row.signed:
        raise Altered(f"The head of the log is at {row.size} leaves, and the last checkpoint at {row.signed}")
    if row.size == 0:
        return Head(0, EMPTY_ROOT, 0, 0, (), 0)
    peaks = bytes(row.peaks or b"")
    cut = tuple(peaks[at : at + HASH_SIZE] for at in range(0, len(peaks), HASH_SIZE))
    if not _is_signed(row, cut, vkey):
        raise Altered(
            f"The head of the log is at {row.size} leaves, and its row is of no checkpoint that the log signed"
        )
    if row.published_size and row.published is None:
        raise Altered(f"The log is said to be public up to {row.published_size} leaves, and was not published there")
    return Head(row.size, bytes(row.root), row.frontier_g, row.ended_g, cut, row.published_size)


def _is_signed(row: sa.Row[Any], peaks: tuple[bytes, ...], vkey: str) -> bool:
    try:
        signed = open_checkpoint((row.note or "").encode(), vkey).checkpoint
        made = CompactRange(row.size, peaks).root()
    except (AnchoringError, ValueError):
        return False
    return (signed.size, signed.root) == (row.size, made) == (row.size, bytes(row.root))


@contextmanager
def naming_what_was_altered() -> Iterator[None]:
    """Raise Altered where the database has other tables, columns, rules or rights than this program made."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
        diagnosis = getattr(getattr(error, "orig", None) or error, "diag", None)
        said = getattr(diagnosis, "message_primary", None) or type(error).__name__
        raise Altered(f"The database's tables are not as this program made them ({said})") from error


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
    SELECT h.size, h.published_size, c.root, c.frontier_g, c.ended_g, c.peaks, c.note, p.size AS published,
        (SELECT coalesce(max(size), 0) FROM checkpoints) AS signed
    FROM log_head h LEFT JOIN checkpoints c ON c.size = h.size LEFT JOIN publications p ON p.size = h.published_size
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
