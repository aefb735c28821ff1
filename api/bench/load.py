"""The load client: a process of its own, with one thread and one kept-alive connection for each caller.

In a closed loop each caller asks again as soon as it was answered: so many answers as the server can give, its
capacity. In an open loop each request has a time at which it is due, whatever became of those before it, and its
latency counts from there: a client that waits for one answer before it asks again would ask less while the server
stalls, and hide it. Above capacity an open loop measures its own queue and nothing else.

It reads its plan as JSON on standard input and writes what it saw as JSON on standard output. It does as little as
it can for each request, because it shares the processors with the server it measures.
"""

import itertools
import json
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from api.bench.caller import Caller

WARM_UP_S = 1.0
"""Asked before anything counts: connections, and what the server makes at its first requests."""


@dataclass(frozen=True)
class Plan:
    """What to ask of the server at `url`, for how long, over how many connections."""

    url: str
    kind: str
    """`acts`, `look-ups` or `pages`."""
    seconds: float
    connections: int
    per_second: float | None
    """How many requests are due in a second; None for a closed loop."""
    tokens: dict[str, str]
    """Account number -> its bearer token."""
    provider: int
    leaves: int
    """In the published log when it begins."""
    warm_up_s: float = WARM_UP_S
    """Asked for this long before anything counts."""

    @cached_property
    def accounts(self) -> tuple[str, ...]:
        """Numbers of the accounts that act."""
        return tuple(self.tokens)


@dataclass
class Seen:
    """Latencies in seconds, from when each was due, by kind of request, and what failed, by kind and cause."""

    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[str, int] = field(default_factory=Counter)
    seconds: float = 0.0
    """Until the last answer."""
    client_cpu_s: float = 0.0

    @property
    def every(self) -> list[float]:
        """All latencies."""
        return [latency for some in self.latencies.values() for latency in some]

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.every) / self.seconds


OVERRUN_S = 10.0
"""After the end, for what was due and not asked yet; what is then left was not answered."""
UNASKED = f"never asked: {OVERRUN_S:.0f} s after the end, callers were still waiting for earlier answers"

Request = tuple[str, str, dict[str, str], bytes | None]
"""Method, path, headers, body."""


def act_of(plan: Plan, random_: random.Random, number: str) -> tuple[str, Request]:
    """Make one act of a random account: conversion, redemption or cancel, in turn at random."""
    account = random_.choice(plan.accounts)
    kind, more = random_.choice(
        (
            ("conversions", {}),
            ("redemptions", {"provider": plan.provider}),
            ("cancellations", {"purpose": "voluntary-cancellation"}),
        )
    )
    headers = {
        "Authorization": f"Bearer {plan.tokens[account]}",
        "Content-Type": "application/json",
        "Idempotency-Key": number,
    }
    body = {"quantity_g": random_.randint(1, 20), **more}
    return kind, ("POST", f"/v1/accounts/{account}/{kind}", headers, json.dumps(body).encode())


def look_up_of(plan: Plan, random_: random.Random, _number: str) -> tuple[str, Request]:
    """Make one look-up: a random account, its blocks, or a leaf."""
    account = random_.choice(plan.accounts)
    headers = {"Authorization": f"Bearer {plan.tokens[account]}"}
    kind, path = random_.choice(
        (
            ("account", f"/v1/accounts/{account}"),
            ("blocks", f"/v1/accounts/{account}/blocks"),
            ("leaf", f"/v1/leaves/{random_.randrange(plan.leaves)}"),
        )
    )
    return kind, ("GET", path, headers, None)


def page_of(_plan: Plan, random_: random.Random, _number: str) -> tuple[str, Request]:
    """Make one look at all grams together: the first page, or the totals."""
    kind, path = random_.choice((("first page", "/"), ("totals", "/v1/totals")))
    return kind, ("GET", path, {}, None)


MAKERS = {"acts": act_of, "look-ups": look_up_of, "pages": page_of}


def run(plan: Plan) -> Seen:
    """Ask over all connections at once."""
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
    """Be one caller, who takes the next turn whenever he is free."""
    random_ = random.Random(number)  # noqa: S311  (the same load every time)
    caller, run_ns = Caller(plan.url), time.time_ns()
    ready = began + plan.warm_up_s
    end = ready + plan.seconds
    for turn in turns:
        due = time.monotonic() if plan.per_second is None else began + turn / plan.per_second
        if due >= end:
            break
        kind, request = MAKERS[plan.kind](plan, random_, f"{plan.kind}-{run_ns}-{number}-{turn}")
        time.sleep(max(0.0, due - time.monotonic()))
        failure = _failure(caller, request) if time.monotonic() < end + OVERRUN_S else UNASKED
        if due < ready:
            continue
        if failure is None:
            seen.latencies[kind].append(time.monotonic() - due)
        else:
            seen.failures[f"{kind}: {failure}"] += 1
    caller.close()


def _failure(caller: Caller, request: Request) -> str | None:
    """Ask, and name what went wrong."""
    try:
        return caller.ask(*request).failure
    except TimeoutError:
        return "no answer in time"
    except OSError as error:
        return f"no answer: {error.strerror or error}"


if __name__ == "__main__":
    json.dump(vars(run(Plan(**json.load(sys.stdin)))), sys.stdout)
