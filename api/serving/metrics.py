"""What `gram serve` tells Prometheus, on an address of this machine's own; docs/metrics.md lists it.

The HTTP workers count requests in files that they share with the supervisor (`measuring`); all else is read when it is
asked for. Labels have as many values as there are routes, works, conditions and witnesses: no stranger adds one.
"""

import shutil
import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from anchoring.bounded_server import BoundedHandler, BoundedServer
from anchoring.connections import Limits
from api.installation.condition import NAMES
from api.installation.site import Site
from api.serving.works import Works
from registry.errors import RegistryError, Unavailable
from registry.ledger.publication import set_aside_count

HOST: Final = "127.0.0.1"
PREFIX: Final = "gramledger_"
MAX_CONNECTIONS: Final = 8


class Standing(Collector):
    """How the ledger, the log, its anchors and the works stand, read anew each time."""

    def __init__(self, site: Site, works: Works) -> None:
        """Take what is asked."""
        self._site, self._works = site, works

    def describe(self) -> list[Metric]:
        """Say nothing before it is asked: the database may not answer yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Ask all; what does not answer is absent, and `up` says so."""
        yield from self._of_works()
        yield from self._of_conditions()
        try:
            with self._site.database.reading() as tx:
                row = tx.execute(_STANDING).one()
                aside = set_aside_count(tx)
        except RegistryError:
            yield _gauge("database_up", "1 while the database answers.", 0)
            return
        yield _gauge("database_up", "1 while the database answers.", 1)
        leaves = GaugeMetricFamily(PREFIX + "log_size", "Leaves of the log, by how far they are.", labels=["state"])
        for state in ("indexed", "published", "anchored", "final"):
            leaves.add_metric([state], getattr(row, state))
        yield leaves
        yield _gauge("movements_waiting", "Movements that are recorded and not in the log yet.", row.waiting)
        yield _gauge("movements_set_aside", "Movements that the log refused; see docs/recovery.md.", aside)
        yield _gauge("jobs_open", "Acts that take long and are not done yet.", row.jobs)
        said = "When the oldest job that is not done was asked for; 0 without any."
        yield _gauge("oldest_job_timestamp_seconds", said, row.oldest_job_ms / 1000)

    def _of_works(self) -> Iterator[Metric]:
        done = GaugeMetricFamily(PREFIX + "work_done_timestamp_seconds", "When it was last done.", labels=["work"])
        failures = CounterMetricFamily(PREFIX + "work_failures", "How often it failed.", labels=["work"])
        for work in self._works.standing:
            failures.add_metric([work.name], work.failures)
            if work.done_ms is not None:
                done.add_metric([work.name], work.done_ms / 1000)
        yield from (done, failures)

    def _of_conditions(self) -> Iterator[Metric]:
        holds = GaugeMetricFamily(
            PREFIX + "condition", "1 while it is so; /v1/health says since when.", labels=["name"]
        )
        found = {condition.name for condition in self._site.conditions.read()}
        for name in NAMES:
            holds.add_metric([name], name in found)
        failing = GaugeMetricFamily(PREFIX + "witness_failing", "1 while it does not cosign.", labels=["witness"])
        told = self._site.witnessing.read().failing_since_ms
        for name in sorted({signer["id"] for signer in self._site.signers} | set(told)):
            failing.add_metric([name], name in told)
        yield from (holds, failing)


class MetricsServer(BoundedServer):
    """Answers Prometheus, in a thread of the supervisor."""

    daemon_threads = True

    def __init__(self, site: Site, works: Works, port: int) -> None:
        """Listen on this machine alone; port 0 takes a free one. Raises `Unavailable` when the port cannot be had."""
        self.registry = CollectorRegistry()
        self.registry.register(Standing(site, works))
        MultiProcessCollector(self.registry, path=str(site.counts))  # type: ignore[no-untyped-call]
        try:
            super().__init__((HOST, port), _Handler, Limits(MAX_CONNECTIONS, MAX_CONNECTIONS))
        except (OSError, OverflowError) as error:
            raise Unavailable(f"Port {port} of {HOST} cannot be used for metrics: {error}.") from error
        threading.Thread(target=self.serve_forever, name="metrics", daemon=True).start()


def begin_counting(site: Site) -> None:
    """Have an empty place for the counts of this run's HTTP workers, before any of them starts."""
    shutil.rmtree(site.counts, ignore_errors=True)
    site.counts.mkdir(mode=0o700)


class _Handler(BoundedHandler):
    server_version = "gramledger"
    server: MetricsServer

    def get(self) -> None:
        if self.path == "/metrics":
            self.send(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self.server.registry))
        else:
            super().get()


def _gauge(name: str, said: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, said, value=value)


_STANDING = sa.text("""
    SELECT h.size AS indexed, h.published_size AS published,
        (SELECT coalesce(max(size), 0) FROM anchors) AS anchored,
        (SELECT coalesce(max(size), 0) FROM anchors WHERE final_ms IS NOT NULL) AS final,
        (SELECT count(*) FROM unsequenced) AS waiting,
        (SELECT count(*) FROM jobs WHERE ended_ms IS NULL) AS jobs,
        (SELECT coalesce(min(asked_ms), 0) FROM jobs WHERE ended_ms IS NULL) AS oldest_job_ms
    FROM log_head h
""")
