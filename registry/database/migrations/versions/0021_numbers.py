"""Numbers of grams are held apart by one look for all rows of a statement, instead of two GiST indexes row by row."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "numbers"
down_revision = "points"


def upgrade() -> None:
    """Give up the exclusion constraints, and hold what they held."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
