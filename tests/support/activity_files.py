"""Files of every kind that a profile ships for, made up here, with faults planted in known numbers.

Synthetic: nobody rode, charged or used anything. Each maker gives the file's text and how many of each fault it has.
"""

import random
from datetime import datetime, timedelta

HELSINKI = (
    "Departure,Return,Departure station id,Departure station name,Return station id,Return station name,"
    "Covered distance (m),Duration (sec.)"
)
NORWAY = "session_ID;Garage_ID;User_ID;User_type;Shared_ID;Start_plugin;End_plugout;El_kWh"


def _at(*parts):
    """A time by a clock on a wall, as files have it."""
    return datetime(*parts)  # noqa: DTZ001


def helsinki(seed):
    """Trips of which nobody is named: 3 without a distance, 5 of none, 4 of 0 s, 2 over 5 h, 6 whose times disagree,
    7 round trips, 1 at a workshop; every fault on rows of its own.
    """
    chance = random.Random(seed)
    plan = (
        ["fine"] * 12 + ["empty"] * 3 + ["zero"] * 5 + ["instant"] * 4 + ["long"] * 2 + ["apart"] * 6 + ["round"] * 7
        + ["workshop"]
    )  # fmt: skip
    chance.shuffle(plan)
    lines = [HELSINKI]
    for number, fault in enumerate(plan):
        begins = _at(2021, 5, 1, 6) + timedelta(hours=7 * number, seconds=chance.randrange(3000))
        lasts = {"instant": 0, "long": 18_001 + chance.randrange(9000)}.get(fault, 600 + chance.randrange(600))
        ends = begins + timedelta(seconds=lasts + (11 + chance.randrange(60) if fault == "apart" else 3))
        metres = {"empty": "", "zero": "0"}.get(fault, str(1500 + chance.randrange(900)))
        start = "997" if fault == "workshop" else f"{chance.randrange(1, 90):03}"
        end = start if fault == "round" else f"{chance.randrange(100, 200):03}"
        times = f"{begins:%Y-%m-%dT%H:%M:%S},{ends:%Y-%m-%dT%H:%M:%S}"
        lines.append(f"{times},{start},Asema {start},{end},Asema {end},{metres},{lasts}")
    noticed = {
        "missing": 3, "zeros": 5, "ends-before-start": 4, "too-long": 2, "times-disagree": 6, "round-trip": 7,
        "excluded-place": 1, "nobody-named": len(plan), "too-fast": 4,
    }  # fmt: skip
    return "\n".join(lines) + "\n", len(plan), noticed


def norway(seed):
    """Sessions with semicolons and decimal commas: 4 without an end, 3 that overlap the one before of the same user,
    9 of a shared user, 2 in the hour that the clock jumped over, 2 in the hour that it showed twice; 20 are fine.
    """
    chance = random.Random(seed)
    rows = []

    def add(user, kind, begins, ends, kwh="12,5"):
        said = ends if isinstance(ends, str) else f"{ends:%d.%m.%Y %H:%M}"
        rows.append(f"AdO3;{user};{kind};NA;{begins:%d.%m.%Y %H:%M};{said};{kwh}")

    for number in range(20):
        begins = _at(2019, 5, 1, 18) + timedelta(days=number)
        add(f"A-{number % 4}", "Private", begins, begins + timedelta(minutes=30 + chance.randrange(300)))
    for number in range(4):
        add("A-9", "Private", _at(2019, 6, 1 + number, 9), "NA", "NA" if number % 2 else "3")
    for number in range(3):
        begins = _at(2019, 7, 1 + number, 9)
        add(f"B-{number}", "Private", begins, begins + timedelta(hours=2))
        add(f"B-{number}", "Private", begins + timedelta(minutes=90), begins + timedelta(hours=3))
    for number in range(9):
        begins = _at(2019, 8, 1, 6) + timedelta(hours=5 * number)
        add("Share-1", "Shared", begins, begins + timedelta(hours=1))
    for number in range(2):
        begins = _at(2019, 3, 31, 1, 10 + number)
        add(f"C-{number}", "Private", begins, _at(2019, 3, 31, 2, 30))
        begins = _at(2019, 10, 27, 1, 10 + number)
        add(f"C-{number}", "Private", begins, _at(2019, 10, 27, 2, 30))
    chance.shuffle(rows)
    text = "\r\n".join([NORWAY, *(f"{number};{row}" for number, row in enumerate(rows, start=1))]) + "\r\n"
    refused = {"missing": 4, "overlapping": 3, "shared-user": 9, "no-such-time": 2, "time-twice": 2}
    return text, len(rows), refused


def sgsc(seed):
    """Two homes for thirteen months: one that uses less in its last month than a year before, with a gap of three days
    and eleven readings at zero; one whose meter stands still for thirty readings.
    """
    chance = random.Random(seed)
    lines = ["customer_id,reading_datetime,general_supply_kwh"]
    begin, end = _at(2012, 3, 1), _at(2013, 4, 1)
    gap = _at(2012, 11, 3), _at(2012, 11, 6)
    zeros = set(chance.sample(range(2000), 11))
    still = range(5000, 5030)
    rows = 0
    for meter in ("0010", "0020"):
        for number in range(int((end - begin) / timedelta(minutes=30))):
            at = begin + timedelta(minutes=30 * number)
            if meter == "0010" and gap[0] <= at < gap[1]:
                continue
            used = 150 + number % 7 if meter == "0020" or at < _at(2013, 3, 1) else 100 + number % 7
            used = 0 if meter == "0010" and number in zeros else used
            used = 77 if meter == "0020" and number in still else used
            lines.append(f"{meter},{at:%Y-%m-%d %H:%M:%S},0.{used:03}")
            rows += 1
    noticed = {"zeros": 11, "gaps": 1, "meters-with-gaps": 1, "longest-gap-minutes": 3 * 1440, "standing-still": 30}
    return "\n".join(lines) + "\n", rows, noticed


def pv(seed):
    """A day and a half of AC power, with an offset: 60 quarter-hours slightly below zero at night."""
    chance = random.Random(seed)
    lines, watts = ["measured_on,ac_power"], 0
    for number in range(144):
        at = _at(2016, 7, 1) + timedelta(minutes=15 * number)
        power = -2000 - chance.randrange(900) if at.hour < 5 or at.hour >= 20 else 1_000_000 + chance.randrange(900_000)
        watts += max(0, power)
        lines.append(f"{at:%Y-%m-%d %H:%M:%S}-07:00,{power / 1000:.3f}")
    below = sum("-07:00,-" in line for line in lines)
    return "\n".join(lines) + "\n", 144, below, watts
