"""Model files and training examples."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, IdMixin, TimestampMixin, text_enum
from db.columns import json_list, json_object


class ModelKind(StrEnum):
    CHECKPOINT = "checkpoint"
    DIFFUSION = "diffusion"
    VAE = "vae"
    MOTION = "motion"
    LORA = "lora"
    CONTROLNET = "controlnet"
    IP_ADAPTER = "ip_adapter"
    CLIP_VISION = "clip_vision"
    TEXT_ENCODER = "text_encoder"
    EMBEDDING = "embedding"
    UPSCALER = "upscaler"
    INTERPOLATOR = "interpolator"
    OTHER = "other"


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class LearningModel(IdMixin, TimestampMixin, Base):
    __tablename__ = "learning_models"
    __table_args__ = (
        UniqueConstraint("source", "kind", "name"),
        CheckConstraint("bytes > 0", name="bytes"),
        CheckConstraint("rating between 0 and 10", name="rating"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        Index("ix_learning_models_kind_name", "kind", "name"),
        {"schema": PUBLIC, "comment": "Model files found on a ComfyUI server or in a folder."},
    )

    source: Mapped[str] = mapped_column(comment="the server's address or the folder where it was found")
    kind: Mapped[ModelKind] = mapped_column(text_enum(ModelKind, "kind"))
    name: Mapped[str] = mapped_column(comment="file name, as a graph names it")
    bytes: Mapped[int | None] = mapped_column(comment="null: the server does not tell")
    sha256: Mapped[str | None] = mapped_column(comment="null: not hashed, or out of reach")
    rating: Mapped[float | None] = mapped_column(comment="from the quality of its takes; null: too few")
    recommended_use: Mapped[str | None]
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="last found there")
    missing_since: Mapped[datetime | None] = mapped_column(comment="null: it is there")


class TrainingExample(IdMixin, TimestampMixin, Base):
    __tablename__ = "training_examples"
    __table_args__ = (
        UniqueConstraint("asset_id"),
        CheckConstraint("score between 0 and 10", name="score"),
        CheckConstraint("verdict <> 'rejected' or reason is not null", name="rejection_has_reason"),
        Index("ix_training_examples_project_id_verdict_id", "project_id", "verdict", "id"),
        Index("ix_training_examples_job_id", "job_id"),
        {"schema": PUBLIC, "comment": "Accepted and rejected takes with the parameters that made them."},
    )

    project_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    asset_id: Mapped[int] = mapped_column(ForeignKey("public.assets.id", ondelete="CASCADE"), comment="the take")
    job_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="SET NULL"))
    verdict: Mapped[Verdict] = mapped_column(text_enum(Verdict, "verdict"))
    reason: Mapped[str | None]
    prompt: Mapped[str]
    negative_prompt: Mapped[str] = mapped_column(default="", server_default="")
    parameters: Mapped[dict[str, Any]] = json_object("model, steps, cfg, sampler, size, …")
    metrics: Mapped[list[Any]] = json_list("as in quality_assessments")
    score: Mapped[float | None] = mapped_column(comment="null: not assessed")
