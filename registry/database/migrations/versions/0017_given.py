"""What a decision that waits for a second officer is to say beside its step: until when, by which documents."""

from alembic import op

revision = "given"
down_revision = "lists"


def upgrade() -> None:
    """Add it; what waits already says nothing more."""
    op.execute("ALTER TABLE motions ADD COLUMN given jsonb NOT NULL DEFAULT '{}'")
