"""How long the renders of a planned entry take, so that a new window finds the entries that no longer fit.

Revision ID: 0024
Revises: 0023
"""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

COLUMN = """
ALTER TABLE public.production_schedule ADD COLUMN estimate_s DOUBLE PRECISION;
COMMENT ON COLUMN public.production_schedule.estimate_s IS 'Seconds of its renders, as estimated when it was planned or the window was set. Null: unknown.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(COLUMN)


def downgrade() -> None:
    op.execute("alter table public.production_schedule drop column estimate_s")
