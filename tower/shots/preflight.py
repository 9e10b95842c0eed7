"""Finds out when a job is opened that no machine can render it, so that it is refused before it is stored."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from tower.clients.comfyui.errors import ComfyUIFault
from tower.engines.base import Shot
from tower.errors import InvalidError, TowerError
from tower.jobs import lifecycle
from tower.jobs.spec import GenerationSpec
from tower.moods.choice import prompt_words
from tower.rendering.engine_choice import EngineVersion, choose_for_pool, graph_engine_names
from tower.rendering.segments import SegmentPlan
from tower.rendering.studio import Studio
from tower.rendering.takes import find_take
from tower.shots.cast import CAST_STEP, Cast, look_up_cast
from tower.shots.planning import plan_seconds, plan_shot
from tower.shots.prompts import build_prompt
from tower.shots.scene_jobs import find_job_style
from tower.shots.script_writing import write_script
from tower.workflows import store
from tower.workflows.builtins import builtin_workflows


def check_job_can_render(session: Session, job: ProductionJob, studio: Studio) -> None:
    """Raise now what the run of the job would raise.

    Raises UnavailableError for an engine that no worker has, NotFoundError for an unknown workflow, and InvalidError
    for an unknown character of a professional generation, a workflow that makes no clip or lacks its reference picture,
    and one that no ComfyUI that answers can run. If none answers, the job waits for one. The job of a film renders
    nothing itself.
    """
    if not lifecycle.is_shot(job):
        return
    spec = lifecycle.parse_spec(job)
    engine = choose_for_pool(session, spec.engine, studio.settings)
    if spec.workflow is not None:
        store.get_workflow(session, spec.workflow)
    stored = CAST_STEP.read(job)
    cast = look_up_cast(session, spec) if stored is None else stored
    if engine.name not in graph_engine_names():
        return
    for plan in _plan_different_segments(session, job, cast, engine):
        refused = _refuse_still(plan.shot) or studio.find_obstacle(session, plan.shot)
        if refused is not None and not (plan.reuse and find_take(session, plan.fingerprint)):
            raise _as_refusal(refused, spec, plan.shot)


def _plan_different_segments(
    session: Session, job: ProductionJob, cast: Cast, engine: EngineVersion
) -> Sequence[SegmentPlan]:
    """One segment of each length: the others need the same of a server."""
    spec, style = lifecycle.parse_spec(job), find_job_style(session, job)
    words = build_prompt(spec, cast, style, seed=job.seed, mood_words=prompt_words(job))
    script = write_script(session, job, cast, words, style=style, engine=engine)
    plans = plan_seconds(script, engine) if job.job_type == JobType.FAST else plan_shot(script, engine)
    return list({plan.shot.frames: plan for plan in plans}.values())


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
