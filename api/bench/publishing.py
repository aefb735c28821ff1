"""Publish one scratch log in a process of its own, so that its memory can be told from everything else's.

Arguments: the database's URL, the log's folder. Writes JSON on standard output: leaves, seconds, peak resident bytes.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anchoring.cosigning import LocalCosigner, quorum
from anchoring.note import COSIGNATURE, Signer
from anchoring.publishing.admission import Admission
from anchoring.publishing.publisher import Publisher
from anchoring.tree.folder import LogFolder
from api.bench.processes import own_peak_bytes
from api.installation.gate import gate_of
from registry.accounts.vault import Vault
from registry.clock import system_clock
from registry.database.engine import Database

ORIGIN = "gramledger.invalid/bench"
MASTER_KEY = bytes(32)
ED25519 = 0x01
"""The log's own signature type (C2SP signed-note)."""


def publisher(database: Database, folder: Path) -> Publisher:
    """Make a publisher for a scratch log, whose keys are worth nothing."""
    cosigners = [Signer(f"{ORIGIN}/{number}", COSIGNATURE, bytes([number]) * 32) for number in range(1, 4)]
    witnesses = quorum([LocalCosigner(one, system_clock) for one in cosigners], 2, system_clock)
    signer = Signer(ORIGIN, ED25519, bytes(32))
    gate = gate_of(Vault(MASTER_KEY))
    return Publisher(database.transaction, LogFolder(folder), signer, witnesses, system_clock, gate)


def _timed() -> list[float]:
    """Time each judging of a batch from here on, in seconds, and each rehearsal of one."""
    took: list[float] = []

    def timed(of: Callable[..., Any]) -> Any:
        def timing(*given: Any) -> Any:
            started = time.monotonic()
            try:
                return of(*given)
            finally:
                took.append(time.monotonic() - started)

        return timing

    for name in ("judge", "rehearse"):
        setattr(Admission, name, timed(getattr(Admission, name)))
    return took


def main(url: str, folder: str) -> None:
    """Publish everything and say what it took."""
    database = Database(url, pool_size=2)
    ready = publisher(database, Path(folder))
    before = own_peak_bytes()
    judged = _timed()
    started = time.monotonic()
    size = ready.publish()
    seconds = time.monotonic() - started
    said = {
        "size": size,
        "seconds": seconds,
        "judged_seconds": sum(judged),
        "before_bytes": before,
        "peak_bytes": own_peak_bytes(),
    }
    database.close()
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
