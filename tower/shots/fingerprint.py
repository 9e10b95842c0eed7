"""All that the picture of a scene depends on, in parts that can be named, and the fingerprint over them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.styles import StyleTemplate
from tower.errors import UnavailableError
from tower.jobs.spec import EngineChoice
from tower.media.files import sha256_of
from tower.presets.quality import QUALITIES, preset_of
from tower.rendering.engine_choice import VERSIONS, EngineName, chosen_by_pool
from tower.settings import Settings
from tower.shots.scene_sources import Pictured, Sources
from tower.shots.scene_spec import RULES, Wish, cast_of, how_of, seed_of, speakers_of
from tower.shots.script_writing import workflow_of
from tower.storage.imported_files import image_of
from tower.versions.values import canonical, encoded

Parts = dict[str, Any]
MISSING = "missing"  # instead of the hash of a file or graph that is not there
SHOWN = ("description", "location", "mood", "camera")


def parts_of(sources: Sources, scene: Pictured, wish: Wish, engine: EngineName) -> Parts:
    """What a render of the scene would be made from now. Canonical JSON; nothing is refused, what lacks is `missing`.

    The same parts give the same shot, and other parts another one: see docs/staleness.md for what is in them.
    Scenes that have a part in common share it: what this gives must not be changed.
    """
    how = how_of(sources, scene, wish)
    seed, of = (canonical(how["seed"], "seed"), None) if "seed" in how else seed_of(sources, scene, wish.draw)
    return {
        "rules": RULES,
        "scene": _scene(scene, how),
        "characters": [_member(sources, one) for one in scene.characters],
        "style": _style(sources, how["style"]),
        "production": _production(sources, how),
        "model": _model(sources, how["model"]),
        "workflow": _workflow(sources, scene, how) if engine.name == EngineChoice.COMFYUI else None,
        "seed": {"value": seed, "of": of},
        "engine": _once(sources, ("engine", engine), lambda: asdict(engine)),
    }


def fingerprint_of(parts: Parts) -> str:
    """The sha256 over the parts, in hex. They are canonical already."""
    written = ",".join(f'"{name}":{_written(parts[name])}' for name in sorted(parts))
    return hashlib.sha256(f"{{{written}}}".encode()).hexdigest()


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


class _Shared(dict[str, Any]):
    """A part of many scenes, canonical, and written out once."""

    def __init__(self, part: Parts) -> None:
        super().__init__(part)
        self.written = encoded(self).decode()


def _written(part: Any) -> str:
    """As `encoded` writes it."""
    if isinstance(part, list):
        return f"[{','.join(map(_written, part))}]"
    return part.written if isinstance(part, _Shared) else encoded(part).decode()


def _scene(scene: Pictured, how: dict[str, Any]) -> Parts:
    names = ("scene_type", "duration_s", "negative_prompt", "type", "prompt")
    same: Parts = canonical({name: how[name] for name in names if name in how}, "scene")
    if "prompt" in how:  # it was wished for
        return same
    return {name: getattr(scene, name) for name in SHOWN} | {"speakers": speakers_of(scene)} | same


def _member(sources: Sources, one: dict[str, Any]) -> Parts:
    row = sources.characters.get(one["key"] or "")
    if row is None:
        return {"key": None, "name": canonical(one["name"], "name")}
    return _once(sources, ("character", one["key"]), lambda: _character(row))


def _character(row: Character) -> Parts:
    """`description` counts only where there is no visual_description."""
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
        return {"name": canonical(name, "style"), "prompt": MISSING}
    return _once(sources, ("style", name), lambda: canonical({"name": name} | _words(style), "style"))


def _words(style: StyleTemplate) -> Parts:
    return {name: getattr(style, name) for name in ("prompt", "negative_prompt", "sampler_settings")}


def _production(sources: Sources, how: dict[str, Any]) -> Parts:
    asked = tuple(how.get(name) for name in ("quality", "width", "height", "fps"))
    return _once(sources, ("production", *asked), lambda: canonical(_settings(*asked), "production"))


def _settings(quality: Any, width: Any, height: Any, fps: Any) -> Parts:
    preset = preset_of(QUALITIES[quality])
    return {
        "width": width or preset.width,
        "height": height or preset.height,
        "fps": fps or 24,
        "steps": preset.steps,
        "cfg": preset.cfg,
        "sampler": preset.sampler,
        "scheduler": preset.scheduler,
    }


def _model(sources: Sources, name: str) -> Parts:
    """`files`: those whose hash is known; what was never hashed is left out."""
    sha256 = sources.model_files.get(name)
    return _once(sources, ("model", name), lambda: {"name": name, "files": {name: sha256} if sha256 else {}})


def _workflow(sources: Sources, scene: Pictured, how: dict[str, Any]) -> Parts:
    name = workflow_of(how["workflow"], cast_of(sources, scene))
    graph = sources.graph(name)
    if graph is None:
        return {"name": name, "version": None, "graph": MISSING}
    return _once(sources, ("workflow", name), lambda: graph_part(asdict(graph)))


def _once(sources: Sources, name: tuple[Hashable, ...], make: Callable[[], Parts]) -> Parts:
    shared: Parts = sources.once(name, lambda: _Shared(make()))
    return shared


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
