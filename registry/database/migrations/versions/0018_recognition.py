"""Acts of behaviours that are recognised without grams (R52)."""

from typing import Any

from alembic import op

revision = "recognition"
down_revision = "given"

_SQL = """
-- What somebody did that a behaviour scenario recognises and issues nothing for. A row stays when its account is
-- erased: the same act is recognised once.
CREATE TABLE recognised (
    source_id bigint NOT NULL REFERENCES sources,
    reference bytea NOT NULL CHECK (length(reference) = 32),  -- a keyed digest, as of an activity
    batch_id bigint NOT NULL REFERENCES batches,
    account_id bigint REFERENCES accounts,  -- this and what follows: NULL once the account is erased
    starts_ms bigint,
    ends_ms bigint CHECK (ends_ms >= starts_ms),
    quantity_g bigint CHECK (quantity_g > 0),  -- what it saved, where the behaviour is quantified; never issued
    PRIMARY KEY (source_id, reference),
    CHECK (num_nulls(account_id, starts_ms, ends_ms) IN (0, 3) AND (account_id IS NOT NULL OR quantity_g IS NULL))
);
CREATE INDEX recognised_account ON recognised (account_id, source_id);
CREATE INDEX recognised_batch ON recognised (batch_id);

ALTER TABLE batches DROP CONSTRAINT batches_state_check, DROP CONSTRAINT batches_check1;
ALTER TABLE batches
    ADD CONSTRAINT batches_state_check CHECK (state IN
        ('uploading', 'uploaded', 'judged', 'proposed', 'issued', 'recognised', 'refused', 'withdrawn')),
    ADD CONSTRAINT batches_file_check
        CHECK ((sha256 IS NULL) = (state IN ('issued', 'recognised', 'refused', 'withdrawn')));
CREATE INDEX batches_recognised ON batches (source_id) WHERE state = 'recognised';
"""


def upgrade() -> None:
    """Create them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
