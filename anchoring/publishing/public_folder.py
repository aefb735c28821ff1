"""The folder that is served as the log, against the database: whether they are one log, and what it lacks."""

import sqlalchemy as sa

from anchoring import checkpoint
from anchoring.errors import Refuted
from anchoring.merkle import EMPTY_ROOT
from anchoring.publishing.head import Head, Transactions
from anchoring.publishing.recorded import documents_in_database
from anchoring.publishing.sequencer import MAX_BATCH, read_staged
from anchoring.publishing.standing import Known, refuse_behind, take_note
from anchoring.tree.builder import TileBuilder
from anchoring.tree.folder import CHECKPOINT, File, LogFolder


def held(transaction: Transactions, folder: LogFolder, vkey: str, head: Head) -> int:
    """Hold the folder's own checkpoint against the database; return the size that the database has signed.

    Raises `Behind` when the database was set back, and `Refuted` when the folder was, or is another log's.
    """
    if not folder.has_checkpoint():
        if head.published_size:
            raise Refuted(
                f"The folder {folder.path} lacks the log that was published to size {head.published_size}. "
                "`gram log rebuild` writes it anew from the database."
            )
        return head.size
    public = checkpoint.open_checkpoint(folder.read(CHECKPOINT), vkey).checkpoint
    if public.size > head.size:
        refuse_behind(take_note(transaction, [Known("The log's folder", public.size, public.root)]))
    if public.size < head.published_size:
        raise Refuted(
            f"The folder's checkpoint is of {public.size} leaves, but {head.published_size} were published: the "
            "folder was set back. `gram log rebuild` brings it up to date."
        )
    with transaction() as tx:
        signed = tx.execute(_SIGNED_ROOT, {"size": public.size}).scalar_one_or_none()
    root = EMPTY_ROOT if public.size == 0 else signed
    if root is None or bytes(root) != public.root:
        raise Refuted(
            f"The published checkpoint of {public.size} leaves is not one that this database signed. Nothing was "
            "signed; find out which of the two was changed."
        )
    return head.size


def rebuilt(transaction: Transactions, folder: LogFolder, head: Head) -> int:
    """Write whatever the folder lacks of the published log; return its size.

    Files that are there are compared, not replaced. Raises `Refuted` when one of them, or the database, is not what was
    signed.
    """
    builder = TileBuilder(0, [], b"")
    while builder.size < head.published_size:
        end = min(head.published_size, builder.size + MAX_BATCH)
        with transaction() as tx:
            leaves = read_staged(tx, builder.size, end)
            documents = documents_in_database(tx, leaves, builder.size)
        folder.write_immutable(builder.extend(leaves, documents))
    folder.write_immutable(builder.partials())
    if head.published_size:
        with transaction() as tx:
            row = tx.execute(_PUBLICATION, {"size": head.published_size}).one()
        if builder.root() != bytes(row.root):
            raise Refuted(f"The database's leaves up to {head.published_size} do not have the root that was signed.")
        folder.write_checkpoint(row.note.encode())
    return head.published_size


def files_between(transaction: Transactions, folder: LogFolder, start: int, end: int) -> tuple[list[File], bytes]:
    """Make the files that lead from the tree of `start` to the tree of `end` leaves, and the root there."""
    builder = TileBuilder.load(folder, start)
    with transaction() as tx:
        leaves = read_staged(tx, start, end)
        documents = documents_in_database(tx, leaves, start)
    return [*builder.extend(leaves, documents), *builder.partials()], builder.root()


_SIGNED_ROOT = sa.text("SELECT root FROM checkpoints WHERE size = :size")
_PUBLICATION = sa.text("SELECT p.note, c.root FROM publications p JOIN checkpoints c USING (size) WHERE size = :size")
