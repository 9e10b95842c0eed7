"""A project's quality preset and default style that its user never set are null.

The column defaults passed for the user's wish, so the preset of POST /config never reached a scene. A row that still has
nothing but the defaults was not set by anyone. It keeps its preset if a take of the project was accepted: another preset
would make every such take stale.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NULLABLE = """
ALTER TABLE anime_api.projects
    ALTER COLUMN default_style DROP NOT NULL, ALTER COLUMN default_style DROP DEFAULT,
    ALTER COLUMN quality_preset DROP NOT NULL, ALTER COLUMN quality_preset DROP DEFAULT;
COMMENT ON COLUMN anime_api.projects.quality_preset IS 'null: that of POST /config, or else the default';
UPDATE anime_api.projects SET default_style = NULL, quality_preset = NULL
WHERE default_style = 'anime' AND quality_preset = 'current_workflow'
    AND num_nonnulls(series_name, fps, width, height, workflow, model) = 0
    AND NOT EXISTS (
        SELECT FROM anime_api.scenes
        WHERE scenes.project_id = projects.project_id AND scenes.accepted_fingerprint IS NOT NULL
    );
"""
REQUIRED = """
UPDATE anime_api.projects
SET default_style = coalesce(default_style, 'anime'), quality_preset = coalesce(quality_preset, 'current_workflow');
ALTER TABLE anime_api.projects
    ALTER COLUMN default_style SET DEFAULT 'anime', ALTER COLUMN default_style SET NOT NULL,
    ALTER COLUMN quality_preset SET DEFAULT 'current_workflow', ALTER COLUMN quality_preset SET NOT NULL;
COMMENT ON COLUMN anime_api.projects.quality_preset IS NULL;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(NULLABLE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(REQUIRED)
