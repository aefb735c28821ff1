"""What the templates are given: rows of the registry as plain dicts, as each template's first comment names them."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from anchoring import note
from anchoring.checkpoint import open_cosignatures
from anchoring.errors import AnchoringError
from anchoring.tree.tiles import TILE_WIDTH, document_path
from api.installation.settings import Settings
from api.installation.site import Site
from api.ledger.receipts import file_name
from api.ledger.views import gathered_into
from api.public.routes import describe
from api.state.routes import prove
from registry.clock import day, rfc3339, whole_days
from registry.errors import RegistryError
from registry.ledger import bundles
from registry.ledger.bundles import made_of
from registry.ledger.child import MINUTE_MS
from registry.ledger.logged import Certificate, Life, Logged
from registry.ledger.movement import Kind, Movement, serial
from registry.ledger.publication import last_checkpoint
from registry.ledger.totals import Totals

SHOWN_PARTS = 10
"""Of a block's state on its page; the proof shows all of them."""


def about(site: Site, base_url: str) -> dict[str, Any]:
    """Describe the installation as `/v1/about` does. `base_url` ends in a slash."""
    said = describe(site, base_url)
    return {
        "origin": said["log"]["origin"],
        "vkey": said["log"]["vkey"],
        "log_url": said["log"]["url"],
        "threshold": said["threshold"],
        "chain": said["chain"],
        "signers": said["signers"],
    }


def movement(of: Logged, settings: Settings) -> dict[str, Any]:
    """Show a movement; codes stay the leaf's integers, for the templates have the words."""
    m = of.movement
    return {
        "index": of.index,
        "kind": m.kind,
        "form": m.form,
        "flags": m.flags,
        "purpose": m.purpose,
        "quantity_g": m.quantity_g,
        "serial": of.serial,
        "first": m.first,
        "last": m.last,
        "parent_index": m.parent,
        "at": rfc3339(m.at),
        "until": rfc3339(m.until) if m.until else None,
        "from_tag": m.from_tag.hex(),
        "to_tag": m.to_tag.hex(),
        "gathered_into": gathered_into(m),
        "evidence": m.evidence.hex(),
        "leaf_hex": of.leaf.hex(),
        "state": of.state,
        "due": _due(of, settings),
        "receipt_url": f"/v1/leaves/{of.index}/receipt",
        "receipt_file": file_name(of.index),
    }


def document_url(tx: sa.Connection, of: Logged) -> str | None:
    """Give where the public document of a record is, among those of its tile; None of what is no record."""
    checkpoint = last_checkpoint(tx)
    if not of.movement.is_record or checkpoint is None:
        return None
    tile = of.index // TILE_WIDTH
    width = checkpoint.size - tile * TILE_WIDTH
    return "/log/" + document_path(tile, width if width < TILE_WIDTH else None)


def movements(of: Iterable[Logged], settings: Settings) -> list[dict[str, Any]]:
    """Show several movements."""
    return [movement(one, settings) for one in of]


def _due(of: Logged, settings: Settings) -> str | None:
    """Say when it is anchored at the latest; how fast a chain grows deep is not ours to say."""
    if of.state != "logged":
        return None
    return rfc3339(of.movement.at + MINUTE_MS + settings.logged_within_ms + settings.anchor_interval_ms)


def totals_of(of: Totals, *, is_lot: bool = False) -> dict[str, Any]:
    """Show grams by state; purposes by their code, expiry by name. A lot's may have been gathered out of it."""
    return {
        "issued_g": of.issued_g,
        "reduction_g": of.reduction_g,
        "points_g": of.points_g,
        "ended_g": {str(purpose) if purpose else "expired": of.ended_g[purpose] for purpose in sorted(of.ended_g)},
        "gathered_g": of.gathered_g if is_lot else 0,
    }


