"""Works on batches in a process of its own: what one needs in memory, or how it ends, is nobody else's.

What judges them is imported where it works: an HTTP worker, which comes by here, would start later by its engine.
"""

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

import structlog

from api.installation import logs
from api.installation.site import SITE_VARIABLE, Site, site_from_environment
from api.issuance.batches import place_of
from registry.errors import RegistryError
from registry.issuance.batch import next_waits

if TYPE_CHECKING:
    from registry.issuance.work import Bench

log = structlog.get_logger()

LOOK_S: Final = 0.2
"""How often a process that works is asked whether it has ended, and looks for more."""
LEAVE_S: Final = 5
STAY_S: Final = 5
"""How long a process stays when nothing waits: what a platform or an officer asks next is then begun at once, where
another process would take seconds of a processor to start."""
NICER: Final = 5
"""A batch waits for everybody else's acts, and not they for it."""


def bench_of(site: Site) -> "Bench":
    """Give what a work needs."""
    from registry.issuance.work import Bench

    return Bench(site.database, site.ledger, place_of(site))


def work_through(site: Site, stop: threading.Event) -> None:
    """Have all work that waits done, by a process that is started when there is any, until `stop`."""
    with site.database.reading() as tx:
        if not next_waits(tx):
            return
    command = [sys.executable, "-m", "api.serving.batches", str(os.getpid())]
    process = subprocess.Popen(command, env=site.environment())
    while process.poll() is None:
        if stop.wait(LOOK_S):
            process.terminate()
            process.wait(LEAVE_S)
            return
    if process.returncode:
        log.error("work on a batch ended by itself, and is tried again", code=process.returncode)


def do_all(site: Site) -> None:
    """Do all work that waits. Raises `Unavailable`; then the rest is done another time."""
    from registry.issuance.work import WorkBroken, do_next

    bench = bench_of(site)
    while True:
        try:
            if not do_next(bench):
                return
        except WorkBroken:
            log.exception("a defect", work="batches")


def _more_waits(site: Site) -> bool:
    """Stay a while, and say whether more work came."""
    end = time.monotonic() + STAY_S
    while time.monotonic() < end:
        time.sleep(LOOK_S)
        with site.database.reading() as tx:
            if next_waits(tx):
                return True
    return False


def tidy_up(site: Site) -> None:
    """Withdraw batches that nobody went on with, and remove files that are not needed."""
    from registry.issuance.work import tidy

    tidy(bench_of(site))


def _main(parent: int) -> None:
    from api.serving.serve import die_with_parent

    die_with_parent(parent)
    os.nice(NICER)
    logs.configure()
    site = site_from_environment()
    try:
        do_all(site)
        while _more_waits(site):
            do_all(site)
    finally:
        site.close()


if __name__ == "__main__":
    if SITE_VARIABLE not in os.environ:
        raise SystemExit("This is a process of `gram serve`; start that.")
    try:
        _main(int(sys.argv[1]))
    except RegistryError as error:
        raise SystemExit(str(error)) from None
