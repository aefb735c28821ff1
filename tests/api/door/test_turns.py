"""One slot for many callers: each address has its turn, however often another asks."""

import asyncio

import pytest

from api.door.turns import Full, Turns
from tests.support.loops import run


async def _hold(turns: Turns, address: str, order: list[str]) -> None:
    async with turns.turn(address):
        order.append(address)
        await asyncio.sleep(0)


async def _started(*work: object) -> list[asyncio.Task]:
    tasks = [asyncio.ensure_future(one) for one in work]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


def test_addresses_take_turns():
    async def scene() -> list[str]:
        turns, order = Turns(16, 64), []
        async with turns.turn("first"):
            tasks = await _started(*(_hold(turns, "loud", order) for _ in range(10)), _hold(turns, "quiet", order))
        await asyncio.gather(*tasks)
        return order

    order = run(scene())
    assert order.index("quiet") == 1
    assert order.count("loud") == 10


def test_too_many_of_one_address_are_sent_away_and_others_find_room():
    async def scene() -> list[object]:
        turns, order = Turns(3, 4), []
        async with turns.turn("first"):
            tasks = await _started(*(_hold(turns, "loud", order) for _ in range(4)))
            assert isinstance(tasks[3].exception(), Full)
            tasks += await _started(_hold(turns, "b", order), _hold(turns, "c", order))
        return await asyncio.gather(*tasks, return_exceptions=True)

    said = run(scene())
    assert [isinstance(one, Full) for one in said] == [False, False, True, True, False, False]


def test_who_goes_away_while_waiting_or_at_its_turn_holds_up_nobody():
    async def scene() -> list[str]:
        turns, order = Turns(16, 64), []
        async with turns.turn("first"):
            waiting, given, last = await _started(*(_hold(turns, name, order) for name in "abc"))
            waiting.cancel()
        given.cancel()  # its turn has come, and it has not begun
        await asyncio.gather(waiting, given, last, return_exceptions=True)
        await _hold(turns, "d", order)
        return order

    assert run(asyncio.wait_for(scene(), 5)) == ["c", "d"]


def test_a_turn_that_fails_is_handed_on():
    async def scene() -> None:
        turns = Turns(1, 1)
        with pytest.raises(ValueError, match="x"):
            async with turns.turn("a"):
                raise ValueError("x")
        await _hold(turns, "a", [])

    run(asyncio.wait_for(scene(), 5))


def test_of_many_slots_an_address_has_its_share():
    async def scene() -> list[str]:
        turns, order, release = Turns(16, 64, slots=4, share=2), [], asyncio.Event()

        async def work(address: str) -> None:
            async with turns.turn(address):
                order.append(address)
                await release.wait()

        tasks = await _started(*(work("loud") for _ in range(6)), work("quiet"))
        assert order == ["loud", "loud", "quiet"]
        release.set()
        await asyncio.gather(*tasks)
        await asyncio.wait_for(_hold(turns, "last", order), 1)
        return order

    assert run(scene()) == ["loud", "loud", "quiet"] + ["loud"] * 4 + ["last"]
