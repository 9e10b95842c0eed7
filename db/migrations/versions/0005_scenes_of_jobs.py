"""Jobs know their scene.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ROUNDS = """
ALTER TABLE public.render_queue ADD COLUMN round BIGINT DEFAULT '1' NOT NULL;
COMMENT ON COLUMN public.render_queue.round IS '1, 2, … of the quality loop';
COMMENT ON TABLE public.render_queue IS 'Each segment of each job, a row an attempt; at most one a round is completed.';
DROP INDEX public.uq_render_queue_one_take;
CREATE UNIQUE INDEX uq_render_queue_one_take ON public.render_queue (job_id, segment, round) WHERE state = 'completed';
ALTER TABLE public.quality_assessments ADD COLUMN round BIGINT DEFAULT '1' NOT NULL,
    DROP CONSTRAINT uq_quality_assessments_job_id_attempt_stage_segment,
    ADD CONSTRAINT uq_quality_assessments_job_id_attempt_round_stage_segment UNIQUE (job_id, attempt, round, stage, segment);
COMMENT ON COLUMN public.quality_assessments.round IS '1, 2, … of the quality loop';
ALTER TABLE anime_api.generation_analytics ADD COLUMN round BIGINT DEFAULT '1' NOT NULL,
    DROP CONSTRAINT uq_generation_analytics_job_id_attempt_stage_segment,
    ADD CONSTRAINT uq_generation_analytics_job_id_attempt_round_stage_segment UNIQUE (job_id, attempt, round, stage, segment);
COMMENT ON COLUMN anime_api.generation_analytics.round IS '1, 2, … of the quality loop';
"""
WITHOUT_ROUNDS = """
DELETE FROM anime_api.generation_analytics WHERE round > 1;
ALTER TABLE anime_api.generation_analytics DROP CONSTRAINT uq_generation_analytics_job_id_attempt_round_stage_segment,
    ADD CONSTRAINT uq_generation_analytics_job_id_attempt_stage_segment UNIQUE (job_id, attempt, stage, segment),
    DROP COLUMN round;
DELETE FROM public.quality_assessments WHERE round > 1;
ALTER TABLE public.quality_assessments DROP CONSTRAINT uq_quality_assessments_job_id_attempt_round_stage_segment,
    ADD CONSTRAINT uq_quality_assessments_job_id_attempt_stage_segment UNIQUE (job_id, attempt, stage, segment),
    DROP COLUMN round;
DELETE FROM public.render_queue WHERE round > 1;
DROP INDEX public.uq_render_queue_one_take;
CREATE UNIQUE INDEX uq_render_queue_one_take ON public.render_queue (job_id, segment) WHERE state = 'completed';
ALTER TABLE public.render_queue DROP COLUMN round;
COMMENT ON TABLE public.render_queue IS 'Each segment of each job, a row an attempt. At most one attempt is completed.';
"""


SCENES = """
ALTER TABLE anime_api.production_jobs ADD COLUMN scene_id BIGINT, ADD COLUMN commit_hash TEXT,
    ADD CONSTRAINT fk_production_jobs_scene_id_scenes FOREIGN KEY(scene_id)
        REFERENCES anime_api.scenes (id) ON DELETE SET NULL,
    ADD CONSTRAINT ck_production_jobs_commit_hash CHECK (commit_hash ~ '^[0-9a-f]{64}$');
CREATE INDEX ix_production_jobs_scene_id_id ON anime_api.production_jobs (scene_id, id);
COMMENT ON COLUMN anime_api.production_jobs.scene_id IS 'the scene that it renders; null: none, or it is gone';
COMMENT ON COLUMN anime_api.production_jobs.commit_hash IS 'the state of the scene''s branch that it renders';
ALTER TABLE anime_api.scenes ADD COLUMN accepted_inputs JSONB;
COMMENT ON COLUMN anime_api.scenes.accepted_inputs IS
    'what the accepted take was made from: {wish, parts}, whose parts the fingerprint is over';
CREATE INDEX ix_scenes_accepted ON anime_api.scenes (branch_id) WHERE accepted_fingerprint is not null;
"""
WITHOUT_SCENES = """
DROP INDEX anime_api.ix_scenes_accepted;
ALTER TABLE anime_api.scenes DROP COLUMN accepted_inputs;
DROP INDEX anime_api.ix_production_jobs_scene_id_id;
ALTER TABLE anime_api.production_jobs DROP COLUMN scene_id, DROP COLUMN commit_hash;
"""


# pg_trgm is trusted since PostgreSQL 13: the owner of the database may create it. It stays after a downgrade.
INDEXES = """
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE INDEX ix_production_jobs_created_at_id ON anime_api.production_jobs (created_at, id);
CREATE INDEX ix_production_jobs_estimates ON anime_api.production_jobs
    (job_type, (coalesce(parameters ->> 'engine', 'auto')), id)
    WHERE status = 'completed' and started_at is not null;
CREATE INDEX ix_scenes_words ON anime_api.scenes USING gin ((coalesce(title, '') || chr(10) || description || chr(10)
    || coalesce(location, '') || chr(10) || coalesce(mood, '') || chr(10) || jsonb_path_query_array(dialogue,
        '$[*].keyvalue() ? (@.key == "line" || @.key == "character").value')::text) public.gin_trgm_ops);
"""
WITHOUT_INDEXES = """
DROP INDEX anime_api.ix_scenes_words;
DROP INDEX anime_api.ix_production_jobs_estimates;
DROP INDEX anime_api.ix_production_jobs_created_at_id;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCENES)
    op.get_bind().exec_driver_sql(ROUNDS)
    op.get_bind().exec_driver_sql(INDEXES)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(WITHOUT_INDEXES)
    op.get_bind().exec_driver_sql(WITHOUT_ROUNDS)
    op.get_bind().exec_driver_sql(WITHOUT_SCENES)
