"""Publish one scratch log in a process of its own, so that its memory can be told from everything else's.

Arguments: the database's URL, the log's folder. Writes JSON on standard output: leaves, seconds, peak resident bytes.
"""

import json
import sys
import time
from pathlib import Path

from anchoring.log.cosigning import LocalCosigner, quorum
from anchoring.log.folder import LogFolder
from anchoring.log.publisher import Publisher
from anchoring.note import COSIGNATURE, Signer
from api.bench.processes import own_peak_bytes
from registry.clock import system_clock
from registry.database.engine import Database

ORIGIN = "gramledger.invalid/bench"
ED25519 = 0x01
"""The log's own signature type (C2SP signed-note)."""


def publisher(database: Database, folder: Path) -> Publisher:
    """Make a publisher for a scratch log, whose keys are worth nothing."""
    cosigners = [Signer(f"{ORIGIN}/{number}", COSIGNATURE, bytes([number]) * 32) for number in range(1, 4)]
    witnesses = quorum([LocalCosigner(one, system_clock) for one in cosigners], 2, system_clock)
    return Publisher(
        database.transaction, LogFolder(folder), Signer(ORIGIN, ED25519, bytes(32)), witnesses, system_clock
    )


def main(url: str, folder: str) -> None:
    """Publish everything and say what it took."""
    database = Database(url, pool_size=2)
    ready = publisher(database, Path(folder))
    before = own_peak_bytes()
    started = time.monotonic()
    size = ready.publish()
    seconds = time.monotonic() - started
    said = {"size": size, "seconds": seconds, "before_bytes": before, "peak_bytes": own_peak_bytes()}
    database.close()
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
