"""Synthetic logs, lawful and of any size, quickly: lives of grams that use every kind of movement, laid out with numpy.

Nobody rode, and nobody issued: what stands here is made to measure with, and to alter in tests.

The log begins with the decisions of a programme. A life is one ISSUE to a person and what becomes of it, `STEPS`. Many
lives go on side by side, a cohort, so that a parent is far before its child; but for a life's run of GATHERs and their
BUNDLE, whose leaves are neighbours. Before a cohort stand its issuance and a correction. The first leaves of such a log
are lawful too, so a log of any size is cut out; of a run that the end would cut, records stand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchoring import checkpoint
from anchoring.checkpoint import Checkpoint
from anchoring.leaf import LEAF_DTYPE, NO_PARENT
from anchoring.merkle import EMPTY_ROOT
from anchoring.note import ED25519, Signer
from anchoring.tree.builder import TileBuilder
from anchoring.tree.documents import records_among
from api.bench import decided
from registry.evidence.public import line_of
from registry.ledger.movement import RECORDS_FROM, Kind, Purpose
from registry.procedure.days import valid_until

ORIGIN = "synthetic.example/log"
SIGNER = Signer(ORIGIN, ED25519, bytes(range(32)))
VKEY = SIGNER.verifier.vkey
PARTS = 12
"""A life's grams are cut into this many parts at most."""
BEGIN_MS, STEP_MS, COHORT_MS = 1_262_304_000_000, 60_000, 370 * 86_400_000
"""When the first cohort begins; and how much later the next step, and the next cohort, whose points have expired."""
FIRST_LIFE = decided.LENGTH + decided.OF_COHORT
"""Leaves before the first life."""
UNTIL_MS = valid_until(BEGIN_MS + STEP_MS, decided.VALIDITY_YEARS)
"""Until when points of the first cohort are valid."""
NOBODY, ANN, SHOP, GATHERER, ORG, BUYER, PLEDGEE, GIFTED = range(8)
END, R, P = 0, 1, 2
_1, _S, _C, _I, _L = 1, 2, 4, 8, 16
_OWN, _POINTS, _SPENT = _1 | _S | _I, _1 | _S | _C | _I, _1 | _S | _C


@dataclass(frozen=True)
class Step:
    """One movement of a life: its parent's step, the parts `[first, last)` of the grams, who gives and who gets.

    From the BUNDLE on the parts are counted in its grams.
    """

    kind: int
    form: int
    flags: int
    parent: int | None
    first: int
    last: int
    giver: int
    taker: int
    purpose: int = 0
    is_late: bool = False
    """After the expiry, otherwise before it."""


STEPS = (
    Step(Kind.ISSUE, R, _OWN, None, 0, 12, NOBODY, ANN),
    Step(Kind.CONVERT, P, _POINTS, 0, 0, 6, ANN, ANN),
    Step(Kind.REDEEM, P, _SPENT, 1, 0, 3, ANN, SHOP),
    Step(Kind.REFUND, P, _POINTS, 2, 0, 1, SHOP, ANN),
    Step(Kind.GATHER, END, _SPENT, 2, 2, 3, SHOP, NOBODY),
    Step(Kind.GATHER, END, _SPENT, 2, 1, 2, SHOP, NOBODY),
    Step(Kind.BUNDLE, R, _SPENT, None, 0, 2, NOBODY, GATHERER),
    Step(Kind.TRANSFER, R, _SPENT, 6, 0, 2, GATHERER, ORG, Purpose.AGREEMENT),
    Step(Kind.LOCK, R, _SPENT | _L, 7, 0, 1, ORG, ORG, Purpose.LISTING),
    Step(Kind.TRANSFER, R, _SPENT, 8, 0, 1, ORG, BUYER, Purpose.LISTED_TRADE),
    Step(Kind.CANCEL, END, _SPENT, 9, 0, 1, BUYER, NOBODY, Purpose.COMPLIANCE_OFFSET),
    Step(Kind.LOCK, R, _SPENT | _L, 7, 1, 2, ORG, ORG, Purpose.PLEDGE),
    Step(Kind.TRANSFER, R, _SPENT, 11, 1, 2, ORG, PLEDGEE, Purpose.PLEDGE_EXECUTION),
    Step(Kind.CANCEL, END, _SPENT, 12, 1, 2, PLEDGEE, NOBODY, Purpose.VOLUNTARY_OFFSET),
    Step(Kind.CANCEL, END, _SPENT, 1, 4, 5, ANN, NOBODY, Purpose.DONATION),
    Step(Kind.LOCK, P, _POINTS | _L, 1, 5, 6, ANN, ANN, Purpose.FREEZE),
    Step(Kind.UNLOCK, P, _POINTS, 15, 5, 6, ANN, ANN),
    Step(Kind.TRANSFER, R, _1 | _S, 0, 6, 8, ANN, GIFTED, Purpose.DONATION_TRANSFER),
    Step(Kind.CANCEL, END, _1 | _S, 17, 6, 7, GIFTED, NOBODY, Purpose.ECOLOGICAL_DAMAGE_COMPENSATION),
    Step(Kind.VOID, END, _1 | _S, 0, 8, 9, ANN, NOBODY, Purpose.ABNORMAL_DATA),
    Step(Kind.SOURCE, END, 0, None, 0, 0, NOBODY, NOBODY),
    Step(Kind.LOCK, R, _OWN | _L, 0, 9, 10, ANN, ANN, Purpose.FREEZE),
    Step(Kind.VOID, END, _1 | _S, 21, 9, 10, ANN, NOBODY, Purpose.ABNORMAL_DATA),
    Step(Kind.EXPIRE, END, _SPENT, 1, 3, 4, ANN, NOBODY, is_late=True),
)
LIFE = len(STEPS)
RUN = slice(4, 7)
"""The steps of a life that are one run: two GATHERs and their BUNDLE, which stand side by side."""
_BUNDLED = RUN.stop - 1
_LATER = {_BUNDLED, *range(7, 14)}
"""The steps of a life that are of bundled grams."""
_VOIDED = sum(step.last - step.first for step in STEPS if step.kind == Kind.VOID)
"""Parts of a life's grams that are voided."""

