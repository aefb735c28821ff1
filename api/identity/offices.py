"""Who may what, given by two officers and ended by one (R2); the register of experts and technical service bodies."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, StrictInt, StrictStr

from api.door.caller import Principal
from api.door.fields import (
    MAX_INT32,
    AccountNumber,
    Body,
    Moment,
    NextCursor,
    Numbered,
    OfficerName,
    WantedMoment,
    one_of,
    said,
    words,
)
from api.door.numbers import Cursor, Limit, TieId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.times import maybe_time, shown_time
from api.door.who import Being
from api.door.write import SiteOf, Write, by
from registry.accounts.accounts import MAX_NAME_CHARS
from registry.clock import rfc3339
from registry.errors import AccountErased, Conflict, Forbidden, Invalid, NotFound
from registry.identity import appointments
from registry.identity.appointments import Appointment, Proposer, may_name
from registry.identity.experts import FIELDS, Dossier, Expert, list_experts
from registry.identity.grants import Grant, Standing, list_standing
from registry.identity.roles import Role
from registry.identity.subjects import MAX_SUBJECT_CHARS, Subject
from registry.procedure.decision import Officer

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["identity"])
READ = documented(Invalid)
WRITTEN = documented(NotFound, AccountErased, Conflict)
NAMING = Being(frozenset({Role.BUREAU, Role.CENTRE, Role.EXCHANGE}))
ByNaming = Annotated[Write, Depends(by(NAMING))]
WhoNames = Annotated[Principal, Depends(NAMING)]
OfRole = Annotated[
    str | None,
    Query(description="Only grants of this role.", examples=["expert"], json_schema_extra={"enum": list(Role)}),
]
TO = "2028-01-01T00:00:00.000Z"
AppointmentNumber = Annotated[Numbered, said("The appointment's number.")]
GrantNumber = Annotated[Numbered, said("The grant's number.", 12)]
RoleName = Annotated[str, said("What it lets somebody be.", "centre:7")]
EndsAt = Annotated[Moment | None, said("When it ends by itself; null where it does not.", TO)]
Fields = Annotated[list[Annotated[str, one_of(FIELDS)]], said("Fields of expertise; none of other roles.", ["travel"])]


class NewAppointment(Body):
    """Somebody who is named for a role."""

    role: Annotated[StrictStr, one_of(Role, "What they are to be.")]
    subject: Annotated[
        StrictStr,
        words(
            MAX_SUBJECT_CHARS,
            "Who, as the identity service's tokens name them (`sub`). Forgotten once it is decided.",
            "zhang-san",
        ),
    ]
    number: Annotated[
        StrictInt | None,
        said("Of an officer, expert or service body; one person's for good.", 3, ge=1, le=MAX_INT32),
    ] = None
    account: Annotated[AccountNumber | None, said("For roles that are of one.", 7)] = None
    district: Annotated[StrictStr | None, said("A district bureau's, in six digits (GB/T 2260).", "310104")] = None
    until: Annotated[WantedMoment | None, said("When the role ends by itself; null: when it is ended.", TO)] = None
    fields: Annotated[
        list[Annotated[StrictStr, one_of(FIELDS)]] | None,
        said("What an expert or service body knows about; of these two alone.", ["travel", "quantification"]),
    ] = None
    name: Annotated[
        StrictStr | None, words(MAX_NAME_CHARS, "PUBLIC: a service body's name; of nobody else.", "Example Body Ltd")
    ] = None


class Named(BaseModel):
    """What came of it: an appointment that waits, or the grant that it became."""

    appointment: AppointmentNumber
    grant: Annotated[GrantNumber | None, said("The grant's number, once it is approved; null until then.", 12)]


class WaitingAppointment(BaseModel):
    """Somebody who was named for a role, and waits for another officer."""

    appointment: AppointmentNumber
    role: Annotated[RoleName, said("What they are to be.", "expert:3")]
    subject: Annotated[str, said("Who, as the identity service names them.", "zhang-san")]
    until: EndsAt
    fields: Fields
    name: Annotated[str | None, said("A service body's; null of others.", "某某技术服务有限公司")]
    proposed_by: Annotated[OfficerName, said("The officer who named them.", "bureau:1")]
    proposed_at: Moment


class Appointments(BaseModel):
    """What waits, oldest first."""

    items: Annotated[list[WaitingAppointment], said("Oldest first.")]


class StandingGrant(BaseModel):
    """A role that stands. Whose it is is not shown."""

    grant: GrantNumber
    role: RoleName
    since: Annotated[Moment, said("From when on.")]
    until: EndsAt
    granted_by: Annotated[str, said("Who gave it.", "bureau:1, bureau:2")]


class StandingGrants(BaseModel):
    """A page of grants, newest first."""

    items: Annotated[list[StandingGrant], said("Newest first.")]
    next_cursor: NextCursor


class Ended(BaseModel):
    """A grant that was ended."""

    grant: GrantNumber


class RegisteredExpert(BaseModel):
    """An expert, who is a number to the public, or a technical service body."""

    number: Annotated[str, said("As decisions name it.", "expert:3")]
    name: Annotated[str | None, said("A service body's; null of an expert.", "某某技术服务有限公司")]
    fields: Fields
    fields_zh: Annotated[list[str], said("The same in Chinese.", ["绿色出行"])]
    since: Annotated[Moment, said("From when on.")]
    until: Annotated[Moment | None, said("When that ends, or ended; null where it does not.")]

    @classmethod
    def of(cls, of: Expert) -> "RegisteredExpert":
        """Write an entry."""
        return cls(
            number=str(of.who),
            name=of.dossier.name,
            fields=list(of.dossier.fields),
            fields_zh=[FIELDS[one] for one in of.dossier.fields],
            since=rfc3339(of.since_ms),
            until=shown_time(of.until_ms),
        )


class RegisteredExperts(BaseModel):
    """The register, by role and number."""

    items: Annotated[list[RegisteredExpert], said("By role and number.")]


@router.get("/experts", summary="Read the register of experts")
def read_experts(site: SiteOf) -> RegisteredExperts:
    """Read who may be asked for opinions, and who could be: experts by number, service bodies by name too (R2)."""
    with site.database.reading() as tx:
        return RegisteredExperts(items=[RegisteredExpert.of(one) for one in list_experts(tx, site.ledger.clock())])


@router.get("/appointments", summary="List who was named for a role", responses=READ)
def read_appointments(site: SiteOf, caller: WhoNames) -> Appointments:
    """List whom another officer named and one of the caller's authority may approve, oldest first."""
    vault = site.ledger.vault
    with site.database.reading() as tx:
        found = [one for by in _officers(caller) for one in appointments.list_waiting(tx, vault, by.authority)]
    return Appointments(items=[_waiting(one) for one in found])


