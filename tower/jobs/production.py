"""Decides what a shot is produced with.

A setting comes from the request, or else from the scene, the settings of the project, the configuration (POST /config)
or the defaults, in this order. Every path that opens a job decides here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from db.models.projects import ProjectSettings
from tower.errors import InvalidError
from tower.jobs import lifecycle
from tower.jobs.spec import GenerationSpec, SceneType
from tower.jobs.steps import StepResult
from tower.media.rates import exact_rate, rate_number
from tower.presets.defaults import DOCUMENTED_MODEL, DOCUMENTED_PRESET, Defaults, load_defaults
from tower.presets.quality import PRESET_NAMES, get_preset


class Source(StrEnum):
    """Where a production setting comes from, in order of precedence."""

    REQUEST = "request"
    SCENE = "scene"
    PROJECT = "project"
    CONFIGURATION = "configuration"
    DEFAULT = "default"


Sources = Mapping[str, Source]
DEFAULT_STYLE = "anime"
DEFAULTS: Mapping[str, Any] = {
    "quality": DOCUMENTED_PRESET,
    "style": DEFAULT_STYLE,
    "scene_type": SceneType.DIALOGUE,
    "duration_s": 3,
    "fps": 24,
    "model": DOCUMENTED_MODEL,
    "workflow": None,
}
PRODUCTION_STEP: StepResult[dict[str, Source]] = StepResult("production", TypeAdapter(dict[str, Source]))


@dataclass(frozen=True)
class Production:
    """The settings of a shot by the names of a GenerationSpec, and the source of each.

    The preset decides a width, a height and sampler settings that are not among them.
    """

    values: Mapping[str, Any]
    sources: Sources


@dataclass(frozen=True)
class DecidedSpec:
    """The specification of a shot, and the source of each of its production settings."""

    spec: GenerationSpec
    sources: Sources


def decide_base(project: ProjectSettings | None, configured: Defaults) -> Production:
    """Decide the settings of shots whose request and scene name none."""
    levels = {
        Source.DEFAULT: DEFAULTS,
        Source.CONFIGURATION: _configured_settings(configured),
        Source.PROJECT: {} if project is None else _project_settings(project),
    }
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for source, settings in levels.items():
        values |= settings
        sources |= dict.fromkeys(settings, source)
    return Production(values, sources)


def decide_production(
    base: Production, *, request: Mapping[str, Any], scene: Mapping[str, Any] | None = None
) -> Production:
    """Decide the settings of one shot. A request or scene names a setting unless its value is None.

    If the project has only one side of the size, the preset gives the other.
    """
    from_scene = {name: value for name, value in (scene or {}).items() if value is not None}
    from_request = {name: value for name, value in request.items() if value is not None}
    sources = {
        **base.sources,
        **dict.fromkeys(from_scene, Source.SCENE),
        **dict.fromkeys(from_request, Source.REQUEST),
    }
    values = {**base.values, **from_scene, **from_request}
    for side, other in (("width", "height"), ("height", "width")):
        if sources.get(side) == Source.PROJECT and other not in values and values["quality"] in PRESET_NAMES:
            values[other] = getattr(get_preset(PRESET_NAMES[values["quality"]]), other)
            sources[other] = sources["quality"]
    return Production(values, sources)


def decide_spec(session: Session, fields: Mapping[str, Any]) -> DecidedSpec:
    """Decide the specification of a request. `fields`: the fields of a GenerationSpec that it names.

    Raises InvalidError for a setting of the project that a shot cannot have.
    """
    project_id = fields.get("project_id")
    project = None if project_id is None else session.get(ProjectSettings, project_id)
    production = decide_production(decide_base(project, load_defaults(session)), request=fields)
    try:
        return DecidedSpec(GenerationSpec.model_validate(production.values), production.sources)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "shot"
        raise InvalidError.field(name, production.values.get(name), first["msg"]) from error


def open_decided_job(session: Session, decided: DecidedSpec, *, job_type: JobType) -> ProductionJob:
    """Open a job that remembers the source of each setting. Raises InvalidError as lifecycle.open_job does."""
    return lifecycle.add_job(session, prepare_decided_job(session, decided, job_type=job_type))


def prepare_decided_job(session: Session, decided: DecidedSpec, *, job_type: JobType) -> ProductionJob:
    """The job that open_decided_job would open, which is not in the database."""
    job = lifecycle.prepare_job(session, decided.spec, job_type=job_type)
    remember_sources(job, decided.sources)
    return job


def remember_sources(job: ProductionJob, sources: Sources) -> None:
    named = {name: source for name, source in sources.items() if name in GenerationSpec.model_fields}
    job.steps = job.steps | PRODUCTION_STEP.to_entry(named)


def is_named(sources: Sources, *names: str) -> bool:
    """Whether a user named any of these settings, rather than the defaults of Tower."""
    return any(sources.get(name, Source.DEFAULT) != Source.DEFAULT for name in names)


def _configured_settings(configured: Defaults) -> dict[str, Any]:
    settings = {"model": configured.model, "quality": configured.quality_preset}
    return {name: value for name, value in settings.items() if name in configured.configured}


def _project_settings(project: ProjectSettings) -> dict[str, Any]:
    settings = {
        "quality": project.quality_preset and project.quality_preset.value,
        "style": project.default_style,
        "model": project.model,
        "workflow": project.workflow,
        "fps": project.fps and rate_number(exact_rate(project.fps)),
        "width": project.width,
        "height": project.height,
    }
    return {name: value for name, value in settings.items() if value is not None}
