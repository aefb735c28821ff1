"""Objections to what is in publicity, by anybody, and their answers."""

from typing import Any

from alembic import op

revision = "objections"
down_revision = "recognition"

_SQL = """
CREATE TABLE objections (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_number text NOT NULL REFERENCES cases,
    made_ms bigint NOT NULL,
    origin bytea NOT NULL CHECK (length(origin) = 32),  -- of the address that it came from, keyed: how many came
    same bytea NOT NULL UNIQUE CHECK (length(same) = 32),  -- of case, address and words, keyed: sent twice is one
    digest bytea NOT NULL CHECK (length(digest) = 32),  -- of the document, as a decision names it
    document bytea NOT NULL,  -- what it says with its salts, AES-256-GCM under the master key
    named boolean NOT NULL DEFAULT false,  -- by a decision of the case
    answered_ms bigint CHECK (answered_ms >= made_ms),
    answered_by text,
    answer bytea,
    answer_digest bytea CHECK (length(answer_digest) = 32),
    answer_named boolean NOT NULL DEFAULT false,
    CHECK (num_nulls(answered_ms, answered_by, answer, answer_digest) IN (0, 4)),
    CHECK (NOT answer_named OR answer IS NOT NULL)
);
CREATE INDEX objections_case ON objections (case_number);
CREATE INDEX objections_made ON objections (made_ms);
"""


def upgrade() -> None:
    """Create it."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
