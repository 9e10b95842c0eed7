"""The log of the director: requests, plans, approvals and actions."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ANIME_API, Base, IdMixin, TimestampMixin, text_enum
from db.columns import json_object


class PlanState(StrEnum):
    PLANNED = "planned"
    WAITING = "waiting_for_approval"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXECUTING = "executing"
    COMPLETED = "completed"
    FAILED = "failed"


class EchoOrchestrationLog(IdMixin, TimestampMixin, Base):
    __tablename__ = "echo_orchestration_logs"
    __table_args__ = (
        UniqueConstraint("plan_id", "step"),
        CheckConstraint("step >= 0 and (step = 0) = (plan_id is null)", name="step"),
        CheckConstraint("(step = 0) = (action is null)", name="steps_have_actions"),
        CheckConstraint("confidence between 0 and 1", name="confidence"),
        CheckConstraint("state <> 'failed' or error_code is not null", name="failed_has_reason"),
        CheckConstraint("(decided_by is null) = (decided_at is null)", name="decided"),
        Index("ix_echo_orchestration_logs_project_id_id", "project_id", "id"),
        Index("ix_echo_orchestration_logs_conversation_id_id", "conversation_id", "id"),
        Index("ix_echo_orchestration_logs_job_id", "job_id"),
        {
            "schema": ANIME_API,
            "comment": "Plans of the director (step 0) and their steps: request, approval and result.",
        },
    )

    plan_id: Mapped[int | None] = mapped_column(
        ForeignKey("anime_api.echo_orchestration_logs.id", ondelete="CASCADE"),
        comment="Plan that the step belongs to. Null: the row is the plan.",
    )
    step: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Number of the step within the plan, from 1. 0: the plan."
    )
    project_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="SET NULL"))
    conversation_id: Mapped[str | None]
    request_id: Mapped[str | None]
    asked: Mapped[str] = mapped_column(comment="Words of the user, or the purpose of the step.")
    planner: Mapped[str] = mapped_column(comment="`rules`, or the name of the language model.")
    intent: Mapped[dict[str, Any]] = json_object("Recognised intent: content_type, scope, urgency, complexity.")
    confidence: Mapped[float | None] = mapped_column(
        comment="Confidence of the intent, 0–1. Null: not given by the planner."
    )
    action: Mapped[str | None] = mapped_column(
        comment="Name of the action that the step takes. Null: the row is the plan."
    )
    parameters: Mapped[dict[str, Any]] = json_object("Validated arguments of the action.")
    state: Mapped[PlanState] = mapped_column(
        text_enum(PlanState, "state"), default=PlanState.PLANNED, server_default=PlanState.PLANNED.value
    )
    decided_by: Mapped[str | None] = mapped_column(comment="User who approved or rejected the step. Null: no decision.")
    decided_at: Mapped[datetime | None]
    flow_run_id: Mapped[uuid.UUID | None] = mapped_column(comment="Prefect run that executes the step. Null: none.")
    job_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="SET NULL"))
    result: Mapped[dict[str, Any]] = json_object()
    error_code: Mapped[str | None]
    error_message: Mapped[str | None] = mapped_column(
        comment="Reason for the failure, in one sentence. Null: no failure."
    )
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
