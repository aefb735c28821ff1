"""The documents of records as the database holds them, from where they are published."""

from typing import Any

import numpy.typing as npt
import sqlalchemy as sa

from anchoring.errors import Altered
from anchoring.tree.documents import records_among
from registry.evidence.public import is_public, line_of


def documents_in_database(tx: sa.Connection, leaves: npt.NDArray[Any], start: int) -> dict[int, bytes]:
    """Read what is to be published of the records among leaves (`LEAF_DTYPE`) from index `start` on: index -> line.

    Raises `Altered` when a record has no document there, or one that its leaf does not bind.
    """
    records = records_among(leaves, start)
    if not records:
        return {}
    rows = tx.execute(_PUBLIC, {"digests": [record.evidence for record in records]})
    held = {bytes(row.digest): row.public for row in rows}
    for record in records:
        if not is_public(held.get(record.evidence), record.kind, record.evidence):
            raise Altered(f"The document of the record at leaf {record.index} is gone, or is not what its leaf binds")
    return {record.index: line_of(record.index, held[record.evidence]) for record in records}


_PUBLIC = sa.text("SELECT digest, public FROM evidence WHERE digest = ANY (:digests)")
