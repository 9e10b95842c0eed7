"""Collects the inputs of a scene's fingerprint from the current state of the database."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.styles import StyleTemplate
from tower.engines.choice import FALLBACK_ENGINE
from tower.errors import UnavailableError
from tower.media.files import sha256_of
from tower.presets.quality import PRESET_NAMES, get_preset
from tower.rendering.engine_choice import EngineVersion, choose_for_pool, graph_engine_names, installed_version
from tower.settings import AUTO_ENGINE, Settings
from tower.shots.authored_values import AuthoredWorkflow, keep_authored_values, named_inputs
from tower.shots.fingerprint_inputs import (
    MISSING,
    CharacterInputs,
    EngineInputs,
    FingerprintInputs,
    ModelInputs,
    ProductionInputs,
    SceneInputs,
    SeedInputs,
    StyleInputs,
    WorkflowInputs,
)
from tower.shots.scene_sources import RenderInputs, SceneView
from tower.shots.scene_spec import (
    PROMPT_RULES_VERSION,
    RenderOverrides,
    build_render_fields,
    choose_seed,
    decide_scene_production,
    find_scene_cast,
    scene_speakers,
)
from tower.shots.script_writing import choose_workflow
from tower.storage.imported_files import reference_image_path
from tower.versions.values import canonicalise
from tower.workflows.builtins import builtin_workflows

_OVERRIDABLE_SCENE_FIELDS = ("scene_type", "duration_s", "negative_prompt", "type", "prompt")


def collect_fingerprint_inputs(
    inputs: RenderInputs, scene: SceneView, options: RenderOverrides, engine: EngineVersion
) -> FingerprintInputs:
    """Collect the inputs that a render of the scene would have now. A missing file or graph counts as `missing`.

    Equal inputs give equal shots, and different inputs give different ones. docs/staleness.md lists the inputs.
    """
    fields = build_render_fields(inputs, scene, options)
    draws_graphs = engine.name in inputs.cached("graph engines", graph_engine_names)
    name = _workflow_name(inputs, scene, fields) if draws_graphs else None
    authored = None if name is None else _authored_workflow(inputs, scene, options, name)
    return FingerprintInputs(
        rules=PROMPT_RULES_VERSION,
        scene=_scene_inputs(inputs, scene, fields),
        characters=[_character_inputs(inputs, character) for character in scene.characters],
        style=_style_inputs(inputs, fields["style"]),
        production=_production_inputs(inputs, fields),
        model=_model_inputs(inputs, authored.values.get("model", fields["model"]) if authored else fields["model"]),
        workflow=None if name is None else _workflow_inputs(inputs, name, authored),
        seed=_seed_inputs(inputs, scene, options, fields),
        engine=inputs.cached(("engine", engine), lambda: EngineInputs(name=engine.name, version=engine.version)),
    )


def current_engine(session: Session, settings: Settings) -> EngineVersion:
    """The engine that renders a scene without a chosen engine, by the database and the settings. It asks no server."""
    try:
        return choose_for_pool(session, AUTO_ENGINE, settings)
    except UnavailableError:
        if settings.engine == AUTO_ENGINE:
            raise
        return installed_version(
            settings.engine
        )  # the configured engine is unavailable for now, and its takes stay valid


def engine_for_scene(
    options: RenderOverrides, current: EngineVersion, *, take_engine: EngineVersion | None = None
) -> EngineVersion:
    """The engine that a take is compared with. `take_engine`: the engine that made the take.

    A take of the fallback engine is compared with the current engine. The take of another engine is compared with that
    engine, so it is not stale while that engine is unavailable.
    """
    if options.engine != AUTO_ENGINE:
        return installed_version(options.engine, fallback=take_engine)
    return (
        current
        if take_engine is None or take_engine.name == FALLBACK_ENGINE
        else installed_version(take_engine.name, fallback=take_engine)
    )


def _scene_inputs(sources: RenderInputs, scene: SceneView, fields: dict[str, Any]) -> SceneInputs:
    given = {name: fields[name] for name in _OVERRIDABLE_SCENE_FIELDS if name in fields}
    overrides: dict[str, Any] = sources.cached(("scene", *given.items()), lambda: canonicalise(given, "scene"))
    if "prompt" in fields:
        return SceneInputs(**overrides)
    return SceneInputs(
        description=scene.description,
        location=scene.location,
        mood=scene.mood,
        camera=scene.camera,
        speakers=scene_speakers(scene),
        **overrides,
    )


def _seed_inputs(sources: RenderInputs, scene: SceneView, wish: RenderOverrides, fields: dict[str, Any]) -> SeedInputs:
    if "seed" in fields:
        return SeedInputs(value=fields["seed"], of=None)
    value, character_name = choose_seed(sources, scene, wish.draw)
    return SeedInputs(value=value, of=character_name)


def _character_inputs(sources: RenderInputs, character: dict[str, Any]) -> CharacterInputs:
    row = sources.characters.get(character["key"] or "")
    if row is None:
        return CharacterInputs(key=None, name=canonicalise(character["name"], "name"))
    return sources.cached(("character", character["key"]), lambda: _row_inputs(row))


def _row_inputs(row: Character) -> CharacterInputs:
    return CharacterInputs(
        key=str(row.key),
        name=row.name,
        visual_description=row.visual_description or None,
        description=None if row.visual_description else row.description,
        visual_traits={trait: str(value) for trait, value in row.visual_traits.items()},
        image_path=_hash_picture(reference_image_path(row)),
    )


def _style_inputs(sources: RenderInputs, name: str) -> StyleInputs:
    style = sources.style(name)
    if style is None:
        return StyleInputs(name=canonicalise(name, "style"), prompt=MISSING)
    return sources.cached(("style", name), lambda: _style_fields(name, style))


def _style_fields(name: str, style: StyleTemplate) -> StyleInputs:
    fields = {field: getattr(style, field) for field in ("prompt", "negative_prompt", "sampler_settings")}
    return StyleInputs(**canonicalise({"name": name} | fields, "style"))


def _production_inputs(sources: RenderInputs, fields: dict[str, Any]) -> ProductionInputs:
    names = ("quality", "width", "height", "fps", "steps", "cfg", "sampler", "scheduler")
    values = tuple(fields.get(name) for name in names)
    return sources.cached(("production", *values), lambda: _production_fields(*values))


def _production_fields(quality: Any, width: Any, height: Any, fps: Any, *sampling: Any) -> ProductionInputs:
    preset = get_preset(PRESET_NAMES[quality])
    steps, cfg, sampler, scheduler = sampling
    settings = {
        "width": width or preset.width,
        "height": height or preset.height,
        "fps": fps or 24,
        "steps": steps or preset.steps,
        "cfg": cfg or preset.cfg,
        "sampler": sampler or preset.sampler,
        "scheduler": scheduler or preset.scheduler,
    }
    return ProductionInputs(**canonicalise(settings, "production"))


def _model_inputs(sources: RenderInputs, name: str) -> ModelInputs:
    sha256 = sources.model_files.get(name)
    return sources.cached(("model", name), lambda: ModelInputs(name=name, files={name: sha256} if sha256 else {}))


def _workflow_name(sources: RenderInputs, scene: SceneView, fields: dict[str, Any]) -> str:
    return choose_workflow(fields["workflow"], find_scene_cast(sources, scene))


def _authored_workflow(
    sources: RenderInputs, scene: SceneView, options: RenderOverrides, name: str
) -> AuthoredWorkflow | None:
    """The workflow with only the bindings that a render sends; None if no workflow has the name."""
    graph = sources.graph(name)
    if graph is None:
        return None
    if graph.name in builtin_workflows():
        return sources.cached(("authored", name), lambda: AuthoredWorkflow(graph))
    production = decide_scene_production(sources, scene, options)
    named = named_inputs(production.sources, sources.style(production.values["style"]))
    return sources.cached(("authored", name, named), lambda: keep_authored_values(graph, named))


def _workflow_inputs(sources: RenderInputs, name: str, authored: AuthoredWorkflow | None) -> WorkflowInputs:
    if authored is None:
        return WorkflowInputs(name=name, version=None, graph=MISSING)
    return sources.cached(
        ("workflow", name, frozenset(authored.graph.bindings)),
        lambda: WorkflowInputs.from_graph(asdict(authored.graph)),
    )


def _hash_picture(path: str | None) -> str | None:
    """The sha256 of the picture; MISSING if it cannot be read. Where the file is does not matter."""
    if path is None:
        return None
    try:
        stat = Path(path).stat()
        return _hash_file(path, stat.st_mtime_ns, stat.st_size)
    except OSError:
        return MISSING


@lru_cache(maxsize=4096)
def _hash_file(path: str, _modified_ns: int, _bytes: int) -> str:
    return sha256_of(Path(path))
