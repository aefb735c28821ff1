"""A city's day as its public log, and whose each leaf was: synthetic, made from a seed, of no real person.

Platforms report at night: a lot each time, in which every rider of theirs gets one block. By day most riders convert
what they have, in one act or two, and spend it at merchants at round prices; some give reductions or points away.
Organisations trade and cancel tonnes. Who converts or spends takes the earliest grams first, as the registry does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchoring.leaf import LEAF_DTYPE, NO_PARENT, VERSION
from anchoring.publishing.sequencer import MAX_BATCH
from registry.ledger.movement import Flag, Form, Kind, Purpose

MIDNIGHT = 1_773_072_000_000
"""Of a day in Shanghai, Unix milliseconds: 2026-03-10."""
UNTIL = 1_836_230_399_999
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
REPORTS, IN_A_REPORT = 8, 0.8
"""A rider is in each report with this probability."""
CONVERTING, TWICE, GIVING = 0.9, 0.4, 0.3
"""Riders who convert, and of these who do it in two acts; of the others, those who give reductions away."""
ACTS = (0.1, 0.3, 0.35, 0.25)
"""How many times a rider spends: never, once, twice, three times."""
DONATED = 0.05
"""Of what is spent as points, what is cancelled as a donation."""
RIDERS_OF_AN_ORGANISATION = 200
BUSY = (1, 1, 1, 1, 2, 6, 20, 60, 90, 60, 45, 60, 95, 75, 50, 45, 50, 75, 95, 90, 70, 45, 20, 6)
"""How much happens in each hour."""
NOBODY = NEVER = -1
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class City:
    """A public log, and the truth about it."""

    riders: int
    leaves: NDArray[Any]
    """In the order of the log, `LEAF_DTYPE`."""
    owner: Numbers
    """The rider each leaf was of, from 0; NOBODY for institutions' and records."""
    sizes: Numbers
    """Of the checkpoints that were published; whoever watches knows when."""


@dataclass(frozen=True)
class Formats:
    """How what is recorded becomes a log."""

    at_of: Callable[[Numbers], Numbers]
    """The `at` of movements made at these times, Unix milliseconds; records keep theirs."""
    order_of: Callable[[NDArray[Any], Numbers, np.random.Generator], Numbers]
    """The order of a batch, as places in the recorded order: of kinds, and the places of parents there or -1."""
    acts: int
    """A batch is published when it holds so many acts,"""
    wait_ms: int
    """or after so long."""


@dataclass(frozen=True)
class _Blocks:
    """What was issued, by holder and then by number; `starts` are places on the line of all that holders have."""

    lot: Numbers
    holder: Numbers
    first: Numbers
    last: Numbers
    starts: Numbers


@dataclass(frozen=True)
class _Acts:
    """What holders do after they may have converted: grams `[begins, ends)` of the line, at a time, as a kind."""

    holder: Numbers
    at: Numbers
    begins: Numbers
    ends: Numbers
    kind: Numbers
    purpose: Numbers


