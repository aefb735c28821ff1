"""`gram serve`: one process that holds the data folder, publishes and anchors, and keeps HTTP workers running."""

import ctypes
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from anchoring.errors import AnchoringError, Unreachable
from api.site import SITE_VARIABLE, Site
from registry.errors import RegistryError, Unavailable

log = structlog.get_logger()

BACKLOG = 512
"""Connections the system keeps for workers that are busy."""
START_S = 30
STOP_S = 10
_PR_SET_PDEATHSIG = 1


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket that all workers share. Raises `Unavailable` when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(f"Port {port} of {host} cannot be used: {error.strerror}. Choose another --port.") from error
    listener.listen(BACKLOG)
    return listener


def address_of(listener: socket.socket) -> str:
    """Write the URL under which a listener is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(site: Site, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises `Unavailable` when a worker ends by itself."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _workers(site, listener) as workers:
        _await_health(workers, listener, stop)
        ready(address_of(listener))
        _keep_publishing(site, workers, stop)


@contextmanager
def _workers(site: Site, listener: socket.socket) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
    listener.set_inheritable(True)
    command = [sys.executable, "-m", "api.serve", str(listener.fileno())]
    workers = [
        subprocess.Popen(command, env=site.environment(), pass_fds=[listener.fileno()], start_new_session=True)
        for _ in range(site.settings.workers)
    ]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            try:
                worker.wait(STOP_S)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def _await_health(workers: Sequence[subprocess.Popen[bytes]], listener: socket.socket, stop: threading.Event) -> None:
    """Wait until HTTP answers; a worker that dies first is told."""
    import httpx2

    deadline = time.monotonic() + START_S
    while not stop.is_set():
        _check(workers)
        try:
            httpx2.get(f"{address_of(listener)}/v1/about", timeout=START_S).raise_for_status()
        except httpx2.HTTPError as error:
            if time.monotonic() > deadline:
                raise Unavailable("The HTTP workers did not answer in time.") from error
            time.sleep(0.05)
        else:
            return


def _check(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    if any(worker.poll() is not None for worker in workers):
        raise Unavailable("An HTTP worker ended by itself; its last words are above.")


def _keep_publishing(site: Site, workers: Sequence[subprocess.Popen[bytes]], stop: threading.Event) -> None:
    """Publish and anchor at their intervals. A database, disk or chain that fails now is tried again later."""
    publish_s = site.settings.publish_interval_ms / 1000
    anchor_s = site.settings.anchor_interval_ms / 1000
    next_anchor = 0.0
    while not stop.wait(publish_s):
        _check(workers)
        _attempt("publish", site.publisher.publish)
        if time.monotonic() >= next_anchor:
            _attempt("anchor", site.anchorer.anchor)
            _attempt("settle", site.anchorer.settle)
            next_anchor = time.monotonic() + anchor_s


def _attempt(what: str, work: Callable[[], object]) -> None:
    try:
        work()
    except (AnchoringError, RegistryError, OSError) as error:
        log.error("will be tried again", work=what, detail=str(error))  # noqa: TRY400  (the sentence says it all)


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent ends, however the parent ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _worker(descriptor: int) -> None:
    """Be one HTTP worker on the listening socket that was handed down."""
    import uvicorn

    from api.app import create

    die_with_parent()
    config = uvicorn.Config(create(), log_level="warning", access_log=False, server_header=False, timeout_keep_alive=30)
    # Not by uvicorn's `fd`: it takes any descriptor for a Unix socket, and on what it takes for one TCP_NODELAY is not
    # set, so that every answer waits 40 ms for the caller's delayed acknowledgement.
    uvicorn.Server(config).run([socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    import os

    if SITE_VARIABLE not in os.environ:
        raise SystemExit("This is a worker of `gram serve`; start that.")
    try:
        _worker(int(sys.argv[1]))
    except (RegistryError, Unreachable) as error:
        raise SystemExit(str(error)) from None
