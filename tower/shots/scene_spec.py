"""Builds the GenerationSpec of a scene. Equal scenes give equal specs, at any time and on any machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import PlainSerializer, TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.scenes import Scene
from tower.errors import InvalidError
from tower.jobs.production import DecidedSpec, Production, Source, decide_production
from tower.jobs.spec import NO_CHARACTER, EngineChoice, GenerationSpec
from tower.settings import AUTO_ENGINE
from tower.shots.cast import Cast, build_scene_cast
from tower.shots.scene_sources import RenderInputs, SceneView, load_render_inputs

# Raise this when this module or prompts.py words the same scene differently: every take is stale then.
PROMPT_RULES_VERSION = 1
SEED_BITS = 32
FIXED_FIELDS = frozenset({"project_id", "character", "characters", "quality", "engine"})


@dataclass(frozen=True)
class RenderOverrides:
    """The request's overrides of a scene: a preset, an engine, and other fields of a GenerationSpec.

    They are stored with the take and do not make it stale. `draw` counts from 0; each draw has another seed.
    """

    quality: str | None = None
    engine: EngineChoice = AUTO_ENGINE
    overrides: dict[str, Any] = field(default_factory=dict)
    draw: int = 0

    def as_json(self) -> dict[str, Any]:
        """The JSON without `force`, which does not change the picture."""
        kept = {name: value for name, value in self.overrides.items() if name != "force"}
        stored: dict[str, Any] = _WISH.dump_python(
            RenderOverrides(self.quality, self.engine, kept, self.draw), mode="json"
        )
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> RenderOverrides:
        return _WISH.validate_python(stored)


StoredRenderOverrides = Annotated[RenderOverrides, PlainSerializer(RenderOverrides.as_json, return_type=dict[str, Any])]
_WISH = TypeAdapter(RenderOverrides)


def build_scene_spec(
    session: Session,
    scene: Scene,
    *,
    quality: str | None = None,
    engine: EngineChoice = AUTO_ENGINE,
    overrides: Mapping[str, Any] | None = None,
) -> GenerationSpec:
    """Build the spec of the scene. `overrides`: fields of a GenerationSpec that win over the scene's.

    Raises InvalidError for a scene whose prompt is empty or too long, or that lasts less than 1 s or more than 10 s.
    """
    sources = load_render_inputs(session, scene.branch_id, scene.project_id, [scene])
    return build_spec(sources, scene, RenderOverrides(quality, engine, dict(overrides or {}))).spec


def build_spec(inputs: RenderInputs, scene: SceneView, options: RenderOverrides) -> DecidedSpec:
    """Build the spec of the scene from inputs that are already read. Raises InvalidError."""
    fields = build_spec_fields(inputs, scene, options)
    if inputs.style(fields["style"]) is None:
        known = ", ".join(sorted(style.name for style in inputs.styles.values()))
        raise InvalidError.field("style", fields["style"], f"one of {known}, for scene {scene.scene_number}")
    try:
        spec = GenerationSpec.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "shot"
        raise InvalidError(
            f"Scene {scene.scene_number} cannot be rendered: {name}: {first['msg']}",
            details={"field": name, "value": fields.get(name), "expected": first["msg"], "scene_id": scene.id},
        ) from error
    return DecidedSpec(spec, decide_scene_production(inputs, scene, options).sources)


def build_spec_fields(inputs: RenderInputs, scene: SceneView, options: RenderOverrides) -> dict[str, Any]:
    """Build the fields of the GenerationSpec, not yet validated.

    Raises InvalidError for an override of the project, the characters, the quality or the engine.
    """
    if refused := FIXED_FIELDS & options.overrides.keys():
        raise InvalidError.field("overrides", sorted(refused), f"fields other than {', '.join(sorted(FIXED_FIELDS))}")
    names = [member.name[:100] for member in find_scene_cast(inputs, scene).members]
    identity = {
        "project_id": scene.project_id,
        "prompt": scene_prompt(scene),
        "character": names[0] if names else NO_CHARACTER,
        "characters": names[1:9],
        "engine": options.engine,
        "seed": choose_seed(inputs, scene, options.draw)[0],
    }
    return identity | build_render_fields(inputs, scene, options)


def build_render_fields(inputs: RenderInputs, scene: SceneView, options: RenderOverrides) -> dict[str, Any]:
    """Build the fields that do not depend on prompt and cast, with the overrides."""
    return {**decide_scene_production(inputs, scene, options).values, **options.overrides}


def decide_scene_production(inputs: RenderInputs, scene: SceneView, options: RenderOverrides) -> Production:
    """Decide what the scene is produced with. A character's own workflow wins over that of the project."""
    decided = _decide_shared_production(inputs, scene, options)
    if decided.sources["workflow"] == Source.PROJECT and _has_own_workflow(inputs, scene):
        return replace(decided, values={**decided.values, "workflow": None})
    return decided


def find_scene_cast(inputs: RenderInputs, scene: SceneView) -> Cast:
    return build_scene_cast(scene.characters, inputs.characters)


def scene_prompt(scene: SceneView) -> str:
    """The visible content in the scene's own words. Of the dialogue it names only the speakers, not their lines."""
    speaking = (f"{name} speaking" for name in scene_speakers(scene))
    parts = (scene.description, scene.location, scene.mood, scene.camera, *speaking)
    return ", ".join(part.strip(" .,") for part in parts if part and part.strip(" .,"))


def scene_speakers(scene: SceneView) -> list[str]:
    """The speakers of the dialogue, each once, in order."""
    return list(dict.fromkeys(line["character"] for line in scene.dialogue if line.get("character")))


def choose_seed(inputs: RenderInputs, scene: SceneView, draw: int) -> tuple[int, str | None]:
    """The fixed seed of the first character that has one, with the character's name.

    Without one, or from the second draw on, the seed is derived from the scene's key and has no name.
    """
    characters = _known_characters(inputs, scene)
    fixed = next((character for character in characters if character.seed is not None), None)
    if fixed is not None and fixed.seed is not None and draw == 0:
        return fixed.seed, fixed.name
    seed_text = f"{scene.key}/{draw}" if draw else str(scene.key)
    return int.from_bytes(hashlib.sha256(seed_text.encode()).digest()[: SEED_BITS // 8]), None


def _decide_shared_production(inputs: RenderInputs, scene: SceneView, options: RenderOverrides) -> Production:
    """The production of the scene, which its cast does not change. Without overrides, equal scenes share it."""
    fields = {"scene_type": scene.scene_type, "duration_s": scene.duration_s or None, "style": scene.style}
    if options.overrides:
        request = options.overrides if options.quality is None else {"quality": options.quality, **options.overrides}
        return decide_production(inputs.base, request=request, scene=fields)
    return inputs.cached(
        ("decided", options.quality, *fields.values()),
        lambda: decide_production(inputs.base, request={"quality": options.quality}, scene=fields),
    )


def _has_own_workflow(sources: RenderInputs, scene: SceneView) -> bool:
    """Whether a character of the scene has its own workflow."""
    return any(character.comfyui_workflow for character in _known_characters(sources, scene))


def _known_characters(sources: RenderInputs, scene: SceneView) -> list[Character]:
    rows = (sources.characters.get(character["key"] or "") for character in scene.characters)
    return [row for row in rows if row is not None]