def day(seed: int, riders: int, formats: Formats) -> City:
    """Make the log of a day on which so many riders rode."""
    rng = np.random.default_rng(seed)
    holders = riders + max(1, riders // RIDERS_OF_AN_ORGANISATION)
    lots, blocks = _issued(rng, riders, holders)
    is_rider = np.arange(holders) < riders
    does_convert = is_rider & (rng.random(holders) < CONVERTING)
    converted_at = _converted(rng, blocks, does_convert, int(lots.max()) + HOUR_MS)
    ready = np.full(holders, lots.max() + HOUR_MS)
    np.maximum.at(ready, blocks.holder, converted_at)
    acts = _acts(rng, blocks, is_rider, does_convert, ready)
    leaves, owner, parent, act = _recorded(rng, riders, lots, blocks, converted_at, acts)
    at = milliseconds(leaves["at"])
    sizes = _batches(act, at, formats)
    edges = zip([0, *sizes[:-1].tolist()], sizes.tolist(), strict=True)
    order = np.concatenate(
        [
            begin + formats.order_of(leaves["kind"][begin:end], np.maximum(parent[begin:end] - begin, -1), rng)
            for begin, end in edges
        ]
    )
    is_movement = leaves["kind"] < 64
    at[is_movement] = formats.at_of(at[is_movement])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    leaves["parent"] = np.where(parent >= 0, place[parent], NO_PARENT).astype(">u8")
    leaves["at"] = six_bytes(at)
    return City(riders, leaves[order], owner[order], sizes)


def _batches(act: Numbers, at: Numbers, formats: Formats) -> Numbers:
    """Say where batches end, in leaves recorded so far. `act` and `at` are of each, in the order recorded."""
    begins = np.concatenate((np.flatnonzero(np.diff(act, prepend=-1)), [len(act)]))
    times = at[begins[:-1]]
    sizes, first = [0], 0
    while first < len(times):
        late = int(np.searchsorted(times, times[first] + formats.wait_ms, "right"))
        first = min(late, first + formats.acts)
        end = int(begins[first])
        sizes += [*range(sizes[-1] + MAX_BATCH, end, MAX_BATCH), end]
    return np.array(sizes[1:])


def milliseconds(six: NDArray[np.uint8]) -> Numbers:
    """Read times of leaves."""
    padded = np.zeros((len(six), 8), np.uint8)
    padded[:, 2:] = six
    return padded.view(">u8")[:, 0].astype(np.int64)


def six_bytes(times: Numbers) -> NDArray[np.uint8]:
    """Write times as leaves have them."""
    return np.ascontiguousarray(times.astype(">u8")).view(np.uint8).reshape(-1, 8)[:, 2:]


def _times(rng: np.random.Generator, after: Numbers) -> Numbers:
    """Draw a moment of the day for each, later than the one given, as busy as the hours are."""
    weights = np.concatenate(([0.0], np.cumsum(BUSY) / np.sum(BUSY)))
    hours = np.arange(25.0)
    passed = np.interp((after - MIDNIGHT) / HOUR_MS, hours, weights)
    drawn = np.interp(passed + (1 - passed) * rng.random(len(after)), weights, hours)
    return np.minimum(np.maximum(MIDNIGHT + (drawn * HOUR_MS).astype(np.int64), after + 1), MIDNIGHT + DAY_MS - 1)


def _issued(rng: np.random.Generator, riders: int, holders: int) -> tuple[Numbers, _Blocks]:
    """Give the times of the lots, and their blocks; holders take their places in random order, for each lot anew."""
    members = [np.flatnonzero(rng.random(riders) < IN_A_REPORT) for _ in range(REPORTS)]
    grams = [_ridden(rng, len(of)) for of in members]
    members.append(np.arange(riders, holders))
    grams.append(rng.integers(10, 500, holders - riders) * 1_000_000)
    at = MIDNIGHT + HOUR_MS + np.sort(rng.choice(HOUR_MS, REPORTS + 1, replace=False))
    drawn = [rng.permutation(len(of)) for of in members]
    holder = np.concatenate([of[order] for of, order in zip(members, drawn, strict=True)])
    quantity = np.concatenate([of[order] for of, order in zip(grams, drawn, strict=True)])
    lot = np.repeat(np.arange(REPORTS + 1), [len(of) for of in members])
    last = np.cumsum(quantity)
    own = np.lexsort((last, holder))
    starts = np.concatenate(([0], np.cumsum(quantity[own])[:-1]))
    return at, _Blocks(lot[own], holder[own], (last - quantity)[own], last[own], starts)


def _ridden(rng: np.random.Generator, people: int) -> Numbers:
    """Grams of one to four rides each."""
    rides = rng.integers(1, 5, people)
    grams: Numbers = sum((rides > n) * rng.integers(120, 700, people) for n in range(4))  # type: ignore[assignment]
    return grams


def _converted(rng: np.random.Generator, blocks: _Blocks, does_convert: NDArray[np.bool_], after: int) -> Numbers:
    """Say when each block is converted, or NEVER: all that a holder has at once, or some and later the rest."""
    once = _times(rng, np.full(len(does_convert), after))
    later = np.where(rng.random(len(does_convert)) < TWICE, _times(rng, once), once)
    begins = np.searchsorted(blocks.holder, np.arange(len(does_convert)))
    counts = np.bincount(blocks.holder, minlength=len(does_convert))
    share = (rng.random(len(does_convert)) * counts).astype(np.int64)
    is_first = np.arange(len(blocks.holder)) - begins[blocks.holder] <= share[blocks.holder]
    return np.where(does_convert[blocks.holder], np.where(is_first, once[blocks.holder], later[blocks.holder]), NEVER)


def _acts(
    rng: np.random.Generator,
    blocks: _Blocks,
    is_rider: NDArray[np.bool_],
    has_points: NDArray[np.bool_],
    after: Numbers,
) -> _Acts:
    """Let holders spend, one act after the other, until they have done as many or have nothing left."""
    holders = len(is_rider)
    quantity = blocks.last - blocks.first
    has = np.bincount(blocks.holder, quantity, holders).astype(np.int64)
    begins = np.concatenate(([0], np.cumsum(has)[:-1]))
    ends = begins + has
    does = rng.choice(len(ACTS), holders, p=ACTS)
    does[is_rider & ~has_points] = rng.random((is_rider & ~has_points).sum()) < GIVING
    made = []
    for turn in range(len(ACTS)):
        who = np.flatnonzero((does > turn) & (begins < ends))
        after = after.copy()
        after[who] = _times(rng, after[who])
        price = np.where(is_rider[who], 100 * rng.integers(2, 20, len(who)), 1_000_000 * rng.integers(1, 60, len(who)))
        taken = np.minimum(begins[who] + price, ends[who])
        kind, purpose = _kinds(rng, is_rider[who], has_points[who])
        made.append((who, after[who], begins[who].copy(), taken, kind, purpose))
        begins[who] = taken
    return _Acts(*(np.concatenate(part) for part in zip(*made, strict=True)))


def _kinds(
    rng: np.random.Generator, is_rider: NDArray[np.bool_], has_points: NDArray[np.bool_]
) -> tuple[Numbers, Numbers]:
    is_given = rng.random(len(is_rider)) < np.where(has_points, DONATED, 0.5)
    kind = np.where(is_given, Kind.CANCEL, np.where(has_points, Kind.REDEEM, Kind.TRANSFER))
    own = np.where(is_rider, Purpose.DONATION_TRANSFER, Purpose.AGREEMENT)
    offset = np.where(has_points, Purpose.DONATION, Purpose.VOLUNTARY_OFFSET)
    return kind, np.where(kind == Kind.CANCEL, offset, np.where(kind == Kind.TRANSFER, own, 0))


def _recorded(
    rng: np.random.Generator,
    riders: int,
    lots: Numbers,
    blocks: _Blocks,
    converted_at: Numbers,
    acts: _Acts,
) -> tuple[NDArray[Any], Numbers, Numbers, Numbers]:
    """Make all leaves in the order in which they were recorded; beside them owners, parents and acts."""
    converted = np.flatnonzero(converted_at != NEVER)
    of_block, of_act, begins, ends = _pieces(blocks, acts)
    counts = [len(lots), len(blocks.lot), len(converted), len(of_block)]
    edges = np.cumsum([0, *counts])
    issue, convert, spend = (slice(edges[n], edges[n + 1]) for n in (1, 2, 3))
    leaves = np.zeros(edges[-1], LEAF_DTYPE)
    leaves["version"] = VERSION
    for name, size in (("to_tag", 20), ("evidence", 32)):
        leaves[name] = np.frombuffer(rng.bytes(size * len(leaves)), np.uint8).reshape(-1, size)
    leaves["to_tag"][: edges[1]] = 0
    leaves["kind"][: edges[1]] = Kind.ISSUANCE
    leaves["kind"][issue], leaves["kind"][convert], leaves["kind"][spend] = Kind.ISSUE, Kind.CONVERT, acts.kind[of_act]
    leaves["purpose"][spend] = acts.purpose[of_act]
    is_person = blocks.holder < riders
    flags = np.where(is_person, Flag.SCENARIO | Flag.INDIVIDUAL, 0)
    leaves["form"][issue], leaves["flags"][issue] = Form.REDUCTION, flags
    leaves["first"][issue], leaves["last"][issue] = blocks.first, blocks.last
    leaves["form"][convert], leaves["flags"][convert] = Form.POINTS, (flags | Flag.CONVERTED)[converted]
    leaves["first"][convert], leaves["last"][convert] = blocks.first[converted], blocks.last[converted]
    leaves["until"][convert] = six_bytes(np.full(len(converted), UNTIL))
    leaves["from_tag"][convert] = leaves["to_tag"][convert] = leaves["to_tag"][issue][converted]
    made_by = np.arange(edges[1], edges[2])
    made_by[converted] = np.arange(edges[2], edges[3])
    _spend(leaves[spend], blocks, of_block, begins, ends)
    leaves["flags"][spend] = leaves["flags"][made_by[of_block]] & (255 - Flag.INDIVIDUAL)
    leaves["from_tag"][spend] = leaves["to_tag"][issue][of_block]
    parent = np.full(len(leaves), -1, np.int64)
    parent[convert], parent[spend] = edges[1] + converted, made_by[of_block]
    holder = np.concatenate(
        (np.full(len(lots), NOBODY), blocks.holder, blocks.holder[converted], blocks.holder[of_block])
    )
    owner = np.where(holder < riders, holder, NOBODY)
    phase = np.repeat(np.arange(4), counts)
    act = np.concatenate((np.arange(len(lots)), blocks.lot, blocks.holder[converted], of_act))
    at = np.concatenate((lots, lots[blocks.lot], converted_at[converted], acts.at[of_act]))
    leaves["at"] = six_bytes(at)
    by = np.lexsort((leaves["first"].astype(np.int64), phase, act, at))
    place = np.empty(len(by), np.int64)
    place[by] = np.arange(len(by))
    number = np.cumsum(np.diff(np.stack((at, phase, act))[:, by], prepend=-1).any(axis=0))
    return leaves[by], owner[by], np.where(parent >= 0, place[parent], -1)[by], number


def _spend(leaves: NDArray[Any], blocks: _Blocks, of_block: Numbers, begins: Numbers, ends: Numbers) -> None:
    """Fill in what becomes of the grams that acts took."""
    is_redeemed = leaves["kind"] == Kind.REDEEM
    leaves["form"] = np.where(is_redeemed, Form.POINTS, np.where(leaves["kind"] == Kind.TRANSFER, Form.REDUCTION, 0))
    leaves["until"][is_redeemed] = six_bytes(np.array([UNTIL]))
    leaves["to_tag"][leaves["kind"] == Kind.CANCEL] = 0
    before = blocks.first[of_block] - blocks.starts[of_block]
    leaves["first"], leaves["last"] = begins + before, ends + before


def _pieces(blocks: _Blocks, acts: _Acts) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Cut what acts take by blocks: the block, the act, and where the piece begins and ends on the line."""
    by = np.argsort(acts.begins)
    begins, ends = acts.begins[by], acts.ends[by]
    cuts = np.unique(np.concatenate((blocks.starts, begins, ends)))
    starts, stops = cuts[:-1], cuts[1:]
    of = np.searchsorted(begins, starts, "right") - 1
    is_taken = (of >= 0) & (starts < ends[of])
    starts, stops, of = starts[is_taken], stops[is_taken], of[is_taken]
    return np.searchsorted(blocks.starts, starts, "right") - 1, by[of], starts, stops
