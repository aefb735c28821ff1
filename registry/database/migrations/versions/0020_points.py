"""Standing orders to convert, and notices of points that expire."""

from typing import Any

from alembic import op

revision = "points"
down_revision = "objections"

_SQL = """
CREATE TABLE standing_orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts,
    given_ms bigint NOT NULL,
    ended_ms bigint CHECK (ended_ms >= given_ms)
);
CREATE UNIQUE INDEX standing_orders_one ON standing_orders (account_id) WHERE ended_ms IS NULL;
CREATE INDEX standing_orders_account ON standing_orders (account_id);

CREATE TABLE expiry_notices (
    account_id bigint NOT NULL REFERENCES accounts,
    until_ms bigint NOT NULL,  -- the end of the points
    days bigint NOT NULL CHECK (days >= 1),  -- before that end, at most
    quantity_g bigint NOT NULL CHECK (quantity_g >= 1),  -- when it was given
    at_ms bigint NOT NULL CHECK (at_ms <= until_ms),
    PRIMARY KEY (account_id, until_ms, days)
);
CREATE INDEX expiry_notices_until ON expiry_notices (until_ms);
"""


def upgrade() -> None:
    """Create them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