def lot_of(row: sa.Row[Any]) -> dict[str, Any]:
    """Show a lot with its source and methodology."""
    begin, end = whole_days(row.period_from_ms, row.period_until_ms)
    return {
        "id": str(row.id),
        "serial": serial(row.first_g, row.last_g),
        "first": row.first_g,
        "last": row.last_g,
        "quantity_g": row.last_g - row.first_g,
        "source": {"name_zh": row.name_zh, "name_en": row.name_en},
        "methodology": {
            "code": row.methodology_code,
            "version": row.methodology_version,
            "name_zh": row.record["name"]["zh"],
            "name_en": row.record["name"]["en"],
            "class": row.methodology_class,
            "status": row.status,
        },
        "period_start": day(begin),
        "period_end": day(end - 1),
        "issued_at": rfc3339(row.issued_ms),
    }


def origins(tx: sa.Connection, of: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Show the lots that grams `[first, last)` were issued in, through all bundles, each with how many."""
    made = made_of(tx, of)
    lots = [lot_of(part.lot) | {"grams": part.quantity_g} for part in made.parts]
    return {"lots": lots, "other_lots": made.other_lots, "other_g": made.other_g}


def bundle_of(tx: sa.Connection, first: int, gram: int | None) -> dict[str, Any] | None:
    """Show the bundle that gave grams from `first` on their numbers, and the number that `gram` had before."""
    grams = bundles.bundle_of(tx, first)
    if grams is None:
        return None
    return {"serial": serial(*grams), "before": None if gram is None else bundles.number_before(tx, gram)}


def block_of(life: Life, first: int, last: int, *, moved: bool) -> dict[str, Any]:
    """Show a block: its grams, and what they became by the last step they took together."""
    return {
        "serial": serial(first, last),
        "first": first,
        "last": last,
        "quantity_g": last - first,
        "form": life.steps[-1].movement.form,
        "moved": moved,
    }


def state_of(site: Site, first: int, last: int) -> dict[str, Any] | None:
    """Show what grams were at the last recorded state, as proven there; None while there is none to show."""
    try:
        proved = prove(site, first, last, SHOWN_PARTS)
    except (AnchoringError, RegistryError):
        return None
    shown = ((max(first, one.first), min(last, one.last), one) for one in proved.proof.shown)
    return {
        "at": rfc3339(proved.record.movement.at),
        "size": proved.record.index,
        "parts": [_part(one.movement, one.index, low, high) for low, high, one in shown],
        "not_issued": last > proved.proof.frontier_g,
        "more": proved.next_first is not None,
    }


def _part(movement: Movement | None, index: int | None, first: int, last: int) -> dict[str, Any]:
    said = {"serial": serial(first, last), "quantity_g": last - first, "index": index}
    if movement is None:
        return said | {"state": "not_issued"}
    state = "live" if movement.form else "gathered" if movement.kind == Kind.GATHER else "ended"
    return said | {"state": state, "kind": movement.kind, "form": movement.form, "flags": movement.flags}


def checkpoint(row: sa.Row[Any] | None, site: Site) -> dict[str, Any] | None:
    """Show the last checkpoint, with those whose cosignature it bears and who really signed."""
    if row is None:
        return None
    signed = note.parse(row.note.encode())
    return {
        "size": row.size,
        "root": bytes(row.root).hex(),
        "at": rfc3339(row.published_ms),
        "cosigners": [signer for signer in site.signers if _cosigned(signed, signer["cosigner_vkey"])],
    }


def _cosigned(signed: note.Note, vkey: str) -> bool:
    try:
        return bool(open_cosignatures(signed, [vkey]))
    except AnchoringError:
        return False


def anchor(row: sa.Row[Any] | None) -> dict[str, Any] | None:
    """Show the last anchor. Its transaction is None when it was found on the chain and not sent from here."""
    if row is None:
        return None
    return {
        "size": row.size,
        "root": bytes(row.root).hex(),
        "tx": row.transaction,
        "block": row.block,
        "at": rfc3339(row.anchored_ms),
        "state": "anchored" if row.final_ms is None else "final",
    }


def certificate(of: Certificate, url: str) -> dict[str, Any]:
    """Show a certificate at its `url`. Only an institution is named: a person's name stays confidential (R5)."""
    row = of.row
    return {
        "number": row.number,
        "purpose": row.purpose,
        "quantity_g": row.quantity_g,
        "at": rfc3339(row.issued_ms),
        "holder": of.holder,
        "beneficiary": of.beneficiary,
        "statement": of.statement,
        "url": url,
        "is_logged": of.state != "recorded",
    }
