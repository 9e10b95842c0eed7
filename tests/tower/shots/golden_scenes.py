"""Scenes that cover every input of a fingerprint and are equal in every run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.models.learning import LearningModel, ModelKind
from db.models.projects import ProjectSettings, QualityPreset
from db.models.scenes import Scene
from tests.tower.versions.story import VersionedStory, create_story
from tower.rendering.engine_choice import EngineVersion
from tower.shots.scene_sources import RenderInputs, load_render_inputs
from tower.shots.scene_spec import RenderOverrides
from tower.versions.kinds import Kind

MODEL = "counterfeit_v3.safetensors"
ANIMATIC, COMFYUI = EngineVersion("animatic", "3"), EngineVersion("comfyui", "2")
KAI, REI, MIO = (uuid.UUID(int=number) for number in (1, 2, 3))
NEVER_HASHED = {"model": "meinamix.safetensors", "width": 640, "height": 512.0, "fps": 12, "type": "creative"}
WISHED = {"prompt": "霧の中の神社", "seed": 7, "negative_prompt": None, "duration_s": 2.5, "force": True}

SCENES: dict[str, dict[str, Any]] = {
    "alone": {"description": "Rain over the harbour", "characters": [{"name": "Kai", "key": str(KAI)}]},
    "all fields": {
        "description": 'He says "no" \\ 夜のネオン街',
        "location": "old pier",
        "mood": "",
        "camera": "slow pan left",
        "scene_type": "epic",
        "style": "Noir",
        "duration_s": 8.0,
        "characters": [{"name": "Kai", "key": str(KAI)}, {"name": "Rei", "key": str(REI)}],
        "dialogue": [
            {"character": "Rei", "line": "Run!"},
            {"character": None, "line": "Thunder"},
            {"character": "Kai Nakamura", "line": "No."},
        ],
    },
    "unknown character": {"description": "Dawn", "duration_s": 2.5, "characters": [{"name": "Bo", "key": None}]},
    "lost picture": {"description": "Dusk", "characters": [{"name": "Mio", "key": str(MIO)}]},
    "lost style": {"description": "", "style": "no such style"},
}
WISHES: dict[str, tuple[str, RenderOverrides, EngineVersion]] = {
    **{name: (name, RenderOverrides(), ANIMATIC) for name in SCENES},
    "comfyui": ("alone", RenderOverrides(), COMFYUI),
    "own workflow": ("lost picture", RenderOverrides(), COMFYUI),
    "lost workflow": ("alone", RenderOverrides(overrides={"workflow": "no such workflow"}), COMFYUI),
    "wished words": ("all fields", RenderOverrides("low", overrides=WISHED, draw=2), ANIMATIC),
    "wished size": ("all fields", RenderOverrides("high", overrides=NEVER_HASHED), COMFYUI),
    "third draw": ("alone", RenderOverrides(draw=3), ANIMATIC),
}


def golden_scenes(
    session: Session, folder: Path
) -> Iterator[tuple[str, tuple[RenderInputs, Scene, RenderOverrides, EngineVersion]]]:
    """Each scene by its name, with its inputs, its row, the overrides and the engine."""
    story = _story(session, folder)
    rows: dict[str, Scene] = {}
    for number, (name, fields) in enumerate(SCENES.items(), start=1):
        key = story.put(Kind.SCENES, key=uuid.UUID(int=100 + number), scene_number=number, **fields)
        row = story.find_row(Kind.SCENES, key)
        assert isinstance(row, Scene)
        rows[name] = row
    first = rows["alone"]
    sources = load_render_inputs(session, first.branch_id, story.project_id, rows.values())
    for name, (scene, overrides, engine) in WISHES.items():
        yield name, (sources, rows[scene], overrides, engine)


def _story(session: Session, folder: Path) -> VersionedStory:
    story = create_story(session)
    produced = {"fps": 16, "width": 640, "quality_preset": QualityPreset.FAST, "workflow": "core_video"}
    session.add(ProjectSettings(project_id=story.project_id, **produced))
    session.add(LearningModel(source="/models", kind=ModelKind.CHECKPOINT, name=MODEL, sha256="a" * 64))
    picture = folder / "rei.png"
    picture.write_bytes(b"red scarf")
    traits = {"hair": "silver", "height_cm": 181}
    story.put(Kind.CHARACTERS, key=KAI, name="Kai Nakamura", description="A detective", visual_traits=traits)
    seen: dict[str, Any] = {"visual_description": "small, red scarf", "seed": 4711, "image_path": str(picture)}
    story.put(Kind.CHARACTERS, key=REI, name="Rei", description="A thief", **seen)
    own = {"image_path": "/nowhere/mio.png", "comfyui_workflow": "anime_character_v2"}
    story.put(Kind.CHARACTERS, key=MIO, name="Mio", **own)
    sampler = {"steps": 20, "cfg": 7.0, "sampler": None}
    story.put(Kind.STYLES, name="Noir", prompt="hard shadows", sampler_settings=sampler)
    return story
