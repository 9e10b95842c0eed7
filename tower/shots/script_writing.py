"""Writes the script of a job: all that its shots are planned from."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from db.models.styles import StyleTemplate
from tower.jobs import lifecycle
from tower.jobs.spec import GenerationSpec, GenerationType
from tower.presets.defaults import defaults
from tower.presets.styles import preset_in
from tower.rendering.engine_choice import EngineName, with_graphs
from tower.shots.cast import Cast
from tower.shots.planning import Script
from tower.shots.prompts import EnhancedPrompt
from tower.workflows import store
from tower.workflows.graph import WorkflowGraph

WITHOUT_REFERENCE, WITH_REFERENCE, CLOSE_TO_REFERENCE = "animatediff", "anime_character_v2", "img2img_reference"


def write_script(
    session: Session,
    job: ProductionJob,
    cast: Cast,
    words: EnhancedPrompt,
    *,
    style: StyleTemplate,
    engine: EngineName,
) -> Script:
    """Raises NotFoundError for a workflow that is not registered, InvalidError for a style with a senseless sampler."""
    spec = lifecycle.spec_of(job)
    preset = preset_in(style, spec.preset)
    graph = _graph(session, spec, cast) if engine.name in with_graphs() else None
    return Script(spec, cast, words, job.seed, spec.model or defaults(session).model, preset, graph)


def workflow_of(asked: str | None, cast: Cast) -> str:
    """The one asked for, or the character's own, or what suits whether a reference image steers."""
    steered = any(member.reference_image for member in cast.members)
    return asked or cast.workflow or (WITH_REFERENCE if steered else WITHOUT_REFERENCE)


def _graph(session: Session, spec: GenerationSpec, cast: Cast) -> WorkflowGraph:
    """A professional shot stays closer to the reference image than others do."""
    steered = any(member.reference_image for member in cast.members)
    close = CLOSE_TO_REFERENCE if steered and spec.type == GenerationType.PROFESSIONAL else None
    return store.get(session, workflow_of(spec.workflow or cast.workflow or close, cast))
