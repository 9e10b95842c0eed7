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
        {"schema": PUBLIC, "comment": "Each segment of each job, a row an attempt; at most one a round is completed."},
    )

    job_id: Mapped[int] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="CASCADE"))
    segment: Mapped[int] = mapped_column(comment="1, 2, … within the job")
    attempt: Mapped[int] = mapped_column(comment="1, 2, … within the segment; an older one is refused when it reports")
    state: Mapped[SegmentState] = mapped_column(text_enum(SegmentState, "state"), default=SegmentState.QUEUED)
    priority: Mapped[int] = mapped_column(default=5, server_default="5", comment="smaller is sooner")
    prompt_id: Mapped[uuid.UUID] = mapped_column(
        index=True,
        comment="names this render on the engine's server; kept after a crash, so that the next run finds its work",
    )
    flow_run_id: Mapped[uuid.UUID | None] = mapped_column(comment="the Prefect run that renders it")
    worker: Mapped[str | None] = mapped_column(comment="the worker that renders it")
    process: Mapped[str | None] = mapped_column(comment="machine:pid of the run")
    engine: Mapped[str] = mapped_column(comment="chosen when the segment was opened")
    engine_version: Mapped[str | None] = mapped_column(comment="that of the worker which rendered it")
    shot: Mapped[dict[str, Any]] = mapped_column(comment="all that the picture depends on")
    fingerprint: Mapped[str] = mapped_column(comment="sha256 over shot, engine and version")
    progress: Mapped[float] = mapped_column(default=0.0, server_default="0")
    step: Mapped[str | None]
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("public.assets.id", ondelete="RESTRICT"))
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    round: Mapped[int] = mapped_column(
        default=1, server_default="1", sort_order=92, comment="1, 2, … of the quality loop"
    )


class Asset(IdMixin, Base):
    __tablename__ = "assets"
    __table_args__ = (
        CheckConstraint("bytes > 0", name="bytes"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        Index("ix_assets_sha256", "sha256"),
        Index("ix_assets_project_id_id", "project_id", "id"),
        Index("ix_assets_job_id", "job_id"),
        {"schema": PUBLIC, "comment": "Every file that Tower made or took in."},
    )

    kind: Mapped[AssetKind] = mapped_column(text_enum(AssetKind, "kind"))
    path: Mapped[str] = mapped_column(comment="absolute; under renders/ named by its content")
    sha256: Mapped[str]
    bytes: Mapped[int]
    probe: Mapped[dict[str, Any]] = mapped_column(comment="what was read from the file: codec, size, frames, …")
    provenance: Mapped[dict[str, Any]] = mapped_column(comment="what it was made from: shot, engine, fingerprint")
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
        {"schema": PUBLIC, "comment": "The verdict on each attempt, stage by stage."},
    )

    job_id: Mapped[int] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="CASCADE"))
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("public.assets.id", ondelete="SET NULL"))
    attempt: Mapped[int]
    segment: Mapped[int] = mapped_column(default=0, server_default="0", comment="0: the whole clip")
    stage: Mapped[QualityStage] = mapped_column(text_enum(QualityStage, "stage"))
    score: Mapped[float]
    passed: Mapped[bool]
    metrics: Mapped[list[Any]] = mapped_column(comment="name, value, unit, threshold, passed, frames of each")
    reason: Mapped[str | None] = mapped_column(comment="metric, value, threshold and frames of the first fault")
    seconds: Mapped[float] = mapped_column(comment="how long the judging took")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    round: Mapped[int] = mapped_column(default=1, server_default="1", comment="1, 2, … of the quality loop")
