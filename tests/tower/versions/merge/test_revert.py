"""Changes are reverted by new commits."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy.orm import Session

from tests.tower.versions.story import VersionedStory
from tower.errors import InvalidError, NotFoundError
from tower.versions.kinds import BIBLE_KEY, Kind
from tower.versions.merge import revert as reverting
from tower.versions.merge.branches import MergeConflictError, MergeResult, Strategy


def revert(story: VersionedStory, ref: str, **options: object) -> MergeResult:
    return reverting.revert_commit(
        story.session,
        project_id=story.project_id,
        branch="main",
        ref=ref,
        author="tests",
        **options,  # type: ignore[arg-type]
    )


def test_a_revert_undoes_that_commit_and_no_later_one(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    story.put(Kind.CHARACTERS, key=kai, seed=1, visual_traits={"hair": "red"})
    bad = story.commit()
    story.put(Kind.CHARACTERS, key=kai, role="hero", visual_traits={"hair": "red", "eyes": "blue"})
    result = revert(story, bad.hash)
    character = story.entities_at("main", Kind.CHARACTERS)[kai]
    assert (character["seed"], character["role"], character["visual_traits"]) == (None, "hero", {"eyes": "blue"})
    assert bad.hash[:12] in result.commit.message
    assert revert(story, bad.hash).up_to_date
    assert story.check_integrity() == []


def test_reverting_a_field_that_changed_again_is_a_conflict(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    story.put(Kind.CHARACTERS, key=kai, seed=1)
    bad = story.commit()
    story.put(Kind.CHARACTERS, key=kai, seed=2)
    with pytest.raises(MergeConflictError) as refused:
        revert(story, bad.hash)
    assert [(conflict.path, conflict.base, conflict.ours, conflict.theirs) for conflict in refused.value.conflicts] == [
        ("characters/Kai/seed", 1, 2, None)
    ]
    revert(story, bad.hash, strategy=Strategy.THEIRS)
    assert story.entities_at("main", Kind.CHARACTERS)[kai]["seed"] is None
    assert story.check_integrity() == []


def test_a_reverted_merge_removes_its_changes(story: VersionedStory) -> None:
    story.commit()
    story.create_branch("dark")
    kai, rin = story.put(Kind.CHARACTERS, name="Kai"), story.put(Kind.CHARACTERS, "dark", name="Rin")
    merged = story.merge("dark").commit
    assert story.entities_at("main", Kind.CHARACTERS).keys() == {kai, rin}
    revert(story, merged.hash)
    assert story.entities_at("main", Kind.CHARACTERS).keys() == {kai}
    assert story.check_integrity() == []


def test_a_revert_restores_a_deleted_scene(story: VersionedStory) -> None:
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn")
    deletion = story.delete(Kind.SCENES, scene)
    revert(story, deletion.hash)
    assert story.entities_at("main", Kind.SCENES)[scene]["description"] == "Dawn"
    assert story.check_integrity() == []


def test_the_first_commit_cannot_be_reverted(story: VersionedStory) -> None:
    with pytest.raises(InvalidError):
        revert(story, story.commit().hash)


def test_one_entity_is_restored_without_references_to_missing_ones(story: VersionedStory, session: Session) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    cast = [{"name": "Kai", "key": str(kai)}]
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn", characters=cast)
    then = story.commit()
    story.delete(Kind.SCENES, scene)
    story.delete(Kind.CHARACTERS, kai)
    commit_options = {"project_id": story.project_id, "branch": "main", "author": "tests"}
    reverting.restore_entity(session, kind=Kind.SCENES, key=scene, ref=then.hash, **commit_options)  # type: ignore[arg-type]
    assert story.entities_at("main", Kind.SCENES)[scene]["characters"] == [{"name": "Kai", "key": None}]
    with pytest.raises(NotFoundError):
        reverting.restore_entity(session, kind=Kind.SCENES, key=uuid.uuid4(), ref=then.hash, **commit_options)  # type: ignore[arg-type]
    assert story.check_integrity() == []


def test_a_bible_character_is_restored_only_with_its_bible(story: VersionedStory, session: Session) -> None:
    story.put(Kind.BIBLE, title="Bible", description="All of it")
    person = story.put(Kind.BIBLE_CHARACTERS, bible_key=BIBLE_KEY, name="Kai", description="A detective")
    then = story.commit()
    story.delete(Kind.BIBLE, BIBLE_KEY)
    with pytest.raises(InvalidError, match="restore the bible first"):
        reverting.restore_entity(
            session,
            project_id=story.project_id,
            branch="main",
            kind=Kind.BIBLE_CHARACTERS,
            key=person,
            ref=then.hash,
            author="tests",
        )
