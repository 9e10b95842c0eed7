"""The inputs of a scene's fingerprint, as the database has them now."""

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

_WISHED = ("scene_type", "duration_s", "negative_prompt", "type", "prompt")  # of a scene, where the request names them


def inputs_of(sources: Sources, scene: Pictured, wish: Wish, engine: EngineName) -> FingerprintInputs:
    """What a render of the scene would be made from now. Nothing is refused; what lacks is `missing`.

    The same inputs give the same shot, and others another one: see docs/staleness.md for what is in them.
    """
    how = how_of(sources, scene, wish)
    return FingerprintInputs(
        rules=RULES,
        scene=_scene(sources, scene, how),
        characters=[_member(sources, one) for one in scene.characters],
        style=_style(sources, how["style"]),
        production=_production(sources, how),
        model=_model(sources, how["model"]),
        workflow=_workflow(sources, scene, how) if engine.name in with_graphs() else None,
        seed=_seed(sources, scene, wish, how),
        engine=sources.once(("engine", engine), lambda: EngineInputs(name=engine.name, version=engine.version)),
    )


def engine_now(session: Session, settings: Settings) -> EngineName:
    """What renders a scene that leaves it open, by what the database and the settings say. No server is asked."""
    try:
        return chosen_by_pool(session, AUTO, settings)
    except UnavailableError:
        if settings.engine == AUTO:
            raise
        return as_installed(settings.engine)  # set, and away for now: what it has made stays good


def engine_for_scene(wish: Wish, now: EngineName, *, was: EngineName | None = None) -> EngineName:
    """The engine that a render is compared with: `was` made the take.

    A take of the stand-in gives way to what renders now; one of another engine is not old because that is away.
    """
    if wish.engine != AUTO:
        return as_installed(wish.engine, was=was)
    return now if was is None or was.name == STAND_IN else as_installed(was.name, was=was)


def _scene(sources: Sources, scene: Pictured, how: dict[str, Any]) -> SceneInputs:
    said = {name: how[name] for name in _WISHED if name in how}
    wished: dict[str, Any] = sources.once(("scene", *said.items()), lambda: canonical(said, "scene"))
    if "prompt" in how:
        return SceneInputs(**wished)
    return SceneInputs(
        description=scene.description,
        location=scene.location,
        mood=scene.mood,
        camera=scene.camera,
        speakers=speakers_of(scene),
        **wished,
    )


def _seed(sources: Sources, scene: Pictured, wish: Wish, how: dict[str, Any]) -> SeedInputs:
    if "seed" in how:
        return SeedInputs(value=how["seed"], of=None)
    value, of = seed_of(sources, scene, wish.draw)
    return SeedInputs(value=value, of=of)


def _member(sources: Sources, one: dict[str, Any]) -> CharacterInputs:
    row = sources.characters.get(one["key"] or "")
    if row is None:
        return CharacterInputs(key=None, name=canonical(one["name"], "name"))
    return sources.once(("character", one["key"]), lambda: _character(row))


def _character(row: Character) -> CharacterInputs:
    return CharacterInputs(
        key=str(row.key),
        name=row.name,
        visual_description=row.visual_description or None,
        description=None if row.visual_description else row.description,
        visual_traits={trait: str(value) for trait, value in row.visual_traits.items()},
        image_path=_picture(image_of(row)),
    )


def _style(sources: Sources, name: str) -> StyleInputs:
    style = sources.style(name)
    if style is None:
        return StyleInputs(name=canonical(name, "style"), prompt=MISSING)
    return sources.once(("style", name), lambda: _words(name, style))


def _words(name: str, style: StyleTemplate) -> StyleInputs:
    kept = {field: getattr(style, field) for field in ("prompt", "negative_prompt", "sampler_settings")}
    return StyleInputs(**canonical({"name": name} | kept, "style"))


def _production(sources: Sources, how: dict[str, Any]) -> ProductionInputs:
    asked = tuple(how.get(name) for name in ("quality", "width", "height", "fps"))
    return sources.once(("production", *asked), lambda: _settings(*asked))


def _settings(quality: Any, width: Any, height: Any, fps: Any) -> ProductionInputs:
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


def _model(sources: Sources, name: str) -> ModelInputs:
    sha256 = sources.model_files.get(name)
    return sources.once(("model", name), lambda: ModelInputs(name=name, files={name: sha256} if sha256 else {}))


def _workflow(sources: Sources, scene: Pictured, how: dict[str, Any]) -> WorkflowInputs:
    name = workflow_of(how["workflow"], cast_of(sources, scene))
    graph = sources.graph(name)
    if graph is None:
        return WorkflowInputs(name=name, version=None, graph=MISSING)
    return sources.once(("workflow", name), lambda: WorkflowInputs.of(asdict(graph)))


def _picture(path: str | None) -> str | None:
    """A picture counts by its bytes, not by where it lies."""
    if path is None:
        return None
    try:
        found = Path(path).stat()
        return _hashed(path, found.st_mtime_ns, found.st_size)
    except OSError:
        return MISSING


@lru_cache(maxsize=4096)
def _hashed(path: str, _changed_ns: int, _size: int) -> str:
    return sha256_of(Path(path))
