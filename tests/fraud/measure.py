"""What the judgement makes of honest rides and planted ones, and of meters of which some stand still."""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from tests.fraud.rides import AREAS, Ride, honest, plant, reported_elsewhere
from tests.support.judging import ALWAYS, judge, terms_for
from tests.support.rides import SCENARIO, write_rides

STILL = 30
"""Readings of a meter that stands still: the rule asks for 24."""


@dataclass
class Row:
    """One kind of acts: how many there are, how many were found, by which reasons; of honest ones, found wrongly."""

    kind: str
    planted: int = 0
    found: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def holds(self) -> bool:
        """Whether at least 99 in 100 were found; none of what is honest."""
        return self.found == 0 if self.kind.startswith("honest") else 100 * self.found >= 99 * self.planted

    def __str__(self) -> str:
        share = 100 * self.found / self.planted if self.planted else 0
        why = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common())
        return f"{self.kind:<22} {self.planted:>8,} {self.found:>8,} {share:>8.2f} %  {why}"


def measure(folder: Path, seed: int, count: int, each: int) -> list[Row]:
    """Judge `count` honest rides with `each` frauds of a kind, and meters; gives a row for each kind, honest first."""
    chance = random.Random(seed)
    rides = honest(chance, count)
    return [*_rides(folder, chance, rides, each), *_meters(folder, chance, each)]


def _judge(folder: Path, name: str, rides: list[Ride], busy=()):
    terms = terms_for("shared-bicycle", SCENARIO)
    risk = replace(terms.risk, positions=replace(terms.risk.positions, areas=AREAS))
    path = write_rides(folder / name, [ride.line() for ride in rides])
    riders = {ride.rider: 0 for ride in rides}
    accounts = {rider: 1 + int.from_bytes(rider.encode()) % 2**60 for rider in riders}
    judged = judge(path, "shanghai-rides", accounts, terms=replace(terms, risk=risk), busy=busy)
    return judged, _whys(judged, rides)


def _whys(judged, rides: list[Ride]) -> dict[str, str]:
    """Order -> why it is not accepted; a row of the file is its line, the header being the first."""
    found = {rides[one.row - 2].order: one.reason for one in judged.refused()}
    return found | {rides[one.row - 2].order: one.reason for one in judged.quarantined()}


def _rides(folder: Path, chance: random.Random, rides: list[Ride], each: int) -> list[Row]:
    planted = plant(chance, rides, each)
    # Whoever copies a ride has it first: the copy is a later row.
    judged, whys = _judge(folder, "one.csv", sorted(rides, key=lambda _ride: chance.random()) + planted)
    own = Row("honest", len(rides))
    for ride in rides:
        if ride.order in whys:
            own.found += 1
            own.reasons[whys[ride.order]] += 1
    rows = {kind: Row(kind) for kind in dict.fromkeys(ride.kind for ride in planted)}
    for ride in planted:
        row = rows[ride.kind]
        row.planted += 1
        row.found += ride.order in whys
        row.reasons[whys.get(ride.order, "not found")] += 1
    return [own, *rows.values(), _two_platforms(folder, chance, rides, judged, each)]


def _two_platforms(folder: Path, chance: random.Random, rides: list[Ride], first, each: int) -> Row:
    """Hold what a second platform reports against what was issued for the first."""
    issued = first.activities.table
    spans = list(zip(*(issued[name].to_pylist() for name in ("account_id", "begins_ms", "ends_ms")), strict=True))
    reported = reported_elsewhere(chance, rides, each)
    _, whys = _judge(folder, "two.csv", reported, busy=(spans,))
    row = Row("two platforms", len(reported), len(whys))
    row.reasons.update(whys.get(ride.order, "not found") for ride in reported)
    return row


def _meters(folder: Path, chance: random.Random, each: int) -> list[Row]:
    """Half-hours of homes whose use moves at the last digit, and stretches of as many where a meter stands still."""
    lines, honest_rows, still = ["customer_id,reading_datetime,general_supply_kwh"], set(), {}
    begin = datetime(2013, 3, 1)  # noqa: DTZ001 - by the meter's clock
    for home in range(each):
        at = chance.randrange(48, 250)
        stuck = chance.randrange(600, 900)  # unlike its neighbours, which would be told apart by nobody
        for number in range(336):
            used = stuck if at <= number < at + STILL else 100 + (7 * number + chance.randrange(3)) % 400
            lines.append(f"{home:04},{begin + timedelta(minutes=30 * number):%Y-%m-%d %H:%M:%S},0.{used:03}")
            if at <= number < at + STILL:
                still[len(lines)] = home
            else:
                honest_rows.add(len(lines))
    path = folder / "meters.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    terms = terms_for("residential-electricity", ALWAYS)
    accounts = {f"{home:04}": home + 1 for home in range(each)}
    judged = judge(path, "sgsc-meters", accounts, terms=terms)
    caught = {one.row for one in judged.quarantined() if one.reason == "standing-still"}
    missed = Counter(home for row, home in still.items() if row not in caught)
    wrong = len(caught & honest_rows)
    return [
        Row("honest readings", len(honest_rows), wrong, Counter({"standing-still": wrong} if wrong else {})),
        Row("meter stands still", each, each - len(missed), Counter({"standing-still": each - len(missed)})),
    ]
