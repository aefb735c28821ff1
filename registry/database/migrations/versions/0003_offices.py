"""Offices: experts with numbers, roles that end by themselves, districts, and roles that two officers give."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "offices"
down_revision = "behaviours"


def upgrade() -> None:
    """Alter and create."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
