"""Edits that make an accepted take stale, the reasons, and edits that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.learning import LearningModel, ModelKind
from db.models.workers import Worker
from tests.tower.scene_takes import use_comfyui
from tests.tower.story_fixture import VillageStory, build_village
from tower.engines.installed import find_entry
from tower.staleness import affected, report
from tower.versions.kinds import Kind
from tower.versions.merge import revert


@pytest.fixture
def village(session: Session, tmp_path: Path) -> VillageStory:
    return build_village(session, tmp_path)


def test_another_coat_makes_exactly_its_scenes_stale_with_a_reason(village: VillageStory) -> None:
    village.accept_all_takes().edit(Kind.CHARACTERS, village.kai, visual_traits={"hair": "silver", "coat": "red"})
    coat = ("characters", "Kai Nakamura", "visual_traits/coat", "black", "red")
    assert village.stage.find_stale().keys() == {village.alone, village.both}
    assert village.stale_reasons(village.alone) == village.stale_reasons(village.both) == [coat]


def test_a_revert_makes_takes_current_again_and_the_old_state_needs_no_render(village: VillageStory) -> None:
    stage, story = village.accept_all_takes().stage, village.stage.story
    first = stage.find_scene(village.alone).accepted_asset_id
    village.edit(Kind.CHARACTERS, village.kai, visual_traits={"hair": "silver", "coat": "red"})
    head = story.commit().hash
    revert.revert_commit(story.session, project_id=story.project_id, branch="main", ref=head, author="tests")
    assert stage.find_stale() == {}

    village.edit(Kind.CHARACTERS, village.kai, visual_traits={"hair": "silver", "coat": "red"})
    red_job = stage.open_job(village.alone)
    red, is_new = stage.render_take(red_job)
    assert is_new
    assert stage.accept_and_complete(red_job, red).accepted
    assert stage.find_stale().keys() == {village.both}
    village.edit(Kind.CHARACTERS, village.kai, visual_traits={"hair": "silver", "coat": "black"})
    assert stage.find_stale().keys() == {village.alone}
    reopened_job = stage.open_job(village.alone)
    black, is_new = stage.render_take(reopened_job)
    assert not is_new
    assert black.provenance["reused_from_asset"] == first
    assert stage.accept_and_complete(reopened_job, black).accepted
    assert stage.find_stale() == {}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "Kai"}, "name"),
        ({"description": "A thief"}, "description"),
        ({"visual_description": "tall"}, "visual_description"),
        ({"visual_traits": {"hair": "silver", "coat": "black", "hat": "none"}}, "visual_traits/hat"),
        ({"image_path": "/nowhere/kai.png"}, "image_path"),
    ],
)
def test_drawn_fields_of_a_character_count(village: VillageStory, fields: dict[str, Any], field: str) -> None:
    village.accept_all_takes().edit(Kind.CHARACTERS, village.kai, **fields)
    assert [reason[:3] for reason in village.stale_reasons(village.alone)] == [
        ("characters", fields.get("name", "Kai Nakamura"), field)
    ]


@pytest.mark.parametrize("fields", [{"backstory": "Raised by the shrine"}, {"abilities": ["run"]}, {"role": "lead"}])
def test_fields_of_a_character_that_are_not_drawn_do_not_count(village: VillageStory, fields: dict[str, Any]) -> None:
    village.accept_all_takes().edit(Kind.CHARACTERS, village.kai, **fields)
    assert village.stage.find_stale() == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"description": "Snow"},
        {"location": "shrine"},
        {"mood": "tense"},
        {"camera": "slow pan"},
        {"scene_type": "epic"},
        {"duration_s": 5},
        {"style": "cinematic"},
        {"characters": []},
        {"dialogue": [{"character": "Kai Nakamura", "line": "Who is there?"}]},
    ],
)
def test_visible_fields_of_a_scene_count_for_that_scene_only(village: VillageStory, fields: dict[str, Any]) -> None:
    village.accept_all_takes().edit(Kind.SCENES, village.alone, **fields)
    assert village.stage.find_stale().keys() == {village.alone}


@pytest.mark.parametrize("fields", [{"title": "Night"}, {"scene_number": 9}])
def test_fields_of_a_scene_that_are_not_visible_do_not_count(village: VillageStory, fields: dict[str, Any]) -> None:
    village.accept_all_takes().edit(Kind.SCENES, village.alone, **fields)
    assert village.stage.find_stale() == {}


def test_the_speakers_of_a_dialogue_count_and_its_lines_do_not(village: VillageStory) -> None:
    line = {"character": "Rei", "line": "Run!", "timestamp": 1}
    village.edit(Kind.SCENES, village.both, dialogue=[line])
    village.accept_all_takes().edit(Kind.SCENES, village.both, dialogue=[line | {"line": "Hide!"}])
    assert village.stage.find_stale() == {}
    village.edit(Kind.SCENES, village.both, dialogue=[line | {"character": "Kai"}])
    assert village.stale_reasons(village.both) == [("scene", None, "speakers", ["Rei"], ["Kai"])]


def test_a_style_counts_for_scenes_that_use_it_by_name_or_by_default(village: VillageStory) -> None:
    noir = village.stage.story.put(Kind.STYLES, name="Noir", prompt="hard shadows")
    village.edit(Kind.SCENES, village.alone, style="noir")
    village.accept_all_takes().edit(Kind.STYLES, noir, prompt="soft shadows")
    assert village.stage.find_stale().keys() == {village.alone}
    assert village.stale_reasons(village.alone) == [("style", "noir", "prompt", "hard shadows", "soft shadows")]
    produced = village.production_settings
    produced.default_style = "cinematic"
    assert village.stage.find_stale().keys() == {village.alone, village.both, village.empty}


def test_a_style_of_one_branch_does_not_affect_the_other(village: VillageStory) -> None:
    village.accept_all_takes().stage.story.create_branch("dark")
    village.stage.story.put(Kind.STYLES, "dark", name="anime", prompt="pastel")
    assert village.stage.find_stale() == {}
    assert len(village.stage.find_stale("dark")) == 3


def test_project_settings_count(village: VillageStory) -> None:
    produced = village.accept_all_takes().production_settings
    produced.model = "meinamix.safetensors"
    assert village.stale_reasons(village.empty)[0][:3] == ("model", "meinamix.safetensors", "name")
    produced.model, produced.fps = None, 12
    assert village.stale_reasons(village.empty) == [("production", None, "fps", 24, 12)]


def test_a_requested_preset_does_not_make_a_take_stale(village: VillageStory) -> None:
    village.stage.render_and_accept(village.empty, quality="low")
    assert village.stage.find_stale() == {}
    produced = village.production_settings
    produced.width = produced.height = 512
    assert {reason[2] for reason in village.stale_reasons(village.empty)} == {"width", "height"}


def test_another_model_file_with_the_same_name_counts_once_both_hashes_are_known(village: VillageStory) -> None:
    session, name = village.accept_all_takes().stage.session, "counterfeit_v3.safetensors"
    row = LearningModel(source="/models", kind=ModelKind.CHECKPOINT, name=name, sha256="a" * 64)
    session.add(row)
    session.flush()
    assert village.stage.find_stale() == {}  # A hash that is known now does not tell which file was used before.
    village.edit(Kind.SCENES, village.empty, description="Wind")
    village.stage.render_and_accept(village.empty)
    row.sha256 = "b" * 64
    session.flush()
    assert village.stale_reasons(village.empty) == [("model", name, f"files/{name}", "a" * 64, "b" * 64)]


def test_a_reference_image_counts_by_its_content(village: VillageStory, tmp_path: Path) -> None:
    picture, copy = tmp_path / "kai.png", tmp_path / "copy.png"
    picture.write_bytes(b"silver hair")
    copy.write_bytes(b"silver hair")
    village.edit(Kind.CHARACTERS, village.kai, image_path=str(picture))
    village.accept_all_takes().edit(Kind.CHARACTERS, village.kai, image_path=str(copy))
    assert village.stage.find_stale() == {}
    copy.write_bytes(b"golden hair!")
    assert village.stage.find_stale().keys() == {village.alone, village.both}


def test_a_better_engine_counts_and_an_unavailable_one_does_not(village: VillageStory, session: Session) -> None:
    village.accept_all_takes()
    comfyui_stage = use_comfyui(village.stage)
    assert [(reason.kind, reason.field) for reason in comfyui_stage.find_stale()[village.empty]] == [
        ("workflow", "name"),
        ("workflow", "version"),
        ("workflow", "graph"),
        ("engine", "name"),
        *([("engine", "version")] if find_entry("animatic").version != find_entry("comfyui").version else []),
    ]
    comfyui_stage.render_and_accept(village.empty)
    assert village.empty not in comfyui_stage.find_stale()
    assert village.empty not in village.stage.find_stale()  # Takes of an unavailable ComfyUI stay valid.
    session.add(Worker(name="gpu", host="box", slots=1, engine="comfyui"))
    assert village.stage.find_stale().keys() == {village.alone, village.both}
    assert session.scalar(select(Worker.name)) == "gpu"


def test_a_requested_engine_is_kept(village: VillageStory) -> None:
    village.stage.render_and_accept(village.empty, engine="animatic")
    assert village.stage.find_stale() == {}
    assert use_comfyui(village.stage).find_stale() == {}


def test_a_scene_without_a_take_is_missing_and_one_with_its_own_video_is_neither(village: VillageStory) -> None:
    stage = village.stage
    village.edit(Kind.SCENES, village.both, video_path="/media/mine.mp4")
    stage.render_and_accept(village.alone)
    branch_report = report.report_branch(stage.session, stage.find_branch(), stage.settings)
    assert (branch_report.scenes, branch_report.fresh, branch_report.stale, branch_report.own_videos) == (3, 1, (), 1)
    assert branch_report.missing == (stage.find_scene(village.empty).id,)


def test_a_take_that_is_lost_or_has_unknown_inputs_is_stale(village: VillageStory) -> None:
    scene = village.accept_all_takes().stage.find_scene(village.empty)
    scene.accepted_asset_id = None
    village.stage.session.flush()
    assert [reason[:3] for reason in village.stale_reasons(village.empty)] == [("take", None, "accepted_asset_id")]
    other = village.stage.find_scene(village.alone)
    fingerprint, other.accepted_inputs = other.accepted_fingerprint, None
    village.stage.session.flush()
    assert village.stale_reasons(village.alone) == []  # The fingerprint shows that the inputs are equal.
    other.accepted_fingerprint = "f" * 64
    village.stage.session.flush()
    assert village.stale_reasons(village.alone) == [("take", None, "fingerprint", "f" * 64, fingerprint)]


def test_a_new_branch_and_a_merge_carry_takes_and_staleness(village: VillageStory) -> None:
    stage, story = village.accept_all_takes().stage, village.stage.story
    story.create_branch("dark")
    assert stage.find_stale("dark") == {}
    village.edit(Kind.CHARACTERS, village.rei, "dark", visual_description="tall, blue scarf")
    fresh = story.put(Kind.SCENES, "dark", scene_number=4, description="Dawn", characters=[])
    stage.render_and_accept(fresh, "dark")
    assert stage.find_stale("dark").keys() == {village.both}
    assert stage.find_stale() == {}
    result = story.merge("dark")
    stale_scenes = village.stale_scenes_after(affected.by_changes(result.changed))
    assert stage.find_stale().keys() == {village.both}
    assert stale_scenes == [stage.find_scene(village.both).id]
    assert stage.find_scene(fresh).accepted_inputs is not None
