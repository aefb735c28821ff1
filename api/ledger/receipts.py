"""Receipts: what proves one leaf, made when somebody asks for it."""

import sqlalchemy as sa

from anchoring.errors import NotYet, Unreachable
from anchoring.receipt import Receipt
from anchoring.tree.tiles import inclusion_proof
from api.installation.site import Site
from registry.ledger.logged import Logged
from registry.ledger.publication import last_anchor, last_checkpoint
from registry.ledger.queries import Seen

SUFFIX = ".tlog-proof"


def index_of(seen: Seen) -> int:
    """Give the log index of a movement that its parties asked for. Raises `NotYet` while it is only recorded."""
    if seen.index is None:
        raise NotYet(f"Movement {seen.id} is recorded and not in a published checkpoint yet. Ask again in a moment.")
    return seen.index


def receipt_note(tx: sa.Connection, index: int) -> tuple[int, str]:
    """Choose the checkpoint for a leaf's receipt, the last anchored with it or the last published: its size and note.

    Raises `NotYet` while there is none.
    """
    for row in (last_anchor(tx), last_checkpoint(tx)):
        if row is not None and index < row.size:
            return row.size, row.note
    raise NotYet(f"Leaf {index} is not in a published checkpoint yet. Ask again in a moment.")


def make_receipt(site: Site, of: Logged, size: int, note: str) -> bytes:
    """Make a receipt: the leaf, its path, and the checkpoint of `size` leaves."""
    try:
        path = inclusion_proof(site.reader, of.index, size)
    except Unreachable:
        # A folder that was rebuilt has the last published tree's tiles, of which all earlier trees are made too.
        with site.database.reading() as tx:
            last = last_checkpoint(tx)
        path = inclusion_proof(site.reader, of.index, size, within=None if last is None else last.size)
    return Receipt(of.leaf, of.index, tuple(path), note.encode()).encode()


def file_name(index: int) -> str:
    """Name a leaf's receipt as a file: it is handed on, so nothing but the index is in its name."""
    return f"leaf-{index}{SUFFIX}"
