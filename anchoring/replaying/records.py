"""Which leaves of a log are records, and what evidence each has: what rows do not keep, 41 bytes a record."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from anchoring.leaf import VERSION
from anchoring.replaying.history import Rows
from registry.evidence.public import RecordLeaf
from registry.ledger.movement import RECORDS_FROM

RECORD: Final = np.dtype([("index", "<u8"), ("kind", "u1"), ("evidence", "V32")])


def records_of(leaves: Rows, start: int) -> bytes:
    """Pack the records among leaves (`LEAF_DTYPE`) that begin at index `start`."""
    places = np.flatnonzero((leaves["kind"] >= RECORDS_FROM) & (leaves["version"] == VERSION))
    records = np.zeros(len(places), RECORD)
    records["index"], records["kind"] = places + start, leaves["kind"][places]
    records["evidence"] = np.ascontiguousarray(leaves["evidence"][places]).view("V32")[:, 0]
    return records.tobytes()


class RecordLeaves:
    """The records of a log so far, in its order."""

    def __init__(self, packed: bytes = b"") -> None:
        """Begin with what `packed` gave. Raises ValueError for what it did not."""
        self._packed = bytearray(packed)
        if len(packed) % RECORD.itemsize:
            raise ValueError("the records are not whole")

    @property
    def packed(self) -> bytes:
        """All of them, as they are kept."""
        return bytes(self._packed)

    @property
    def indices(self) -> NDArray[np.int64]:
        """Their indices in the log."""
        return np.frombuffer(self._packed, RECORD)["index"].astype(np.int64)

    def add(self, packed: bytes) -> None:
        """Take the records of the leaves that come next."""
        self._packed += packed

    def between(self, start: int, end: int) -> list[RecordLeaf]:
        """Give the records among the leaves `[start, end)`."""
        records = np.frombuffer(self._packed, RECORD)
        first, last = np.searchsorted(records["index"], [start, end])
        return [
            RecordLeaf(int(record["index"]), int(record["kind"]), record["evidence"].tobytes())
            for record in records[first:last]
        ]
