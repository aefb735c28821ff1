"""Honest riders of a synthetic city, and what cheats would report beside them."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

DAY_MIN = 1440
WEST, EAST, SOUTH, NORTH = 121_300, 121_600, 31_100, 31_350
"""Thousandths of a degree, in which the file has places."""
DEPOTS = ((121_700, 31_400), (121_710, 31_050))
"""Workshops, a kilometre across: nobody rides there but staff."""
AREAS = tuple((x * 1000, y * 1000, (x + 10) * 1000, (y + 10) * 1000) for x, y in DEPOTS)
"""The same in microdegrees, as a policy has them."""
METRES = (95, 111)
"""In a thousandth of a degree, roughly."""


@dataclass(frozen=True)
class Ride:
    """A ride: minutes since the first midnight, places in thousandths of a degree. `kind` is None of an honest one."""

    rider: str
    bike: str
    begins: int
    ends: int
    start: tuple[int, int]
    end: tuple[int, int]
    order: str = ""
    kind: str | None = None
    of: str | None = None
    """The order of which it is a copy."""

    def line(self) -> dict[str, str]:
        """Write it as the file has it."""
        return {
            "orderid": self.order, "bikeid": self.bike, "userid": self.rider,
            "start_time": _clock(self.begins), "end_time": _clock(self.ends),
            "start_location_x": _degrees(self.start[0]), "start_location_y": _degrees(self.start[1]),
            "end_location_x": _degrees(self.end[0]), "end_location_y": _degrees(self.end[1]),
        }  # fmt: skip


def _clock(minute: int) -> str:
    day, rest = divmod(minute, DAY_MIN)
    return f"2016-08-{1 + day:02} {rest // 60:02}:{rest % 60:02}"


def _degrees(thousandths: int) -> str:
    return f"{thousandths // 1000}.{thousandths % 1000:03}"


def _metres(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(abs(a - b) * metres for a, b, metres in zip(one, other, METRES, strict=True))


def honest(chance: random.Random, count: int) -> list[Ride]:
    """Rides of people who rode, over a month: with walks, metros and taxis between, and commuters with one bicycle."""
    rides: list[Ride] = []
    free: dict[str, int] = {f"b{n}": 0 for n in range(max(40, count // 4))}
    number = 0
    while len(rides) < count:
        number += 1
        rider = f"r{number}"
        rides += _commuter(chance, rider) if number % 20 == 0 else _person(chance, rider, free)
    return [replace(ride, order=f"o{place}") for place, ride in enumerate(rides[:count])]


def _commuter(chance: random.Random, rider: str) -> Iterator[Ride]:
    """To work and back on one bicycle, by the same way, to the minute, day after day."""
    home, lasts = _somewhere(chance), chance.randrange(8, 20)
    work = _near(chance, home, lasts)
    for day in range(10):
        for hour, start, end in ((8, home, work), (18, work, home)):
            begins = day * DAY_MIN + hour * 60
            yield Ride(rider, f"own-{rider}", begins, begins + lasts, start, end)


def _person(chance: random.Random, rider: str, free: dict[str, int]) -> Iterator[Ride]:
    at, here = chance.randrange(25 * DAY_MIN), _somewhere(chance)
    for _ in range(chance.randrange(8, 25)):
        lasts = chance.randrange(7, 40)
        end, bike = _near(chance, here, lasts), _free(chance, free, at)
        if bike is None or at > 30 * DAY_MIN:
            return
        free[bike] = at + lasts + 60  # so that a van or another rider can have brought it anywhere
        yield Ride(rider, bike, at, at + lasts, here, end)
        here = _somewhere(chance) if chance.random() < 0.5 else end
        walk = _metres(end, here) * 60 // chance.choice([5_000, 30_000, 70_000])  # on foot, by metro, by taxi
        at += lasts + walk + (chance.randrange(2, 30) if chance.random() < 0.3 else chance.randrange(200, 1500))


def _free(chance: random.Random, free: dict[str, int], at: int) -> str | None:
    names = list(free)
    for _ in range(50):
        bike = names[chance.randrange(len(names))]
        if free[bike] <= at:
            return bike
    return None


def _somewhere(chance: random.Random) -> tuple[int, int]:
    return chance.randrange(WEST, EAST), chance.randrange(SOUTH, NORTH)


def _near(chance: random.Random, here: tuple[int, int], lasts: int) -> tuple[int, int]:
    """Give where a rider is after so many minutes at 6 to 14 km/h."""
    metres = lasts * chance.randrange(100, 233)
    share = chance.random()
    across = int(metres * share) // METRES[0] * chance.choice([-1, 1])
    along = int(metres * (1 - share)) // METRES[1] * chance.choice([-1, 1])
    return here[0] + across, here[1] + along


def plant(chance: random.Random, rides: list[Ride], each: int) -> list[Ride]:
    """Give so many of each kind of fraud, as whoever reports the honest rides would add them."""
    of_rider, of_bike = defaultdict(list), defaultdict(list)
    for ride in rides:
        of_rider[ride.rider].append(ride)
        of_bike[ride.bike].append(ride)

    def quiet(ride: Ride, minutes: int) -> bool:
        """Whether neither rider nor bicycle is reported again for so long."""
        others = (*of_rider[ride.rider], *of_bike[ride.bike])
        return not any(ride.ends <= one.begins < ride.ends + minutes for one in others)

    candidates = [ride for ride in rides if quiet(ride, 300) and ride.ends - ride.begins >= 10]
    chance.shuffle(candidates)
    planted: list[Ride] = []
    for kind, cheat in CHEATS.items():
        mine, candidates = candidates[:each], candidates[each:]
        if len(mine) < each:
            raise ValueError(f"too few honest rides to plant {each} of {kind}")
        for number, ride in enumerate(mine):
            for part, one in enumerate(cheat(chance, ride, number)):
                order = f"{kind.replace(' ', '-')}-{number}-{part}"
                planted.append(replace(one, order=order, kind=kind, of=ride.order))
    return planted


def _elsewhere(chance: random.Random, ride: Ride, number: int) -> list[Ride]:
    """The rider's account is lent to somebody at the other end of the city."""
    across = 160 if ride.end[0] < (WEST + EAST) // 2 else -160
    start = ride.end[0] + across, ride.end[1]
    begins = ride.ends + chance.randrange(1, 5)
    lasts = chance.randrange(8, 20)
    return [Ride(ride.rider, f"x{number}", begins, begins + lasts, start, _near(chance, start, lasts))]


