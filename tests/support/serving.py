"""`gram serve` as a process of its own, and the processes that it runs."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

GRAM = Path(sys.executable).with_name("gram")
WAIT_S = 180


@dataclass(frozen=True)
class Served:
    """A supervisor that serves `data` at `url`."""

    process: subprocess.Popen[str]
    data: Path
    url: str

    @property
    def worker(self) -> int:
        return next(pid for pid, command in children(self.process.pid).items() if "api.serving.serve" in command)

    @property
    def chain(self) -> int:
        return next(pid for pid, command in children(self.process.pid).items() if "embedded_server" in command)

    @property
    def postgres(self) -> int:
        return int((self.data / "postgres" / "postmaster.pid").read_text().split()[0])

    @property
    def everything(self) -> set[int]:
        return {self.worker, self.chain, self.postgres}

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)


def environment() -> dict[str, str]:
    """Soon published and anchored, by one HTTP worker: each takes a second and more of the processor to start."""
    hasty = {"PUBLISH_INTERVAL_MS": "50", "ANCHOR_INTERVAL_MS": "200", "WORKERS": "1"}
    return os.environ | {f"GRAMLEDGER_{name}": value for name, value in hasty.items()}


def start(data: Path, **settings: str) -> subprocess.Popen[str]:
    """Start it, with settings by their environment's names."""
    command = [GRAM, "serve", "--data", data, "--port", "0"]
    return subprocess.Popen(
        command,
        env=environment() | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[Served]:
    """Start it and wait until it serves. What still runs at the end is killed, to leave nothing behind."""
    process = start(data, **settings)
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], WAIT_S)[0], "it did not say where it is"
        said = process.stdout.readline()
        assert "http://" in said, "it ended before it served"
        yield Served(process, data, said.split()[-1])
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()


def children(parent: int) -> dict[int, str]:
    """Processes started by `parent`, with their command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_child = int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if is_child:
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def await_true(holds: Callable[[], bool], what: object) -> None:
    """Wait until something holds; `what` is said, and asked for, only when it does not."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, str(what)
        time.sleep(0.05)
