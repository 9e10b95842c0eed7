"""Collects the inputs of a scene's fingerprint from the current state of the database."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.styles import StyleTemplate
from tower.engines.choice import STAND_IN
from tower.errors import UnavailableError
from tower.media.files import sha256_of
from tower.presets.quality import QUALITIES, preset_of
from tower.rendering.engine_choice import EngineName, as_installed, chosen_by_pool, with_graphs
from tower.settings import AUTO, Settings
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
from tower.shots.scene_sources import Pictured, Sources
from tower.shots.scene_spec import RULES, Wish, cast_of, how_of, seed_of, speakers_of
from tower.shots.script_writing import workflow_of
from tower.storage.imported_files import image_of
from tower.versions.values import canonical

_OVERRIDABLE_SCENE_FIELDS = ("scene_type", "duration_s", "negative_prompt", "type", "prompt")


def inputs_of(sources: Sources, scene: Pictured, wish: Wish, engine: EngineName) -> FingerprintInputs:
    """Collect the inputs that a render of the scene would have now. A missing file or graph counts as `missing`.

    Equal inputs give equal shots, and different inputs give different ones. docs/staleness.md lists the inputs.
    """
    fields = how_of(sources, scene, wish)
    return FingerprintInputs(
        rules=RULES,
        scene=_scene_inputs(sources, scene, fields),
        characters=[_character_inputs(sources, character) for character in scene.characters],
        style=_style_inputs(sources, fields["style"]),
        production=_production_inputs(sources, fields),
        model=_model_inputs(sources, fields["model"]),
        workflow=_workflow_inputs(sources, scene, fields) if engine.name in with_graphs() else None,
        seed=_seed_inputs(sources, scene, wish, fields),
        engine=sources.once(("engine", engine), lambda: EngineInputs(name=engine.name, version=engine.version)),
    )


def engine_now(session: Session, settings: Settings) -> EngineName:
    """The engine that renders a scene without a chosen engine, by the database and the settings. It asks no server."""
    try:
        return chosen_by_pool(session, AUTO, settings)
    except UnavailableError:
        if settings.engine == AUTO:
            raise
        return as_installed(settings.engine)  # the configured engine is unavailable for now, and its takes stay valid


def engine_for_scene(wish: Wish, now: EngineName, *, was: EngineName | None = None) -> EngineName:
    """The engine that a take is compared with. `was`: the engine that made the take.

    A take of the fallback engine is compared with the current engine. The take of another engine is compared with that
    engine, so it is not stale while that engine is unavailable.
    """
    if wish.engine != AUTO:
        return as_installed(wish.engine, was=was)
    return now if was is None or was.name == STAND_IN else as_installed(was.name, was=was)


def _scene_inputs(sources: Sources, scene: Pictured, fields: dict[str, Any]) -> SceneInputs:
    given = {name: fields[name] for name in _OVERRIDABLE_SCENE_FIELDS if name in fields}
    overrides: dict[str, Any] = sources.once(("scene", *given.items()), lambda: canonical(given, "scene"))
    if "prompt" in fields:
        return SceneInputs(**overrides)
    return SceneInputs(
        description=scene.description,
        location=scene.location,
        mood=scene.mood,
        camera=scene.camera,
        speakers=speakers_of(scene),
        **overrides,
    )


def _seed_inputs(sources: Sources, scene: Pictured, wish: Wish, fields: dict[str, Any]) -> SeedInputs:
    if "seed" in fields:
        return SeedInputs(value=fields["seed"], of=None)
    value, character_name = seed_of(sources, scene, wish.draw)
    return SeedInputs(value=value, of=character_name)


def _character_inputs(sources: Sources, character: dict[str, Any]) -> CharacterInputs:
    row = sources.characters.get(character["key"] or "")
    if row is None:
        return CharacterInputs(key=None, name=canonical(character["name"], "name"))
    return sources.once(("character", character["key"]), lambda: _row_inputs(row))


def _row_inputs(row: Character) -> CharacterInputs:
    return CharacterInputs(
        key=str(row.key),
        name=row.name,
        visual_description=row.visual_description or None,
        description=None if row.visual_description else row.description,
        visual_traits={trait: str(value) for trait, value in row.visual_traits.items()},
        image_path=_hash_picture(image_of(row)),
    )


def _style_inputs(sources: Sources, name: str) -> StyleInputs:
    style = sources.style(name)
    if style is None:
        return StyleInputs(name=canonical(name, "style"), prompt=MISSING)
    return sources.once(("style", name), lambda: _style_fields(name, style))


def _style_fields(name: str, style: StyleTemplate) -> StyleInputs:
    fields = {field: getattr(style, field) for field in ("prompt", "negative_prompt", "sampler_settings")}
    return StyleInputs(**canonical({"name": name} | fields, "style"))


def _production_inputs(sources: Sources, fields: dict[str, Any]) -> ProductionInputs:
    values = tuple(fields.get(name) for name in ("quality", "width", "height", "fps"))
    return sources.once(("production", *values), lambda: _production_fields(*values))


def _production_fields(quality: Any, width: Any, height: Any, fps: Any) -> ProductionInputs:
    preset = preset_of(QUALITIES[quality])
    settings = {
        "width": width or preset.width,
        "height": height or preset.height,
        "fps": fps or 24,
        "steps": preset.steps,
        "cfg": preset.cfg,
        "sampler": preset.sampler,
        "scheduler": preset.scheduler,
    }
    return ProductionInputs(**canonical(settings, "production"))


def _model_inputs(sources: Sources, name: str) -> ModelInputs:
    sha256 = sources.model_files.get(name)
    return sources.once(("model", name), lambda: ModelInputs(name=name, files={name: sha256} if sha256 else {}))


def _workflow_inputs(sources: Sources, scene: Pictured, fields: dict[str, Any]) -> WorkflowInputs:
    name = workflow_of(fields["workflow"], cast_of(sources, scene))
    graph = sources.graph(name)
    if graph is None:
        return WorkflowInputs(name=name, version=None, graph=MISSING)
    return sources.once(("workflow", name), lambda: WorkflowInputs.of(asdict(graph)))


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
