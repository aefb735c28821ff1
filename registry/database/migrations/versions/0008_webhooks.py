"""Webhooks: where institutions want their events sent."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "webhooks"
down_revision = "times"


def upgrade() -> None:
    """Create the table."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_suffix(".sql").read_text())
