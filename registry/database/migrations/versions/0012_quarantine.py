"""Quarantine: what a rule against abuse caught waits, is appealed against, released, refused, or lapses (R50)."""

from typing import Any

from alembic import op

revision = "quarantine"
down_revision = "corrections"

_SQL = """
-- An activity that a rule caught. What is personal goes with its account; that it was caught stays: nobody gets around
-- a rule by reporting the same again.
CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id bigint NOT NULL REFERENCES sources,
    batch_id bigint NOT NULL REFERENCES batches,
    reference bytea NOT NULL CHECK (length(reference) = 32),  -- a keyed digest, as in activities
    row bigint NOT NULL,
    reason text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'releasing', 'released', 'refused', 'lapsed')),
    account_id bigint REFERENCES accounts,
    starts_ms bigint,
    ends_ms bigint,
    quantity_g bigint CHECK (quantity_g > 0),
    sealed bytea,  -- its reference, its things, and why, in the words of then
    caught_ms bigint NOT NULL,
    appeal_until_ms bigint NOT NULL,
    lapses_ms bigint NOT NULL CHECK (lapses_ms >= caught_ms),
    appeal bytea,
    appealed_ms bigint,
    release_id bigint REFERENCES batches,
    decided_ms bigint,
    decided_by text,
    outcome text,  -- a word: why it was refused
    words bytea,  -- of who refused it
    UNIQUE (source_id, reference),
    CHECK (num_nulls(account_id, starts_ms, ends_ms, quantity_g, sealed) IN (0, 5)),
    CHECK ((state IN ('released', 'refused', 'lapsed')) <= (decided_ms IS NOT NULL)),
    CHECK (state NOT IN ('releasing', 'released') OR release_id IS NOT NULL)
);
CREATE INDEX quarantine_account ON quarantine (account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX quarantine_batch ON quarantine (batch_id, id);
CREATE INDEX quarantine_release ON quarantine (release_id) WHERE release_id IS NOT NULL;
CREATE INDEX quarantine_waiting ON quarantine (lapses_ms) WHERE state = 'waiting';
CREATE INDEX quarantine_appealed ON quarantine (id) WHERE state = 'waiting' AND appealed_ms IS NOT NULL;

-- A batch that is made of what was released from quarantine, and of no file.
ALTER TABLE batches ADD COLUMN is_release boolean NOT NULL DEFAULT false;
ALTER TABLE batches DROP CONSTRAINT batches_bytes_check, ADD CHECK (bytes >= 0 AND (bytes = 0) = is_release);
"""


def upgrade() -> None:
    """Create it."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
