"""Launches that no run claimed are counted apart from crashes.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COLUMN = """
ALTER TABLE anime_api.production_jobs ADD COLUMN unclaimed_launches BIGINT DEFAULT '0' NOT NULL;
COMMENT ON COLUMN anime_api.production_jobs.unclaimed_launches IS 'launches in a row that no run claimed';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(COLUMN)


def downgrade() -> None:
    op.execute("alter table anime_api.production_jobs drop column unclaimed_launches")
