"""Writes the script of a job: all that its shots are planned from."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from tower import jobs
from tower.characters import Cast
from tower.configuration import defaults
from tower.engines.base import WorkflowGraph
from tower.engines.choice import EngineName
from tower.generation import EngineChoice, GenerationSpec
from tower.prompts import EnhancedPrompt
from tower.shots import Script
from tower.workflows import store

WITHOUT_REFERENCE, WITH_REFERENCE = "animatediff", "anime_character_v2"


def write_script(
    session: Session, job: ProductionJob, cast: Cast, words: EnhancedPrompt, *, engine: EngineName
) -> Script:
    """Raises NotFoundError for a workflow that is not registered."""
    spec = jobs.spec_of(job)
    graph = _graph(session, spec, cast) if engine.name == EngineChoice.COMFYUI else None
    return Script(spec, cast, words, job.seed, spec.model or defaults(session).model, graph)


def _graph(session: Session, spec: GenerationSpec, cast: Cast) -> WorkflowGraph:
    """The one asked for, or the character's own, or what suits whether a reference image steers."""
    steered = any(member.reference_image for member in cast.members)
    return store.get(session, spec.workflow or cast.workflow or (WITH_REFERENCE if steered else WITHOUT_REFERENCE))
