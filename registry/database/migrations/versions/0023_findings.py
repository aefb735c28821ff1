"""Findings are records of the log: each has its case, and a salt under which the log has digests of its words.

One that was in force before is of no record: it waits for another officer again, who puts it on record.
"""

from typing import Any

from alembic import op

revision = "findings"
down_revision = "mall"

_SQL = """
ALTER TABLE integrity
    ADD COLUMN case_number text UNIQUE REFERENCES cases,  -- of its decisions; none until it is approved
    ADD COLUMN salt bytea,  -- sealed under the master key
    ALTER COLUMN reasons DROP NOT NULL,  -- the log does not bring them back
    DROP CONSTRAINT integrity_check6,
    ADD CONSTRAINT integrity_answered CHECK (num_nulls(answered_by, answered_ms) IN (0, 2)),
    ADD CONSTRAINT integrity_words CHECK (answer IS NULL OR answered_ms IS NOT NULL AND appeal IS NOT NULL);
UPDATE integrity SET state = 'opened', approved_by = NULL, approved_ms = NULL, appeal = NULL, appealed_ms = NULL,
    answered_by = NULL, answer = NULL, answered_ms = NULL
WHERE state = 'in-force';
"""


def upgrade() -> None:
    """Add them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
