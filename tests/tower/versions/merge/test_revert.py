"""Changes taken back by new commits."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy.orm import Session

from tests.tower.versions.story import VersionedStory
from tower.errors import InvalidError, NotFoundError
from tower.versions.kinds import BIBLE_KEY, Kind
from tower.versions.merge import revert as reverting
from tower.versions.merge.branches import MergeConflictError, MergeResult, Strategy


def revert(story: VersionedStory, ref: str, **how: object) -> MergeResult:
    return reverting.revert_commit(
        story.session,
        project_id=story.project_id,
        branch="main",
        ref=ref,
        author="tests",
        **how,  # type: ignore[arg-type]
    )


def test_a_revert_takes_back_that_commit_and_nothing_after_it(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    story.put(Kind.CHARACTERS, key=kai, seed=1, visual_traits={"hair": "red"})
    bad = story.commit()
    story.put(Kind.CHARACTERS, key=kai, role="hero", visual_traits={"hair": "red", "eyes": "blue"})
    result = revert(story, bad.hash)
    after = story.entities_at("main", Kind.CHARACTERS)[kai]
    assert (after["seed"], after["role"], after["visual_traits"]) == (None, "hero", {"eyes": "blue"})
    assert bad.hash[:12] in result.commit.message
    assert revert(story, bad.hash).up_to_date
    assert story.check_integrity() == []


def test_what_was_changed_again_is_a_conflict(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    story.put(Kind.CHARACTERS, key=kai, seed=1)
    bad = story.commit()
    story.put(Kind.CHARACTERS, key=kai, seed=2)
    with pytest.raises(MergeConflictError) as refused:
        revert(story, bad.hash)
    assert [(one.path, one.base, one.ours, one.theirs) for one in refused.value.conflicts] == [
        ("characters/Kai/seed", 1, 2, None)
    ]
    revert(story, bad.hash, strategy=Strategy.THEIRS)
    assert story.entities_at("main", Kind.CHARACTERS)[kai]["seed"] is None
    assert story.check_integrity() == []


def test_a_reverted_merge_takes_back_what_it_brought_in(story: VersionedStory) -> None:
    story.commit()
    story.create_branch("dark")
    kai, rin = story.put(Kind.CHARACTERS, name="Kai"), story.put(Kind.CHARACTERS, "dark", name="Rin")
    merged = story.merge("dark").commit
    assert story.entities_at("main", Kind.CHARACTERS).keys() == {kai, rin}
    revert(story, merged.hash)
    assert story.entities_at("main", Kind.CHARACTERS).keys() == {kai}
    assert story.check_integrity() == []


def test_a_deleted_scene_comes_back_by_a_revert(story: VersionedStory) -> None:
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn")
    gone = story.delete(Kind.SCENES, scene)
    revert(story, gone.hash)
    assert story.entities_at("main", Kind.SCENES)[scene]["description"] == "Dawn"
    assert story.check_integrity() == []


def test_there_is_nothing_before_the_first_commit(story: VersionedStory) -> None:
    with pytest.raises(InvalidError):
        revert(story, story.commit().hash)


def test_one_thing_is_restored_as_it_was_without_what_is_gone(story: VersionedStory, session: Session) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    cast = [{"name": "Kai", "key": str(kai)}]
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn", characters=cast)
    then = story.commit()
    story.delete(Kind.SCENES, scene)
    story.delete(Kind.CHARACTERS, kai)
    place = {"project_id": story.project_id, "branch": "main", "author": "tests"}
    reverting.restore_entity(session, kind=Kind.SCENES, key=scene, ref=then.hash, **place)  # type: ignore[arg-type]
    assert story.entities_at("main", Kind.SCENES)[scene]["characters"] == [{"name": "Kai", "key": None}]
    with pytest.raises(NotFoundError):
        reverting.restore_entity(session, kind=Kind.SCENES, key=uuid.uuid4(), ref=then.hash, **place)  # type: ignore[arg-type]
    assert story.check_integrity() == []


def test_a_bible_character_needs_its_bible_to_come_back(story: VersionedStory, session: Session) -> None:
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
