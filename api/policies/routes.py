"""Policies: every number and switch of the programme, since when each holds, and what held before."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.door.numbers import Cursor, Limit
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.write import SiteOf
from api.policies.shapes import InForce, Policy, Versions
from registry.clock import rfc3339
from registry.errors import Invalid, NotFound
from registry.policies.versions import in_force_at, versions_of
from registry.procedure.fields import Unreadable, moment

router = APIRouter(route_class=StrictRoute, prefix="/v1/policies", tags=["decisions"])
At = Annotated[str | None, Query(description="As of when; without it, now.", examples=["2026-11-28T00:00:00.000Z"])]
CaseNumber = Annotated[str, Path(description="The number of the policy's case.", examples=["P-8"])]


@router.get("", summary="List the policies in force", responses=documented(Invalid))
def read_policies(site: SiteOf, at: At = None) -> InForce:
    """List each policy with the version that holds now, or held at a time, as far as the log is published."""
    try:
        at_ms = site.ledger.clock() if at is None else moment(at)
    except Unreadable as error:
        raise Invalid(f"{(at or '')[:40]!r} {error}.") from None
    with site.database.reading() as tx:
        return InForce(at=rfc3339(at_ms), items=[Policy.of(one) for one in in_force_at(tx, at_ms)])


@router.get(
    "/{case}",
    summary="Read the versions of a policy",
    responses=documented(NotFound),
)
def read_versions(case: CaseNumber, site: SiteOf, cursor: Cursor = None, limit: Limit = 50) -> Versions:
    """Read all versions of a policy, newest first: those that do not hold yet too."""
    with site.database.reading() as tx:
        return Versions.of(versions_of(tx, case, cursor=cursor, limit=limit))
