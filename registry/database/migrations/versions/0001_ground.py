"""The ground: accounts, sources, lots, movements, blocks, evidence, log, checkpoints, anchors.

The SQL stands in a file of its own beside this one, because triggers read better as SQL than as strings. The revision
is named after it: a database that was made by another text is not taken for one of this. So it is never edited; what
changes later is a migration of its own.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

from alembic import op

_SQL = Path(__file__).with_suffix(".sql").read_bytes()
revision = f"ground_{sha256(_SQL).hexdigest()[:12]}"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    driver: Any = op.get_bind().connection.driver_connection
    # Given to the driver as it is: SQLAlchemy would read the percent signs of RAISE as parameters.
    driver.execute(_SQL.decode())
