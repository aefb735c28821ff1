"""What anyone may read: movements, lots, totals, certificates, receipts, and what is needed to check them."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response

from anchoring.errors import NotYet, Unreachable
from anchoring.log.standing import standing
from anchoring.log.tiles import inclusion_proof
from anchoring.note import parse_vkey
from anchoring.receipt import Receipt
from api.auth import READERS, Caller
from api.condition import RECOVERING
from api.explorer.pages import texts
from api.problems import documented
from api.rest import schemas, views
from api.rest.numbers import Cursor, Limit, LotId, MovementId
from api.rest.perform import SiteOf
from api.rest.route import StrictRoute
from api.site import Site
from api.trusting import trust_file
from registry.accounts.accounts import refuse_erased
from registry.clock import rfc3339
from registry.database.schema import evidence
from registry.errors import Forbidden, NotFound
from registry.ledger.lots import get_lot, list_lots
from registry.ledger.publication import last_anchor, last_checkpoint, set_aside_count
from registry.ledger.queries import Seen, get_certificate, get_movement, list_movements, movements_of_act
from registry.ledger.totals import totals

READ = documented(400, 404, 422, 503)
WHOLE = documented(400, 422, 503)

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["public"])


@router.get(
    "/about",
    summary="What an outsider needs to check this registry",
    response_model=schemas.About,
    responses=documented(400, 422),
)
def read_about(request: Request, site: SiteOf) -> dict[str, Any]:
    """Name the log, its key, the chain and the contract."""
    return describe(site, site.base_url(str(request.base_url)))


@router.get(
    "/trust",
    summary="The trust file, for comparison",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": schemas.TEXT}}, "description": "C2SP tlog-policy, #chain lines"},
        **WHOLE,
    },
)
def read_trust(request: Request, site: SiteOf) -> Response:
    """Say in one file which log, witnesses, quorum and contracts this registry names as its own."""
    said = trust_file(site, site.base_url(str(request.base_url)))
    return Response(said, 200, {"Cache-Control": "no-cache"}, "text/plain; charset=utf-8")


SET_ASIDE = "set-aside"
ASIDE = (
    "{} movements were set aside and are not in the log: somebody else than this program wrote or altered them. All "
    "others go on. See `gram aside list` and docs/recovery.md."
)


@router.get("/health", summary="Whether it can be written to", response_model=schemas.Health, responses=WHOLE)
def read_health(site: SiteOf) -> dict[str, Any]:
    """Say how the registry is: `recovering` while its database was set back and is only read, as of size `size`."""
    now, conditions, told = standing(site.database.reading), site.conditions.read(), site.witnessing.read()
    with site.database.reading() as tx:
        aside = set_aside_count(tx)
    said = "The database was restored from a backup; it is read as of `size` until the public log was replayed into it."
    return {
        "status": RECOVERING if now.is_behind else conditions[0].name if conditions else SET_ASIDE if aside else "ok",
        "writes": not now.is_behind,
        "size": now.size,
        "known_size": max(now.size, now.known_size),
        "set_aside": aside,
        "detail": said if now.is_behind else told.stopped or (ASIDE.format(aside) if aside else None),
        "conditions": [
            {
                "name": one.name,
                "since": rfc3339(one.since_ms),
                **{lang: meant[one.name] for lang, meant in texts().items()},
            }
            for one in conditions
        ],
    }


def describe(site: Site, base_url: str) -> dict[str, Any]:
    """Describe an installation for outsiders. `base_url` ends in a slash."""
    return {
        "log": {
            "origin": site.folder.marker.origin,
            "vkey": site.log_signer.verifier.vkey,
            "url": f"{base_url}log",
        },
        "chain": {"rpc": f"{base_url}chain", "id": site.where.chain_id, "contract": site.where.contract},
        "signers": list(site.signers),
        "threshold": site.settings.threshold,
        "environment": str(site.settings.environment),
    }


@router.get(
    "/log/witnesses", summary="Which witnesses cosign", response_model=schemas.Witnesses, responses=documented(400, 422)
)
def read_witnesses(site: SiteOf) -> dict[str, Any]:
    """Say how many witnesses must cosign, which of them fail since when, and since when the log waits for them."""
    told = site.witnessing.read()
    failing = {name: rfc3339(since) for name, since in told.failing_since_ms.items()}
    return {
        "threshold": site.settings.threshold,
        "waiting_since": None if told.waiting_since_ms is None else rfc3339(told.waiting_since_ms),
        "witnesses": [{**signer, "failing_since": failing.get(_name(signer))} for signer in site.signers],
    }


def _name(signer: Mapping[str, str]) -> str:
    return parse_vkey(signer["cosigner_vkey"]).name


@router.get("/movements", summary="List movements", response_model=schemas.Movements, responses=READ)
def read_movements(site: SiteOf, cursor: Cursor = None, limit: Limit = 50) -> dict[str, Any]:
    """List movements and records, newest first."""
    with site.database.reading() as tx:
        page = list_movements(tx, cursor=cursor, limit=limit)
    return {"items": [views.movement(seen) for seen in page.items], "next_cursor": page.next_cursor}


@router.get("/movements/{movement}", summary="Read a movement", response_model=schemas.Movement, responses=READ)
def read_movement(movement: MovementId, site: SiteOf) -> dict[str, Any]:
    """Read a movement with its state and, once logged, its leaf."""
    with site.database.reading() as tx:
        return views.movement(get_movement(tx, movement))


@router.get(
    "/movements/{movement}/evidence",
    summary="Read what a movement rests on",
    response_model=schemas.EvidenceAnswer,
    responses=READ | documented(401, 403),
)
def read_evidence(movement: MovementId, caller: Caller, site: SiteOf) -> dict[str, Any]:
    """Read a movement's evidence with its salts, so that any field can be shown to others and checked alone."""
    with site.database.reading() as tx:
        if caller.account is not None:
            refuse_erased(tx, caller.account)
        seen = get_movement(tx, movement)
        is_party = caller.account is not None and caller.account in {seen.giver_id, seen.account_id}
        if not is_party and caller.role not in READERS:
            raise Forbidden("Evidence is for the parties of the movement and the authorities.")
        row = tx.execute(sa.select(evidence).where(evidence.c.digest == seen.movement.evidence)).one()
    if row.fields is None:
        raise NotFound("This document was lost with a database. Its digest is in the leaf: a copy can be given back.")
    return {"digest": seen.movement.evidence.hex(), "fields": row.fields}


