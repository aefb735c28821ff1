"""The load client: a process of its own, with one thread and one kept-alive connection for each caller.

Each request has a time at which it is due, whatever became of those before it, and its latency counts from there: a
client that waits for one answer before it asks again would ask less while the server stalls, and hide it.

It reads its plan as JSON on standard input and writes what it saw as JSON on standard output. It does as little as
it can for each request, because it shares the processors with the server it measures.
"""

import http.client
import itertools
import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask of the server at `url`, for how long, over how many connections."""

    url: str
    kind: str
    """`acts` or `look-ups`."""
    seconds: float
    connections: int
    per_second: float
    """How many requests are due in a second."""
    tokens: dict[str, str]
    """Account number -> its bearer token."""
    provider: int
    movements: list[int]
    warm_up_s: float = 1.0
    """Asked for this long before anything counts."""


@dataclass
class Seen:
    """Latencies in seconds, from when each was due, by kind of request, and answers that were none."""

    latencies: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    """Until the last answer."""
    client_cpu_s: float = 0.0


UNASKED = 0
"""Stands for the status of what nobody could ask in time."""
OVERRUN_S = 10.0
"""After the end, for what was due and not asked yet; what is then left was not answered."""

Request = tuple[str, str, str, bytes | None, dict[str, str]]
"""Kind, method, path, body, headers."""


def act_of(plan: Plan, random_: random.Random, number: str) -> Request:
    """Make one act of a random account: conversion, redemption or cancel, in turn at random."""
    account = random_.choice(tuple(plan.tokens))
    kind, body = random_.choice(
        (
            ("conversions", {"quantity_g": random_.randint(1, 20)}),
            ("redemptions", {"quantity_g": random_.randint(1, 20), "provider": plan.provider}),
            ("cancellations", {"quantity_g": random_.randint(1, 20), "purpose": "voluntary-cancellation"}),
        )
    )
    headers = {
        "Authorization": f"Bearer {plan.tokens[account]}",
        "Content-Type": "application/json",
        "Idempotency-Key": number,
    }
    return kind, "POST", f"/v1/accounts/{account}/{kind}", json.dumps(body).encode(), headers


def look_up_of(plan: Plan, random_: random.Random, _number: str) -> Request:
    """Make one look-up: a random account, its blocks, or a movement."""
    account = random_.choice(tuple(plan.tokens))
    headers = {"Authorization": f"Bearer {plan.tokens[account]}"}
    kind, path = random_.choice(
        (
            ("account", f"/v1/accounts/{account}"),
            ("blocks", f"/v1/accounts/{account}/blocks"),
            ("movement", f"/v1/movements/{random_.choice(plan.movements)}"),
        )
    )
    return kind, "GET", path, None, headers


MAKERS = {"acts": act_of, "look-ups": look_up_of}


def run(plan: Plan) -> Seen:
    """Ask what is due, over whichever connection is free."""
    seen = Seen()
    began = time.monotonic()
    turns = itertools.count()
    threads = [
        threading.Thread(target=_ask, args=(plan, number, began, turns, seen)) for number in range(plan.connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.seconds = max(plan.seconds, time.monotonic() - began - plan.warm_up_s)
    seen.client_cpu_s = time.process_time()
    return seen


def _ask(plan: Plan, number: int, began: float, turns: Iterator[int], seen: Seen) -> None:
    random_ = random.Random(number)  # noqa: S311  (the same load every time)
    where = urlsplit(plan.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    run_ns = time.time_ns()
    ready = began + plan.warm_up_s
    end = ready + plan.seconds
    while (due := began + (turn := next(turns)) / plan.per_second) < end:
        kind, *request = MAKERS[plan.kind](plan, random_, f"{plan.kind}-{run_ns}-{number}-{turn}")
        time.sleep(max(0.0, due - time.monotonic()))
        status = _status(connection, *request) if time.monotonic() < end + OVERRUN_S else UNASKED
        took = time.monotonic() - due
        if due < ready:
            continue
        if status in {200, 201}:
            seen.latencies.setdefault(kind, []).append(took)
        else:
            seen.failures[f"{kind} {status}"] = seen.failures.get(f"{kind} {status}", 0) + 1
    connection.close()


def _status(connection: http.client.HTTPConnection, *request: Any) -> int:
    connection.request(*request)
    answer = connection.getresponse()
    answer.read()
    return answer.status


if __name__ == "__main__":
    json.dump(asdict(run(Plan(**json.load(sys.stdin)))), sys.stdout)
