"""Where what waits is done, so that nobody else waits for it: threads of this process.

The framework's own way there costs three times as much processor time, which a look-up feels.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

THREADS: Final = 40
"""More than requests are worked on at once (`api.door.edge.AT_ONCE`), so that none waits here unseen."""
_POOL: Final = ThreadPoolExecutor(THREADS, "aside")
Given = TypeVar("Given")


async def aside(work: Callable[..., Given], *what: Any) -> Given:
    """Do this in a thread of its own, and give what it gives. Raises what it raises."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, work, *what)
