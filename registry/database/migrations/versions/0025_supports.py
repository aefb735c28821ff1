"""Policies and finance that fit sources, and what a source's owner lets a financier see."""

from typing import Any

from alembic import op

revision = "supports"
down_revision = "standing"

_SQL = """
CREATE TABLE supports (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what text NOT NULL CHECK (what IN ('policy', 'finance')),
    account_id bigint REFERENCES accounts,  -- who offers finance; NULL: the bureau, a policy
    entered_by text,  -- the bureau's officer
    by_name text,  -- PUBLIC: the name of who offers finance
    title_zh text NOT NULL,
    title_en text NOT NULL,
    text_zh text NOT NULL,
    text_en text NOT NULL,
    kinds text[],  -- a source fits that is of one of these; NULL: of any
    districts text[],
    methodologies text[],
    least_g bigint CHECK (least_g >= 0),  -- grams issued under it
    most_g bigint CHECK (most_g >= least_g),
    until_ms bigint CHECK (until_ms > entered_ms),
    entered_ms bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('entered', 'standing', 'refused', 'ended')),
    decided_by text,
    decided_ms bigint CHECK (decided_ms >= entered_ms),
    CHECK (num_nonnulls(account_id, entered_by) = 1 AND (account_id IS NULL) = (what = 'policy')),
    CHECK ((by_name IS NULL) = (what = 'policy'))
);
CREATE INDEX supports_state ON supports (state, id);
CREATE INDEX supports_account ON supports (account_id);

CREATE TABLE disclosures (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id bigint NOT NULL REFERENCES sources ON UPDATE CASCADE,
    account_id bigint NOT NULL REFERENCES accounts,
    financier_id bigint NOT NULL REFERENCES accounts,
    given_ms bigint NOT NULL,
    ended_ms bigint CHECK (ended_ms >= given_ms)
);
CREATE UNIQUE INDEX disclosures_one ON disclosures (source_id, financier_id) WHERE ended_ms IS NULL;
CREATE INDEX disclosures_account ON disclosures (account_id);
CREATE INDEX disclosures_financier ON disclosures (financier_id);

CREATE TABLE disclosure_reads (
    disclosure_id bigint NOT NULL REFERENCES disclosures ON DELETE CASCADE,
    at_ms bigint NOT NULL
);
CREATE INDEX disclosure_reads_of ON disclosure_reads (disclosure_id, at_ms);
"""


def upgrade() -> None:
    """Create them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