@router.post(
    "/appointments", summary="Name somebody for a role", status_code=201, response_class=Response,
    responses={201: {"model": Named}, **WRITTEN},
)  # fmt: skip
def name_somebody(body: NewAppointment, write: ByNaming) -> Response:
    """Name somebody for a role; another officer approves it, and then it stands.

    Officers are named by their own authority or the bureau, those of the bureau and of district bureaus by the bureau,
    experts by the bureau, service bodies by the centre or the bureau, whoever acts for an account by the centre.
    """
    ledger, role = write.site.ledger, _role(body.role)
    proposer = _proposer(write.caller, role)
    until = maybe_time(body.until)
    grant = Grant(role, body.account, body.number, body.district)
    dossier = None if body.fields is None and body.name is None else Dossier(tuple(body.fields or ()), body.name)
    subject = Subject(write.site.issuer_name, body.subject)

    def act(tx: sa.Connection) -> dict[str, Any]:
        at = ledger.clock()
        wanted = Appointment(0, subject, grant, until, dossier, str(proposer.officer), at)
        return {"appointment": appointments.propose(tx, ledger.vault, wanted, proposer, at), "grant": None}

    return write.perform(body.model_dump(), act, at="/v1/appointments")


@router.post(
    "/appointments/{appointment}/approval", summary="Approve who was named", status_code=201, response_class=Response,
    responses={201: {"model": Named}, **WRITTEN},
)  # fmt: skip
def approve_somebody(appointment: TieId, write: ByNaming) -> Response:
    """Approve whom another officer named: the role stands, and every process knows it within two seconds.

    Another holder of an account that has or had one is approved by the bureau.
    """
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        approver = Proposer(_officers(write.caller)[0], write.caller.digest)
        granted = appointments.approve(tx, ledger.vault, appointment, approver, ledger.clock())
        return {"appointment": appointment, "grant": granted}

    return write.perform({}, act, at="/v1/grants")


