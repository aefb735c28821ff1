"""How a job reads in JSON."""

from typing import Any

from api.door.problems import TYPE_BASE
from registry.clock import rfc3339
from registry.jobs.jobs import Job
from registry.ledger.movement import serial


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
