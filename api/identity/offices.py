"""Who may what, given by two officers and ended by one (R2); the register of experts and technical service bodies."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr

from api.acts.orders import one_of, words
from api.door.caller import Principal
from api.door.numbers import MAX_EXACT, Cursor, Limit, only_decimals
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.times import maybe_time, shown_time
from api.door.who import Being
from api.door.write import SiteOf, Write, by
from registry.accounts.accounts import MAX_NAME_CHARS
from registry.clock import rfc3339
from registry.errors import Forbidden, Invalid
from registry.identity import appointments
from registry.identity.appointments import Appointment, Proposer, may_name
from registry.identity.experts import FIELDS, Dossier, Expert, list_experts
from registry.identity.grants import Grant, Standing, list_standing
from registry.identity.roles import Role
from registry.identity.subjects import MAX_SUBJECT_CHARS, Subject
from registry.procedure.decision import Officer

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["identity"])
READ = documented(400, 401, 403, 422, 503)
WRITTEN = documented(400, 401, 403, 404, 409, 413, 415, 422, 503)
NAMING = Being(frozenset({Role.BUREAU, Role.CENTRE, Role.EXCHANGE}))
ByNaming = Annotated[Write, Depends(by(NAMING))]
WhoNames = Annotated[Principal, Depends(NAMING)]
Number = Annotated[int, Path(ge=1, le=MAX_EXACT, description="Its number."), BeforeValidator(only_decimals)]
OfRole = Annotated[
    str | None, Query(description="Only grants of this role.", json_schema_extra={"enum": list(Role)})
]  # fmt: skip
_FIELDS = Field(
    description="What an expert or service body knows about; of these two alone.",
    examples=[["travel", "quantification"]],
    json_schema_extra={"items": {"type": "string", "enum": list(FIELDS)}},
)


class NewAppointment(BaseModel):
    """Somebody who is named for a role."""

    model_config = ConfigDict(extra="forbid")

    role: Annotated[StrictStr, one_of(Role), Field(description="What they are to be.", examples=["expert"])]
    subject: Annotated[
        StrictStr,
        words(
            MAX_SUBJECT_CHARS, "Who, as the identity service's tokens name them (`sub`). Forgotten once it is decided."
        ),
    ]
    number: Annotated[
        StrictInt | None,
        Field(description="Of an officer, expert or service body; one person's for good.", ge=1, le=2**31 - 1),
    ] = None
    account: Annotated[StrictInt | None, Field(description="For roles that are of one.", ge=1, le=MAX_EXACT)] = None
    district: Annotated[
        StrictStr | None, Field(description="A district bureau's, in six digits (GB/T 2260).", examples=["310104"])
    ] = None
    until: Annotated[
        StrictStr | None,
        Field(
            description="When the role ends by itself; null: when it is ended.", examples=["2028-01-01T00:00:00.000Z"]
        ),
    ] = None
    fields: Annotated[list[StrictStr] | None, _FIELDS] = None
    name: Annotated[StrictStr | None, words(MAX_NAME_CHARS, "PUBLIC: a service body's name; of nobody else.")] = None


class Named(BaseModel):
    """What came of it: an appointment that waits, or the grant that it became."""

    appointment: Annotated[int, Field(description="Its number.", examples=[3])]
    grant: Annotated[int | None, Field(description="The grant's number, once it is approved.", examples=[12])]


class WaitingAppointment(BaseModel):
    """Somebody who was named for a role, and waits for another officer."""

    appointment: Annotated[int, Field(description="Its number.", examples=[3])]
    role: Annotated[str, Field(description="What they are to be.", examples=["expert:3"])]
    subject: Annotated[str, Field(description="Who, as the identity service names them.", examples=["zhang-san"])]
    until: Annotated[str | None, Field(description="When it would end by itself.")]
    fields: Annotated[list[str], Field(description="Fields of expertise.", examples=[["travel"]])]
    name: Annotated[str | None, Field(description="A service body's.", examples=["某某技术服务有限公司"])]
    proposed_by: Annotated[str, Field(description="The officer who named them.", examples=["bureau:1"])]
    proposed_at: Annotated[str, Field(description="When.", examples=["2026-11-28T01:00:00.000Z"])]


class Appointments(BaseModel):
    """What waits, oldest first."""

    items: list[WaitingAppointment]


class StandingGrant(BaseModel):
    """A role that stands. Whose it is is not shown."""

    grant: Annotated[int, Field(description="Its number.", examples=[12])]
    role: Annotated[str, Field(description="What it lets somebody be.", examples=["centre:7"])]
    since: Annotated[str, Field(description="From when on.", examples=["2026-11-28T01:00:00.000Z"])]
    until: Annotated[str | None, Field(description="When it ends by itself.")]
    granted_by: Annotated[str, Field(description="Who gave it.", examples=["bureau:1, bureau:2"])]


class StandingGrants(BaseModel):
    """A page of grants, newest first."""

    items: list[StandingGrant]
    next_cursor: str | None


class Ended(BaseModel):
    """A grant that was ended."""

    grant: Annotated[int, Field(description="Its number.", examples=[12])]


class RegisteredExpert(BaseModel):
    """An expert, who is a number to the public, or a technical service body."""

    number: Annotated[str, Field(description="As decisions name it.", examples=["expert:3"])]
    name: Annotated[str | None, Field(description="A service body's; an expert has none here.")]
    fields: Annotated[list[str], Field(description="Fields of expertise.", examples=[["travel"]])]
    fields_zh: Annotated[list[str], Field(description="The same in Chinese.", examples=[["绿色出行"]])]
    since: Annotated[str, Field(description="From when on.", examples=["2026-11-28T01:00:00.000Z"])]
    until: Annotated[str | None, Field(description="When that ends, or ended.")]

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

    items: list[RegisteredExpert]


@router.get("/experts", summary="Read the register of experts", responses=documented(400, 422, 503))
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
def approve_somebody(appointment: Number, write: ByNaming) -> Response:
    """Approve whom another officer named: the role stands, and every process knows it within two seconds."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        role = appointments.role_of(tx, appointment)
        proposer = _proposer(write.caller, role)
        granted = appointments.approve(tx, ledger.vault, appointment, proposer, ledger.clock())
        return {"appointment": appointment, "grant": granted}

    return write.perform({}, act, at="/v1/grants")


@router.post(
    "/appointments/{appointment}/withdrawal", summary="Withdraw who was named", status_code=201,
    response_class=Response, responses={201: {"model": Named}, **WRITTEN},
)  # fmt: skip
def withdraw_somebody(appointment: Number, write: ByNaming) -> Response:
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
def end_a_role(grant: Number, write: ByNaming) -> Response:
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
