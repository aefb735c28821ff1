"""Scenes of people: linked by a code with a platform, and taken back; what a platform sees of who consents (R4)."""

from typing import Annotated, Any, Self
from urllib.parse import quote

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, StrictStr

from api.door.caller import Principal
from api.door.fields import Body, ExternalId, Grams, InChinese, InEnglish, Moment, SourceNumber, said
from api.door.numbers import AccountId, SourceId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import Being, ForHolderOrReader
from api.door.write import ByHolder, SiteOf, Write, by
from registry.accounts.accounts import open_row
from registry.clock import rfc3339
from registry.errors import AccountErased, Barred, Conflict, Forbidden, NotFound
from registry.identity.reads import note_read
from registry.identity.roles import Role
from registry.ledger.movement import Form
from registry.ledger.queries import holdings
from registry.sources import linking
from registry.sources.sources import Source, get_source, named_with, revoke_consent

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["identity"])
READ = documented(NotFound, AccountErased)
WRITTEN = documented(NotFound, AccountErased, Conflict)
CODED = documented(NotFound, AccountErased, Conflict, Barred)
PLATFORM = Being(frozenset({Role.PLATFORM}))
ByPlatform = Annotated[Write, Depends(by(PLATFORM))]
OfPerson = Annotated[
    str, Path(description="The platform's own name for the person.", examples=["rider-7"], max_length=1000)
]
LinkCode = Annotated[StrictStr, said("What the person enters at the platform.", "7K2M9QX4TB")]


class WantedCode(Body):
    """Which scene is to be linked."""

    source: SourceNumber


class OtherScene(BaseModel):
    """A scene of another platform that gets the same acts (R51)."""

    source: SourceNumber
    name_zh: InChinese
    name_en: InEnglish

    @classmethod
    def of(cls, of: Source) -> Self:
        """Write it."""
        return cls(source=of.id, name_zh=of.name_zh, name_en=of.name_en)


class Code(BaseModel):
    """What the person enters at the platform."""

    code: LinkCode
    expires_at: Annotated[Moment, said("Until when it is good.")]
    others: Annotated[list[OtherScene], said("Who else gets the same acts by the contract; the consent names them.")]


class NewConsent(Body):
    """A person's code, and the platform's own name for the person."""

    code: LinkCode
    external_id: ExternalId


class Linked(BaseModel):
    """A person who consents, as the platform knows them; nothing says which account it is."""

    source: SourceNumber
    external_id: ExternalId
    since: Annotated[Moment, said("When the consent was given.")]


class LinkedBalance(Linked):
    """What a person who consents has, in grams and points."""

    reductions_g: Annotated[Grams, said("Grams of reductions that are not locked.")]
    points: Annotated[Grams, said("Points that are not locked.", 400)]


class Consent(BaseModel):
    """A person's consent to a scene."""

    source: SourceNumber
    name_zh: InChinese
    name_en: InEnglish
    external_id: ExternalId
    since: Annotated[Moment, said("When it was given.")]
    until: Annotated[Moment | None, said("When it was taken back; null while it stands.")]
    last_act_at: Annotated[Moment | None, said("When the last act was seen under it; null before the first.")]
    others: Annotated[list[OtherScene], said("Scenes of other platforms that it names: they get the same acts.")]
    since_named: Annotated[list[OtherScene], said("Those that the contract names since, and the consent does not.")]


class Consents(BaseModel):
    """A person's consents, newest first."""

    items: Annotated[list[Consent], said("Newest first.")]


@router.post(
    "/accounts/{account_id}/link-codes", summary="Get a code to link a scene", status_code=201, response_class=Response,
    responses={201: {"model": Code}, **CODED},
)  # fmt: skip
def make_a_link_code(account_id: AccountId, body: WantedCode, write: ByHolder) -> Response:
    """Get a code that links a scene: entered at the platform within ten minutes, it is the consent."""

    def act(tx: sa.Connection) -> dict[str, Any]:
        code = linking.make_code(tx, write.site.ledger, account_id, body.source)
        others = [OtherScene.of(one).model_dump() for one in named_with(tx, body.source)]
        return {"code": code.text, "expires_at": rfc3339(code.ends_ms), "others": others}

    return write.perform(body.model_dump(), act, at=f"/v1/accounts/{account_id}/consents")


