"""A witness in its own process that dies, or whose disk fails, at a chosen place: by the kernel, nothing is patched."""

import errno
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from anchoring.tree.fetching import Batch
from tests.support.witnessing import witness_in

SMALL = Batch(256)
"""So that a few hundred leaves are several batches."""
FORKED = multiprocessing.get_context("fork")
WAIT_S = 60


@dataclass
class At:
    """Does something at the `nth` time (from 0) that a step is told."""

    step: str
    nth: int
    act: Callable[[], None]

    def __call__(self, step: str) -> None:
        if step == self.step:
            self.nth -= 1
            if self.nth == -1:
                self.act()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise OSError(errno.EIO, "Input/output error")


def no_file_beyond(size: int) -> None:
    """Let no file of this process grow beyond `size` bytes: what goes further is cut off there, with EFBIG."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def die_beyond(size: int) -> None:
    """As `no_file_beyond`, but the write that goes further is the last thing the process does."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    no_file_beyond(size)


def run_in_a_process(run: Callable[[], object]) -> int | None:
    """Run it in a new process, a copy of this one; its exit code, negative when a signal ended it."""
    process = FORKED.Process(target=run)
    process.start()
    process.join(WAIT_S)
    return process.exitcode


def asked_in_a_process(
    state: Path, log: Path, bodies: list[bytes], on_step: Callable[[str], None]
) -> tuple[int | None, list[tuple[int, str]]]:
    """Ask a witness `bodies` one after another in a new process: its exit code, and what it answered before it died."""
    here, there = FORKED.Pipe(duplex=False)

    def run() -> None:
        with witness_in(state, log, on_step, SMALL) as witness:
            for body in bodies:
                answer = witness.add_checkpoint(body)
                there.send((int(answer.status), answer.body.decode()))

    process = FORKED.Process(target=run)
    process.start()
    there.close()
    answers = []
    try:
        while here.poll(WAIT_S):
            answers.append(here.recv())
    except EOFError:
        pass
    process.join(WAIT_S)
    return process.exitcode, answers
