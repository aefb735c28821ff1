"""The load client: a process of its own, with one thread and one kept-alive connection for each caller.

It reads its plan as JSON on standard input and writes what it saw as JSON on standard output. It does as little as
it can for each request, because it shares the processors with the server it measures.
"""

import http.client
import json
import random
import sys
import threading
import time
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
    tokens: dict[str, str]
    """Account number -> its bearer token."""
    provider: int
    movements: list[int]
    warm_up_s: float = 1.0
    """Asked for this long before anything counts."""


@dataclass
class Seen:
    """Latencies in seconds by kind of request, and answers that were none."""

    latencies: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    client_cpu_s: float = 0.0


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
    """Ask over all connections at once until the time is up."""
    seen = Seen()
    ready = time.monotonic() + plan.warm_up_s
    end = ready + plan.seconds
    threads = [
        threading.Thread(target=_ask, args=(plan, number, ready, end, seen)) for number in range(plan.connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.seconds = plan.seconds
    seen.client_cpu_s = time.process_time()
    return seen


def _ask(plan: Plan, number: int, ready: float, end: float, seen: Seen) -> None:
    random_ = random.Random(number)  # noqa: S311  (the same load every time)
    where = urlsplit(plan.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    run_ns, asked = time.time_ns(), 0
    while time.monotonic() < end:
        asked += 1
        kind, *request = MAKERS[plan.kind](plan, random_, f"{plan.kind}-{run_ns}-{number}-{asked}")
        started = time.perf_counter()
        status = _status(connection, *request)
        took = time.perf_counter() - started
        if time.monotonic() < ready:
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