@router.post(
    "/appointments/{appointment}/withdrawal", summary="Withdraw who was named", status_code=201,
    response_class=Response, responses={201: {"model": Named}, **WRITTEN},
)  # fmt: skip
def withdraw_somebody(appointment: TieId, write: ByNaming) -> Response:
    """Take back what waits; whoever could have named them does."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        officer = _proposer(write.caller, appointments.role_of(tx, appointment)).officer
        appointments.withdraw(tx, ledger.vault, appointment, officer, ledger.clock())
        return {"appointment": appointment, "grant": None}

    return write.perform({}, act, at="/v1/appointments")


@router.get("/grants", summary="List the roles that stand", responses=READ)
def read_grants(
    site: SiteOf, caller: WhoNames, role: OfRole = None, cursor: Cursor = None, limit: Limit = 50
) -> StandingGrants:
    """List the roles that the caller's authority gives and may end, newest first; whose they are is not shown."""
    own = {one for one in Role if any(may_name(officer.authority, one) for officer in _officers(caller))}
    roles = own if role is None else own & {_role(role)}
    with site.database.reading() as tx:
        page = list_standing(tx, roles, site.ledger.clock(), cursor=cursor, limit=limit)
    return StandingGrants(items=[_standing(one) for one in page.items], next_cursor=page.next_cursor)


@router.post(
    "/grants/{grant}/end", summary="End a role", status_code=201, response_class=Response,
    responses={201: {"model": Ended}, **WRITTEN},
)  # fmt: skip
def end_a_role(grant: TieId, write: ByNaming) -> Response:
    """End a role at once; one officer does, of those who could have given it. It is seen through in two seconds."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        appointments.end_role(tx, grant, _officers(write.caller)[0], ledger.clock())
        return {"grant": grant}

    return write.perform({}, act, at="/v1/grants")


def _officers(caller: Principal) -> list[Officer]:
    """Give the officer that the caller is; of one authority, as everybody."""
    return [one for role in sorted(NAMING.roles) if (one := caller.officer(role)) is not None]


def _proposer(caller: Principal, role: Role) -> Proposer:
    for officer in _officers(caller):
        if may_name(officer.authority, role):
            return Proposer(officer, caller.digest)
    authorities = ", ".join(sorted(appointments.NAMING[role]))
    raise Forbidden(f"A {role} is named by officers of: {authorities}.")


def _role(text: str) -> Role:
    if text not in set(Role):
        raise Invalid(f"A role is one of: {', '.join(Role)}.")
    return Role(text)


def _waiting(of: Appointment) -> WaitingAppointment:
    dossier = of.dossier or Dossier(())
    return WaitingAppointment(
        appointment=of.id,
        role=str(of.grant),
        subject=of.subject.name,
        until=shown_time(of.until_ms),
        fields=list(dossier.fields),
        name=dossier.name,
        proposed_by=of.proposed_by,
        proposed_at=rfc3339(of.proposed_ms),
    )


def _standing(of: Standing) -> StandingGrant:
    return StandingGrant(
        grant=of.id,
        role=str(of.grant),
        since=rfc3339(of.granted_ms),
        until=shown_time(of.until_ms),
        granted_by=of.granted_by,
    )
