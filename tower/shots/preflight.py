"""Finds out when a job is opened or retried that no machine can render it, so that it is refused at once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from db.models.rendering import RenderSegment, SegmentState
from db.models.styles import StyleTemplate
from tower.clients.comfyui.errors import ComfyUIFault
from tower.engines.base import Shot
from tower.errors import InvalidError, TowerError
from tower.jobs import lifecycle, waiting
from tower.jobs.spec import GenerationSpec
from tower.moods.choice import prompt_words
from tower.quality.rounds import completed_rounds, needs_another_round
from tower.rendering.engine_choice import EngineVersion, choose_for_pool, graph_engine_names
from tower.rendering.segments import SegmentPlan
from tower.rendering.studio import Studio
from tower.rendering.takes import find_take
from tower.shots.cast import CAST_STEP, Cast, look_up_cast
from tower.shots.planning import plan_round, plan_seconds, plan_shot
from tower.shots.prompts import build_prompt
from tower.shots.scene_jobs import find_job_style
from tower.shots.script_writing import write_script
from tower.workflows import store
from tower.workflows.builtins import builtin_workflows


def check_job_can_render(session: Session, job: ProductionJob, studio: Studio) -> None:
    """Raise now what the run of the job would raise.

    Raises UnavailableError for an engine that no worker has, NotFoundError for an unknown workflow, and InvalidError
    for an unknown style, an unknown character of a professional generation, a workflow that makes no clip or lacks its
    reference picture, and one that no ComfyUI that answers can run. If none answers, the job waits for one. Of a
    retried job, only what is not yet rendered counts. The job of a film renders nothing itself.
    """
    if not lifecycle.is_shot(job) or not _renders(job):
        return
    spec = lifecycle.parse_spec(job)
    engine = choose_for_pool(session, spec.engine, studio.settings)
    if spec.workflow is not None:
        store.get_workflow(session, spec.workflow)
    style = find_job_style(session, job)
    stored = CAST_STEP.read(job)
    cast = look_up_cast(session, spec) if stored is None else stored
    if engine.name not in graph_engine_names():
        return
    for plan in _plan_missing_segments(session, job, cast, style, engine):
        refused = _refuse_still(plan.shot) or studio.find_obstacle(session, plan.shot)
        if refused is not None and not (plan.reuse and find_take(session, plan.fingerprint)):
            raise _as_refusal(refused, spec, plan.shot)


def retry_job(session: Session, job_id: int, studio: Studio) -> ProductionJob:
    """Reopen an ended job with the jobs that it waits for, as `lifecycle.retry_job` does.

    Raises also what `check_job_can_render` raises for one of them.
    """
    failed = waiting.list_failed(session, session.get_one(ProductionJob, job_id))
    job = lifecycle.retry_job(session, job_id)
    for reopened in (job, *(session.get_one(ProductionJob, failed_id) for failed_id in failed)):
        check_job_can_render(session, reopened, studio)
    return job


def _renders(job: ProductionJob) -> bool:
    return job.job_type != JobType.INTEGRATED or needs_another_round(completed_rounds(job))


def _plan_missing_segments(
    session: Session, job: ProductionJob, cast: Cast, style: StyleTemplate, engine: EngineVersion
) -> Sequence[SegmentPlan]:
    """One of the segments of each length that are not rendered: the others need the same of a server."""
    words = build_prompt(lifecycle.parse_spec(job), cast, style, seed=job.seed, mood_words=prompt_words(job))
    script = write_script(session, job, cast, words, style=style, engine=engine)
    if job.job_type == JobType.FAST:
        plans = plan_seconds(script, engine)
    elif job.job_type == JobType.INTEGRATED:
        plans = plan_round(script, engine, rounds=completed_rounds(job))
    else:
        plans = plan_shot(script, engine)
    done = select(RenderSegment.segment, RenderSegment.round).filter_by(job_id=job.id, state=SegmentState.COMPLETED)
    rendered = {(number, round_number) for number, round_number in session.execute(done)}
    missing = [plan for plan in plans if (plan.number, plan.round) not in rendered]
    return list({plan.shot.frames: plan for plan in missing}.values())


def _refuse_still(shot: Shot) -> TowerError | None:
    built_in = builtin_workflows().get(shot.graph.name) if shot.graph else None
    if built_in is None or not built_in.makes_still:
        return None
    return InvalidError.field("workflow", built_in.workflow.name, "one that makes a clip: this one makes a picture")


def _as_refusal(error: TowerError, spec: GenerationSpec, shot: Shot) -> InvalidError:
    """The refusal of the field of the request that chose what cannot be rendered."""
    details = error.details or {}
    workflow = shot.graph.name if shot.graph else None
    if isinstance(error, InvalidError):
        if details.get("field") != "frames":
            return error
        return InvalidError.field("duration", spec.duration_s, str(details["expected"]))
    field, value = "workflow", workflow
    if error.code == ComfyUIFault.MISSING_MODEL and repr(shot.model) in error.message:
        field, value = "model", shot.model
    elif error.code == ComfyUIFault.NO_REFERENCE and spec.workflow is None:
        field, value = "character", spec.character
    more = {"field": field, "value": value, "expected": "what a ComfyUI of this studio can render", "cause": error.code}
    return InvalidError(error.message, details={**details, **more})
