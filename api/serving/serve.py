"""`gram serve`: one process that holds the data folder, publishes, anchors, expires, and keeps HTTP workers running."""

import atexit
import ctypes
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import structlog

from anchoring.connections import BACKLOG
from anchoring.errors import AnchoringError, Behind, Unreachable
from anchoring.publishing.standing import standing
from api.installation import logs
from api.installation.condition import CONVICTED, RECOVERING
from api.installation.site import SITE_VARIABLE, Site
from api.installation.witnesses import Publishing
from api.serving import batches
from api.serving.batching import Batching
from api.serving.jobs import work_through
from api.serving.metrics import MetricsServer, begin_counting
from api.serving.points import StandingOrders, expire_points, tell_of_expiry
from api.serving.works import Works
from api.state.timetable import Timetable
from api.webhooks.courier import Courier
from registry.clock import system_clock
from registry.errors import RegistryError, Unavailable
from registry.events.outbox import MOST, delete_older, number_events
from registry.ledger.totals import MOST_FOLDED, fold

log = structlog.get_logger()

START_S = 30
STOP_S = 10
JOBS_S = 0.2
"""How often jobs are looked for: what was done within a second is asked for again within one."""
EVENTS_S = 0.5
"""How often events that happened get their numbers."""
OLD_EVENTS_S, DAY_MS = 600, 86_400_000
"""How often events are looked for that are too old to be kept."""
BATCHES_S = 0.5
"""How often work on a batch is looked for."""
TIDY_S = 10
"""How often files of batches that are settled are looked for: they count for no quota any more, and take disk still."""
EXPIRE_S = 60
NOTICES_S = 600
ORDERS_S = 10
"""How often points past their expiry are looked for."""
LOOK_S = 1
"""How often it is looked whether something is to be published, or has ended."""
FOLD_S = 1
"""How often new leaves are counted in the totals: what is not, whoever reads adds up himself."""
READERS_S = 1
"""How often workers are looked after while nothing is published."""
MEND_S = 5
"""How often a map of the state that was damaged is looked for."""
OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Made and not freed yet: some 10 MB at most that wait to be found."""
MAX_REPLACED = 100
"""Workers that may be killed in the life of one supervisor; more means that something is badly wrong."""
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


def spare_collector() -> None:
    """Have Python look for cycles seldom, and not among what is there for good: it was two fifths of a large act.

    An act of thousands of blocks makes a dozen objects for each, none of which is ever in a cycle.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # libraries count at the end what was not freed, and say so
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 50)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and Ctrl-C set.

    Begun before anything is started: a start that is broken off in the middle leaves processes behind.
    """
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(site: Site, listener: socket.socket, ready: Callable[[str], None], stop: threading.Event) -> None:
    """Serve until `stop`. Raises `Unavailable` when workers cannot start, or end again and again."""
    logs.configure()
    if stop.is_set():
        return
    begin_counting(site)
    if site.as_of is None:
        _begin_log(site)
    workers = _Workers(site, listener)
    try:
        _await_health(workers, listener, stop)
        if not stop.is_set():
            ready(address_of(listener))
        if site.as_of is None:
            _keep_publishing(site, workers, stop)
        _only_serve(workers, stop)
    finally:
        workers.stop()


def _begin_log(site: Site) -> None:
    """Have a new log's first checkpoint before anybody can ask for it; where that fails, publishing says why."""
    try:
        site.publisher.begin()
    except (AnchoringError, RegistryError, OSError) as error:
        log.error("will be tried again", work="publish", detail=str(error))  # noqa: TRY400  (the sentence says it all)


class _Workers:
    """The HTTP processes on one listening socket."""

    def __init__(self, site: Site, listener: socket.socket) -> None:
        listener.set_inheritable(True)
        self._site = site
        self._descriptor = listener.fileno()
        self._replaced = 0
        self._running = [self._start() for _ in range(site.settings.workers)]

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "api.serving.serve", str(self._descriptor), str(os.getpid())]
        environment = self._site.environment()
        return subprocess.Popen(command, env=environment, pass_fds=[self._descriptor], start_new_session=True)

    def check(self) -> None:
        """Raise `Unavailable` when one has ended: it cannot start here."""
        if any(worker.poll() is not None for worker in self._running):
            raise Unavailable("An HTTP worker ended by itself; its last words are above.")

    def replace_ended(self) -> None:
        """Start another for each that was killed: what it was doing was rolled back, and is asked for again."""
        for place, worker in enumerate(self._running):
            if worker.poll() is None:
                continue
            self._replaced += 1
            if self._replaced > MAX_REPLACED:
                raise Unavailable("HTTP workers end by themselves again and again; their last words are above.")
            log.error("a worker ended by itself, another takes its place", code=worker.returncode)
            self._running[place] = self._start()

    def say_as_of(self, size: int) -> None:
        """Start them anew, to say with every answer as of which size of the log it is."""
        self.stop()
        self._site = replace(self._site, as_of=size)
        self._running = [self._start() for _ in self._running]

    def stop(self) -> None:
        """End them all, after the requests that are under way."""
        for worker in self._running:
            worker.terminate()
        for worker in self._running:
            try:
                worker.wait(STOP_S)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def _await_health(workers: _Workers, listener: socket.socket, stop: threading.Event) -> None:
    """Wait until HTTP answers; a worker that dies first is told."""
    import httpx2

    deadline = time.monotonic() + START_S
    with httpx2.Client(timeout=START_S, trust_env=False) as client:
        while not stop.is_set():
            workers.check()
            try:
                client.get(f"{address_of(listener)}/v1/about").raise_for_status()
            except httpx2.HTTPError as error:
                if time.monotonic() > deadline:
                    raise Unavailable("The HTTP workers did not answer in time.") from error
                time.sleep(0.05)
            else:
                return


