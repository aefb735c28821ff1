"""Reconciliations: what a platform counts of a day, beside what the registry does (R53)."""

from typing import Any

from alembic import op

revision = "reconciliations"
down_revision = "opinions"

_SQL = """
-- Counts alone, of a source's day in Shanghai: nothing in it is about anybody.
CREATE TABLE reconciliations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id bigint NOT NULL REFERENCES sources,
    day text NOT NULL CHECK (day ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'),
    platform jsonb NOT NULL,  -- name -> number, as the platform says
    registry jsonb NOT NULL,  -- the same, as it was counted here then
    agrees boolean NOT NULL,
    at_ms bigint NOT NULL,
    settled_ms bigint CHECK (settled_ms >= at_ms),
    settled_by text,
    note text,
    CHECK (num_nulls(settled_ms, settled_by, note) IN (0, 3)),
    CHECK (settled_ms IS NULL OR NOT agrees)
);
CREATE INDEX reconciliations_source ON reconciliations (source_id, day, id);
CREATE INDEX reconciliations_open ON reconciliations (id) WHERE NOT agrees AND settled_ms IS NULL;
"""


def upgrade() -> None:
    """Create them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
