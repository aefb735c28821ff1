"""Corrections: which grams of a lot are wrong, why, what became of them, and whom it meets."""

from typing import Any

from alembic import op

revision = "corrections"
down_revision = "reconciliations"

_SQL = """
CREATE TABLE corrections (
    case_number text PRIMARY KEY REFERENCES cases,
    lot_id bigint NOT NULL REFERENCES lots ON UPDATE CASCADE,
    ranges int8range[] NOT NULL CHECK (cardinality(ranges) > 0),
    reason text NOT NULL,
    explanation text,  -- for whom it meets; NULL once one of them is erased
    caused_by bigint NOT NULL REFERENCES accounts,
    state text NOT NULL CHECK (state IN ('proposed', 'ordered', 'dismissed')),
    changed_ms bigint NOT NULL,
    voided_g bigint CHECK (voided_g >= 0),
    shortfall_g bigint CHECK (shortfall_g >= 0),
    CHECK (num_nulls(voided_g, shortfall_g) = CASE WHEN state = 'proposed' THEN 2 ELSE 0 END)
);
CREATE INDEX corrections_cause ON corrections (caused_by);

-- The grams of all corrections that were ordered, by the numbers of their issue: nothing is corrected twice.
CREATE TABLE corrected (
    first_g bigint NOT NULL,
    last_g bigint NOT NULL CHECK (last_g > first_g),
    case_number text NOT NULL REFERENCES cases,
    CONSTRAINT corrected_once EXCLUDE USING gist (int8range(first_g, last_g) WITH &&)
);

-- Whom a correction meets: to whom its grams were issued, and of whom some were voided.
CREATE TABLE corrected_accounts (
    case_number text NOT NULL REFERENCES corrections,
    account_id bigint NOT NULL REFERENCES accounts,
    issued_g bigint NOT NULL CHECK (issued_g >= 0),
    voided_g bigint NOT NULL CHECK (voided_g >= 0),
    PRIMARY KEY (case_number, account_id)
);
CREATE INDEX corrected_accounts_account ON corrected_accounts (account_id);
"""


def upgrade() -> None:
    """Create them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
