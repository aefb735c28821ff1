"""Decisions and their cases: what was decided of policies, methodologies, sources, issuances and corrections."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.decisions.errands import errands as all_errands
from api.decisions.shapes import Case, Decision, Decisions, Errand, Procedure, Reminder, Waiting, Worklist
from api.door.caller import Principal
from api.door.numbers import CaseNumber, Cursor, Limit, LotId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import Being
from api.door.write import SiteOf
from registry.decisions import taken
from registry.decisions.behind import behind_lot
from registry.decisions.worklist import of_authority, worklist
from registry.errors import Invalid, NotFound, SetAside
from registry.identity.roles import AUTHORITIES, NUMBERED, Role
from registry.issuance.reconciling import open_differences
from registry.ledger.lots import get_lot
from registry.policies.calendars import missing_calendars
from registry.procedure.decision import Record
from registry.sources.listed import cases_of_district

READ = documented(NotFound)
OfRecord = Annotated[Record | None, Query(description="Only decisions of this kind of record.", examples=["policy"])]

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["decisions"])


@router.get("/decisions", summary="List decisions", responses=documented(Invalid))
def read_decisions(site: SiteOf, record: OfRecord = None, cursor: Cursor = None, limit: Limit = 50) -> Decisions:
    """List what was decided, newest first, as far as the log is published.

    Each is a leaf of the public log, whose document says the same with its salts: `gram audit` replays them all.
    """
    with site.database.reading() as tx:
        page = taken.list_decisions(tx, record, cursor=cursor, limit=limit)
    return Decisions.of(page)


@router.get("/cases/{number}", summary="Read a case", responses=READ)
def read_case(number: CaseNumber, site: SiteOf, cursor: Cursor = None, limit: Limit = 50) -> Case:
    """Read what a case is about, how it stands, and what was decided of it, newest first."""
    with site.database.reading() as tx:
        return Case.of(taken.get_case(tx, number, cursor=cursor, limit=limit))


@router.get("/worklist", summary="See what waits for oneself", responses=documented(SetAside))
def read_worklist(site: SiteOf, caller: Annotated[Principal, Depends(Being(NUMBERED))]) -> Worklist:
    """List what the caller may decide, approve, record, answer or give an opinion on, the oldest first of each kind.

    A district bureau, which decides nothing, sees the cases of its district. By what is recorded, which the published
    log may not have yet.
    """
    vault, at = site.ledger.vault, site.ledger.clock()
    with site.database.reading() as tx:
        found = worklist(tx, vault.sealer, at)
        reminders = [*missing_calendars(tx, at), *open_differences(tx)]
        errands = all_errands(tx, vault, at, found)
        supervised = frozenset() if caller.district is None else cases_of_district(tx, caller.district)
    own = [
        mine for authority in sorted(AUTHORITIES) if caller.has(authority) for mine in of_authority(found, authority)
    ]
    own += [one for one in found if one.number in supervised]
    mine = [one for officer in caller.officers for one in errands if one.is_for(officer)]
    due = [one for one in reminders if any(caller.has(Role(authority)) for authority in one.by)]
    return Worklist(
        items=[Waiting.of(one) for one in own],
        errands=[Errand.of(one) for one in mine],
        reminders=[Reminder.of(one) for one in due],
    )


@router.get("/lots/{lot}/procedure", summary="Read the procedure behind a lot", responses=READ)
def read_procedure(lot: LotId, site: SiteOf) -> Procedure:
    """Read every decision that the lot rests on: of its methodology, its source, the policies in force, its issuance.

    Each is a leaf of the public log, whose document says the same with its salts: `gram audit` replays them all.
    """
    with site.database.reading() as tx:
        get_lot(tx, lot)
        return Procedure(decisions=[Decision.of(one) for one in behind_lot(tx, lot)])
