"""What must be kept of every leaf to judge its children: 88 bytes a leaf, in files of their own (`rowfile`)."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anchoring.leaf import NO_PARENT, milliseconds
from registry.ledger.movement import ENDS, ORIGINS, RECORDS_FROM, Movement

Rows = NDArray[Any]
"""A numpy array of `ROW`."""

ROW: Final = np.dtype(
    [
        ("first", "u8"),
        ("last", "u8"),
        ("parent", "u8"),
        ("at", "u8"),
        ("until", "u8"),
        ("from_tag", "V20"),
        ("to_tag", "V20"),
        ("codes", "u4"),
    ],
    align=True,
)
"""One leaf: the machine's own byte order, aligned, `codes` as packed by `pack_codes`, no evidence."""

ROW_FORMAT: Final = "gramledger/rows/v2"
"""What rows mean. Files that keep rows name it, and rows of another format are never read as these: raise it whenever a
row, its codes among them, comes to say something else."""
NO_EVIDENCE: Final = bytes(32)
"""A row keeps none."""
OTHER_KIND, RECORD_KIND = 13, 14
OTHER_FORM, OTHER_FLAG, OTHER_PURPOSE = 3, 32, 63
UNREAD: Final = 2**32 - 1
"""The codes of a leaf that could not be read: it exists, and nothing is known of it."""
_ORIGINS, _ENDS = ([int(kind) for kind in sorted(kinds)] for kinds in (ORIGINS, ENDS))


def are_origins(kinds: Rows) -> NDArray[np.bool_]:
    """Tell of each kind, a leaf's or a row's, whether it numbers grams: ISSUE and BUNDLE."""
    return np.isin(kinds, _ORIGINS)


def are_ends(kinds: Rows) -> NDArray[np.bool_]:
    """Tell of each kind, a leaf's or a row's, whether the numbers end with it: EXPIRE, CANCEL, VOID and GATHER."""
    return np.isin(kinds, _ENDS)


def pack_codes(kind: Rows, form: Rows, flags: Rows, purpose: Rows) -> NDArray[np.uint32]:
    """Pack kind, form, flags and purpose into 18 bits: 4, 2, 6, 6.

    No rule tells unlisted codes of one field from each other, nor one kind of record from another; so all of them
    become one: kind 13 or, for records, 14, form 3, flag 32, purpose 63.
    """
    small_kind = np.where(kind >= RECORDS_FROM, RECORD_KIND, np.minimum(kind, OTHER_KIND))
    small_kind = np.where(kind == 0, OTHER_KIND, small_kind).astype(np.uint32)
    small_form = np.minimum(form, OTHER_FORM).astype(np.uint32)
    small_flags = np.where(flags >= OTHER_FLAG, flags & (OTHER_FLAG - 1) | OTHER_FLAG, flags).astype(np.uint32)
    small_purpose = np.minimum(purpose, OTHER_PURPOSE).astype(np.uint32)
    return np.asarray(small_kind << 14 | small_form << 12 | small_flags << 6 | small_purpose, np.uint32)


def unpack_codes(codes: int) -> tuple[int, int, int, int]:
    """Give back (kind, form, flags, purpose), for an unlisted code one that is unlisted too."""
    kind = codes >> 14
    return RECORDS_FROM if kind == RECORD_KIND else kind, codes >> 12 & 3, codes >> 6 & 63, codes & 63


def rows_of(leaves: Rows) -> Rows:
    """Turn leaves (`LEAF_DTYPE`) into rows."""
    rows = np.zeros(len(leaves), ROW)
    for name in ("first", "last", "parent"):
        rows[name] = leaves[name]
    for name in ("at", "until"):
        rows[name] = milliseconds(leaves[name])
    for name in ("from_tag", "to_tag"):
        rows[name] = np.ascontiguousarray(leaves[name]).view("V20")[:, 0]
    rows["codes"] = pack_codes(leaves["kind"], leaves["form"], leaves["flags"], leaves["purpose"])
    return rows


def unread_rows(count: int) -> Rows:
    """Make rows for leaves that could not be read."""
    rows = np.zeros(count, ROW)
    rows["codes"] = UNREAD
    rows["parent"] = NO_PARENT
    return rows


def movement_of(row: Any, record: int | None = None, evidence: bytes = NO_EVIDENCE) -> Movement:
    """Make a movement of one row that no rule can tell from the leaf's own; of a record with its kind and evidence."""
    first, last, parent, at, until, from_tag, to_tag, codes = row.item()
    kind, form, flags, purpose = unpack_codes(codes)
    return Movement(
        kind=kind if record is None else record,
        form=form,
        flags=flags,
        purpose=purpose,
        first=first,
        last=last,
        parent=None if parent == NO_PARENT else parent,
        at=at,
        until=until,
        from_tag=bytes(from_tag),
        to_tag=bytes(to_tag),
        evidence=evidence,
    )
