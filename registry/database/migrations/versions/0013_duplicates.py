"""Duplicates: acts that several platforms report, and which of them were named beforehand (R51)."""

from typing import Any

from alembic import op

revision = "duplicates"
down_revision = "quarantine"

_SQL = """
-- That a source's contract says another source gets the same acts.
CREATE TABLE sharings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id bigint NOT NULL REFERENCES sources,
    other_id bigint NOT NULL REFERENCES sources CHECK (other_id <> source_id),
    named_ms bigint NOT NULL,
    named_by text NOT NULL,
    ended_ms bigint CHECK (ended_ms >= named_ms)
);
CREATE UNIQUE INDEX sharings_once ON sharings (source_id, other_id) WHERE ended_ms IS NULL;

-- Acts of a batch that were issued to another platform before; counts alone, of nobody.
CREATE TABLE duplicates (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id bigint NOT NULL REFERENCES sources,
    other_id bigint NOT NULL REFERENCES sources,
    batch_id bigint NOT NULL REFERENCES batches,
    activities bigint NOT NULL CHECK (activities > 0),
    is_named boolean NOT NULL,
    at_ms bigint NOT NULL,
    settled_ms bigint CHECK (settled_ms >= at_ms),
    settled_by text,
    note text,
    UNIQUE (batch_id, other_id),
    CHECK (num_nulls(settled_ms, settled_by, note) IN (0, 3)),
    CHECK (settled_ms IS NULL OR NOT is_named)
);
CREATE INDEX duplicates_source ON duplicates (source_id, id);
CREATE INDEX duplicates_open ON duplicates (id) WHERE NOT is_named AND settled_ms IS NULL;
"""


def upgrade() -> None:
    """Create them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
