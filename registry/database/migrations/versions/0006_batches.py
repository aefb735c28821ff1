"""Batches: files that platforms report, in parts, on their way to a lot."""

from typing import Any

from alembic import op

revision = "batches"
down_revision = "events"

_SQL = """
-- A platform's batch. Its bytes and what was judged of them are files of the data folder, until it is settled.
CREATE TABLE batches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id bigint NOT NULL REFERENCES sources,
    profile text NOT NULL,
    bytes bigint NOT NULL CHECK (bytes > 0),
    sha256 bytea CHECK (length(sha256) = 32),  -- NULL once it is settled: whoever guessed the file could try it
    digest bytea NOT NULL CHECK (length(digest) = 32),  -- a keyed digest of it: a file is known again
    period_from_ms bigint NOT NULL,
    period_until_ms bigint NOT NULL CHECK (period_until_ms > period_from_ms),
    begun_ms bigint NOT NULL,
    state text NOT NULL CHECK (state IN
        ('uploading', 'uploaded', 'judged', 'proposed', 'issued', 'refused', 'withdrawn')),
    version bigint NOT NULL DEFAULT 1,  -- one more with each change
    changed_ms bigint NOT NULL,
    work text CHECK (work IN ('judge', 'propose', 'issue')),  -- what is to be done with it beside everything else
    turn bigint GENERATED ALWAYS AS IDENTITY,  -- of those with work the lowest is the next
    tries bigint NOT NULL DEFAULT 0,
    progress jsonb,
    proposer text,
    approver text,
    case_number text REFERENCES cases,
    summary jsonb,  -- how many rows stand or not, and why; of nobody
    problem jsonb,
    lot_id bigint REFERENCES lots,
    CHECK ((sha256 IS NULL) = (state IN ('issued', 'refused', 'withdrawn'))),
    CHECK (work IS NULL OR state IN ('uploaded', 'judged', 'proposed')),
    CHECK ((state = 'issued') = (lot_id IS NOT NULL))
);
CREATE INDEX batches_source ON batches (source_id, id);
CREATE INDEX batches_digest ON batches (digest);
CREATE INDEX batches_work ON batches (turn) WHERE work IS NOT NULL;
CREATE INDEX batches_open ON batches (changed_ms) WHERE sha256 IS NOT NULL;
CREATE UNIQUE INDEX batches_case ON batches (case_number);

CREATE TABLE batch_parts (
    batch_id bigint NOT NULL REFERENCES batches,
    first_byte bigint NOT NULL CHECK (first_byte >= 0),
    bytes bigint NOT NULL CHECK (bytes > 0),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    PRIMARY KEY (batch_id, first_byte)
);
"""


def upgrade() -> None:
    """Create them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
