"""Reconciliation over REST: a platform says what it counted of a day, and reads what differs; the centre settles it."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Self

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, BeforeValidator, StrictInt, StrictStr

from api.decisions.officers import officer_of
from api.door.caller import Principal
from api.door.fields import INT64, Body, Count, Moment, SourceNumber, said, words
from api.door.numbers import MAX_BIGINT, MAX_EXACT, SourceId, only_decimals
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import Being
from api.door.write import ByCentre, SiteOf, Write, by
from registry.clock import rfc3339
from registry.errors import Conflict, Forbidden, Invalid, NotFound
from registry.identity.roles import Role
from registry.issuance import reconciling
from registry.issuance.reconciling import COUNTED, MAX_NOTE_CHARS
from registry.sources.sources import get_source

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["batches"])
PLATFORM = Being(frozenset({Role.PLATFORM}))
OFFICERS = frozenset({Role.CENTRE, Role.EXCHANGE, Role.BUREAU})
LOOKING = Being(OFFICERS | {Role.PLATFORM})
ByPlatform = Annotated[Write, Depends(by(PLATFORM))]
ReconciliationId = Annotated[
    int,
    Path(ge=1, le=MAX_BIGINT, description="A reconciliation's number.", examples=[4]),
    BeforeValidator(only_decimals),
]
Counted = Annotated[StrictInt, said("How many.", 3, ge=0, le=MAX_EXACT, json_schema_extra=INT64)]


class DayCounts(Body):
    """What the platform counted of a day of one source. It names nobody."""

    day: Annotated[
        StrictStr,
        said("A day in Shanghai that is over.", "2026-11-27", json_schema_extra={"format": "date"}),
    ]
    batches: Annotated[Counted, said("Batches begun and not taken back.", 1)]
    rows: Annotated[Counted, said("Activities in them.", 1000)]
    accepted: Annotated[Counted, said("Of these, accepted.", 990)]
    refused: Annotated[Counted, said("Of these, refused.", 8)]
    held: Annotated[Counted, said("Of these, in quarantine.", 2)]
    issued: Annotated[Counted, said("Activities issued for.", 990)]
    issued_g: Annotated[Counted, said("Grams issued.", 191_000)]
    converted_g: Annotated[Counted, said("Grams that people converted to points.", 4000)]


class Difference(BaseModel):
    """What the two sides count differently."""

    what: Annotated[str, said("Which count.", "issued_g", json_schema_extra={"enum": list(COUNTED)})]
    platform: Annotated[Count, said("As the platform says.", 191_000)]
    registry: Annotated[Count, said("As it was counted here.", 190_000)]


class Reconciliation(BaseModel):
    """A day as both sides counted it."""

    reconciliation: Annotated[int, said("Its number.", 3, ge=1, json_schema_extra=INT64)]
    source: SourceNumber
    day: Annotated[str, said("The day in Shanghai.", "2026-11-27", json_schema_extra={"format": "date"})]
    agrees: Annotated[bool, said("Whether nothing differs.", True)]
    differences: Annotated[list[Difference], said("What differs.")]
    registry: Annotated[dict[str, int], said("All that was counted here, by name.", {"issued_g": 190_000})]
    at: Annotated[Moment, said("When it was compared.")]
    settled_at: Annotated[Moment | None, said("When the centre settled what differs; null before.")]
    note: Annotated[str | None, said("How it was settled; null before.", "Two rides came after midnight.")]

    @classmethod
    def of(cls, of: reconciling.Reconciliation) -> Self:
        """Write one."""
        differing = [name for name in COUNTED if of.platform[name] != of.registry[name]]
        return cls(
            reconciliation=of.id,
            source=of.source_id,
            day=of.day,
            agrees=of.agrees,
            differences=[
                Difference(what=name, platform=of.platform[name], registry=of.registry[name]) for name in differing
            ],
            registry=dict(of.registry),
            at=rfc3339(of.at_ms),
            settled_at=None if of.settled_ms is None else rfc3339(of.settled_ms),
            note=of.note,
        )


class Reconciliations(BaseModel):
    """A source's reconciliations."""

    items: Annotated[list[Reconciliation], said("The newest hundred, newest first.")]


class Settlement(Body):
    """How what differs was settled."""

    note: Annotated[StrictStr, words(MAX_NOTE_CHARS, "On record; names nobody.", "Two rides came after midnight.")]


@router.post(
    "/sources/{source_id}/reconciliations", summary="Compare a day's counts", status_code=201, response_class=Response,
    responses={201: {"model": Reconciliation}, **documented(NotFound)},
)  # fmt: skip
def compare_a_day(source_id: SourceId, body: DayCounts, write: ByPlatform) -> Response:
    """Say what the platform counted of a day that is over; the answer is what the registry counts differently.

    What differs waits for the centre, until a later count of the same day agrees or the centre settles it.
    """
    day = _day(body.day)
    counts = {name: getattr(body, name) for name in COUNTED}

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        _must_be_own(tx, write.caller, source_id)
        return Reconciliation.of(reconciling.reconcile(tx, write.site.ledger, source_id, day, counts)).model_dump()

    return write.perform(body.model_dump(), act, at="/v1/sources/{source}/reconciliations")


@router.get(
    "/sources/{source_id}/reconciliations", summary="List a source's reconciliations", responses=documented(NotFound)
)
def read_reconciliations(
    source_id: SourceId, site: SiteOf, caller: Annotated[Principal, Depends(LOOKING)]
) -> Reconciliations:
    """List the days that were compared: a platform its own source's, authorities any."""
    with site.database.reading() as tx:
        if not caller.has(*OFFICERS):
            _must_be_own(tx, caller, source_id)
        get_source(tx, source_id)
        found = reconciling.list_reconciliations(tx, source_id)
    return Reconciliations(items=[Reconciliation.of(one) for one in found])


@router.post(
    "/reconciliations/{reconciliation}/settlement", summary="Settle what differs", status_code=201,
    response_class=Response, responses={201: {"model": Reconciliation}, **documented(NotFound, Conflict)},
)  # fmt: skip
def settle_a_difference(reconciliation: ReconciliationId, body: Settlement, write: ByCentre) -> Response:
    """Settle what differs with a note, which the platform reads."""
    officer = str(officer_of(write.caller, frozenset({str(Role.CENTRE)})))

    def act(tx: sa.Connection) -> Mapping[str, Any]:
        done = reconciling.settle(tx, write.site.ledger, reconciliation, officer, body.note)
        return Reconciliation.of(done).model_dump()

    return write.perform(body.model_dump(), act, at="/v1/sources/{source}/reconciliations")


def _must_be_own(tx: sa.Connection, caller: Principal, source_id: int) -> None:
    """Raise `Forbidden` for a source that is not the platform's own, whether there is one or not."""
    try:
        applicant = get_source(tx, source_id).applicant_id
    except NotFound:
        applicant = None
    if applicant not in caller.accounts(Role.PLATFORM):
        raise Forbidden("This source is not your platform's.")


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or str(found) != text:
        raise Invalid("day is a day such as 2026-11-27.")
    return found
