"""The order in which movements get their indices: by number, a run as one unit in the place of its BUNDLE.

A child is committed after its parent and has the higher number, so the order of numbers puts every parent before its
children. The numbers of a run may have others between them; whatever descends from it is committed after all of it, and
whatever it gathers was committed before, so all of it can stand where its last movement does.
"""

import numpy as np
from numpy.typing import NDArray

from anchoring.log.copying import Rows
from registry.ledger.movement import Kind

Places = NDArray[np.intp]


def logged_order(rows: Rows) -> Places:
    """Give the places of these movements in the order of the log."""
    numbers = rows["id"].astype(np.int64)
    is_gathered, bundles = _with_bundles(rows)
    if not len(bundles):
        return np.argsort(numbers, kind="stable")
    units = numbers.copy()
    units[is_gathered] = numbers[bundles]
    return np.lexsort((numbers, units))


def without_bundle(rows: Rows) -> NDArray[np.bool_]:
    """Say which are GATHERs whose BUNDLE is not among these movements."""
    is_gathered, _ = _with_bundles(rows)
    return np.asarray(rows["kind"] == Kind.GATHER) & ~is_gathered


def _with_bundles(rows: Rows) -> tuple[NDArray[np.bool_], Places]:
    """Say which are GATHERs whose act has a BUNDLE here, and for each of them give its place."""
    is_gather = np.asarray(rows["kind"] == Kind.GATHER)
    found = np.flatnonzero(rows["kind"] == Kind.BUNDLE)
    if not len(found):
        return np.zeros(len(rows), bool), found
    acts, first = np.unique(rows["act"][found].astype(np.int64), return_index=True)
    places = np.minimum(np.searchsorted(acts, rows["act"].astype(np.int64)), len(acts) - 1)
    is_gather = is_gather & (acts[places] == rows["act"].astype(np.int64))
    return is_gather, found[first[places[is_gather]]]
