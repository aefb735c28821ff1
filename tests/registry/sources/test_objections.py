"""Anybody objects in publicity, and what became of it is on record before anything is published (R36)."""

import pytest
import sqlalchemy as sa

from api.installation.officers import BUREAU, CENTRE, OFFICERS
from registry.decisions.recalled import last_decision
from registry.decisions.recording import By
from registry.errors import Conflict, Invalid, NotFound, TooMany
from registry.policies.policies import publish_policy
from registry.sources.approval import advance, apply_for, next_step, take
from registry.sources.objections import MOST_OF_ADDRESS, answer, by_receipt, list_objections, object_to
from registry.sources.sources import NewSource

HERE, THERE = "192.0.2.7", "192.0.2.8"


@pytest.fixture
def source(scheme):
    """One in publicity, which lasts two working days."""
    minute = (scheme.clock.now // 60_000 + 2) * 60_000
    values = {name: getattr(scheme.source, name) for name in NewSource.__dataclass_fields__}
    with scheme.database.transaction() as tx:
        publish_policy(tx, scheme.ledger, "publicity", {"source": 2}, minute, BUREAU)
        publish_policy(tx, scheme.ledger, "calendar/2025", {"holidays": [], "workdays": []}, 0, BUREAU)
        applied = apply_for(tx, scheme.ledger, NewSource(**values), CENTRE.proposing)
    scheme.clock.now = minute + 60_000
    for _ in range(3):
        with scheme.database.transaction() as tx:
            advance(tx, scheme.ledger, applied.id, OFFICERS)
    return applied


def decide(tx, scheme, source, decision, second=None):
    return take(tx, *next_step(tx, scheme.ledger, source.id, decision), By(CENTRE.actor, second))


def test_what_anybody_objects_is_answered_on_record_before_it_is_published(scheme, source):
    ledger, vault, case = scheme.ledger, scheme.ledger.vault, f"S-{source.id}"
    with scheme.database.transaction() as tx:
        first, receipt = object_to(tx, ledger, source.id, "Zhao: 该项目已另行申请", HERE)
        assert object_to(tx, ledger, source.id, "Zhao: 该项目已另行申请", HERE) == (first, receipt), "sent twice is one"
        assert object_to(tx, ledger, source.id, "Zhao: 该项目已另行申请", THERE)[0].id != first.id
        for wrong in (" ", "x" * 8001, "a\0"):
            with pytest.raises(Invalid):
                object_to(tx, ledger, source.id, wrong, HERE)
        with pytest.raises(NotFound):
            by_receipt(tx, vault, first.id, "0" * 40)
        assert by_receipt(tx, vault, first.id, receipt).state == "received"
        rows = repr(tx.execute(sa.text("SELECT * FROM objections")).all())
        assert not {"Zhao", HERE} & {word for word in ("Zhao", HERE) if word in rows}
    with scheme.database.transaction() as tx:
        assert decide(tx, scheme, source, "object") == "objected"
        named = {one.digest.hex() for one in list_objections(tx, vault, case)}
        assert set(last_decision(tx, vault.sealer, case).documents) == named
    with pytest.raises(Conflict, match="2 wait for an answer"), scheme.database.transaction() as tx:
        decide(tx, scheme, source, "answer")
    with scheme.database.transaction() as tx:
        for one in list_objections(tx, vault, case):
            answer(tx, ledger, case, one.id, "经核实不属实", CENTRE.actor)
        with pytest.raises(Conflict, match="was answered by"):
            answer(tx, ledger, case, first.id, "again", CENTRE.actor)
        assert decide(tx, scheme, source, "answer") == "publicity"
        assert len(last_decision(tx, vault.sealer, case).documents) == 2
        assert by_receipt(tx, vault, first.id, receipt).answer == "经核实不属实"
        late, _ = object_to(tx, ledger, source.id, "one more thing", HERE)
    scheme.clock.now += 30 * 86_400_000
    with pytest.raises(Conflict, match="1 wait for an answer"), scheme.database.transaction() as tx:
        decide(tx, scheme, source, "publish", OFFICERS["exchange"].second)
    with pytest.raises(Conflict, match="not in publicity"), scheme.database.transaction() as tx:
        object_to(tx, ledger, source.id, "too late", HERE)
    with scheme.database.transaction() as tx:
        decide(tx, scheme, source, "object")
        answer(tx, ledger, case, late.id, "经核实", CENTRE.actor)
        decide(tx, scheme, source, "answer")
        assert decide(tx, scheme, source, "publish", OFFICERS["exchange"].second) == "published"


def test_one_address_fills_no_case(scheme, source):
    with scheme.database.transaction() as tx:
        for number in range(MOST_OF_ADDRESS):
            object_to(tx, scheme.ledger, source.id, f"objection {number}", HERE)
        with pytest.raises(TooMany):
            object_to(tx, scheme.ledger, source.id, "one more", HERE)
        object_to(tx, scheme.ledger, source.id, "another's", THERE)
