"""The take that a scene shows."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.characters import CharacterAppearance
from db.models.rendering import Asset
from db.models.review import FeedbackKind
from db.models.scenes import SceneStatus
from tests.tower.scene_takes import SceneStage, use_comfyui
from tests.tower.versions.story import create_story
from tower.rendering.takes import TakeLostError
from tower.review import feedback
from tower.review.acceptance import approve_take
from tower.review.feedback import FeedbackInput
from tower.versions.kinds import Kind


@pytest.fixture
def stage(session: Session, tmp_path: Path) -> SceneStage:
    return SceneStage(create_story(session), tmp_path)


@pytest.fixture
def kai(stage: SceneStage) -> uuid.UUID:
    return stage.story.put(Kind.CHARACTERS, name="Kai", visual_traits={"coat": "black"})


@pytest.fixture
def harbour(stage: SceneStage, kai: uuid.UUID) -> uuid.UUID:
    playing = [{"name": "Kai", "key": str(kai)}]
    return stage.story.put(Kind.SCENES, scene_number=1, description="Rain", characters=playing)


def render_another_take(stage: SceneStage, scene: uuid.UUID, seed: int) -> Asset:
    """A finished take of the scene with its own seed."""
    job = stage.open_job(scene, overrides={"seed": seed})
    take, _ = stage.render_take(job)
    stage.accept_and_complete(job, take)
    return take


def give_feedback(stage: SceneStage, take: Asset, kind: FeedbackKind) -> feedback.FeedbackResult:
    return feedback.submit_feedback(stage.session, FeedbackInput(take.id, kind, "tests", reason="so it is"))


def shown_take(stage: SceneStage, scene: uuid.UUID) -> tuple[int | None, str | None, SceneStatus]:
    row = stage.find_scene(scene)
    return row.accepted_asset_id, row.video_path, row.status


def test_a_good_take_is_accepted_if_the_scene_has_none(stage: SceneStage, harbour: uuid.UUID) -> None:
    take = stage.render_and_accept(harbour)
    assert shown_take(stage, harbour) == (take.id, take.path, SceneStatus.RENDERED)
    assert stage.story.check_integrity() == []


def test_a_bad_take_is_stored_but_not_shown(stage: SceneStage, harbour: uuid.UUID) -> None:
    job = stage.open_job(harbour)
    take, _ = stage.render_take(job)
    assert not stage.accept_and_complete(job, take, passed=False).accepted
    assert shown_take(stage, harbour) == (None, None, SceneStatus.GENERATED)
    approval = give_feedback(stage, take, FeedbackKind.APPROVAL)  # A person may overrule the verdict.
    assert approval.accepted_for == stage.find_scene(harbour).id
    assert shown_take(stage, harbour) == (take.id, take.path, SceneStatus.FINAL)


def test_a_current_take_is_not_replaced_by_an_equal_one(stage: SceneStage, harbour: uuid.UUID) -> None:
    first = stage.render_and_accept(harbour)
    second = render_another_take(stage, harbour, 7)
    assert shown_take(stage, harbour)[0] == first.id
    assert give_feedback(stage, second, FeedbackKind.APPROVAL).accepted_for == stage.find_scene(harbour).id
    assert shown_take(stage, harbour) == (second.id, second.path, SceneStatus.FINAL)
    assert stage.find_stale() == {}


def test_only_an_approval_replaces_a_users_own_video(stage: SceneStage, harbour: uuid.UUID) -> None:
    stage.story.put(Kind.SCENES, key=harbour, video_path="/media/mine.mp4")
    take = render_another_take(stage, harbour, 7)
    assert shown_take(stage, harbour)[:2] == (None, "/media/mine.mp4")
    head = stage.story.commit().hash
    give_feedback(stage, take, FeedbackKind.APPROVAL)
    assert shown_take(stage, harbour) == (take.id, take.path, SceneStatus.FINAL)
    assert stage.story.commit().hash != head  # The video was content.
    assert stage.story.check_integrity() == []
    stage.story.put(Kind.SCENES, key=harbour, video_path="/media/mine.mp4")
    row = stage.find_scene(harbour)
    assert (row.accepted_asset_id, row.accepted_fingerprint, row.accepted_inputs) == (None, None, None)


def test_a_rejected_take_is_removed_and_the_next_one_differs(stage: SceneStage, harbour: uuid.UUID) -> None:
    first = stage.render_and_accept(harbour)
    rejection = give_feedback(stage, first, FeedbackKind.REJECTION)
    assert rejection.scenes_without_take == [stage.find_scene(harbour).id]
    assert rejection.feedback.scene_key == harbour
    assert shown_take(stage, harbour) == (None, None, SceneStatus.GENERATED)
    job = stage.open_job(harbour)
    take, was_rendered = stage.render_take(job)
    assert was_rendered
    assert take.provenance["shot"]["seed"] != first.provenance["shot"]["seed"]
    assert stage.accept_and_complete(job, take).accepted
    assert stage.find_stale() == {}
    assert stage.open_job(harbour).seed == job.seed  # Approved values are requested again.


def test_rejecting_a_take_that_is_not_shown_removes_nothing(stage: SceneStage, harbour: uuid.UUID) -> None:
    first = stage.render_and_accept(harbour)
    assert (
        give_feedback(stage, render_another_take(stage, harbour, 7), FeedbackKind.REJECTION).scenes_without_take == []
    )
    assert shown_take(stage, harbour)[0] == first.id
    assert stage.find_stale() == {}


def test_a_take_may_be_approved_on_another_branch_but_not_for_another_scene(
    stage: SceneStage, harbour: uuid.UUID
) -> None:
    stage.story.create_branch("dark")
    other = stage.story.put(Kind.SCENES, scene_number=2, description="Snow")
    take = render_another_take(stage, harbour, 7)
    dark_scene = stage.find_scene(harbour, "dark")
    assert approve_take(stage.session, take, scene_id=stage.find_scene(other).id, author="tests") is None
    acceptance = approve_take(stage.session, take, scene_id=dark_scene.id, author="tests")
    assert acceptance is not None
    assert (acceptance.id, acceptance.accepted_asset_id) == (dark_scene.id, take.id)


def test_a_segment_cannot_be_approved_as_a_take(stage: SceneStage, harbour: uuid.UUID) -> None:
    take = render_another_take(stage, harbour, 7)
    take.probe = {"frames": 28}
    assert approve_take(stage.session, take, scene_id=None, author="tests") is None


def test_a_take_without_its_file_cannot_be_approved(stage: SceneStage, harbour: uuid.UUID) -> None:
    take = render_another_take(stage, harbour, 7)
    Path(take.path).unlink()
    with pytest.raises(TakeLostError):
        give_feedback(stage, take, FeedbackKind.APPROVAL)


def test_the_engine_that_rendered_the_take_counts(stage: SceneStage, harbour: uuid.UUID) -> None:
    """The job is opened while there is no ComfyUI, and rendered when there is one."""
    job = stage.open_job(harbour)
    comfyui_stage = use_comfyui(stage)
    take, _ = comfyui_stage.render_take(job)
    assert take.provenance["engine"] == "comfyui"
    assert comfyui_stage.accept_and_complete(job, take).accepted
    assert comfyui_stage.find_stale() == {}


def test_appearances_record_the_shown_version_of_each_character(
    stage: SceneStage, kai: uuid.UUID, harbour: uuid.UUID
) -> None:
    stage.story.put(Kind.CHARACTERS, key=kai, visual_traits={"coat": "red"})
    take = stage.render_and_accept(harbour)
    row = stage.session.scalars(select(CharacterAppearance)).one()
    assert (row.asset_id, row.character_key, row.character_name) == (take.id, kai, "Kai")
    assert (row.character_version, row.scene_key) == (2, harbour)
    assert row.character_hash is not None
    stage.story.delete(Kind.CHARACTERS, kai)
    stage.session.refresh(row)
    assert (row.character_id, row.character_key) == (None, kai)
