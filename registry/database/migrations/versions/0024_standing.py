"""How each case stands beside its number, and what a source declares: a rural mark, who shares its benefits."""

from typing import Any

from alembic import op

revision = "standing"
down_revision = "findings"

_SQL = """
-- A case's last decision and where it led: kept by who records it, so that what waits is found by an index.
CREATE TABLE case_standing (
    case_number text PRIMARY KEY REFERENCES cases,
    last_id bigint NOT NULL,
    state text NOT NULL
);
INSERT INTO case_standing SELECT DISTINCT ON (d.case_number) d.case_number, d.movement_id,
    CAST(e.public AS jsonb) #>> '{to,1}' FROM decisions d
    JOIN movements m ON m.id = d.movement_id JOIN evidence e ON e.digest = m.evidence
    ORDER BY d.case_number, d.movement_id DESC;
CREATE INDEX case_standing_waits ON case_standing (left(case_number, 1), state, last_id);

ALTER TABLE sources
    ADD COLUMN rural text CHECK (rural IN ('declared', 'reviewed')),
    ADD COLUMN shares text[];  -- who has how many ten-thousandths of the benefits, as each decision's document says it
CREATE INDEX lots_source ON lots (source_id);
"""


def upgrade() -> None:
    """Add them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
