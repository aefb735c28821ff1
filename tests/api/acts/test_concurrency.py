"""200 callers spend one block at once over HTTP: each gram goes to exactly one of them, and nobody meets a defect."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier

import httpx2

from tests.support.rest import Caller, institution, is_problem, person_with

AT_ONCE = 40
"""Threads of the load; the server takes as many at once."""
SPENDS = 200


def at_once(act: Callable[[int], httpx2.Response]) -> list[httpx2.Response]:
    barrier = Barrier(AT_ONCE)

    def one(number: int) -> httpx2.Response:
        if number < AT_ONCE:
            barrier.wait()
        return act(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(SPENDS)))


def grams_taken(answers: list[httpx2.Response]) -> Counter[int]:
    """How often each gram was taken, by the answers' own words; whoever got nothing must have been told why."""
    taken: Counter[int] = Counter()
    for answer in answers:
        if answer.status_code == 201:
            for movement in answer.json()["movements"]:
                first, last = map(int, movement["serial"].split("-")[1:])
                taken.update(range(first, last + 1))
        else:
            assert is_problem(answer, 409, "insufficient") or is_problem(answer, 409, "grams-moved-on")
    return taken


def spend(who: Caller, number: int, shop: Caller, **amount: object) -> httpx2.Response:
    """Every third converts, the others transfer and cancel."""
    if number % 3 == 0:
        return who.act("conversions", **amount)
    if number % 3 == 1:
        return who.act("transfers", to=shop.account, **amount)
    return who.act("cancellations", purpose="voluntary-cancellation", **amount)


def test_a_whole_block_is_spent_once(live):
    who, shop = person_with(live, 1000), institution(live)
    block = who.blocks()[0][0]
    answers = at_once(lambda number: spend(who, number, shop, serial=block))
    assert [answer.status_code for answer in answers].count(201) == 1
    assert set(grams_taken(answers).values()) == {1}


def test_parts_that_overlap_are_spent_once(live):
    who, shop, chance = person_with(live, 1000), institution(live), Random(7)
    start = int(who.blocks()[0][0].split("-")[1])
    parts = []
    for _ in range(SPENDS):
        first = start + chance.randrange(990)
        parts.append(f"SHCER-{first}-{first + chance.randrange(10)}")
    answers = at_once(lambda number: spend(who, number, shop, serial=parts[number]))
    taken = grams_taken(answers)
    assert taken
    assert set(taken.values()) == {1}
    wanted = {gram for part in parts for gram in range(*(int(n) for n in part.split("-")[1:]))}
    assert len(taken) > len(wanted) // 3
    moved = sum(shop.balances().values()) + who.balances()["points"]
    ended = sum(answer.json()["quantity_g"] for answer in answers[2::3] if answer.status_code == 201)
    assert moved + ended == len(taken)


def test_quantities_that_do_not_all_fit_are_spent_up_to_the_last_gram(live):
    """200 times 7 g of 1000 g: 142 get theirs, and 6 g are left, whoever comes first."""
    who, shop = person_with(live, 1000), institution(live)
    answers = at_once(lambda _: who.act("transfers", quantity_g=7, to=shop.account))
    taken = grams_taken(answers)
    assert [answer.status_code for answer in answers].count(201) == 142
    assert set(taken.values()) == {1}
    assert (who.balances()["reduction"], shop.balances()["reduction"]) == (6, 994)
