"""How an act reads in JSON that was just written, or waits to be."""

from typing import Any

from api.problems import TYPE_BASE
from api.rest.views import amount
from registry.clock import rfc3339
from registry.jobs.jobs import Job
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


def job(of: Job) -> dict[str, Any]:
    """Write a job as it stands."""
    ended = "done" if of.problem is None else "failed"
    begun = "running" if of.steps or of.done_g else "waiting"
    return {
        "job": str(of.id),
        "url": f"/v1/accounts/{of.account_id}/jobs/{of.id}",
        "kind": of.kind,
        "state": begun if of.ended_ms is None else ended,
        "asked_at": rfc3339(of.asked_ms),
        "ended_at": None if of.ended_ms is None else rfc3339(of.ended_ms),
        "quantity_g": of.total_g,
        "done_g": of.done_g,
        "bundles": [serial(first, last) for first, last in of.made],
        "answer": of.answer,
        "problem": of.problem and {**of.problem, "type": TYPE_BASE + of.problem["type"]},
    }


def job_in_list(of: Job) -> dict[str, Any]:
    """Write a job among others, without the movements that it answers with."""
    said = job(of)
    return said if of.answer is None else said | {"answer": {**of.answer, "movements": []}}
