"""Does the jobs that wait, step by step, in the one process that holds the installation."""

import threading
from dataclasses import replace

import structlog

from api.acts.orders import ORDERS
from api.installation.site import Site
from registry.errors import JobBroken, JobUnderWay, MovedOn, RegistryError, Unavailable
from registry.jobs import jobs
from registry.jobs.jobs import Job
from registry.ledger.blocks import BLOCKS_OF_JOB
from registry.ledger.gathering import Gathering

log = structlog.get_logger()

LATER = (Unavailable, MovedOn, JobUnderWay)
"""What keeps a step from being done now, and says nothing of the job."""
MAX_TRIES = 20
"""Of one step: a turn is counted before it, so that what kills this process is counted too."""
GIVEN_UP = (
    "This was tried again and again, and could not be done. Nothing of this step was; of a gathering, bundles made on "
    "the way stay. Ask for less at once."
)
DEFECT = "Something is wrong on our side; it was logged. Nothing of this act was done."


def work_through(site: Site, stop: threading.Event) -> None:
    """Do what waits, a step of each job in turn, until there is nothing more or `stop`.

    Raises one of `LATER`; the step it came from was not done, and is done another time.
    """
    while not stop.is_set() and _do_a_step(site):
        pass


def _do_a_step(site: Site) -> bool:
    """Do one step of the job whose turn it is, and say whether there was one."""
    with site.database.transaction() as tx:  # of its own: a step that fails keeps no other waiting
        job = jobs.next_job(tx, site.ledger.vault)
    if job is None:
        return False
    if job.tries > MAX_TRIES:
        _fail(site, job, JobBroken(GIVEN_UP))
        return True
    try:
        _step(site, job)
    except LATER:
        raise
    except RegistryError as refused:
        _fail(site, job, refused)
    except Exception:
        log.exception("a defect", work="jobs", job=job.id, kind=job.kind)
        _fail(site, job, JobBroken(DEFECT))
    return True


def _step(site: Site, job: Job) -> None:
    written_g = 0

    def tell(grams: int) -> None:
        nonlocal written_g
        written_g += grams
        with site.database.transaction() as beside:
            jobs.tell(beside, job, written_g)

    ledger = replace(site.ledger, most=BLOCKS_OF_JOB, tell=tell)
    order = ORDERS[job.kind].model_validate(job.asked)
    with site.database.transaction() as tx:
        jobs.enter(tx, job)
        done = order.step(tx, ledger, job)
        if isinstance(done, Gathering):
            jobs.go_on(tx, job, done.taken_g, done.bundles)
        else:
            jobs.end(tx, ledger.vault, job, ledger.clock(), done)
            log.info("a job is done", job=job.id, kind=job.kind)


def _fail(site: Site, job: Job, why: RegistryError) -> None:
    with site.database.transaction() as tx:
        jobs.end(tx, site.ledger.vault, job, site.ledger.clock(), why)
    log.warning("a job was refused", job=job.id, kind=job.kind, code=why.code)
