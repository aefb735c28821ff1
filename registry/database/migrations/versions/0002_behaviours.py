"""Behaviour scenarios: a third kind of source (R52)."""

from alembic import op

revision = "behaviours"
down_revision = "ground_b46bf3179c72"


def upgrade() -> None:
    """Let a source be one."""
    op.execute("ALTER TABLE sources DROP CONSTRAINT sources_kind_check")
    op.execute("ALTER TABLE sources ADD CONSTRAINT sources_kind CHECK (kind IN ('project', 'scenario', 'behaviour'))")
