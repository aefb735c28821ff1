"""The ground: accounts, sources, lots, movements, blocks, evidence, log, checkpoints, anchors.

The SQL stands in a file of its own beside this one, because triggers read better as SQL than as strings.
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    driver: Any = op.get_bind().connection.driver_connection
    # Given to the driver as it is: SQLAlchemy would read the percent signs of RAISE as parameters.
    driver.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
