"""Admission: which of the movements that wait get an index. Nothing of the database is believed for it but its seals.

A movement is admitted when a seal of the program covers it as it is, it is of the time at which it comes, and it stands
by itself: against the leaf of its parent as it was published, beside all that took grams of that parent, with its
holder's tag and its evidence, and after the decisions that it rests on. Whoever descends from one that is not admitted
is not admitted either. Judged by numpy, a batch at a time.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from anchoring.errors import AnchoringError
from anchoring.leaf import LEAF_DTYPE, NO_PARENT, VERSION
from anchoring.publishing.copying import Rows, copy_out, row_dtype
from anchoring.publishing.doubts import Doubt
from anchoring.publishing.order import together
from anchoring.publishing.published import Published
from anchoring.publishing.rehearsal import Rehearsal
from anchoring.publishing.taken import Taken
from anchoring.publishing.waiting import MOVEMENT, Numbers, Waiting, among, bytes_of, packed, places
from anchoring.replaying.history import rows_of
from anchoring.replaying.judge import Judge
from anchoring.replaying.overlaps import find_overlaps
from anchoring.replaying.runs import broken_runs, ends_in_run
from registry.ledger.movement import RECORDS_FROM, Kind
from registry.ledger.rules import Rule
from registry.ledger.sealing import MAX_RUN, Sealer
from registry.procedure.clock import USUAL, Bounds

LOOKED_UP: Final = 2_048
"""Movements of a batch whose tags and documents are all held against keys and digests."""
SAMPLED: Final = 512
"""Of a larger batch so many, drawn anew each time; if one of them is false, all. A seal binds tag and digest of every
one; what is looked up is whether the other tables still hold the key and the document to them."""

_SEAL = row_dtype(("first", ">i8"), ("count", ">i4"), ("mac", "V32"))
_SEALS = """
    SELECT first_id, CAST(count AS integer), mac FROM seals
    WHERE first_id > {after:d} AND first_id <= {last:d} AND count BETWEEN 1 AND 1000 AND length(mac) = 32
    ORDER BY first_id
"""
_PARENT = row_dtype(("id", ">i8"), ("evidence", "V32"))
_EVIDENCE = f"SELECT id, {bytes_of('evidence', 32)} FROM movements WHERE {{wanted}} ORDER BY id"  # noqa: S608

Codes = npt.NDArray[np.uint8]
"""For each movement 0, or why it is not admitted: the number of a rule or a `Doubt`, or `AHEAD`."""
AHEAD: Final = 255
"""It waits until its time has come, and is not refused."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What the sequencer is given from outside the database to tell the program's movements from others."""

    sealer: Sealer
    doubts: Callable[[sa.Connection, Sequence[int]], Mapping[int, int]]
    """Which of these movements have not their holder's tag, evidence or public document, as `Doubt` numbers."""
    bounds: Bounds = USUAL
    """What every witness lets a leaf's time be."""


