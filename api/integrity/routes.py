"""The integrity record (诚信记录): findings by two officers, with a term, an appeal and its answer (R74).

Each is a case of the log from its approval on: `GET /v1/cases/F-1`.
"""

from functools import partial
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response

from api.door.caller import Principal
from api.door.numbers import AccountId, FindingId
from api.door.problems import documented
from api.door.reasons import read_reason
from api.door.route import StrictRoute
from api.door.times import read_time
from api.door.who import SIGNED_IN, Being, ForHolderOrReader, SignedIn
from api.door.write import SiteOf, Write, answering, by
from api.integrity.shapes import (
    Appeal,
    AppealAnswer,
    FindingState,
    NewFinding,
    PublicFinding,
    PublicFindings,
    WholeFinding,
    WholeFindings,
)
from registry.accounts.accounts import open_row
from registry.accounts.vault import Vault
from registry.decisions.recording import read_officer
from registry.errors import AccountErased, Conflict, DecisionRefused, HolderUnknown, Invalid, NotFound
from registry.identity.roles import POOL, Role
from registry.integrity import findings
from registry.integrity.findings import Finding, State
from registry.integrity.recorded import Party
from registry.procedure.decision import Officer

router = APIRouter(route_class=StrictRoute, prefix="/v1/integrity", tags=["integrity"])
of_accounts = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["integrity"])
READ = documented(NotFound)
OWN = documented(NotFound, AccountErased)
WRITTEN = (NotFound, Conflict)
RECORDED = (AccountErased, HolderUnknown, DecisionRefused)
SUPERVISING = frozenset({Role.CENTRE, Role.BUREAU})
ByCentre = Annotated[Write, Depends(by(Being(frozenset({Role.CENTRE}))))]
ByBureau = Annotated[Write, Depends(by(Being(frozenset({Role.BUREAU}))))]
BySupervisor = Annotated[Write, Depends(by(Being(SUPERVISING)))]
ByParty = Annotated[Write, Depends(by(SIGNED_IN))]
OF_PARTIES = (Role.HOLDER, Role.APPLICANT, Role.PLATFORM)
"""Who acts for an account that a finding is about."""
THERE = "/v1/integrity/{finding}"


made = partial(answering, FindingState)


@router.get("", summary="Read the integrity record")
def read_integrity(site: SiteOf) -> PublicFindings:
    """Read the findings in force: institutions by name, experts by number, persons as nobody. Each ends by itself."""
    with site.database.reading() as tx:
        found = findings.list_in_force(tx, site.ledger.vault, site.ledger.clock())
    return PublicFindings(items=[PublicFinding.of(one) for one in found])


@router.post("", summary="Open a finding", **made(*WRITTEN, AccountErased, HolderUnknown))
def open_a_finding(body: NewFinding, write: ByCentre) -> Response:
    """Open a finding; another officer of the centre or the bureau approves it, and then it holds and is public."""
    ledger = write.site.ledger
    party = Party(None if body.expert is None else _pool(body.expert), body.account)
    new = findings.New(party, read_reason(body.finding), body.reasons, body.bars, read_time(body.until))

    def act(tx: sa.Connection) -> dict[str, Any]:
        number = findings.open_finding(tx, ledger.vault, new, _officer(write.caller), ledger.clock())
        return FindingState.of(number, State.OPENED)

    return write.perform(body.model_dump(), act, at=THERE)


@of_accounts.get(
    "/accounts/{account_id}/findings", summary="Read what was found about an account", responses=OWN,
    dependencies=[ForHolderOrReader],
)  # fmt: skip
def read_findings(account_id: AccountId, site: SiteOf) -> WholeFindings:
    """Read an account's own integrity record: what was found, why, and what came of an appeal."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        found = findings.list_about(tx, site.ledger.vault, account_id)
    return WholeFindings(items=[WholeFinding.whole(one) for one in found])


@router.get("/{finding}", summary="Read a finding", responses=READ)
def read_finding(finding: FindingId, site: SiteOf, caller: SignedIn) -> WholeFinding:
    """Read a finding with its reasons: who it is about does, and officers of the centre and the bureau."""
    with site.database.reading() as tx:
        return WholeFinding.whole(_seen(tx, site.ledger.vault, caller, finding))


@router.post("/{finding}/approval", summary="Approve a finding", **made(*WRITTEN, *RECORDED))
def approve_a_finding(finding: FindingId, write: BySupervisor) -> Response:
    """Approve what another officer opened: it is on record, and holds from now on."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        findings.approve(tx, ledger, finding, _officer(write.caller))
        return FindingState.of(finding, State.IN_FORCE)

    return write.perform({}, act, at=THERE)


@router.post("/{finding}/withdrawal", summary="Withdraw a finding", **made(*WRITTEN))
def withdraw_a_finding(finding: FindingId, write: BySupervisor) -> Response:
    """Take back a finding that waits for approval."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        findings.withdraw(tx, ledger.vault, finding)
        return FindingState.of(finding, State.WITHDRAWN)

    return write.perform({}, act, at=THERE)


@router.post("/{finding}/appeal", summary="Appeal against a finding", **made(*WRITTEN))
def appeal_a_finding(finding: FindingId, body: Appeal, write: ByParty) -> Response:
    """Appeal once against a finding about oneself, or about an institution that one acts for; it holds meanwhile."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        found = _own(tx, ledger.vault, write.caller, finding, lock=True)
        findings.appeal(tx, ledger.vault, found, body.message, ledger.clock())
        return FindingState.of(finding, found.state)

    return write.perform(body.model_dump(), act, at=THERE)


@router.post("/{finding}/answer", summary="Answer an appeal", **made(*WRITTEN, *RECORDED))
def answer_an_appeal(finding: FindingId, body: AppealAnswer, write: ByBureau) -> Response:
    """Answer an appeal: the finding is upheld, or lifted at once. Who had a part in the finding does not."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        officer = write.caller.officer(Role.BUREAU)
        assert officer is not None  # noqa: S101  (the route lets nobody else pass)
        findings.answer(tx, ledger, finding, body.message, officer, upheld=body.upheld)
        return FindingState.of(finding, State.IN_FORCE if body.upheld else State.LIFTED)

    return write.perform(body.model_dump(), act, at=THERE)


def _seen(tx: sa.Connection, vault: Vault, caller: Principal, number: int) -> Finding:
    if caller.has(*SUPERVISING):
        return findings.get_finding(tx, vault, number)
    return _own(tx, vault, caller, number)


def _own(tx: sa.Connection, vault: Vault, caller: Principal, number: int, *, lock: bool = False) -> Finding:
    """Read a finding about the caller, once it is in force. Raises `NotFound` for others', whether there are or not."""
    absent = NotFound(f"There is no finding {number} about you.")
    try:
        found = findings.get_finding(tx, vault, number, lock=lock)
    except NotFound:
        raise absent from None
    is_told = found.state in {State.IN_FORCE, State.LIFTED}
    is_theirs = found.party.expert in {caller.officer(role) for role in POOL} - {None}
    is_theirs = is_theirs or found.party.account in caller.accounts(*OF_PARTIES)
    if not (is_told and is_theirs):
        raise absent
    return found


def _pool(text: str) -> Officer:
    officer = read_officer(text)
    if officer.authority not in POOL:
        raise Invalid("A finding is about an expert or a service body, such as expert:3, or about an account.")
    return officer


def _officer(caller: Principal) -> Officer:
    officer = caller.officer(Role.CENTRE) or caller.officer(Role.BUREAU)
    assert officer is not None  # noqa: S101  (the route lets nobody else pass)
    return officer
