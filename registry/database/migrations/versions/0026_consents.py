"""What a consent names beside its own source: sources of other platforms that get the same acts."""

from typing import Any

from alembic import op

revision = "consents"
down_revision = "supports"


def upgrade() -> None:
    """Add it; of a consent that was given before nothing is known, and it names none."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute("ALTER TABLE consents ADD COLUMN others bigint[] NOT NULL DEFAULT '{}'")
