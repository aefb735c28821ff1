"""Opinions on cases, and the integrity record of experts, service bodies, applicants and platforms."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "opinions"
down_revision = "webhooks"


def upgrade() -> None:
    """Create."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
