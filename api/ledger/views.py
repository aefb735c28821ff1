"""How things read in JSON: amounts in grams and tonnes, times in RFC 3339, hashes in hex."""

from typing import Any

import sqlalchemy as sa

from api.door.fields import KIND_NAMES, PURPOSE_NAMES, flag_names
from registry.clock import rfc3339, whole_days
from registry.ledger.bundles import Bundle, Made, Part, Stretch, Trace
from registry.ledger.logged import Certificate, Logged
from registry.ledger.movement import Form, Kind, Movement, serial, target_of
from registry.ledger.queries import Seen
from registry.ledger.totals import Totals

FORMS = {Form.END: "end", Form.REDUCTION: "reduction", Form.POINTS: "points"}


def tonnes(quantity_g: int) -> str:
    """Write grams as tonnes with six decimals."""
    return f"{quantity_g // 1_000_000}.{quantity_g % 1_000_000:06d}"


def amount(quantity_g: int) -> dict[str, Any]:
    """Write an amount both ways."""
    return {"quantity_g": quantity_g, "quantity_t": tonnes(quantity_g)}


def leaf(of: Logged) -> dict[str, Any]:
    """Write a movement as everybody may see it: by its index in the log, once it is there."""
    return _facts(of.movement) | {
        "index": of.index,
        "parent_index": of.movement.parent,
        "leaf": of.leaf.hex(),
        "state": of.state,
        "receipt": f"/v1/leaves/{of.index}/receipt",
    }


def own_movement(of: Seen) -> dict[str, Any]:
    """Write a movement as its parties and the authorities see it: with its number, and its act, which ties several."""
    return _facts(of.movement) | {
        "id": str(of.id),
        "act": str(of.act_id),
        "index": of.index,
        "parent_index": of.parent_index,
        "leaf": None if of.leaf is None else of.leaf.hex(),
        "state": of.state,
        "receipt": None if of.index is None else f"/v1/leaves/{of.index}/receipt",
    }


def _facts(m: Movement) -> dict[str, Any]:
    return {
        "kind": KIND_NAMES.get(m.kind, str(m.kind)),
        "form": FORMS[Form(m.form)],
        "flags": flag_names(m.flags),
        "purpose": PURPOSE_NAMES.get(m.purpose),
        "serial": None if m.is_record else serial(m.first, m.last),
        "first_g": m.first,
        "end_g": m.last,
        **amount(m.quantity_g),
        "at": rfc3339(m.at),
        "until": rfc3339(m.until) if m.until else None,
        "from_tag": m.from_tag.hex(),
        "to_tag": m.to_tag.hex(),
        "gathered_into": gathered_into(m),
        "evidence": m.evidence.hex(),
        "state_proof": state_proof(m),
    }


def gathered_into(movement: Movement) -> str | None:
    """Name the numbers under which a GATHER's grams go on in their bundle; None for every other kind."""
    target = target_of(movement) if movement.kind == Kind.GATHER else None
    return None if target is None else serial(target.first, target.first + movement.quantity_g)


def state_proof(movement: Movement) -> str | None:
    """Name where the state of a movement's grams is proven, as of the last epoch; None for a record."""
    return None if movement.is_record else f"/v1/state?first_g={movement.first}&end_g={movement.last}"


def block(row: sa.Row[Any]) -> dict[str, Any]:
    """Write a live block of an account."""
    return {
        "serial": serial(row.first_g, row.last_g),
        "first_g": row.first_g,
        "end_g": row.last_g,
        **amount(row.last_g - row.first_g),
        "form": FORMS[Form(row.form)],
        "flags": flag_names(row.flags),
        "until": rfc3339(row.until_ms) if row.until_ms else None,
        "movement": str(row.movement_id),
        "bundle": serial(row.bundle_first_g, row.bundle_last_g) if row.lot_id is None else None,
        "lot": None if row.lot_id is None else str(row.lot_id),
        "source": None if row.lot_id is None else str(row.source_id),
        "methodology": row.methodology_code,
        "methodology_version": row.methodology_version,
    }


def lot(row: sa.Row[Any]) -> dict[str, Any]:
    """Write a lot with its source and methodology; of its period the days, for its ends are when somebody rode."""
    begin, end = whole_days(row.period_from_ms, row.period_until_ms)
    return {
        "id": str(row.id),
        "serial": serial(row.first_g, row.last_g),
        "first_g": row.first_g,
        "end_g": row.last_g,
        **amount(row.last_g - row.first_g),
        "source": {"id": str(row.source_id), "name_zh": row.name_zh, "name_en": row.name_en},
        "methodology": {
            "code": row.methodology_code,
            "version": row.methodology_version,
            "class": row.methodology_class,
            "status": row.status,
        },
        "period_from": rfc3339(begin),
        "period_until": rfc3339(end),
        "issued_at": rfc3339(row.issued_ms),
    }


def part(of: Part) -> dict[str, Any]:
    """Write grams of a lot."""
    said = lot(of.lot)
    names = ("source", "methodology", "period_from", "period_until")
    return {"lot": said["id"], **amount(of.quantity_g), **{name: said[name] for name in names}}


def bundle(of: Bundle, made_of: Made) -> dict[str, Any]:
    """Write a bundle with what it is made of."""
    made = leaf(of.leaf)
    return {
        "serial": made["serial"],
        "first_g": made["first_g"],
        "end_g": made["end_g"],
        **amount(of.leaf.movement.quantity_g),
        "pieces": of.pieces,
        "made_of": [part(one) for one in made_of.parts],
        "other_lots": made_of.other_lots,
        "other_g": made_of.other_g,
        "movement": made,
    }


def stretch(of: Stretch) -> dict[str, Any]:
    """Write a gram under one of its numbers."""
    return {"gram_g": of.gram, "movements": [leaf(step) for step in of.steps], "earlier": of.earlier}


def trace(of: Trace) -> dict[str, Any]:
    """Write a gram's way."""
    return {
        "stretches": [stretch(one) for one in of.stretches],
        "earlier_g": of.earlier_g,
        "later_g": of.later_g,
    }


def totals(of: Totals) -> dict[str, Any]:
    """Write grams by state."""
    return {
        "issued_g": of.issued_g,
        "reduction_g": of.reduction_g,
        "points_g": of.points_g,
        "ended_g": {PURPOSE_NAMES.get(purpose, "expired"): grams for purpose, grams in of.ended_g.items()},
        "issued_t": tonnes(of.issued_g),
    }


def certificate(of: Certificate) -> dict[str, Any]:
    """Write a certificate as data, with what is logged of its movements."""
    row = of.row
    return {
        "number": row.number,
        "purpose": PURPOSE_NAMES[row.purpose],
        "form": FORMS[Form(row.form)],
        **amount(row.quantity_g),
        "holder": of.holder,
        "beneficiary": of.beneficiary,
        "statement": of.statement,
        "issued_at": rfc3339(row.issued_ms),
        "state": of.state,
        "movements": [leaf(cancel) for cancel in of.cancels],
        "next_cursor": of.next_cursor,
    }
