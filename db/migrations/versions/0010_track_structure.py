"""The structure of a track beside its beats: key, sections, energy, drops.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE public.beat_analyses
    ADD COLUMN structure JSONB, ADD COLUMN structure_version BIGINT, ADD COLUMN structure_seconds FLOAT;
COMMENT ON COLUMN public.beat_analyses.structure IS 'key, sections, energy and drops; null: not asked for yet';
COMMENT ON COLUMN public.beat_analyses.structure_version IS 'of the method that found the structure';
COMMENT ON COLUMN public.beat_analyses.structure_seconds IS 'that finding the structure took';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(COLUMNS)


def downgrade() -> None:
    op.execute(
        "alter table public.beat_analyses drop column structure, drop column structure_version,"
        " drop column structure_seconds"
    )
