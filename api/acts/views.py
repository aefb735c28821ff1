"""How an act reads in JSON that was just written."""

from typing import Any

from api.ledger.views import amount
from registry.clock import rfc3339
from registry.ledger.movement import Kind, serial
from registry.ledger.posting import Posted

MOVEMENTS_SHOWN = 1_000
"""Of an act: a job's may have a quarter of a million."""


def posted(of: Posted) -> dict[str, Any]:
    """Write an act as it was written to the ledger; it is recorded, and not yet logged."""
    # Of a gathering the bundle stands for all.
    movements = [written for written in of.movements if written.movement.kind != Kind.GATHER]
    return {
        "act": str(of.act_id),
        "kind": of.kind,
        "at": rfc3339(of.at),
        **amount(of.quantity_g),
        "state": "recorded",
        "movement_count": len(movements),
        "movements": [
            {
                "id": str(written.id),
                "serial": serial(written.movement.first, written.movement.last),
                "quantity_g": written.movement.quantity_g,
                "until": rfc3339(written.movement.until) if written.movement.until else None,
            }
            for written in movements[:MOVEMENTS_SHOWN]
        ],
    }


def bundled(of: Posted) -> dict[str, Any]:
    """Write a gathering as it was written to the ledger; its last movement is the bundle."""
    made = of.movements[-1].movement
    return posted(of) | {"bundle": serial(made.first, made.last)}
