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

    source: Mapped[str] = mapped_column(
        comment="Address of the server, or path of the folder, where the file was found."
    )
    kind: Mapped[ModelKind] = mapped_column(text_enum(ModelKind, "kind"))
    name: Mapped[str] = mapped_column(comment="File name, as workflows refer to it.")
    bytes: Mapped[int | None] = mapped_column(comment="Size of the file. Bytes. Null: not reported by the server.")
    sha256: Mapped[str | None] = mapped_column(comment="SHA-256 of the file. Null: not hashed, or not readable.")
    rating: Mapped[float | None] = mapped_column(
        comment="Rating from the feedback on its takes, 0–10. Null: too few takes."
    )
    recommended_use: Mapped[str | None]
    seen_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="Time at which the file was last found."
    )
    missing_since: Mapped[datetime | None] = mapped_column(
        comment="Time since which the file is missing. Null: present."
    )


class TrainingExample(IdMixin, TimestampMixin, Base):
    __tablename__ = "training_examples"
    __table_args__ = (
        UniqueConstraint("asset_id"),
        CheckConstraint("score between 0 and 10", name="score"),
        CheckConstraint("verdict <> 'rejected' or reason is not null", name="rejection_has_reason"),
        Index("ix_training_examples_project_id_verdict_id", "project_id", "verdict", "id"),
        Index("ix_training_examples_job_id", "job_id"),
        {"schema": PUBLIC, "comment": "Accepted and rejected takes with their parameters."},
    )

    project_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    asset_id: Mapped[int] = mapped_column(
        ForeignKey("public.assets.id", ondelete="CASCADE"), comment="File of the take."
    )
    job_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="SET NULL"))
    verdict: Mapped[Verdict] = mapped_column(text_enum(Verdict, "verdict"))
    reason: Mapped[str | None]
    prompt: Mapped[str]
    negative_prompt: Mapped[str] = mapped_column(default="", server_default="")
    parameters: Mapped[dict[str, Any]] = json_object("Parameters of the take: model, steps, cfg, sampler, size, …")
    metrics: Mapped[list[Any]] = json_list("Metrics as in quality_assessments.")
    score: Mapped[float | None] = mapped_column(comment="Quality score, 0–10. Null: not assessed.")
