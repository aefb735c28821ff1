"""Runs a coroutine in a thread of its own: a browser that is driven in this one keeps a loop running here."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run(scene: Coroutine[Any, Any, T]) -> T:
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, scene).result()
