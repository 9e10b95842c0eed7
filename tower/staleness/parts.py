"""All that the picture of a scene depends on, in parts that can be named, and the fingerprint over them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.scenes import Scene
from tower.engines.choice import VERSIONS, EngineName, chosen_by_pool
from tower.errors import UnavailableError
from tower.generation import EngineChoice
from tower.imported_files import image_of
from tower.media.files import sha256_of
from tower.presets import QUALITIES, preset_of
from tower.scene_shots import RULES, Wish, asked_of, cast_of, seed_of, speakers_of
from tower.scene_sources import Sources
from tower.scripts import workflow_of
from tower.settings import Settings
from tower.versions.values import canonical, encoded

Parts = dict[str, Any]
MISSING = "missing"  # instead of the hash of a file or graph that is not there
SHOWN = ("description", "location", "mood", "camera")


def parts_of(sources: Sources, scene: Scene, wish: Wish, engine: EngineName) -> Parts:
    """What a render of the scene would be made from now. Canonical JSON; nothing is refused, what lacks is `missing`.

    The same parts give the same shot, and other parts another one: see docs/staleness.md for what is in them.
    """
    asked = asked_of(sources, scene, wish)
    seed, seed_of_whom = (asked["seed"], None) if "seed" in wish.overrides else seed_of(sources, scene, wish.draw)
    parts = {
        "rules": RULES,
        "scene": _scene(scene, asked, wish),
        "characters": [_member(one, sources.characters.get(one["key"] or "")) for one in scene.characters],
        "style": _style(sources, asked["style"]),
        "production": _production(asked),
        "model": {"name": asked["model"], "files": _files(sources, asked["model"])},
        "workflow": _workflow(sources, scene, asked) if engine.name == EngineChoice.COMFYUI else None,
        "seed": {"value": seed, "of": seed_of_whom},
        "engine": {"name": engine.name, "version": engine.version},
    }
    return dict(canonical(parts, "parts"))


def fingerprint_of(parts: Parts) -> str:
    """The sha256 over the parts, in hex. They are canonical already."""
    return hashlib.sha256(encoded(parts)).hexdigest()


def graph_part(graph: Mapping[str, Any]) -> Parts:
    """A WorkflowGraph, as JSON, as a part."""
    content = canonical([graph["graph"], graph["bindings"]], "graph")
    return {"name": graph["name"], "version": graph["version"], "graph": hashlib.sha256(encoded(content)).hexdigest()}


def engine_now(session: Session, settings: Settings) -> EngineName:
    """What renders a scene that leaves it open, by what the database and the settings say. No server is asked."""
    try:
        return chosen_by_pool(session, EngineChoice.AUTO, settings)
    except UnavailableError:  # configured, and away for now: what it has made stays good
        return EngineName(EngineChoice.COMFYUI.value, VERSIONS[EngineChoice.COMFYUI])


def engine_for_scene(wish: Wish, now: EngineName, *, was: str | None = None) -> EngineName:
    """The engine that a render is compared with. A take of ComfyUI is not old because no ComfyUI is there now."""
    choice = wish.engine
    if choice == EngineChoice.AUTO:
        if was != EngineChoice.COMFYUI:
            return now
        choice = EngineChoice.COMFYUI
    return EngineName(choice.value, VERSIONS[choice])


def _scene(scene: Scene, asked: dict[str, Any], wish: Wish) -> Parts:
    names = ("scene_type", "duration_s", "negative_prompt", "type")
    same: Parts = {name: asked[name] for name in names if name in asked}
    if "prompt" in wish.overrides:
        return {"prompt": asked["prompt"], **same}
    return {name: getattr(scene, name) for name in SHOWN} | {"speakers": speakers_of(scene)} | same


def _member(one: dict[str, Any], row: Character | None) -> Parts:
    """`description` counts only where there is no visual_description."""
    if row is None:
        return {"key": None, "name": one["name"]}
    return {
        "key": str(row.key),
        "name": row.name,
        "visual_description": row.visual_description or None,
        "description": None if row.visual_description else row.description,
        "visual_traits": {trait: str(value) for trait, value in row.visual_traits.items()},
        "image_path": _picture(image_of(row)),
    }


def _style(sources: Sources, name: str) -> Parts:
    style = sources.style(name)
    if style is None:
        return {"name": name, "prompt": MISSING}
    return {
        "name": name,
        "prompt": style.prompt,
        "negative_prompt": style.negative_prompt,
        "sampler_settings": style.sampler_settings,
    }


def _production(asked: dict[str, Any]) -> Parts:
    preset = preset_of(QUALITIES[asked["quality"]])
    return {
        "width": asked.get("width") or preset.width,
        "height": asked.get("height") or preset.height,
        "fps": asked.get("fps") or 24,
        "steps": preset.steps,
        "cfg": preset.cfg,
        "sampler": preset.sampler,
        "scheduler": preset.scheduler,
    }


def _workflow(sources: Sources, scene: Scene, asked: dict[str, Any]) -> Parts:
    name = workflow_of(asked["workflow"], cast_of(sources, scene))
    graph = sources.graph(name)
    if graph is None:
        return {"name": name, "version": None, "graph": MISSING}
    return graph_part(asdict(graph))


def _files(sources: Sources, model: str) -> dict[str, str]:
    """Those whose hash is known; what was never hashed is left out."""
    sha256 = sources.model_files.get(model)
    return {model: sha256} if sha256 else {}


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
