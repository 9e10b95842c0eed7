"""Feedback on takes, and creative decisions."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, IdMixin, text_enum
from db.columns import json_list, json_object


class FeedbackKind(StrEnum):
    RATING = "rating"
    APPROVAL = "approval"
    REJECTION = "rejection"


class DecisionKind(StrEnum):
    APPROVAL = "approval"
    REJECTION = "rejection"
    MERGE = "merge"
    REVERT = "revert"
    DIRECTOR = "director"


class Feedback(IdMixin, Base):
    __tablename__ = "feedback"
    __table_args__ = (
        CheckConstraint("rating between 1 and 5", name="rating"),
        CheckConstraint("kind <> 'rating' or rating is not null", name="rating_has_stars"),
        CheckConstraint("kind <> 'rejection' or reason is not null", name="rejection_has_reason"),
        Index("ix_feedback_project_id_id", "project_id", "id"),
        Index("ix_feedback_asset_id_id", "asset_id", "id"),
        Index("ix_feedback_job_id", "job_id"),
        {"schema": PUBLIC, "comment": "Ratings, approvals and rejections of takes."},
    )

    project_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    asset_id: Mapped[int] = mapped_column(
        ForeignKey("public.assets.id", ondelete="CASCADE"), comment="File of the take."
    )
    job_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="SET NULL"))
    scene_key: Mapped[uuid.UUID | None]
    kind: Mapped[FeedbackKind] = mapped_column(text_enum(FeedbackKind, "kind"))
    rating: Mapped[int | None] = mapped_column(comment="Stars, 1–5. Null: none given.")
    reason: Mapped[str | None]
    frame_notes: Mapped[list[Any]] = json_list("Notes on single frames: [{frame, note}].")
    author: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CreativeDecision(IdMixin, Base):
    __tablename__ = "creative_decisions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "commit_id"],
            ["anime_api.commits.project_id", "anime_api.commits.id"],
            ondelete="SET NULL (commit_id)",
        ),
        Index("ix_creative_decisions_project_id_id", "project_id", "id"),
        Index("ix_creative_decisions_project_id_commit_id", "project_id", "commit_id"),
        Index("ix_creative_decisions_asset_id", "asset_id"),
        Index("ix_creative_decisions_log_id", "log_id"),
        {
            "schema": PUBLIC,
            "comment": "Decisions and their reasons: approvals, merges, reverts, plans of the director.",
        },
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    kind: Mapped[DecisionKind] = mapped_column(text_enum(DecisionKind, "kind"))
    decision: Mapped[str] = mapped_column(comment="The decision, in one sentence.")
    reason: Mapped[str | None] = mapped_column(comment="Reason for the decision. Null: not given.")
    details: Mapped[dict[str, Any]] = json_object(
        "Background of the decision: conflicts and resolutions, alternatives, …"
    )
    decided_by: Mapped[str]
    commit_id: Mapped[int | None] = mapped_column(comment="Commit that carries out the decision. Null: none.")
    asset_id: Mapped[int | None] = mapped_column(
        ForeignKey("public.assets.id", ondelete="SET NULL"), comment="Take that the decision is about. Null: none."
    )
    log_id: Mapped[int | None] = mapped_column(
        ForeignKey("anime_api.echo_orchestration_logs.id", ondelete="SET NULL"),
        comment="Plan or step of the director. Null: none.",
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