def _keep_publishing(site: Site, workers: _Workers, stop: threading.Event) -> None:
    """Publish at its interval, with what else is periodic beside it: publication waits for none of it.

    Ends when the database turns out to have been set back; from then on it is only read.
    """
    publish_s, anchor_s = site.settings.logged_within_ms / 1000, site.settings.anchor_interval_ms / 1000
    batching = Batching(site.database.transaction, site.settings.publish_acts, site.settings.logged_within_ms)
    publishing = Publishing(site.publisher, site.witnessing, system_clock)
    timetable = Timetable(site.epochs, site.settings.state_at, system_clock)
    works = Works(system_clock)
    with ExitStack() as stack:
        stack.callback(works.leave)
        if site.settings.metrics_port is not None:
            server = MetricsServer(site, works, site.settings.metrics_port)
            stack.callback(server.shutdown)
        try:
            is_public = publishing.turn()
            works.note("publish", done=is_public)
            anchorer = site.anchorer  # made here: only its thread reads tiles and the chain
            works.repeat("anchor", anchor_s, lambda: _note_conviction(site), anchorer.anchor, anchorer.settle)
            works.repeat("count the totals", FOLD_S, lambda: _fold(site))
            works.repeat("jobs", JOBS_S, lambda: work_through(site, works.over))
            works.repeat("number the events", EVENTS_S, lambda: _number_events(site))
            courier = Courier(site, system_clock, works.over)
            works.repeat("webhooks", EVENTS_S, courier.round)
            works.repeat("delete old events", OLD_EVENTS_S, lambda: _delete_old_events(site))
            works.repeat("batches", BATCHES_S, lambda: batches.work_through(site, works.over))
            works.repeat("tidy batches", TIDY_S, lambda: batches.tidy_up(site))
            works.repeat("expire points", EXPIRE_S, lambda: expire_points(site, works.over))
            works.repeat("tell of expiry", NOTICES_S, lambda: tell_of_expiry(site, works.over))
            orders = StandingOrders(site)
            works.repeat("standing orders", ORDERS_S, lambda: orders.round(works.over))
            works.repeat("mend the state's map", MEND_S, site.epochs.mend)
            while not stop.wait(min(publish_s, LOOK_S)):
                workers.replace_ended()
                works.attempt("start what ended", site.revive)
                if not is_public or batching.is_due():
                    batching.begin()
                    is_public = publishing.turn()
                    works.note("publish", done=is_public)
                if is_public:
                    works.attempt("record the state", timetable.keep)
        except Behind as behind:
            log.error("only read from here on", work="publish", detail=str(behind))  # noqa: TRY400  (it says it all)
            site.conditions.note(RECOVERING, system_clock, holds=True)
            workers.say_as_of(standing(site.database.transaction).size)


def _note_conviction(site: Site) -> None:
    site.conditions.note(CONVICTED, system_clock, holds=site.client.head().broken)


def _fold(site: Site) -> None:
    counted = MOST_FOLDED
    while counted == MOST_FOLDED:
        with site.database.transaction() as tx:
            counted = fold(tx)


def _number_events(site: Site) -> None:
    numbered = MOST
    while numbered == MOST:
        with site.database.transaction() as tx:
            numbered = number_events(tx)


def _delete_old_events(site: Site) -> None:
    before = system_clock() - site.settings.events_days * DAY_MS
    deleted = MOST
    while deleted == MOST:
        with site.database.transaction() as tx:
            deleted = delete_older(tx, before)


def _only_serve(workers: _Workers, stop: threading.Event) -> None:
    """Keep answering readers: what would be written or signed waits for the recovery."""
    while not stop.wait(READERS_S):
        workers.replace_ended()


def die_with_parent(parent: int) -> None:
    """Ask Linux to end this process when its parent ends, however it ends; or end now, if that was before."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit("The supervisor has ended.")


def _worker(descriptor: int, parent: int) -> None:
    """Be one HTTP worker on the listening socket that was handed down."""
    from api.serving.app import create
    from api.serving.http_server import BoundedServer, limits_here

    die_with_parent(parent)
    app = create()
    settings = app.state.site.settings
    spare_collector()
    limits = limits_here(settings.connections_per_address, settings.proxy_addresses)
    server = BoundedServer(app, limits, settings.proxy_addresses)
    # Not by uvicorn's `fd`: it takes any descriptor for a Unix socket, and on what it takes for one TCP_NODELAY is not
    # set, so that every answer waits 40 ms for the caller's delayed acknowledgement.
    server.run([socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    if SITE_VARIABLE not in os.environ:
        raise SystemExit("This is a worker of `gram serve`; start that.")
    try:
        _worker(int(sys.argv[1]), int(sys.argv[2]))
    except (RegistryError, Unreachable) as error:
        raise SystemExit(str(error)) from None
