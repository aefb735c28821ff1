"""Whether a log's STATE records are true: what a witness asks before it cosigns, and an auditor after.

A false one breaks no rule of two leaves, so no contract can be shown it; it has a name of its own beside the `Rule`s,
and a place, the record's leaf.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from anchoring.replaying.history import Rows
from anchoring.state.record import StateRecord
from anchoring.state.segments import Columns, columns_of, segments_of
from anchoring.state.tree import Hashes, hash_map
from registry.ledger.movement import Kind

RULE: Final = "STATE"
"""The name of what a false record breaks; stable, as the names of `registry.ledger.rules.Rule` are."""
SENTENCE: Final = "a record of the state commits to another state than the leaves before it make"


def state_of(columns: Columns, leaf_hashes: Hashes) -> StateRecord:
    """Make the record of the state after these leaves, which must be lawful; `leaf_hashes` are theirs.

    Raises Refuted for leaves that break a rule so that they have no state.
    """
    segments = segments_of(columns)
    root = hash_map(segments, leaf_hashes)
    return StateRecord(len(columns), len(segments), segments.frontier_g, root)


def records_among(leaves: Rows, start: int) -> Iterator[tuple[int, bytes]]:
    """Give index and evidence of every STATE record among leaves (`LEAF_DTYPE`) that begin at index `start`."""
    for place in np.flatnonzero(leaves["kind"] == Kind.STATE).tolist():
        yield start + place, leaves["evidence"][place].tobytes()


def is_true(evidence: bytes, rows: Rows, leaf_hashes: Hashes) -> bool:
    """Whether a record with this evidence commits to the state after these rows. Raises as `state_of`."""
    return state_of(columns_of(rows), leaf_hashes).digest() == evidence
