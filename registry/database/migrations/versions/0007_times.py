"""Whether anything was converted from a time on, which who publishes a policy of points asks."""

from alembic import op

revision = "times"
down_revision = "batches"


def upgrade() -> None:
    """Know of each stretch of the table from when to when its rows are."""
    op.execute("CREATE INDEX movements_times ON movements USING brin (at_ms) WITH (autosummarize = on)")