class Admission:
    """Judges batches of one log."""

    def __init__(self, gate: Gate) -> None:
        """Take what is not in the database."""
        self._gate = gate
        self._judge = Judge()
        self._begin()

    def _begin(self) -> None:
        self._size = 0
        self._taken = Taken(self._gate.bounds)
        self._rehearsal = Rehearsal()

    def judge(self, tx: sa.Connection, waiting: Waiting, log: Published, latest: int) -> tuple[Rows, Codes]:
        """Give the leaves of these movements, in the order of their numbers, and why each is not admitted.

        What is later than `latest`, Unix milliseconds, waits, with all that descends from it.
        The leaves' parents are not filled in: an index is known only when it is known who is admitted.
        """
        if not len(waiting):
            return np.empty(0, LEAF_DTYPE), np.empty(0, np.uint8)
        self._follow(log)
        ids = waiting.ids
        is_sealed = _sealed(tx, self._gate.sealer, waiting.rows, ids) & ~_repeated(ids)
        codes = np.where(is_sealed, 0, Doubt.UNSEALED).astype(np.uint8)
        family = _Family.of(waiting, log.size)
        leaves = leaves_of_rows(waiting.rows)
        at = waiting.rows["at"].astype(np.int64)
        _mark(codes, at < self._taken.earliest, int(Doubt.LATE))
        _mark(codes, at > latest, AHEAD)
        _descend(family, codes)
        self._against_parents(tx, waiting.rows, leaves, family, log, codes)
        _descend(family, codes)
        _against_each_other(leaves, family, codes)
        self._against_logged(leaves, family, log, codes)
        self._look_up(tx, waiting.rows, ids, codes)
        _descend(family, codes)
        _whole_runs(waiting.rows, leaves, family, codes)
        return leaves, codes

    def rehearse(self, log: Published, leaves: Rows, documents: Mapping[int, bytes]) -> dict[int, int]:
        """Say which leaves no witness would cosign for what was decided: place -> number of a rule.

        They are the next of the log, as judged, with their parents, in their order; `documents` are the lines of the
        records among them, by index.
        """
        return self._rehearsal.faults(log, leaves, documents) if len(leaves) else {}

    def spread(self, waiting: Waiting, leaves: Rows, log: Published, codes: Codes) -> None:
        """Refuse what descends from what is refused, or is of one run with it."""
        family = _Family.of(waiting, log.size)
        _descend(family, codes)
        _whole_runs(waiting.rows, leaves, family, codes)

    def _follow(self, log: Published) -> None:
        """Take in the leaves that were published since. Raises as `Published` does when they cannot be read."""
        if log.size < self._size:
            self._begin()
        try:
            for leaves in log.batches(self._size):
                self._rehearsal.take(log, leaves)
                self._taken.take(leaves)
                self._size += len(leaves)
        except AnchoringError:
            self._begin()
            raise

    def _against_parents(
        self, tx: sa.Connection, rows: Rows, leaves: Rows, family: "_Family", log: Published, codes: Codes
    ) -> None:
        """Hold each against its parent's leaf, as it was published or as it is about to be."""
        indices, which = np.unique(family.index[family.is_logged], return_inverse=True)
        parents = log.leaves(indices)
        leaves["parent"] = NO_PARENT
        leaves["parent"][family.is_here] = len(indices) + family.place[family.is_here]
        leaves["parent"][family.is_logged] = which
        rules = self._judge.judge(np.concatenate((rows_of(parents), rows_of(leaves))), len(indices))
        _mark(codes, family.is_orphan, int(Doubt.PARENT))
        _mark(codes, rules > 0, rules)
        if len(indices):
            parent_ids = rows["parent"][family.is_logged].astype(np.int64)
            found = copy_out(tx, _EVIDENCE.format(wanted=among("id", np.unique(parent_ids))), _PARENT)
            place, is_same = places(found["id"].astype(np.int64), parent_ids)
            logged = np.ascontiguousarray(parents["evidence"]).view("V32")[:, 0][which]
            is_same[is_same] = found["evidence"][place[is_same]] == logged[is_same]
            is_other = family.is_logged.copy()
            is_other[is_other] = ~is_same
            _mark(codes, is_other, int(Doubt.PARENT))

    def _against_logged(self, leaves: Rows, family: "_Family", log: Published, codes: Codes) -> None:
        """Refuse what takes grams that a published leaf took of the same parent, or issued, and what is published."""
        where = np.flatnonzero((codes == 0) & ~family.is_here)
        new = leaves.take(where)
        new["parent"] = np.where(family.is_logged[where], family.index[where], NO_PARENT)
        codes[where] = self._taken.again(new, log)

    def _look_up(self, tx: sa.Connection, rows: Rows, ids: Numbers, codes: Codes) -> None:
        """Hold tags and documents to keys and digests: all of a small batch; of a large one some, and every record."""
        left = ids[codes == 0]
        if len(left) > LOOKED_UP:
            drawn = np.random.default_rng(secrets.randbits(128)).choice(left, SAMPLED, replace=False)
            if not self._gate.doubts(tx, drawn.tolist()):
                left = ids[(codes == 0) & (rows["kind"] >= RECORDS_FROM)]
        doubts = self._gate.doubts(tx, left.tolist()) if len(left) else {}
        for number, doubt in doubts.items():
            codes[np.searchsorted(ids, number)] = doubt


@dataclass(frozen=True, slots=True)
class _Family:
    """Where the parent of each movement is: in the log, in this batch before it, or nowhere."""

    index: Numbers
    place: Numbers
    is_logged: npt.NDArray[np.bool_]
    is_here: npt.NDArray[np.bool_]
    is_orphan: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, waiting: Waiting, size: int) -> "_Family":
        ids, parents, index = waiting.ids, waiting.rows["parent"].astype(np.int64), waiting.parent_index
        by_id = np.argsort(ids, kind="stable")
        place = by_id[np.minimum(np.searchsorted(ids, parents, sorter=by_id), len(ids) - 1)]
        is_logged = (parents != 0) & (index >= 0) & (index < size)
        is_here = (parents != 0) & ~is_logged & (ids[place] == parents) & (place < np.arange(len(ids)))
        return cls(index, place, is_logged, is_here, (parents != 0) & ~is_logged & ~is_here)


def leaves_of_rows(rows: Rows) -> Rows:
    """Make leaves (`LEAF_DTYPE`) of rows, but for their parents."""
    leaves = np.zeros(len(rows), LEAF_DTYPE)
    leaves["version"] = VERSION
    for name in ("kind", "form", "flags", "purpose", "first", "last"):
        leaves[name] = rows[name]
    for name in ("at", "until"):
        # The six low bytes of a big-endian 64-bit number.
        leaves[name] = np.ascontiguousarray(rows[name]).view("u1").reshape(-1, 8)[:, 2:]
    for name in ("from_tag", "to_tag", "evidence"):
        leaves[name] = np.ascontiguousarray(rows[name]).view("u1").reshape(-1, rows.dtype[name].itemsize)
    return leaves


