"""A recovery in a process of its own, that is killed at a step: `python -m tests.support.recovering URL LOG STEP N`."""

import os
import signal
import sys
from pathlib import Path

from anchoring.tree.sources import DirectorySource
from api.operating.recover import Recovery, recover
from registry.accounts.vault import Vault
from registry.database.engine import Database
from registry.ledger.ledger import Ledger
from tests.support.backups import MASTER, TRUST, publisher_of


def main() -> None:
    url, log, step, _ = sys.argv[1:]

    def kill_at(done: str) -> None:
        if done.startswith(step):
            os.kill(os.getpid(), signal.SIGKILL)

    database = Database(url)
    ledger = Ledger(lambda: 1, Vault(MASTER))
    publisher = publisher_of(database, Path(log), ledger.clock)
    recover(Recovery(database, ledger, publisher, kill_at, batch=16), DirectorySource(Path(log)), "the log", TRUST)


if __name__ == "__main__":
    main()
