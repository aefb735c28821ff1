"""Events: what happened to what is an institution's, numbered account by account."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "events"
down_revision = "submissions"


def upgrade() -> None:
    """Create the tables."""
    driver: Any = op.get_bind().connection.driver_connection
    # Given to the driver as it is: SQLAlchemy would read colons and percent signs as parameters.
    driver.execute(Path(__file__).with_suffix(".sql").read_text())