def fill_in_parents(leaves: Rows, admitted: Waiting, start: int) -> None:
    """Give admitted leaves the indices of their parents: in the log, or in this batch, which begins at `start`."""
    family = _Family.of(admitted, start)
    leaves["parent"] = NO_PARENT
    leaves["parent"][family.is_logged] = family.index[family.is_logged]
    leaves["parent"][family.is_here] = start + family.place[family.is_here]


def _mark(codes: Codes, where: npt.NDArray[np.bool_], why: int | Codes) -> None:
    """Note a reason where there is none yet."""
    new = where & (codes == 0)
    codes[new] = why if isinstance(why, int) else why[new]


def is_refused(codes: Codes) -> npt.NDArray[np.bool_]:
    """Say which are not to be logged as they are, now or later."""
    return np.asarray((codes != 0) & (codes != AHEAD))


def _descend(family: _Family, codes: Codes) -> None:
    """Refuse the children of what is refused, and theirs; those of what waits wait with it."""
    while True:
        is_child = family.is_here & (codes == 0)
        is_child[is_child] = codes[family.place[is_child]] != 0
        if not is_child.any():
            return
        codes[is_child] = np.where(codes[family.place[is_child]] == AHEAD, AHEAD, Doubt.PARENT)


def _whole_runs(rows: Rows, leaves: Rows, family: _Family, codes: Codes) -> None:
    """Refuse every movement of a run that is not whole, and their descendants: one that is refused breaks its run."""
    is_of_run = np.isin(rows["kind"], (Kind.GATHER, Kind.BUNDLE))
    while (is_of_run & (codes == 0)).any():
        admitted = np.flatnonzero(codes == 0)
        places = admitted[together(rows.take(admitted))]
        in_order = rows_of(leaves.take(places))
        # A run is broken by itself alone: where two neighbours do not fit, the run of each is looked at by itself.
        broken = {place for behind in broken_runs(in_order, 0).tolist() for place in (behind - 1, behind) if place >= 0}
        if ends_in_run(in_order):
            broken.add(len(places) - 1)
        acts = {int(rows["act"][places[place]]) for place in broken if is_of_run[places[place]]}
        whole = {act for act in acts if _is_whole(in_order[rows["act"][places] == act])}
        if not acts - whole:
            return
        _mark(codes, is_of_run & np.isin(rows["act"], list(acts - whole)), int(Rule.GATHERED))
        _descend(family, codes)


def _is_whole(run: Rows) -> bool:
    return not len(broken_runs(run, 0)) and not ends_in_run(run)


def _against_each_other(leaves: Rows, family: _Family, codes: Codes) -> None:
    """Refuse the later of two that take the same gram; those that are refused already take nothing."""
    places = np.flatnonzero(codes == 0)
    for rule, (later, _) in find_overlaps(rows_of(leaves.take(places))):
        codes[places[later]] = rule
    _descend(family, codes)


def _repeated(ids: Numbers) -> npt.NDArray[np.bool_]:
    """Say which rows share their number with a neighbour: what keeps them from it in the database can be dropped."""
    is_same = ids[1:] == ids[:-1]
    return np.concatenate(([False], is_same)) | np.concatenate((is_same, [False]))


def _sealed(tx: sa.Connection, sealer: Sealer, rows: Rows, ids: Numbers) -> npt.NDArray[np.bool_]:
    """Say which movements a seal covers as they are. Most runs are of a few movements: numpy would not pay here."""
    is_sealed = bytearray(len(rows))
    data = memoryview(rows.tobytes())
    seals = copy_out(tx, _SEALS.format(after=int(ids[0]) - MAX_RUN, last=int(ids[-1])), _SEAL)
    firsts, counts = seals["first"].astype(np.int64), seals["count"].astype(np.int64)
    begins, ends = np.searchsorted(ids, firsts).tolist(), np.searchsorted(ids, firsts + counts).tolist()
    width = MOVEMENT.itemsize
    macs = seals["mac"].tobytes()
    for at, (begin, end, count) in enumerate(zip(begins, ends, counts.tolist(), strict=True)):
        if is_sealed.find(0, begin, end) < 0:
            continue
        is_whole = end - begin == count
        run = data[begin * width : end * width] if is_whole else _completed(tx, int(firsts[at]), count, rows[begin:end])
        if sealer.holds(run, macs[at * 32 : at * 32 + 32]):
            is_sealed[begin:end] = bytes((True,)) * (end - begin)
    return np.frombuffer(is_sealed, bool)


def _completed(tx: sa.Connection, first: int, count: int, part: Rows) -> bytes:
    """Read the rest of a run of which only a part is in the batch; that part stays as it was read there."""
    rest = packed(tx, np.arange(first, first + count))
    run = {int(row["id"]): row.tobytes() for row in (*rest, *part)}
    return b"".join(run[number] for number in sorted(run))
