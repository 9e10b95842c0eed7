"""Writes the script of a job: everything that its shots are planned from."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from db.models.styles import StyleTemplate
from tower.jobs import lifecycle
from tower.jobs.spec import GenerationSpec, GenerationType
from tower.presets.defaults import load_defaults
from tower.presets.styles import apply_style
from tower.rendering.engine_choice import EngineVersion, graph_engine_names
from tower.shots.cast import Cast
from tower.shots.planning import Script
from tower.shots.prompts import EnhancedPrompt
from tower.workflows import store
from tower.workflows.graph import WorkflowGraph

TEXT_WORKFLOW, REFERENCE_WORKFLOW, CLOSE_REFERENCE_WORKFLOW = "animatediff", "anime_character_v2", "img2img_reference"


def write_script(
    session: Session,
    job: ProductionJob,
    cast: Cast,
    words: EnhancedPrompt,
    *,
    style: StyleTemplate,
    engine: EngineVersion,
) -> Script:
    """Write the script of the job.

    Raises NotFoundError for a workflow that is not registered, InvalidError for a style with an invalid sampler.
    """
    spec = lifecycle.parse_spec(job)
    preset = apply_style(style, spec.preset)
    graph = _read_graph(session, spec, cast) if engine.name in graph_engine_names() else None
    return Script(spec, cast, words, job.seed, spec.model or load_defaults(session).model, preset, graph)


def choose_workflow(requested: str | None, cast: Cast) -> str:
    """The requested workflow, or the character's own, or the default with or without a reference image."""
    has_reference = any(member.reference_image for member in cast.members)
    return requested or cast.workflow or (REFERENCE_WORKFLOW if has_reference else TEXT_WORKFLOW)


def _read_graph(session: Session, spec: GenerationSpec, cast: Cast) -> WorkflowGraph:
    """Read the graph of the shot. A professional shot stays closer to the reference image than others do."""
    has_reference = any(member.reference_image for member in cast.members)
    close_workflow = CLOSE_REFERENCE_WORKFLOW if has_reference and spec.type == GenerationType.PROFESSIONAL else None
    return store.get_workflow(session, choose_workflow(spec.workflow or cast.workflow or close_workflow, cast))