@router.post(
    "/sources/{source_id}/consents", summary="Link a person who consents", status_code=201, response_class=Response,
    responses={201: {"model": Linked}, **documented(NotFound, Conflict, AccountErased, Barred)},
)  # fmt: skip
def link_a_person(source_id: SourceId, body: NewConsent, write: ByPlatform) -> Response:
    """Link a user of the platform by the code that the person got here. One user is one account at a platform."""
    ledger = write.site.ledger

    def act(tx: sa.Connection) -> dict[str, Any]:
        source = _own_source(tx, write.caller, source_id)
        linking.take_code(tx, ledger, source, body.code, body.external_id)
        _, since = linking.account_of(tx, ledger.vault, source_id, body.external_id)
        return {"source": source_id, "external_id": body.external_id, "since": rfc3339(since)}

    return write.perform(
        body.model_dump(), act, at=f"/v1/sources/{source_id}/consents/{quote(body.external_id, safe='')}"
    )


@router.get("/sources/{source_id}/consents/{external_id}", summary="Read the balance of who consents", responses=READ)
def read_a_linked_balance(
    source_id: SourceId, external_id: OfPerson, site: SiteOf, caller: Annotated[Principal, Depends(PLATFORM)]
) -> LinkedBalance:
    """Read what a person has who consents to the platform's scene. The person sees that it was read."""
    with site.database.transaction() as tx:
        source = _own_source(tx, caller, source_id)
        account, since = linking.account_of(tx, site.ledger.vault, source_id, external_id)
        reader, what = f"platform {source.applicant_id}", "GET /v1/sources/{source_id}/consents/{external_id}"
        note_read(tx, site.ledger.vault, frozenset({account}), reader, what, f"source {source_id}", site.ledger.clock())
        held = {(row.form, bool(row.locked)): int(row.grams) for row in holdings(tx, account)}
    return LinkedBalance(
        source=source_id,
        external_id=external_id,
        since=rfc3339(since),
        reductions_g=held.get((int(Form.REDUCTION), False), 0),
        points=held.get((int(Form.POINTS), False), 0),
    )


@router.get(
    "/accounts/{account_id}/consents", summary="List an account's consents", responses=READ,
    dependencies=[ForHolderOrReader],
)  # fmt: skip
def read_consents(account_id: AccountId, site: SiteOf) -> Consents:
    """List which scenes are linked or were, since when, and when the last act was seen."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return Consents(items=[_consent(one) for one in linking.list_consents(tx, site.ledger.vault, account_id)])


@router.post(
    "/accounts/{account_id}/consents/{source_id}/withdrawal", summary="Take a consent back", status_code=201,
    response_class=Response, responses={201: {"model": Consents}, **WRITTEN},
)  # fmt: skip
def take_a_consent_back(account_id: AccountId, source_id: SourceId, write: ByHolder) -> Response:
    """Take a consent back: nothing more is issued from that scene, not even of the batch that is being judged."""

    def act(tx: sa.Connection) -> dict[str, Any]:
        ledger = write.site.ledger
        revoke_consent(tx, source_id, account_id, ledger.clock())
        said = linking.list_consents(tx, ledger.vault, account_id)
        return Consents(items=[_consent(one) for one in said]).model_dump()

    return write.perform({}, act, at=f"/v1/accounts/{account_id}/consents")


def _own_source(tx: sa.Connection, caller: Principal, source_id: int) -> Source:
    """Read a source of the platform's own. Raises `Forbidden`, whether there is another's or not."""
    mine = caller.accounts(Role.PLATFORM)
    row = tx.execute(_OWN, {"source": source_id, "accounts": sorted(mine)}).one_or_none()
    if row is None:
        raise Forbidden("This source is not your platform's.")
    return get_source(tx, source_id)


def _consent(of: linking.Consent) -> Consent:
    return Consent(
        source=of.source.id,
        name_zh=of.source.name_zh,
        name_en=of.source.name_en,
        external_id=of.platform_user,
        since=rfc3339(of.given_ms),
        until=None if of.revoked_ms is None else rfc3339(of.revoked_ms),
        last_act_at=None if of.seen_ms is None else rfc3339(of.seen_ms),
        others=[OtherScene.of(one) for one in of.named],
        since_named=[OtherScene.of(one) for one in of.since_named],
    )


_OWN = sa.text("SELECT id FROM sources WHERE id = :source AND applicant_id = ANY (:accounts)")
