"""The production schedule."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, IdMixin, TimestampMixin, text_enum
from db.columns import json_list, json_object
from db.models.jobs import JobType


class ScheduleState(StrEnum):
    PLANNED = "planned"
    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ProductionSchedule(IdMixin, TimestampMixin, Base):
    __tablename__ = "production_schedule"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "branch_id"],
            ["anime_api.branches.project_id", "anime_api.branches.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("num_nonnulls(scene_key, episode_key) <= 1", name="one_target"),
        CheckConstraint("due_at >= start_at", name="due_at"),
        CheckConstraint("state <> 'failed' or error_message is not null", name="failed_has_reason"),
        Index("ix_production_schedule_project_id_id", "project_id", "id"),
        Index("ix_production_schedule_project_id_branch_id", "project_id", "branch_id"),
        Index(
            "ix_production_schedule_next",
            "start_at",
            "priority",
            "id",
            postgresql_where=text("state = 'planned'"),
        ),
        Index("ix_production_schedule_job_id", "job_id"),
        Index("ix_production_schedule_batch_id", "batch_id"),
        CheckConstraint("(postponed_until is null) = (postponed_reason is null)", name="postponed_has_reason"),
        {"schema": PUBLIC, "comment": "Scheduled renders of scenes and episodes."},
    )

    project_id: Mapped[int]
    branch_id: Mapped[int]
    scene_key: Mapped[uuid.UUID | None]
    episode_key: Mapped[uuid.UUID | None] = mapped_column(
        comment="Episode to render. Null, as well as scene_key: all stale scenes of the branch."
    )
    job_type: Mapped[JobType] = mapped_column(
        text_enum(JobType, "job_type"), default=JobType.INTEGRATED, server_default=JobType.INTEGRATED.value
    )
    parameters: Mapped[dict[str, Any]] = json_object("Parameters of the generation. The project decides missing ones.")
    priority: Mapped[int] = mapped_column(
        default=5, server_default="5", comment="Of several that are due, the smallest starts first."
    )
    start_at: Mapped[datetime] = mapped_column(comment="Earliest start.")
    due_at: Mapped[datetime | None] = mapped_column(comment="Desired end. Null: none.")
    state: Mapped[ScheduleState] = mapped_column(
        text_enum(ScheduleState, "state"), default=ScheduleState.PLANNED, server_default=ScheduleState.PLANNED.value
    )
    job_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="SET NULL"))
    error_message: Mapped[str | None] = mapped_column(
        comment="Reason for a failure, or the scenes that did not start. Null: no problem."
    )
    ended_at: Mapped[datetime | None]
    flow_run_id: Mapped[uuid.UUID | None] = mapped_column(
        sort_order=92, comment="Prefect run that starts the render. Null: none."
    )
    launches: Mapped[int] = mapped_column(
        default=0, server_default="0", sort_order=93, comment="Number of runs that ended without starting the render."
    )
    job_ids: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger),
        default=list,
        server_default=text("'{}'"),
        sort_order=94,
        comment="Ids of the generations that were started.",
    )
    allow_publish: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        sort_order=95,
        comment="Whether the film of the episode is also put into the library.",
    )
    batch_id: Mapped[int | None] = mapped_column(
        ForeignKey("public.batches.id", ondelete="SET NULL"),
        sort_order=96,
        comment="Newest batch that started or postponed it. Null: none.",
    )
    scenes: Mapped[list[Any]] = json_list("What its start did with each scene.", sort_order=97)
    postponed_until: Mapped[datetime | None] = mapped_column(
        sort_order=98, comment="Earliest time of the next try. Null: it was not postponed."
    )
    estimate_s: Mapped[float | None] = mapped_column(
        sort_order=100,
        comment="Seconds of its renders, as estimated when it was planned or the window was set. Null: unknown.",
    )
    postponed_reason: Mapped[str | None] = mapped_column(
        sort_order=99, comment="What was missing at the last try, in one sentence. Null: it was not postponed."
    )
