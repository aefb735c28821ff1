"""What the registry counts of a day is what happened on it, of one source, from midnight to midnight in Shanghai."""

import json

import sqlalchemy as sa

from registry.clock import in_shanghai
from registry.issuance.reconciling import COUNTED, count_day
from registry.ledger.ledger import Amount
from registry.points.points import convert
from tests.support.scheme import DAY

BATCH = sa.text("""
    INSERT INTO batches (source_id, profile, bytes, sha256, digest, period_from_ms, period_until_ms, begun_ms, state,
        changed_ms, summary)
    VALUES (:source, 'p', 1, CAST(:sha256 AS bytea), :digest, 0, 1, :at, :state, :at, CAST(:summary AS jsonb))
""")


def test_a_day_is_counted_from_midnight_to_midnight_and_of_one_source(scheme):
    midnight = int(in_shanghai(scheme.clock.now + 3 * DAY).replace(hour=0, minute=0, second=0).timestamp()) * 1000
    rider, source = scheme.person(), scheme.source.id
    summary = json.dumps({"rows": 9, "accepted": 6, "refused": {"too_fast": 1, "unknown": 1}, "held": {"cap": 1}})

    def report(at, state):
        row = {"source": source, "state": state, "digest": bytes(32), "at": at, "summary": summary}
        with scheme.database.transaction() as tx:
            tx.execute(BATCH, row | {"sha256": None if state == "withdrawn" else bytes(32)})

    def act(at, grams, converted):
        scheme.clock.now = at
        scheme.issue({rider: grams})
        scheme.issue({scheme.person(): 500}, is_class_i=True)  # of another source
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, rider, Amount(converted))

    scheme.source_of(is_class_i=True)
    act(midnight - 10_000, 100, 100)
    act(midnight + 60_000, 30, 20)
    act(midnight + DAY - 60_000, 7, 5)
    act(midnight + DAY, 1_000, 500)
    for at, state in ((midnight - 1, "judged"), (midnight, "judged"), (midnight + 1, "withdrawn")):
        report(at, state)
    with scheme.database.transaction() as tx:
        found = count_day(tx, source, in_shanghai(midnight).date())
        empty = count_day(tx, source, in_shanghai(midnight + 9 * DAY).date())
    assert found == {
        "batches": 1, "rows": 9, "accepted": 6, "refused": 2, "held": 1, "issued": 2, "issued_g": 37, "converted_g": 25,
    }  # fmt: skip
    assert empty == dict.fromkeys(COUNTED, 0)
