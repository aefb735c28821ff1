"""The leaf: one movement in 114 bytes, big-endian (docs/design.md, section 3).

Pure. `encode` and `decode` serve one leaf, `LEAF_DTYPE` a whole bundle of them at once. Codes that nobody knows
are kept as they are: to refuse them is the rules' business, not the format's.
"""

from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anchoring.errors import Malformed
from registry.ledger.movement import Movement

VERSION: Final = 1
LEAF_SIZE: Final = 114
NO_PARENT: Final = 2**64 - 1
"""What the leaf carries for "none"; no leaf can have this index, as a tree has at most 2^64 - 1 leaves."""

_FORMAT = Struct(">BBBBHQQQ6s6s20s20s32s")

LEAF_DTYPE: Final = np.dtype(
    [
        ("version", "u1"),
        ("kind", "u1"),
        ("form", "u1"),
        ("flags", "u1"),
        ("purpose", ">u2"),
        ("first", ">u8"),
        ("last", ">u8"),
        ("parent", ">u8"),
        ("at", "u1", 6),
        ("until", "u1", 6),
        ("from_tag", "u1", 20),
        ("to_tag", "u1", 20),
        ("evidence", "u1", 32),
    ]
)
"""One leaf as a numpy record of 114 bytes; `at` and `until` are their six bytes (see `milliseconds`)."""

_BITS = {"kind": 8, "form": 8, "flags": 8, "purpose": 16, "first": 64, "last": 64, "at": 48, "until": 48}
_BYTES = {"from_tag": 20, "to_tag": 20, "evidence": 32}


def encode(movement: Movement) -> bytes:
    """Encode a movement as its 114 bytes.

    Raises ValueError, naming the field, when a number does not fit its field or a tag or the evidence has
    another length.
    """
    for field, bits in _BITS.items():
        _check_number(field, getattr(movement, field), 2**bits - 1)
    for field, size in _BYTES.items():
        value = getattr(movement, field)
        if not isinstance(value, bytes) or len(value) != size:
            raise ValueError(f"{field} must be {size} bytes, not {value!r}")
    if movement.parent is not None:
        _check_number("parent", movement.parent, NO_PARENT - 1)
    return _FORMAT.pack(
        VERSION,
        movement.kind,
        movement.form,
        movement.flags,
        movement.purpose,
        movement.first,
        movement.last,
        NO_PARENT if movement.parent is None else movement.parent,
        movement.at.to_bytes(6),
        movement.until.to_bytes(6),
        movement.from_tag,
        movement.to_tag,
        movement.evidence,
    )


def _check_number(field: str, value: object, highest: int) -> None:
    if not isinstance(value, int) or not 0 <= value <= highest:
        raise ValueError(f"{field} must be an integer from 0 to {highest}, not {value!r}")


def decode(data: bytes) -> Movement:
    """Decode 114 bytes; codes of kinds, forms, flags and purposes come back as plain integers, known or not.

    Raises Malformed for another length or another version.
    """
    if len(data) != LEAF_SIZE:
        raise Malformed(f"a leaf has {LEAF_SIZE} bytes, not {len(data)}")
    version, kind, form, flags, purpose, first, last, parent, at, until, *opaque = _FORMAT.unpack(data)
    if version != VERSION:
        raise Malformed(f"the leaf is of version {version}; only version {VERSION} is known here")
    return Movement(
        kind=kind,
        form=form,
        flags=flags,
        purpose=purpose,
        first=first,
        last=last,
        parent=None if parent == NO_PARENT else parent,
        at=int.from_bytes(at),
        until=int.from_bytes(until),
        from_tag=opaque[0],
        to_tag=opaque[1],
        evidence=opaque[2],
    )


def milliseconds(column: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Read a column of six-byte times, shape (n, 6), as Unix milliseconds, shape (n,)."""
    wide = np.zeros((*column.shape[:-1], 8), dtype=np.uint8)
    wide[..., 2:] = column
    return wide.view(">i8")[..., 0].astype(np.int64)
