"""From a scene to what is asked of its render. Equal scenes ask for equal shots, whenever and wherever."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import PlainSerializer, TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from db.models.projects import ProjectSettings
from db.models.scenes import Scene
from tower.errors import InvalidError
from tower.jobs.spec import NOBODY, EngineChoice, GenerationSpec, SceneType
from tower.presets.quality import QUALITIES, preset_of
from tower.settings import AUTO
from tower.shots.cast import Cast, cast_of_scene
from tower.shots.scene_sources import Pictured, Sources, sources_of

# Raised when this module or prompts.py puts the same scene into other words: every take is stale then.
RULES = 1
DEFAULT_DURATION_S = 3
SEED_BITS = 32
NEVER_OVERRIDDEN = frozenset({"project_id", "character", "characters", "quality", "engine"})


@dataclass(frozen=True)
class Wish:
    """What was asked for beside what the scene says: a preset, an engine, other fields of a GenerationSpec.

    It is kept with a take: what was wished for makes no take stale. `draw` counts from 0; another one, another seed.
    """

    quality: str | None = None
    engine: EngineChoice = AUTO
    overrides: dict[str, Any] = field(default_factory=dict)
    draw: int = 0

    def as_json(self) -> dict[str, Any]:
        """Without `force`, which says how to render and not what."""
        kept = {name: value for name, value in self.overrides.items() if name != "force"}
        said: dict[str, Any] = _WISH.dump_python(Wish(self.quality, self.engine, kept, self.draw), mode="json")
        return said

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Wish:
        return _WISH.validate_python(said)


StoredWish = Annotated[Wish, PlainSerializer(Wish.as_json, return_type=dict[str, Any])]
_WISH = TypeAdapter(Wish)


def spec_of_scene(
    session: Session,
    scene: Scene,
    *,
    quality: str | None = None,
    engine: EngineChoice = AUTO,
    overrides: Mapping[str, Any] | None = None,
) -> GenerationSpec:
    """What a render of the scene is asked with. `overrides`: fields of a GenerationSpec that win over the scene's.

    Raises InvalidError for a scene that says nothing or too much, or lasts less than 1 or more than 10 s.
    """
    sources = sources_of(session, scene.branch_id, scene.project_id, [scene])
    return spec_of(sources, scene, Wish(quality, engine, dict(overrides or {})))


def spec_of(sources: Sources, scene: Pictured, wish: Wish) -> GenerationSpec:
    """The same from sources that are read already."""
    asked = asked_of(sources, scene, wish)
    if sources.style(asked["style"]) is None:
        known = ", ".join(sorted(style.name for style in sources.styles.values()))
        raise InvalidError.field("style", asked["style"], f"one of {known}, for scene {scene.scene_number}")
    try:
        return GenerationSpec.model_validate(asked)
    except ValidationError as refused:
        first = refused.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "shot"
        raise InvalidError(
            f"Scene {scene.scene_number} cannot be rendered: {name}: {first['msg']}",
            details={"field": name, "value": asked.get(name), "expected": first["msg"], "scene_id": scene.id},
        ) from refused


def asked_of(sources: Sources, scene: Pictured, wish: Wish) -> dict[str, Any]:
    """The fields of the GenerationSpec, not yet validated. Raises InvalidError for an override of who is in it."""
    if refused := NEVER_OVERRIDDEN & wish.overrides.keys():
        raise InvalidError.field("overrides", sorted(refused), "fields that do not say whose scene it is")
    names = [member.name[:100] for member in cast_of(sources, scene).members]
    who = {
        "project_id": scene.project_id,
        "prompt": prompt_of(scene),
        "character": names[0] if names else NOBODY,
        "characters": names[1:9],
        "engine": wish.engine,
        "seed": seed_of(sources, scene, wish.draw)[0],
    }
    return who | how_of(sources, scene, wish)


def how_of(sources: Sources, scene: Pictured, wish: Wish) -> dict[str, Any]:
    """Those of them that do not say what and who is seen, overrides included."""
    produced: dict[str, Any] = sources.once(("produced", wish.quality), lambda: _produced(sources, wish.quality))
    own: dict[str, Any] = {
        "scene_type": scene.scene_type or SceneType.DIALOGUE,
        "duration_s": scene.duration_s or DEFAULT_DURATION_S,
        "style": sources.style_name(scene),
    }
    if produced["workflow"] and _own_workflow(sources, scene):
        own["workflow"] = None
    return produced | own | wish.overrides


def cast_of(sources: Sources, scene: Pictured) -> Cast:
    return cast_of_scene(scene.characters, sources.characters)


def prompt_of(scene: Pictured) -> str:
    """What is seen, in the scene's own words. Of the dialogue only who speaks: what is said is no picture."""
    speaking = (f"{name} speaking" for name in speakers_of(scene))
    parts = (scene.description, scene.location, scene.mood, scene.camera, *speaking)
    return ", ".join(part.strip(" .,") for part in parts if part and part.strip(" .,"))


def speakers_of(scene: Pictured) -> list[str]:
    """Each once, in the order in which they speak."""
    return list(dict.fromkeys(line["character"] for line in scene.dialogue if line.get("character")))


def seed_of(sources: Sources, scene: Pictured, draw: int) -> tuple[int, str | None]:
    """The seed of the first character that has a fixed one, and its name; or else one made from the scene's key."""
    playing = (sources.characters.get(one["key"] or "") for one in scene.characters)
    fixed = next((one for one in playing if one is not None and one.seed is not None), None)
    if fixed is not None and fixed.seed is not None and draw == 0:
        return fixed.seed, fixed.name
    said = f"{scene.key}/{draw}" if draw else str(scene.key)
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[: SEED_BITS // 8]), None


def _own_workflow(sources: Sources, scene: Pictured) -> bool:
    """Whether someone who plays is drawn with a workflow of their own."""
    playing = (sources.characters.get(one["key"] or "") for one in scene.characters)
    return any(one is not None and one.comfyui_workflow for one in playing)


def _produced(sources: Sources, wished: str | None) -> dict[str, Any]:
    """What the project's settings say, or else Tower's. `wished`: a preset."""
    settings = sources.settings
    quality = wished or (settings.quality_preset.value if settings else sources.defaults.quality_preset)
    return {
        "quality": quality,
        "model": (settings and settings.model) or sources.defaults.model,
        "workflow": settings and settings.workflow,
        **({"fps": settings.fps} if settings and settings.fps else {}),
        **_size(settings, quality),
    }


def _size(settings: ProjectSettings | None, quality: str) -> dict[str, int]:
    """The project's, where it sets one; a side that it leaves open is the preset's."""
    if settings is None or not (settings.width or settings.height) or quality not in QUALITIES:
        return {}
    preset = preset_of(QUALITIES[quality])
    return {"width": settings.width or preset.width, "height": settings.height or preset.height}
