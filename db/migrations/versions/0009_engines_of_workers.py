"""Engines of workers: each says all that it can render with, for engines beside Tower's own.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE public.workers ADD COLUMN engines TEXT[] DEFAULT '{}' NOT NULL")
    op.execute("COMMENT ON COLUMN public.workers.engines IS 'all that it can render with'")


def downgrade() -> None:
    op.execute("ALTER TABLE public.workers DROP COLUMN engines")
