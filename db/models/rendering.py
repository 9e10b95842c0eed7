"""Rendering: the queue of segments, the resulting files and their quality assessments."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, IdMixin, TimestampMixin, text_enum


class SegmentState(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class AssetKind(StrEnum):
    VIDEO = "video"
    IMAGE = "image"
    AUDIO = "audio"
    DOCUMENT = "document"


class QualityStage(StrEnum):
    TECHNICAL = "technical"
    VISUAL = "visual"


class RenderSegment(IdMixin, TimestampMixin, Base):
    __tablename__ = "render_queue"
    __table_args__ = (
        UniqueConstraint("job_id", "segment", "attempt"),
        CheckConstraint("segment >= 1 and attempt >= 1", name="numbers"),
        CheckConstraint("progress between 0 and 1", name="progress"),
        CheckConstraint("state <> 'completed' or asset_id is not null", name="completed_has_take"),
        Index(
            "uq_render_queue_one_take",
            "job_id",
            "segment",
            "round",
            unique=True,
            postgresql_where=text("state = 'completed'"),
        ),
        Index("ix_render_queue_state_priority_id", "state", "priority", "id"),
        Index("ix_render_queue_fingerprint", "fingerprint", postgresql_where=text("state = 'completed'")),
        Index("ix_render_queue_asset_id", "asset_id"),
        {"schema": PUBLIC, "comment": "Segments of jobs, one row per attempt. At most one row per round is completed."},
    )

    job_id: Mapped[int] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="CASCADE"))
    segment: Mapped[int] = mapped_column(comment="Number of the segment within the job, from 1.")
    attempt: Mapped[int] = mapped_column(
        comment="Number of the attempt at the segment, from 1. Reports of older attempts are refused."
    )
    state: Mapped[SegmentState] = mapped_column(text_enum(SegmentState, "state"), default=SegmentState.QUEUED)
    priority: Mapped[int] = mapped_column(
        default=5, server_default="5", comment="Rows with smaller numbers are rendered first."
    )
    prompt_id: Mapped[uuid.UUID] = mapped_column(
        index=True,
        comment="Id of the render on the engine's server. After a crash the next run finds its work by it.",
    )
    flow_run_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="Prefect run that renders the segment. Null: not claimed."
    )
    worker: Mapped[str | None] = mapped_column(comment="Worker that renders the segment. Null: not claimed.")
    process: Mapped[str | None] = mapped_column(comment="Process of the run as machine:pid. Null: not claimed.")
    engine: Mapped[str] = mapped_column(comment="Engine that was chosen when the row was created.")
    engine_version: Mapped[str | None] = mapped_column(
        comment="Version of the engine on the worker that rendered the segment. Null: not rendered."
    )
    shot: Mapped[dict[str, Any]] = mapped_column(comment="All inputs of the picture, such as prompt, size and seed.")
    fingerprint: Mapped[str] = mapped_column(comment="SHA-256 of the shot, the engine and its version.")
    progress: Mapped[float] = mapped_column(default=0.0, server_default="0")
    step: Mapped[str | None]
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("public.assets.id", ondelete="RESTRICT"))
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    round: Mapped[int] = mapped_column(
        default=1, server_default="1", sort_order=92, comment="Number of the round in the quality loop, from 1."
    )


class Asset(IdMixin, Base):
    __tablename__ = "assets"
    __table_args__ = (
        CheckConstraint("bytes > 0", name="bytes"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        Index("ix_assets_sha256", "sha256"),
        Index("ix_assets_project_id_id", "project_id", "id"),
        Index("ix_assets_job_id", "job_id"),
        {"schema": PUBLIC, "comment": "Files that Tower rendered or imported."},
    )

    kind: Mapped[AssetKind] = mapped_column(text_enum(AssetKind, "kind"))
    path: Mapped[str] = mapped_column(comment="Absolute path. Files under renders/ are named by their content.")
    sha256: Mapped[str]
    bytes: Mapped[int]
    probe: Mapped[dict[str, Any]] = mapped_column(comment="Properties read from the file: codec, size, frames, …")
    provenance: Mapped[dict[str, Any]] = mapped_column(comment="Origin of the file: shot, engine, fingerprint.")
    project_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="SET NULL"))
    job_id: Mapped[int | None] = mapped_column(
        ForeignKey("anime_api.production_jobs.id", ondelete="SET NULL", use_alter=True)
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class QualityAssessment(IdMixin, Base):
    __tablename__ = "quality_assessments"
    __table_args__ = (
        UniqueConstraint("job_id", "attempt", "round", "stage", "segment"),
        CheckConstraint("score between 0 and 10", name="score"),
        CheckConstraint("passed or reason is not null", name="rejection_has_reason"),
        Index("ix_quality_assessments_asset_id", "asset_id"),
        {"schema": PUBLIC, "comment": "Quality verdicts on each attempt, one row per stage."},
    )

    job_id: Mapped[int] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="CASCADE"))
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("public.assets.id", ondelete="SET NULL"))
    attempt: Mapped[int]
    segment: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Number of the segment, from 1. 0: the whole clip."
    )
    stage: Mapped[QualityStage] = mapped_column(text_enum(QualityStage, "stage"))
    score: Mapped[float]
    passed: Mapped[bool]
    metrics: Mapped[list[Any]] = mapped_column(
        comment="Metrics, each with name, value, unit, threshold, passed and frames."
    )
    reason: Mapped[str | None] = mapped_column(
        comment="Metric, value, threshold and frames of the first fault. Null: no fault."
    )
    seconds: Mapped[float] = mapped_column(comment="Duration of the assessment. Seconds.")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    round: Mapped[int] = mapped_column(
        default=1, server_default="1", comment="Number of the round in the quality loop, from 1."
    )