def _shifted(chance: random.Random, ride: Ride, _number: int) -> list[Ride]:
    """The same ride again, under a number of its own, some minutes or hours later."""
    by = chance.randrange(1, 200)
    return [replace(ride, begins=ride.begins + by, ends=ride.ends + by)]


def _split(chance: random.Random, ride: Ride, _number: int) -> list[Ride]:
    """The same ride again in two parts."""
    cut = chance.randrange(3, ride.ends - ride.begins - 3)
    share = cut / (ride.ends - ride.begins)
    middle = tuple(int(a + (b - a) * share) for a, b in zip(ride.start, ride.end, strict=True))
    at = ride.begins + cut
    return [replace(ride, ends=at, end=middle), replace(ride, begins=at, start=middle)]


def _staff(chance: random.Random, ride: Ride, number: int) -> list[Ride]:
    """Bicycles that staff bring from a workshop, or carry on a lorry."""
    begins, lasts = ride.ends + 120, chance.randrange(8, 15)
    if number % 2:
        x, y = chance.choice(DEPOTS)
        start = x + chance.randrange(1, 9), y + chance.randrange(1, 9)
        return [Ride(f"staff-{number}", f"s{number}", begins, begins + lasts, start, _near(chance, start, lasts))]
    start = _somewhere(chance)
    end = start[0] + lasts * 7, start[1]  # 40 km/h
    return [Ride(f"staff-{number}", f"s{number}", begins, begins + lasts, start, end)]


CHEATS = {"rider in two places": _elsewhere, "shifted copy": _shifted, "split copy": _split, "staff": _staff}


def reported_elsewhere(chance: random.Random, rides: list[Ride], each: int) -> list[Ride]:
    """Rides that another platform reports too: by its own names, by clocks and places that are a little off."""
    chosen = chance.sample([ride for ride in rides if ride.ends - ride.begins >= 6], each)
    return [
        replace(
            ride, order=f"two-{number}", bike=f"y{number}", kind="two platforms", of=ride.order,
            begins=ride.begins + chance.randrange(-2, 3), ends=ride.ends + chance.randrange(-2, 3),
            start=(ride.start[0] + chance.randrange(-1, 2), ride.start[1]),
        )
        for number, ride in enumerate(chosen)
    ]  # fmt: skip
