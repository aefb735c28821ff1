"""Calls (征集) for applications: a window, the documents that they ask for, and who verifies."""

from typing import Any

from alembic import op

revision = "calls"
down_revision = "consents"

_SQL = """
CREATE TABLE calls (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title_zh text NOT NULL,
    title_en text NOT NULL,
    kinds text[] NOT NULL,
    opens_ms bigint NOT NULL,
    closes_ms bigint NOT NULL CHECK (closes_ms > opens_ms),
    documents text[] NOT NULL,
    verification text NOT NULL CHECK (verification IN ('self', 'third-party')),
    entered_by text NOT NULL,
    entered_ms bigint NOT NULL,
    ended_ms bigint CHECK (ended_ms >= entered_ms),
    ended_by text,
    CHECK ((ended_ms IS NULL) = (ended_by IS NULL))
);
"""


def upgrade() -> None:
    """Create them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