Leaves = NDArray[Any]
"""`LEAF_DTYPE`."""
Numbers = NDArray[np.int64]
"""One for each life, shape (cohorts, lives)."""


_RECORD = next(number for number, step in enumerate(STEPS) if step.kind >= RECORDS_FROM)
_NO_RECORD = Step(Kind.LOCK, P, _POINTS | _L, 16, 5, 6, ANN, ANN, Purpose.FREEZE)
"""What stands there where a life has no record."""


_TEXTS: dict[bytes, str] = {}
"""Every decision that was written here: evidence -> text of its document."""


def lawful_leaves(size: int, seed: int = 0, cohort: int = 1000, before: int = 0, record_every: int = 1) -> Leaves:
    """Make the first `size` leaves of the log that this seed makes, to stand behind so many others.

    Of each cohort the first life has a record among its steps, and every `record_every`-th after it.
    """
    draw = np.random.default_rng(seed)
    width = decided.OF_COHORT + cohort * LIFE
    shape = max(1, -(-(size - decided.LENGTH) // width)), cohort
    parts = draw.integers(1, 500, shape)
    issued, bundled = _numbers(parts)
    tags = draw.integers(1, 256, (*shape, 8, 20), dtype=np.uint8)
    tags[:, :, NOBODY] = 0
    begins = BEGIN_MS + COHORT_MS * np.arange(shape[0])
    untils = np.array([valid_until(at + STEP_MS, decided.VALIDITY_YEARS) for at in begins.tolist()])
    whole = np.zeros(decided.LENGTH + shape[0] * width, LEAF_DTYPE)
    by_cohort = whole[decided.LENGTH :].reshape(shape[0], width)
    leaves = by_cohort[:, decided.OF_COHORT :].reshape(shape[0], LIFE, cohort)
    index = before + np.arange(len(whole))[decided.LENGTH :].reshape(by_cohort.shape)
    index = index[:, decided.OF_COHORT :].reshape(leaves.shape)
    run = index[:, RUN]
    index[:, RUN] = run.reshape(len(run), cohort, run.shape[1]).transpose(0, 2, 1)
    no_record = np.arange(cohort) % record_every > 0

    def fill(at: Leaves, number: int, step: Step) -> None:
        first = bundled if number in _LATER else issued
        at["version"], at["kind"], at["form"] = 1, step.kind, step.form
        at["flags"], at["purpose"] = step.flags, step.purpose
        if step.kind < RECORDS_FROM:
            at["first"], at["last"] = first + parts * step.first, first + parts * step.last
        at["parent"] = NO_PARENT if step.parent is None else index[:, step.parent]
        moment = RUN.start if RUN.start <= number < RUN.stop else number
        at["at"] = _moments(untils + 1 if step.is_late else begins + moment * STEP_MS)
        at["until"] = _moments(untils if step.form == P else untils * 0)
        at["from_tag"], at["to_tag"] = tags[:, :, step.giver], tags[:, :, step.taker]
        if step.kind == Kind.GATHER:
            at["to_tag"] = _targets(bundled, bundled + parts * (number - RUN.start))

    for number, step in enumerate(STEPS):
        fill(leaves[:, number], number, step)
    others = leaves[:, _RECORD].copy()
    fill(others, _RECORD, _NO_RECORD)
    leaves[:, _RECORD, no_record] = others[:, no_record]
    leaves[:, RUN] = leaves[:, RUN].transpose(0, 2, 1).reshape(run.shape)
    whole["evidence"] = draw.integers(0, 256, (len(whole), 32), dtype=np.uint8)
    _decide(seed, whole[: decided.LENGTH], by_cohort[:, : decided.OF_COHORT], begins, issued, parts)
    flat = whole[:size]
    _end_whole(flat)
    for place in (np.flatnonzero(flat["kind"][FIRST_LIFE:] == Kind.SOURCE) + FIRST_LIFE).tolist():
        at = int.from_bytes(flat["at"][place].tobytes())
        _put(flat[place : place + 1], decided.application(2 + before + place, at))
    return flat


def decided_leaves(records: Sequence[decided.Written]) -> Leaves:
    """Make the leaves of these decisions, in this order and with nothing between them."""
    leaves = np.zeros(len(records), LEAF_DTYPE)
    for place, record in enumerate(records):
        _put(leaves[place : place + 1], record)
    return leaves


def _decide(
    seed: int, first: Leaves, by_cohort: Leaves, begins: NDArray[np.int64], issued: Numbers, parts: Numbers
) -> None:
    """Put the programme's decisions at the log's beginning, and each cohort's before its lives."""
    of = decided.programme(BEGIN_MS - decided.OF_COHORT * STEP_MS, seed)
    first[:] = decided_leaves(of.records)
    for number, leaves in enumerate(by_cohort):
        all_parts = int(parts[number].sum())
        grams = int(issued[number, 0]), int(issued[number, 0]) + all_parts * PARTS
        records = decided.of_cohort(of, number + 1, int(begins[number]), grams, parts.shape[1], all_parts * _VOIDED)
        leaves[:] = decided_leaves(records)


def _put(leaf: Leaves, record: decided.Written) -> None:
    """Make a leaf a record, and know its document."""
    for name in ("form", "flags", "purpose", "first", "last", "until", "from_tag", "to_tag"):
        leaf[name] = 0
    leaf["version"], leaf["kind"], leaf["parent"] = 1, record.kind, NO_PARENT
    leaf["at"], leaf["evidence"] = six_bytes(record.at), np.frombuffer(record.evidence, np.uint8)
    _TEXTS[record.evidence] = record.text


def _moments(times: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Write a time for each cohort as leaves have it, shape (cohorts, 1, 6)."""
    return times.astype(">i8").view(np.uint8).reshape(-1, 1, 8)[:, :, 2:]


def _numbers(parts: Numbers) -> tuple[Numbers, Numbers]:
    """Give the first gram of each life, and that of its bundle, by the grams in a part; both of `parts`' shape.

    The lives of a cohort take their numbers first, and then their bundles.
    """
    issued, bundled = (np.cumsum(parts * count, axis=1) for count in (PARTS, STEPS[_BUNDLED].last))
    begins = np.cumsum(issued[:, -1:] + bundled[:, -1:], axis=0) - issued[:, -1:] - bundled[:, -1:]
    return begins + issued - parts * PARTS, begins + issued[:, -1:] + bundled - parts * STEPS[_BUNDLED].last


def _targets(bundle: Numbers, first: Numbers) -> NDArray[np.uint8]:
    """Write where each GATHER leads as its to tag."""
    tags = np.zeros(bundle.shape, [("zero", ">u4"), ("bundle", ">u8"), ("first", ">u8")])
    tags["bundle"], tags["first"] = bundle, first
    return tags.view(np.uint8).reshape(*bundle.shape, 20)


def _end_whole(leaves: Leaves) -> None:
    """Let records stand where the log would end with GATHERs: no log is signed there."""
    is_other = leaves["kind"][::-1] != Kind.GATHER
    cut = leaves[len(leaves) - int(np.argmax(is_other)) :] if is_other.any() else leaves[:0]
    cut["kind"] = Kind.SOURCE


def documents_of(leaves: Leaves, start: int = 0) -> dict[int, bytes]:
    """Write the documents of the records among leaves from index `start` on that are as `lawful_leaves` made them."""
    return {
        record.index: line_of(record.index, _TEXTS[record.evidence])
        for record in records_among(leaves, start)
        if record.evidence in _TEXTS
    }


def six_bytes(number: int) -> NDArray[np.uint8]:
    """Write a time as a leaf has it."""
    return np.frombuffer(number.to_bytes(6), np.uint8)


def write_log(
    folder: Path, leaves: Leaves, signer: Signer = SIGNER, documents: Mapping[int, bytes] | None = None
) -> bytes:
    """Write the log of these leaves as its publisher would, without syncing the disk, and give its root.

    `documents` are its records', index -> line; by default those that `documents_of` writes.
    """
    builder = TileBuilder(0, [], b"")
    documents = documents_of(leaves) if documents is None else documents
    for path, data in (*builder.extend(leaves, documents), *builder.partials()):
        _write(folder / path, data)
    root = builder.root() if len(leaves) else EMPTY_ROOT
    sign_log(folder, len(leaves), root, signer)
    return root


def sign_log(folder: Path, size: int, root: bytes, signer: Signer = SIGNER) -> None:
    """Write the checkpoint of a size and root."""
    _write(folder / "checkpoint", checkpoint.sign(Checkpoint(signer.name, size, root), signer))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
