"""Writes the script of a job: everything that its shots are planned from."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from db.models.styles import StyleTemplate
from tower.jobs import lifecycle
from tower.jobs.production import PRODUCTION_STEP, Source, Sources
from tower.jobs.spec import GenerationSpec, GenerationType
from tower.presets.defaults import load_defaults
from tower.presets.quality import Preset
from tower.presets.styles import apply_style
from tower.rendering.engine_choice import EngineVersion, graph_engine_names
from tower.shots.authored_values import (
    SAMPLING_INPUTS,
    build_named_negative,
    keep_authored_values,
    named_inputs,
    warn_of_unused,
)
from tower.shots.cast import Cast
from tower.shots.planning import Script
from tower.shots.prompts import EnhancedPrompt
from tower.workflows import store
from tower.workflows.builtins import (
    CLOSE_REFERENCE_WORKFLOW,
    REFERENCE_WORKFLOW,
    TEXT_WORKFLOW,
    builtin_workflows,
)
from tower.workflows.graph import WorkflowGraph


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
    sources = PRODUCTION_STEP.read(job)
    preset = apply_requested_sampling(spec, apply_style(style, spec.preset))
    script = Script(spec, cast, words, job.seed, spec.model or load_defaults(session).model, preset)
    if engine.name not in graph_engine_names():
        return script
    graph = _read_graph(session, spec, cast, sources or {})
    if sources is None:
        return replace(script, graph=graph, warnings=warn_of_unused(graph, frozenset()))
    return _with_graph(script, job, graph, style, sources)


def choose_workflow(requested: str | None, cast: Cast) -> str:
    """The requested workflow, or the character's own, or the default with or without a reference image."""
    has_reference = any(member.reference_image for member in cast.members)
    return requested or cast.workflow or (REFERENCE_WORKFLOW if has_reference else TEXT_WORKFLOW)


def apply_requested_sampling(spec: GenerationSpec, preset: Preset) -> Preset:
    """The preset with the sampler settings that the request names."""
    requested = {name: getattr(spec, name) for name in SAMPLING_INPUTS if getattr(spec, name) is not None}
    return replace(preset, **requested)


def _with_graph(
    script: Script, job: ProductionJob, graph: WorkflowGraph, style: StyleTemplate, sources: Sources
) -> Script:
    """The script with its graph. A user's graph keeps the values of its author that no user overrides."""
    if graph.name in builtin_workflows():
        return replace(script, graph=graph)
    named = named_inputs(sources, style, in_seconds=job.job_type == JobType.FAST)
    authored = keep_authored_values(graph, named)
    negative = build_named_negative(script.spec, style, sources)
    return replace(
        script,
        graph=authored.graph,
        authored=authored.values,
        words=replace(script.words, negative_prompt=negative),
        warnings=warn_of_unused(graph, named),
    )


def _read_graph(session: Session, spec: GenerationSpec, cast: Cast, sources: Sources) -> WorkflowGraph:
    """Read the graph of the shot. A character's own workflow wins over that of the project.

    A professional shot stays closer to the reference image than others do.
    """
    has_reference = any(member.reference_image for member in cast.members)
    close_workflow = CLOSE_REFERENCE_WORKFLOW if has_reference and spec.type == GenerationType.PROFESSIONAL else None
    own_workflow = cast.workflow if sources.get("workflow") == Source.PROJECT else None
    requested = own_workflow or spec.workflow or cast.workflow or close_workflow
    return store.get_workflow(session, choose_workflow(requested, cast))
