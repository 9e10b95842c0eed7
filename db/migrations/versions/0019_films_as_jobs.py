"""The making of an episode's film is a job, which waits for the jobs that render its scenes.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SHOTS = (
    "'video_generation', 'fast_video_generation', 'integrated_generation', 'professional_generation', "
    "'personal_generation'"
)
FILM, ASSEMBLY = "'episode_assembly'", "'assembly'"
STAGES = "'queued', 'prompt', 'render', 'quality', 'audio', 'publish'"
STAGES_WITH_ASSEMBLY = STAGES.replace("'publish'", f"{ASSEMBLY}, 'publish'")
COLUMNS = """
ALTER TABLE anime_api.production_jobs ADD COLUMN waits_for BIGINT[] DEFAULT '{}' NOT NULL;
COMMENT ON COLUMN anime_api.production_jobs.waits_for IS 'Ids of the jobs that must end before this one is launched. Empty: none.';
CREATE INDEX ix_production_jobs_films ON anime_api.production_jobs ((parameters ->> 'episode_key'), id) WHERE job_type = 'episode_assembly';
"""


def upgrade() -> None:
    _check(job_types=f"{SHOTS}, {FILM}", stages=STAGES_WITH_ASSEMBLY)
    op.get_bind().exec_driver_sql(COLUMNS)


def downgrade() -> None:
    op.execute("drop index anime_api.ix_production_jobs_films")
    op.execute("alter table anime_api.production_jobs drop column waits_for")
    op.execute(f"delete from anime_api.production_jobs where job_type = {FILM}")
    op.execute(f"delete from anime_api.generation_analytics where stage = {ASSEMBLY}")
    _check(job_types=SHOTS, stages=STAGES)


def _check(*, job_types: str, stages: str) -> None:
    for table, column, values in (
        ("anime_api.production_jobs", "job_type", job_types),
        ("public.production_schedule", "job_type", job_types),
        ("anime_api.production_jobs", "stage", stages),
        ("anime_api.generation_analytics", "stage", stages),
    ):
        name = f"ck_{table.split('.')[1]}_{column}"
        op.execute(f"alter table {table} drop constraint {name}, add constraint {name} check ({column} in ({values}))")
