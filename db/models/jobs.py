"""Jobs: their parameters, progress, result, metrics and durations."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import ANIME_API, PUBLIC, Base, IdMixin, TimestampMixin, text_enum
from db.models.versions import SHA256_PATTERN


class JobType(StrEnum):
    STANDARD = "video_generation"
    FAST = "fast_video_generation"
    INTEGRATED = "integrated_generation"
    PROFESSIONAL = "professional_generation"
    PERSONAL = "personal_generation"
    FILM = "episode_assembly"


class JobStatus(StrEnum):
    PROCESSING = "processing"
    SEGMENTS_QUEUED = "segments_queued"
    COMPLETED = "completed"
    FAILED = "failed"
    MERGE_FAILED = "merge_failed"
    CANCELLED = "cancelled"


LIVE_STATUSES = (JobStatus.PROCESSING, JobStatus.SEGMENTS_QUEUED)


class Stage(StrEnum):
    QUEUED = "queued"
    PROMPT = "prompt"
    RENDER = "render"
    QUALITY = "quality"
    AUDIO = "audio"
    ASSEMBLY = "assembly"
    PUBLISH = "publish"


REQUESTED_ENGINE_SQL = "coalesce(parameters ->> 'engine', 'auto')"  # the engine that a job requests


class ProductionJob(IdMixin, TimestampMixin, Base):
    __tablename__ = "production_jobs"
    __table_args__ = (
        CheckConstraint("progress between 0 and 1", name="progress"),
        CheckConstraint("quality_score between 0 and 10", name="quality_score"),
        CheckConstraint("status <> 'completed' or output_path is not null", name="completed_has_output"),
        CheckConstraint("status not in ('failed', 'merge_failed') or error_code is not null", name="failed_has_reason"),
        Index("ix_production_jobs_project_id_id", "project_id", "id"),
        Index("ix_production_jobs_status_id", "status", "id"),
        Index("ix_production_jobs_created_at_id", "created_at", "id"),
        Index(
            "ix_production_jobs_estimates",
            "job_type",
            text(f"({REQUESTED_ENGINE_SQL})"),
            "id",
            postgresql_where=text("status = 'completed' and started_at is not null"),
        ),
        Index("ix_production_jobs_output_asset_id", "output_asset_id"),
        Index(
            "ix_production_jobs_films",
            text("(parameters ->> 'episode_key')"),
            "id",
            postgresql_where=text("job_type = 'episode_assembly'"),
        ),
        CheckConstraint(f"commit_hash ~ '{SHA256_PATTERN}'", name="commit_hash"),
        Index("ix_production_jobs_scene_id_id", "scene_id", "id"),
        Index(
            "ix_production_jobs_open",
            "id",
            postgresql_where=text("status in ('processing', 'segments_queued') or not run_settled"),
        ),
        {
            "schema": ANIME_API,
            "comment": "Generations, from request to published file. This row is authoritative, not Prefect.",
        },
    )

    project_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="SET NULL"))
    job_type: Mapped[JobType] = mapped_column(text_enum(JobType, "job_type"))
    status: Mapped[JobStatus] = mapped_column(text_enum(JobStatus, "status"), default=JobStatus.PROCESSING)
    stage: Mapped[Stage] = mapped_column(text_enum(Stage, "stage"), default=Stage.QUEUED)
    progress: Mapped[float] = mapped_column(default=0.0, comment="Progress, 0–1. It never decreases.")
    step: Mapped[str | None] = mapped_column(
        comment="Description of the current work, such as: frame 12 of 72. Null: none."
    )
    prompt: Mapped[str] = mapped_column(comment="Prompt exactly as the user wrote it.")
    parameters: Mapped[dict[str, Any]] = mapped_column(comment="Validated request with all defaults.")
    steps: Mapped[dict[str, Any]] = mapped_column(
        default=dict,
        server_default=text("'{}'::jsonb"),
        comment="Results of finished steps, by name. A restarted run continues after them.",
    )
    warnings: Mapped[list[Any]] = mapped_column(default=list, server_default=text("'[]'::jsonb"))
    comfyui_job_id: Mapped[uuid.UUID] = mapped_column(unique=True, comment="prompt_id of the job's first segment.")
    seed: Mapped[int] = mapped_column(
        comment="Requested seed, or a random one that was chosen when the job was created."
    )
    engine: Mapped[str | None] = mapped_column(comment="Engine that rendered the job. Null: not rendered yet.")

    attempt: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Fencing token: only the newest attempt may write."
    )
    launches: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Number of flow runs requested so far."
    )
    crashes: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Number of runs lost since the request or the last manual retry."
    )
    unclaimed_launches: Mapped[int] = mapped_column(
        default=0, server_default="0", sort_order=95, comment="Number of consecutive launches that no run claimed."
    )
    launch_after: Mapped[datetime | None] = mapped_column(
        server_default=func.now(), comment="Earliest time of the next launch. Null: no launch is due."
    )
    flow_run_id: Mapped[uuid.UUID | None] = mapped_column(comment="Newest Prefect run. Null: none yet.")
    run_settled: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), comment="Whether the job and all its Prefect runs have ended."
    )
    started_at: Mapped[datetime | None] = mapped_column(
        comment="Time at which a run first claimed the job. Null: not yet."
    )
    heartbeat_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None] = mapped_column(
        comment="Time after which the current attempt counts as lost. Null: no run holds the job."
    )
    ended_at: Mapped[datetime | None]

    output_asset_id: Mapped[int | None] = mapped_column(ForeignKey("public.assets.id", ondelete="SET NULL"))
    output_path: Mapped[str | None]
    quality_score: Mapped[float | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None] = mapped_column(
        comment="Reason for the failure, in one sentence. Null: no failure."
    )

    scene_id: Mapped[int | None] = mapped_column(
        ForeignKey("anime_api.scenes.id", ondelete="SET NULL"),
        sort_order=93,
        comment="Scene that the job renders. Null: none, or a deleted one.",
    )
    commit_hash: Mapped[str | None] = mapped_column(
        sort_order=94, comment="Commit of the scene's branch that the job renders. Null: none."
    )
    waits_for: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger),
        default=list,
        server_default=text("'{}'"),
        sort_order=96,
        comment="Ids of the jobs that must end before this one is launched. Empty: none.",
    )

    metrics: Mapped[QualityMetrics | None] = relationship(back_populates="job", passive_deletes=True)


class QualityMetrics(TimestampMixin, Base):
    __tablename__ = "quality_metrics"
    __table_args__ = (
        CheckConstraint("score between 0 and 10", name="score"),
        Index("ix_quality_metrics_assessment_id", "assessment_id"),
        {"schema": ANIME_API, "comment": "Final quality metrics of a job, one row per job."},
    )

    job_id: Mapped[int] = mapped_column(
        ForeignKey("anime_api.production_jobs.id", ondelete="CASCADE"), primary_key=True
    )
    assessment_id: Mapped[int | None] = mapped_column(ForeignKey("public.quality_assessments.id", ondelete="SET NULL"))
    score: Mapped[float]
    passed: Mapped[bool]
    metrics: Mapped[list[Any]] = mapped_column(
        comment="Metrics, each with name, value, unit, threshold, passed and frames."
    )

    job: Mapped[ProductionJob] = relationship(back_populates="metrics")


class GenerationAnalytics(IdMixin, Base):
    __tablename__ = "generation_analytics"
    __table_args__ = (
        UniqueConstraint("job_id", "attempt", "round", "stage", "segment"),
        CheckConstraint("seconds >= 0", name="seconds"),
        {"schema": ANIME_API, "comment": "Measured duration and size of each stage of each attempt."},
    )

    job_id: Mapped[int] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    stage: Mapped[Stage] = mapped_column(text_enum(Stage, "stage"))
    segment: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Number of the segment, from 1. 0: the whole stage."
    )
    seconds: Mapped[float]
    bytes: Mapped[int | None] = mapped_column(comment="Size of the written file. Bytes. Null: the stage writes none.")
    frames: Mapped[int | None]
    engine: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    round: Mapped[int] = mapped_column(
        default=1, server_default="1", comment="Number of the round in the quality loop, from 1."
    )


class GenerationRequest(IdMixin, Base):
    __tablename__ = "generation_requests"
    __table_args__ = (
        UniqueConstraint("endpoint", "idempotency_key"),
        Index("ix_generation_requests_job_id", "job_id"),
        {"schema": PUBLIC, "comment": "Requests for generations exactly as received, with their answers."},
    )

    endpoint: Mapped[str]
    idempotency_key: Mapped[str | None] = mapped_column(comment="Idempotency-Key header. Null: not sent.")
    body_sha256: Mapped[str]
    body: Mapped[dict[str, Any]]
    request_id: Mapped[str]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="SET NULL"))
    status_code: Mapped[int]
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
