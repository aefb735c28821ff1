"""What anyone may read of the registry as a whole: lots, totals, certificates, and what is needed to check them."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from anchoring.note import parse_vkey
from anchoring.publishing.standing import standing
from api.door.numbers import Cursor, Limit, LotId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.write import SiteOf
from api.installation.condition import RECOVERING
from api.installation.site import Site
from api.installation.trusting import trust_file
from api.ledger import shapes as schemas
from api.ledger import views
from api.texts import texts
from registry.clock import rfc3339
from registry.errors import Invalid, NotFound
from registry.ledger.logged import get_certificate
from registry.ledger.lots import get_lot, list_lots
from registry.ledger.publication import set_aside_count
from registry.ledger.totals import totals

READ = documented(NotFound)
CertificateName = Annotated[str, Path(description="The certificate's number.", examples=["GLC-20261128-7K2M9QX4TB"])]
PAGE = documented(Invalid)

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["public"])


@router.get(
    "/about",
    summary="What an outsider needs to check this registry",
    response_model=schemas.About,
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


@router.get("/health", summary="Whether it can be written to", response_model=schemas.Health)
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


@router.get("/log/witnesses", summary="Which witnesses cosign", response_model=schemas.Witnesses)
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


@router.get("/lots", summary="List lots", response_model=schemas.Lots, responses=PAGE)
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


@router.get("/totals", summary="Grams by state", response_model=schemas.Totals)
def read_totals(site: SiteOf) -> dict[str, Any]:
    """Read all grams by state, as of the published log."""
    with site.database.reading() as tx:
        return views.totals(totals(tx))


@router.get("/certificates/{number}", summary="Read a certificate", response_model=schemas.Certificate, responses=READ)
def read_certificate(number: CertificateName, site: SiteOf, cursor: Cursor = None) -> dict[str, Any]:
    """Read a certificate as data, with those of the movements it stands for that are in the published log.

    It is `recorded` until all of them are.
    """
    with site.database.reading() as tx:
        return views.certificate(get_certificate(tx, site.ledger.vault, number, cursor=cursor))
