"""Who does the work of an audit: this process alone, or several, each with the log and the rows open for itself.

Work is a function of a `Worker` and one task, given back in the order of the tasks, so that whoever asks cannot tell
how many did it. At most `2 * processes` tasks are under way or wait to be taken.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from anchoring.auditing.rowfile import RowFile
from anchoring.errors import Unreachable
from anchoring.replaying.history import Rows
from anchoring.replaying.judge import Judge
from anchoring.tree.tiles import HttpSource, Source

CONNECTIONS: Final = 8
"""To a log over HTTP, of all processes together: what a browser would open, and a polite neighbour too."""
T = TypeVar("T")
R = TypeVar("R")


class Worker:
    """One process's own: the log, the rows of its leaves, and the judgements it remembers."""

    def __init__(self, source: Source, rows: Path, connections: int) -> None:
        """Open the rows; `connections` of a log over HTTP are this process's."""
        self.source = source
        self.rows = RowFile(rows)
        self.judge = Judge()
        self.connections = connections
        self.pool = ThreadPoolExecutor(connections, "audit-read") if isinstance(source, HttpSource) else None

    def close(self) -> None:
        """Stop reading."""
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
        self.rows.close()


class Crew:
    """The workers of one audit; leave it to end them."""

    def __init__(self, source: Source, rows: Path, processes: int) -> None:
        """Use this process, or start `processes` others when there is work; `source` is handed to each of them."""
        share = max(1, CONNECTIONS // processes)
        self._window = 2 * processes
        self._own = Worker(source, rows, share)
        self._pool = None
        if processes > 1:
            # Not forked: threads of this process may hold locks that nobody in a copy of it would give back.
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(processes, spawn, _begin, (source, rows, share))

    def __enter__(self) -> Self:
        """Use them."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End them."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._own.close()

    def rows(self, size: int) -> Rows:
        """Give the rows of the first `size` leaves."""
        return self._own.rows.rows(size)

    def run(self, work: Callable[[Worker, T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Give what `work` makes of each task, in order. Raises what it raises; Unreachable when a process was ended.

        Tasks are begun as results are taken: whoever takes no more of them ends the work.
        """
        if self._pool is None:
            yield from (work(self._own, task) for task in tasks)
            return
        waiting: deque[Future[R]] = deque()
        try:
            for task in tasks:
                waiting.append(self._pool.submit(_do, work, task))
                if len(waiting) >= self._window:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            sentence = "A process of the audit was ended from outside, perhaps for want of memory"
            raise Unreachable(f"{sentence}; try again with fewer --processes.") from error
        finally:
            for future in waiting:
                future.cancel()


_worker: list[Worker] = []
"""This process's own, in a process that a crew started."""


def _begin(source: Source, rows: Path, connections: int) -> None:
    # An interruption of the terminal is for the audit, which ends its processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker.append(Worker(source, rows, connections))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End when the audit is killed: a pool's process would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(work: Callable[[Worker, Any], R], task: Any) -> R:
    return work(_worker[0], task)
