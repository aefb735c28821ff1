"""Jobs: what an account asked for that takes long, and how far it is."""

from typing import Any

from fastapi import APIRouter

from api.door.numbers import AccountId, JobId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import ForHolderOrReader
from api.door.write import SiteOf
from api.jobs import shapes, views
from registry.accounts.accounts import open_row
from registry.errors import AccountErased, NotFound
from registry.jobs.jobs import get_job, list_jobs

router = APIRouter(
    route_class=StrictRoute, prefix="/v1/accounts/{account_id}/jobs", tags=["acts"], dependencies=[ForHolderOrReader]
)
READ: dict[int | str, Any] = documented(NotFound, AccountErased)


@router.get("", summary="List an account's jobs", response_model=shapes.Jobs, responses=READ)
def read_jobs(account_id: AccountId, site: SiteOf) -> dict[str, Any]:
    """List what the account asked for that takes long, the newest first, a hundred at most.

    The movements of an answer are left out here: each job by itself shows them.
    """
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return {"items": [views.job_in_list(job) for job in list_jobs(tx, site.ledger.vault, account_id)]}


@router.get("/{job}", summary="Read a job", response_model=shapes.Job, responses=READ)
def read_job(account_id: AccountId, job: JobId, site: SiteOf) -> dict[str, Any]:
    """Read how far a job is; when it is done, what the act answers, and when it failed, why."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return views.job(get_job(tx, site.ledger.vault, account_id, job))
