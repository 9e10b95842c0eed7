"""The generation spec of a scene's render."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.projects import ProjectSettings, QualityPreset
from db.models.scenes import Scene
from tests.tower.scene_takes import SceneStage
from tests.tower.versions.story import create_story
from tower.errors import InvalidError
from tower.jobs.spec import GenerationSpec, SceneType
from tower.shots.scene_jobs import read_job_cast, read_scene_snapshot
from tower.shots.scene_spec import build_scene_spec
from tower.versions.kinds import Kind


@pytest.fixture
def stage(session: Session, tmp_path: Path) -> SceneStage:
    return SceneStage(create_story(session), tmp_path)


def a_scene(stage: SceneStage, **fields: Any) -> Scene:
    key = stage.story.put(Kind.SCENES, **{"scene_number": 1, "description": "Rain over the harbour", **fields})
    return stage.find_scene(key)


def spec(stage: SceneStage, scene: Scene, **options: Any) -> GenerationSpec:
    return build_scene_spec(stage.session, scene, **options)


def test_the_prompt_describes_a_scene_without_its_dialogue(stage: SceneStage) -> None:
    fields = {"location": "old pier.", "mood": "melancholic", "camera": "slow pan left"}
    lines = [{"character": "Kai", "line": "We are late."}, {"character": None, "line": "Thunder"}]
    generation = spec(stage, a_scene(stage, **fields, dialogue=[*lines, lines[0]]))
    assert generation.prompt == "Rain over the harbour, old pier, melancholic, slow pan left, Kai speaking"


def test_fields_left_open_by_the_scene_come_from_its_project(stage: SceneStage) -> None:
    stage.session.add(
        ProjectSettings(
            project_id=stage.story.project_id,
            default_style="cinematic",
            fps=12,
            width=640,
            model="meinamix.safetensors",
            workflow="core_video",
            quality_preset=QualityPreset.FAST,
        )
    )
    stage.session.flush()
    generation = spec(stage, a_scene(stage))
    assert (generation.style, generation.fps, generation.size, generation.duration_s) == (
        "cinematic",
        12,
        (640, 768),
        3,
    )
    assert (generation.model, generation.workflow, generation.quality) == (
        "meinamix.safetensors",
        "core_video",
        "fast_preview",
    )
    second_generation = spec(stage, a_scene(stage, scene_number=2, style="realistic", duration_s=5, scene_type="epic"))
    assert (second_generation.style, second_generation.duration_s, second_generation.scene_type) == (
        "realistic",
        5,
        SceneType.EPIC,
    )


def test_overrides_take_precedence(stage: SceneStage) -> None:
    overrides = {"seed": 7, "style": "artistic", "duration_s": 2}
    generation = spec(stage, a_scene(stage), quality="low", engine="animatic", overrides=overrides)
    assert (generation.seed, generation.style, generation.duration_s) == (7, "artistic", 2)
    assert (generation.quality, generation.engine, generation.size) == ("low", "animatic", (768, 768))
    with pytest.raises(InvalidError):
        spec(stage, a_scene(stage, scene_number=2), overrides={"project_id": 1})


def test_the_seed_follows_the_scene_on_every_branch_unless_a_character_has_one(stage: SceneStage) -> None:
    scene = a_scene(stage)
    first = spec(stage, scene).seed
    stage.story.create_branch("dark")
    assert spec(stage, stage.find_scene(scene.key, "dark")).seed == first
    assert spec(stage, a_scene(stage, scene_number=2)).seed != first
    kai = stage.story.put(Kind.CHARACTERS, name="Kai", seed=4711)
    assert spec(stage, a_scene(stage, scene_number=3, characters=[{"name": "Kai", "key": str(kai)}])).seed == 4711


def test_the_cast_includes_all_characters_as_they_are_on_the_branch(stage: SceneStage) -> None:
    names = ("Kai", "Rei", "Mei")
    keys = {name: stage.story.put(Kind.CHARACTERS, name=name, visual_description=f"{name} in red") for name in names}
    playing = [{"name": name, "key": str(key)} for name, key in keys.items()]
    scene = a_scene(stage, characters=[*playing, {"name": "A stranger", "key": None}])
    stage.story.create_branch("dark")
    stage.story.put(Kind.CHARACTERS, "dark", key=keys["Rei"], visual_description="Rei in blue")
    job = stage.open_job(scene.key, "dark")
    cast = read_job_cast(job)
    assert [member.name for member in cast.members] == ["Kai", "Rei", "Mei", "A stranger"]
    assert cast.members[1].description == "Rei in blue"
    assert [(member.name, member.version) for member in cast.known] == [("Kai", 1), ("Rei", 2), ("Mei", 1)]
    assert job.warnings == [cast.warning]
    assert "'A stranger'" in job.warnings[0]


def test_a_job_renders_the_state_at_the_time_of_its_request(stage: SceneStage) -> None:
    kai = stage.story.put(Kind.CHARACTERS, name="Kai", visual_traits={"coat": "black"})
    noir = stage.story.put(Kind.STYLES, name="noir", prompt="hard shadows")
    scene = a_scene(stage, style="noir", characters=[{"name": "Kai", "key": str(kai)}])
    head = stage.story.commit().hash
    job = stage.open_job(scene.key)
    stage.story.put(Kind.CHARACTERS, key=kai, visual_traits={"coat": "red"})
    stage.story.put(Kind.STYLES, key=noir, prompt="soft shadows")
    take, _ = stage.render_take(job)
    assert (job.scene_id, job.commit_hash) == (scene.id, head)
    assert take.provenance["shot"]["cast"][0]["traits"] == {"coat": "black"}
    assert "hard shadows" in take.provenance["shot"]["prompt"]
    assert stage.accept_and_complete(job, take).accepted
    assert {(reason.kind, reason.field) for reason in stage.find_stale()[scene.key]} == {
        ("characters", "visual_traits/coat"),
        ("style", "prompt"),
    }


def test_a_job_outlives_its_scene(stage: SceneStage) -> None:
    key = a_scene(stage).key
    job = stage.open_job(key)
    take, _ = stage.render_take(job)
    stage.story.delete(Kind.SCENES, key)
    stage.session.refresh(job)
    assert job.scene_id is None
    assert not stage.accept_and_complete(job, take).accepted
    state = read_scene_snapshot(job)
    assert state is not None
    assert uuid.UUID(state.key) == key


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"duration_s": 45}, "duration_s"),
        ({"duration_s": 0.5}, "duration_s"),
        ({"description": ""}, "prompt"),
        ({"description": "rain " * 401}, "prompt"),
        ({"style": "no such style"}, "style"),
    ],
)
def test_a_scene_that_cannot_be_one_shot_is_refused_with_the_field(
    stage: SceneStage, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        spec(stage, a_scene(stage, **fields))
    assert (refused.value.details or {})["field"] == field
    assert "cene 1" in refused.value.message or field == "style"
