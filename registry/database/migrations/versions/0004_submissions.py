"""Submissions: what applicants and authors hand in; mandates to apply; districts of sources."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "submissions"
down_revision = "offices"


def upgrade() -> None:
    """Alter and create."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
