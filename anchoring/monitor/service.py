"""Follows all logs of a configuration side by side: one that is slow, hostile or gone holds up no other."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from prometheus_client.exposition import CONTENT_TYPE_LATEST

from anchoring.bounded_server import BoundedHandler, BoundedServer
from anchoring.connections import Limits
from anchoring.errors import AnchoringError, Unreachable
from anchoring.monitor.alerts import Alert, short_line
from anchoring.monitor.config import Config, LogConfig
from anchoring.monitor.follower import Follower, Standing
from anchoring.monitor.metrics import Metrics

MAX_CONNECTIONS: Final = 16
MAX_PER_ADDRESS: Final = 4
LATE_ROUNDS: Final = 10
"""Intervals after which a log whose round has not ended makes the monitor unwell."""
STOP_S: Final = 5.0
"""How long rounds may go on when the monitor is to stop."""


class Listener(Protocol):
    """Whom a monitor tells; called by the thread of each log."""

    def alert(self, log: str, event: str, alert: Alert) -> None:
        """`event` is `began` or `ended`."""
        ...

    def followed(self, standing: Standing) -> None:
        """A round ended."""
        ...

    def failed(self, log: str, sentence: str) -> None:
        """A round could not be ended, for a reason of the monitor's own."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one round over all logs: the standings, and of the logs that could not be followed why not."""

    standings: tuple[Standing, ...]
    failures: dict[str, str]

    @property
    def exit_code(self) -> int:
        """1 when anything is proven false, 2 when something could not be checked or is late, otherwise 0."""
        if any(standing.is_refuted for standing in self.standings):
            return 1
        return 2 if self.failures or any(standing.alerts for standing in self.standings) else 0


class Monitor:
    """All logs of one configuration."""

    def __init__(self, config: Config, clock: Callable[[], int], listener: Listener) -> None:
        """Open nothing yet."""
        self._config, self._clock, self._listener = config, clock, listener
        self.metrics = Metrics()
        self._lock = threading.Lock()
        self._standings: dict[str, Standing] = {}
        self._failures: dict[str, str] = {}
        self._ended_ms = dict.fromkeys((log.name for log in config.log), clock())

    def run_once(self) -> Outcome:
        """Go one round over every log, side by side."""
        for thread in self._start(lambda: True):
            thread.join()
        return Outcome(tuple(self._standings[name] for name in sorted(self._standings)), dict(self._failures))

    def run(self, stop: threading.Event) -> None:
        """Follow all logs until `stop` is set; a round that goes on then ends with the process, as in a crash."""
        threads = self._start(lambda: stop.wait(self._config.interval_s))
        stop.wait()
        until = time.monotonic() + STOP_S
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def late(self) -> list[str]:
        """Name the logs whose last round ended too long ago, or never."""
        oldest = self._clock() - LATE_ROUNDS * self._config.interval_s * 1000
        with self._lock:
            return sorted(name for name, ended in self._ended_ms.items() if ended < oldest)

    def _start(self, is_over: Callable[[], bool]) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=self._follow, args=(log, is_over), name=f"log-{log.name}", daemon=True)
            for log in self._config.log
        ]
        for thread in threads:
            thread.start()
        return threads

    def _follow(self, log: LogConfig, is_over: Callable[[], bool]) -> None:
        """Go rounds over one log. After a failure of our own it is opened anew, from what is on the disk."""
        while True:
            try:
                follower = Follower(log, self._config.state / log.name, self._clock)
                try:
                    while True:
                        self._take(follower.round(lambda event, alert: self._listener.alert(log.name, event, alert)))
                        if is_over():
                            return
                finally:
                    follower.close()
            except AnchoringError as error:
                self._fail(log.name, str(error))
            except OSError as error:
                self._fail(log.name, f"{error.filename or 'the system'}: {error.strerror or error}")
            except Exception as error:  # noqa: BLE001  (a defect in following one log must not end the other logs')
                self._fail(log.name, f"a defect of the monitor's own: {type(error).__name__}")
            if is_over():
                return

    def _take(self, standing: Standing) -> None:
        with self._lock:
            self._standings[standing.name] = standing
            self._ended_ms[standing.name] = standing.at_ms
            self._failures.pop(standing.name, None)
            self.metrics.take(standing)
        self._listener.followed(standing)

    def _fail(self, name: str, sentence: str) -> None:
        with self._lock:
            is_new = self._failures.get(name) != sentence
            self._failures[name] = sentence
            self.metrics.count_failure(name)
        if is_new:
            self._listener.failed(name, short_line(sentence))


class _Handler(BoundedHandler):
    server_version = "gramledger-monitor"
    server: "MonitorServer"

    def get(self) -> None:
        """`/metrics` in Prometheus's format; `/healthz` is 200 while every log is followed, otherwise 503."""
        monitor = self.server.monitor
        if self.path == "/metrics":
            self.send(HTTPStatus.OK, CONTENT_TYPE_LATEST, monitor.metrics.render())
        elif self.path == "/healthz":
            late = monitor.late()
            said = f"not followed: {', '.join(late)}\n" if late else "every log is followed\n"
            status = HTTPStatus.SERVICE_UNAVAILABLE if late else HTTPStatus.OK
            self.send(status, "text/plain; charset=utf-8", said.encode())
        else:
            super().get()


class MonitorServer(BoundedServer):
    """A monitor's metrics over HTTP."""

    daemon_threads = True

    def __init__(self, monitor: Monitor, host: str, port: int) -> None:
        """Listen; port 0 takes a free one. Raises Unreachable when the address cannot be had."""
        self.monitor = monitor
        try:
            super().__init__((host, port), _Handler, Limits(MAX_CONNECTIONS, MAX_PER_ADDRESS))
        except (OSError, OverflowError) as error:
            raise Unreachable(f"Port {port} on {host} cannot be used: {error}.") from error
