"""A key of each project's published series.

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE anime_api.anime_projects ADD COLUMN series_key UUID DEFAULT gen_random_uuid() NOT NULL;
ALTER TABLE anime_api.anime_projects ADD CONSTRAINT uq_anime_projects_series_key UNIQUE (series_key);
COMMENT ON COLUMN anime_api.anime_projects.series_key IS 'Identifies the published series under every name, also beside those of other installations.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.execute("alter table anime_api.anime_projects drop column series_key")
