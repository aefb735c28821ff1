"""The bytes of a batch as they come: parts by their first byte, in any order, each with its SHA-256.

Each lies sealed (`atrest`) in a folder of the batch's own, for nobody but the registry's user. A part is written
before it is noted: who crashes between has bytes that nothing tells of, and the part is sent again, which replaces it.
"""

import hashlib
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.database.schema import batch_parts
from registry.errors import BatchClosed, DigestDiffers, Invalid, PartDiffers, Unavailable
from registry.issuance.atrest import write_part
from registry.issuance.batch import Batch, State, Work, ask_for
from registry.keyfile import sync_folder

MAX_PART_BYTES: Final = 2**20
"""What comes within the time that a body has, on a line of 64 KiB a second."""
MAX_PARTS: Final = 8192
"""Of a batch: its largest file in parts of an eighth of the largest."""
_MOST_GAPS: Final = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of batches lie: a folder for each, below one that is the registry's alone."""

    folder: Path

    def of(self, number: int) -> Path:
        """Give the folder of a batch."""
        return self.folder / str(number)

    def file(self, number: int) -> Path:
        """Give the folder of the parts that a platform reports."""
        return self.of(number) / "reported"

    def listing(self, number: int) -> Path:
        """Give the list of its abnormal rows."""
        return self.of(number) / "abnormal.jsonl"

    def standing(self, number: int) -> Path:
        """Give what stood when it was proposed."""
        return self.of(number) / "standing.parquet"

    def caught(self, number: int) -> Path:
        """Give what was in quarantine when it was proposed."""
        return self.of(number) / "caught.parquet"

    def make(self, number: int) -> Path:
        """Have the folder of a batch."""
        folder = self.of(number)
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            sync_folder(self.folder)
        return folder

    def folders(self) -> list[Path]:
        """List what is there of all batches."""
        return list(self.folder.iterdir()) if self.folder.is_dir() else []

    def remove_all_but(self, there: Iterable[Path], needed: Collection[int]) -> None:
        """Remove, of folders that were there, those of batches that are settled or of which nothing is known.

        They are listed before it is asked what is needed: what a batch that began since has put there is no waste.
        """
        for folder in there:
            if not (folder.name.isdecimal() and int(folder.name) in needed):
                shutil.rmtree(folder, ignore_errors=True)


def put_part(
    tx: sa.Connection, vault: Vault, place: Place, batch: Batch, first: int, content: bytes, sha256: bytes, at: int
) -> Batch:
    """Take a part of a batch that is locked, from its byte `first` on; the same a second time changes nothing.

    With the last one the batch is uploaded, and will be judged. Raises `DigestDiffers`, `PartDiffers`, `Invalid` for a
    part out of bounds, and `BatchClosed` when no parts are taken any more.
    """
    if hashlib.sha256(content).digest() != sha256:
        raise DigestDiffers("This part does not have the SHA-256 that its Content-Digest says. Send it again.")
    end = first + len(content)
    near = tx.execute(_NEAR, {"batch": batch.id, "first": first, "end": end, "most": MAX_PART_BYTES}).all()
    if any((one.first_byte, one.bytes, bytes(one.sha256)) == (first, len(content), sha256) for one in near):
        return batch
    if batch.state != State.UPLOADING:
        raise BatchClosed(f"Batch {batch.id} is {batch.state}; it takes no other parts.")
    if not content or len(content) > MAX_PART_BYTES or end > batch.size_bytes:
        raise Invalid(
            f"A part has 1 to {MAX_PART_BYTES} bytes, and lies within the {batch.size_bytes} that were declared."
        )
    if near:
        raise PartDiffers("Bytes of this part came before, as another part. The batch says which are missing.")
    so_far = tx.execute(_SO_FAR, {"batch": batch.id}).one()
    if so_far.parts >= MAX_PARTS:
        raise Invalid(f"A batch comes in {MAX_PARTS} parts at most; send larger ones.")
    _write(vault, place, batch, first, content)
    row = {"batch_id": batch.id, "first_byte": first, "bytes": len(content), "sha256": sha256}
    tx.execute(sa.insert(batch_parts).values(row))
    if so_far.size_bytes + len(content) < batch.size_bytes:
        return batch
    return ask_for(tx, batch, at, Work.JUDGE, state=State.UPLOADED)


def missing(tx: sa.Connection, batch: Batch) -> list[tuple[int, int]]:
    """Give the bytes `[first, end)` that did not come yet, a hundred gaps at most."""
    if batch.state != State.UPLOADING:
        return []
    gaps, at = [], 0
    for row in tx.execute(_PARTS, {"batch": batch.id}):
        if row.first_byte > at:
            gaps.append((at, row.first_byte))
        at = row.first_byte + row.bytes
    return [*gaps, *([(at, batch.size_bytes)] if at < batch.size_bytes else [])][:_MOST_GAPS]


def _write(vault: Vault, place: Place, batch: Batch, first: int, content: bytes) -> None:
    try:
        place.make(batch.id)
        parts = place.file(batch.id)
        if not parts.exists():
            parts.mkdir(mode=0o700, exist_ok=True)
            sync_folder(parts.parent)
        write_part(vault, parts, first, content)
    except OSError as error:
        raise Unavailable(f"The part cannot be kept now ({error.strerror}). Send it again later.") from error


_PARTS = sa.text("SELECT first_byte, bytes FROM batch_parts WHERE batch_id = :batch ORDER BY first_byte")
# No part is longer than the longest: what begins earlier than that before this one has ended.
_NEAR = sa.text("""
    SELECT first_byte, bytes, sha256 FROM batch_parts WHERE batch_id = :batch
        AND first_byte > :first - :most AND first_byte < :end AND first_byte + bytes > :first
""")
_SO_FAR = sa.text("""
    SELECT count(*) AS parts, CAST(coalesce(sum(bytes), 0) AS bigint) AS size_bytes FROM batch_parts
    WHERE batch_id = :batch
""")
