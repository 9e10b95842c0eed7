"""An entry of the production schedule has a run in Prefect, and the generations that it started.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE public.production_schedule
    ADD COLUMN flow_run_id UUID,
    ADD COLUMN launches BIGINT DEFAULT '0' NOT NULL,
    ADD COLUMN job_ids BIGINT[] DEFAULT '{}' NOT NULL;
COMMENT ON COLUMN public.production_schedule.flow_run_id IS 'the run in Prefect that starts it';
COMMENT ON COLUMN public.production_schedule.launches IS 'runs that ended without starting it';
COMMENT ON COLUMN public.production_schedule.job_ids IS 'the generations that it started';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(COLUMNS)


def downgrade() -> None:
    op.execute(
        "alter table public.production_schedule drop column flow_run_id, drop column launches, drop column job_ids"
    )
