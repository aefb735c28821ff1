"""What a monitor tells Prometheus. The names are part of the interface; docs/monitor-alerts.yml uses them.

Of `log`, `witness` and `code` there are as many values as the configuration and the list of codes have, so no stranger
adds a series.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from anchoring.monitor.alerts import CODES
from anchoring.monitor.follower import Standing

PREFIX: Final = "gramledger_monitor_"
PER_LOG: Final = {
    "log_size": "Leaves of the last checkpoint that was verified.",
    "judged_size": "Leaves on which every rule was replayed and holds.",
    "anchored_size": "Leaves of the contract's last checkpoint; absent while no node answers.",
    "checkpoint_seen_timestamp_seconds": "When the last checkpoint was first seen.",
    "contract_broken": "1 when the contract was convicted.",
    "receipts": "Receipts followed that hold by themselves.",
    "evidence_files": "Files that prove something false.",
    "refuted": "1 when anything is proven false.",
    "round_timestamp_seconds": "When the last whole round ended.",
}


class Metrics:
    """The metrics of one monitor, in a registry of their own."""

    def __init__(self) -> None:
        """Begin with none."""
        self._registry = CollectorRegistry()
        self._gauges = {name: self._gauge(name, said, ["log"]) for name, said in PER_LOG.items()}
        self._alerts = self._gauge("alerts", "Alerts that hold, by code.", ["log", "code"])
        self._cosigned = self._gauge("witness_cosigned_size", "Leaves it cosigned last.", ["log", "witness"])
        said = "When it cosigned last, by its own clock."
        self._cosigned_at = self._gauge("witness_cosigned_timestamp_seconds", said, ["log", "witness"])
        self._failed = Counter(
            f"{PREFIX}failed_rounds", "Rounds that the monitor itself could not end.", ["log"], registry=self._registry
        )

    def take(self, standing: Standing) -> None:
        """Take how a log stands after a round."""
        values = {
            "log_size": standing.size,
            "judged_size": standing.judged,
            "checkpoint_seen_timestamp_seconds": standing.since_ms / 1000,
            "contract_broken": standing.is_broken,
            "receipts": standing.receipts,
            "evidence_files": standing.evidence,
            "refuted": standing.is_refuted,
            "round_timestamp_seconds": standing.at_ms / 1000,
        }
        for name, value in values.items():
            self._gauges[name].labels(standing.name).set(value)
        anchored = self._gauges["anchored_size"]
        if standing.anchored is not None:
            anchored.labels(standing.name).set(standing.anchored)
        else:
            anchored.remove_by_labels({"log": standing.name})
        codes = [alert.code for alert in standing.alerts]
        for code in CODES:
            self._alerts.labels(standing.name, code).set(codes.count(code))
        for witness, (size, at_s) in standing.witnesses.items():
            self._cosigned.labels(standing.name, witness).set(size)
            self._cosigned_at.labels(standing.name, witness).set(at_s)

    def count_failure(self, log: str) -> None:
        """Count a round that could not be ended."""
        self._failed.labels(log).inc()

    def render(self) -> bytes:
        """Give all of it in Prometheus's text format."""
        return generate_latest(self._registry)

    def _gauge(self, name: str, said: str, labels: list[str]) -> Gauge:
        return Gauge(PREFIX + name, said, labels, registry=self._registry)
