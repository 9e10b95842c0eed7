"""The director's commands, from a closed list. Each is recorded with its request, its decision and its result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.echo import EchoOrchestrationLog, PlanState
from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob
from db.models.review import CreativeDecision, DecisionKind
from db.models.scenes import Scene
from tower.errors import NotFoundError
from tower.errors.codes import ErrorCode
from tower.review import decisions
from tower.review.decisions import DecisionInput
from tower.story import entities
from tower.story.entities import LocatedRow

PLANNER_NAME = "rules"  # a command is its own plan, without a language model
CANCELLED_CODE = ErrorCode.CANCELLED
PLAN_STATES = {JobStatus.COMPLETED: PlanState.COMPLETED}  # every other end is a failure


class Command(StrEnum):
    """The commands that a director can give."""

    GENERATE_SCENE = "generate_scene"
    GENERATE_VIDEO = "generate_video"


@dataclass(frozen=True)
class IssuedCommand:
    """A command of a director. `parameters` are validated; `issued_by` gave the command and so approved it."""

    project_id: int
    command: Command
    parameters: Mapping[str, Any]
    issued_by: str
    request_id: str


@dataclass(frozen=True)
class CommandLog:
    """The rows of a command: its plan, the step that runs it, and its decision."""

    plan: EchoOrchestrationLog
    step: EchoOrchestrationLog
    decision: CreativeDecision


def find_project_scene(session: Session, project_id: int, scene_id: int) -> LocatedRow[Scene]:
    """Find the scene to generate. Raises NotFoundError unless the scene exists in this project."""
    found = entities.find_entity(session, Scene, scene_id)
    if found.project_id != project_id:
        raise NotFoundError(f"Project {project_id} has no scene {scene_id}")
    return found


def log_command(session: Session, issued: IssuedCommand, job: ProductionJob, *, subject: str) -> CommandLog:
    """Record a command with its newly opened job. `subject` names the result in a few words."""
    asked = f"{issued.command} {json.dumps(dict(issued.parameters), ensure_ascii=False, sort_keys=True)}"
    plan = _new_row(issued, asked=asked)
    session.add(plan)
    session.flush()
    step = _new_row(
        issued, asked=subject, plan_id=plan.id, step=1, action=issued.command.value, parameters=dict(issued.parameters)
    )
    step.job_id = job.id
    session.add(step)
    session.flush()
    details = {"command": issued.command.value, "parameters": dict(issued.parameters), "job_id": job.id}
    decision = DecisionInput(
        DecisionKind.DIRECTOR, f"Generate {subject}", issued.issued_by, details=details, log_id=step.id
    )
    return CommandLog(plan, step, decisions.record_decision(session, issued.project_id, decision))


def on_job_settled(session: Session, job: ProductionJob) -> None:
    """Record the end of a job with its step and the plan. A retried job keeps its last end."""
    if job.status in LIVE_STATUSES:
        return
    for step in session.scalars(select(EchoOrchestrationLog).filter_by(job_id=job.id).with_for_update()):
        _end_step(step, PLAN_STATES.get(job.status, PlanState.FAILED), job)
        if step.plan_id is not None:
            session.flush()
            _end_plan(session, step.plan_id)


def _new_row(command: IssuedCommand, *, asked: str, **more: Any) -> EchoOrchestrationLog:
    now = datetime.now(UTC)
    return EchoOrchestrationLog(
        project_id=command.project_id,
        request_id=command.request_id,
        asked=asked,
        planner=PLANNER_NAME,
        state=PlanState.EXECUTING,
        decided_by=command.issued_by,
        decided_at=now,
        started_at=now,
        **more,
    )


def _end_step(step: EchoOrchestrationLog, state: PlanState, job: ProductionJob) -> None:
    step.state, step.ended_at, step.flow_run_id = state, job.ended_at, job.flow_run_id
    failed = state == PlanState.FAILED
    step.error_code = (job.error_code or CANCELLED_CODE) if failed else None
    step.error_message = (job.error_message or f"Generation {job.id} was cancelled") if failed else None
    output = {"output_path": job.output_path, "asset_id": job.output_asset_id, "quality_score": job.quality_score}
    step.result = {} if failed else output


def _end_plan(session: Session, plan_id: int) -> None:
    """End the plan once all its steps have ended. It has failed if one of them failed."""
    plan = session.get_one(EchoOrchestrationLog, plan_id, with_for_update=True)
    steps: Sequence[EchoOrchestrationLog] = session.scalars(
        select(EchoOrchestrationLog).filter_by(plan_id=plan_id).order_by(EchoOrchestrationLog.step)
    ).all()
    if any(step.ended_at is None for step in steps):
        return
    failed = next((step for step in steps if step.state == PlanState.FAILED), None)
    plan.state = PlanState.FAILED if failed else PlanState.COMPLETED
    plan.error_code, plan.error_message = (failed.error_code, failed.error_message) if failed else (None, None)
    plan.ended_at = max(step.ended_at for step in steps if step.ended_at)