@router.get(
    "/receipts/{movement}",
    summary="Get a movement's receipt",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": schemas.TEXT}}, "description": "c2sp.org/tlog-proof@v1"},
        **READ,
    },
)
def read_receipt(movement: MovementId, site: SiteOf) -> Response:
    """Get a proof that verifies offline, under the last anchored checkpoint with the leaf, or the last published."""
    with site.database.reading() as tx:
        seen = get_movement(tx, movement)
        note = receipt_note(tx, seen)
    name = f'attachment; filename="movement-{movement}.tlog-proof"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-cache"}
    link = views.state_proof(seen.movement)
    if link is not None:
        headers["Link"] = f'<{link}>; rel="related"; title="the state of these grams at the last epoch"'
    return Response(make_receipt(site, seen, *note), 200, headers, "text/plain; charset=utf-8")


def receipt_note(tx: sa.Connection, seen: Seen) -> tuple[int, str]:
    """Choose the checkpoint for a receipt: its size and its note. Raises `NotYet` while there is none."""
    for row in (last_anchor(tx), last_checkpoint(tx)):
        if row is not None and seen.index is not None and seen.index < row.size:
            return row.size, row.note
    raise NotYet(f"Movement {seen.id} is recorded and not in a published checkpoint yet. Ask again in a moment.")


def make_receipt(site: Site, seen: Seen, size: int, note: str) -> bytes:
    """Make a receipt: the leaf, its path, and the checkpoint of `size` leaves."""
    assert seen.index is not None  # noqa: S101  (receipt_note refused it otherwise)
    assert seen.leaf is not None  # noqa: S101
    try:
        path = inclusion_proof(site.reader, seen.index, size)
    except Unreachable:
        # A folder that was rebuilt has the last published tree's tiles, of which all earlier trees are made too.
        with site.database.reading() as tx:
            last = last_checkpoint(tx)
        path = inclusion_proof(site.reader, seen.index, size, within=None if last is None else last.size)
    return Receipt(seen.leaf, seen.index, tuple(path), note.encode()).encode()


@router.get("/lots", summary="List lots", response_model=schemas.Lots, responses=READ)
def read_lots(site: SiteOf, cursor: Cursor = None, limit: Limit = 50) -> dict[str, Any]:
    """List lots, newest first."""
    with site.database.reading() as tx:
        page = list_lots(tx, cursor=cursor, limit=limit)
    return {"items": [views.lot(row) for row in page.items], "next_cursor": page.next_cursor}


@router.get("/lots/{lot}", summary="Read a lot", response_model=schemas.Lot, responses=READ)
def read_lot(lot: LotId, site: SiteOf) -> dict[str, Any]:
    """Read a lot with its source and methodology."""
    with site.database.reading() as tx:
        return views.lot(get_lot(tx, lot))


@router.get("/totals", summary="Grams by state", response_model=schemas.Totals, responses=WHOLE)
def read_totals(site: SiteOf) -> dict[str, Any]:
    """Read all grams by state."""
    with site.database.reading() as tx:
        return views.totals(totals(tx))


@router.get("/certificates/{number}", summary="Read a certificate", response_model=schemas.Certificate, responses=READ)
def read_certificate(number: str, site: SiteOf) -> dict[str, Any]:
    """Read a certificate as data, with the movements it stands for."""
    with site.database.reading() as tx:
        row = get_certificate(tx, number)
        movements = [views.movement(seen) for seen in movements_of_act(tx, row.act_id)]
    return views.certificate(row) | {"movements": movements}
