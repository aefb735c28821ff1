"""Movements written straight into the database, past the code: what an attacker, or a faulty program, would try."""

import secrets

import sqlalchemy as sa

from registry.database.schema import acts, evidence, movements
from registry.ledger.movement import NO_TAG


def write_movement(tx: sa.Connection, **values) -> int:
    """Write a movement with these columns; those not given are as a record has them. Returns its number."""
    digest = secrets.token_bytes(32)
    tx.execute(sa.insert(evidence).values(digest=digest, personal=[], fields={}))
    act = tx.execute(
        sa.insert(acts).values(kind="by hand", account_id=None, at_ms=0, quantity_g=0).returning(acts.c.id)
    ).scalar_one()
    empty = {
        "act_id": act, "giver_id": None, "account_id": None, "kind": 64, "form": 0, "flags": 0, "purpose": 0,
        "first_g": 0, "last_g": 0, "parent_id": None, "at_ms": 0, "until_ms": 0, "from_tag": NO_TAG,
        "to_tag": NO_TAG, "evidence": digest,
    }  # fmt: skip
    return tx.execute(sa.insert(movements).values(**(empty | values)).returning(movements.c.id)).scalar_one()


def columns_of(tx: sa.Connection, number: int) -> dict:
    """Read a movement's columns, those that a copy may have too."""
    row = tx.execute(sa.select(movements).where(movements.c.id == number)).one()._asdict()
    return {name: value for name, value in row.items() if name not in {"id", "act_id", "evidence"}}
