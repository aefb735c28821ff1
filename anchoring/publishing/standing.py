"""How this database stands to what others hold of its log: the chain, the witnesses, mirrors, its own folder.

A database that was restored from a backup would sign a second history. So before anything is signed, whoever can be
asked is asked; one who holds more leaves than were signed here is enough, and what was learnt stays written down.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import sqlalchemy as sa

from anchoring.checkpoint import open_checkpoint
from anchoring.errors import Behind, Refuted
from anchoring.note import MAX_NOTE
from anchoring.publishing.roots import root_in_database
from anchoring.publishing.sequencer import Standing
from anchoring.tree.folder import CHECKPOINT
from anchoring.tree.sources import Source

MAX_NOTED = 2**63 - 1
"""What the database can hold; a checkpoint may claim more."""
Transactions = Callable[[], AbstractContextManager[sa.Connection]]


@dataclass(frozen=True, slots=True)
class Known:
    """A tree of this log that somebody holds: who, how many leaves, the root (32 bytes)."""

    place: str
    size: int
    root: bytes


def known_to(source: Source, vkey: str, place: str, path: str = CHECKPOINT) -> Known:
    """Read what a mirror or a witness holds; raises `Unreachable`, or `Refuted` when the log did not sign it."""
    signed = open_checkpoint(source.read(path, MAX_NOTE), vkey).checkpoint
    return Known(place, signed.size, signed.root)


def standing(transaction: Transactions) -> Standing:
    """Read how the database stands as far as is known."""
    with transaction() as tx:
        row = tx.execute(_HEAD).one()
    return Standing(row.size, row.known_size)


def take_note(transaction: Transactions, known: Iterable[Known]) -> Standing:
    """Write down what others hold, and say how the database stands then.

    Raises `Refuted` when somebody holds another tree of a size that was signed here: two histories, of which no
    replay makes one.
    """
    for one in known:
        with transaction() as tx:
            # One statement: the log may grow at any moment, and then the tree is one to compare.
            is_larger = tx.execute(_KNOWN, {"size": min(one.size, MAX_NOTED)}).rowcount == 1
            if not is_larger and one.root != root_in_database(tx, one.size):
                raise Refuted(
                    f"{one.place} holds another history: its tree of {one.size} leaves has not the root of this "
                    "database's. Nothing was signed; find out which of the two was changed."
                )
    return standing(transaction)


def refuse_behind(now: Standing) -> None:
    """Raise `Behind` when somebody is known to hold more leaves than are signed here."""
    if now.is_behind:
        raise Behind(
            f"This log is known to have {now.known_size} leaves, and the database signed {now.size}: it was set back. "
            "Nothing is signed and nothing written until `gram recover` has replayed the log into it."
        )


_HEAD = sa.text("SELECT size, known_size FROM log_head")
_KNOWN = sa.text("UPDATE log_head SET known_size = greatest(known_size, :size) WHERE size < :size")
