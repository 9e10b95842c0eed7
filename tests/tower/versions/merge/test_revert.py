"""Changes taken back by new commits."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy.orm import Session

from tests.tower.versions.story import Story
from tower.errors import InvalidError, NotFoundError
from tower.versions.kinds import BIBLE_KEY, Kind
from tower.versions.merge import revert as reverting
from tower.versions.merge.branches import MergeConflictError, MergeResult, Strategy


def revert(story: Story, ref: str, **how: object) -> MergeResult:
    return reverting.revert(
        story.session,
        project_id=story.project_id,
        branch="main",
        ref=ref,
        author="tests",
        **how,  # type: ignore[arg-type]
    )


def test_a_revert_takes_back_that_commit_and_nothing_after_it(story: Story) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    story.put(Kind.CHARACTERS, key=kai, seed=1, visual_traits={"hair": "red"})
    bad = story.commit()
    story.put(Kind.CHARACTERS, key=kai, role="hero", visual_traits={"hair": "red", "eyes": "blue"})
    result = revert(story, bad.hash)
    after = story.at("main", Kind.CHARACTERS)[kai]
    assert (after["seed"], after["role"], after["visual_traits"]) == (None, "hero", {"eyes": "blue"})
    assert bad.hash[:12] in result.commit.message
    assert revert(story, bad.hash).up_to_date
    assert story.findings() == []


def test_what_was_changed_again_is_a_conflict(story: Story) -> None:
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
    assert story.at("main", Kind.CHARACTERS)[kai]["seed"] is None
    assert story.findings() == []


def test_a_reverted_merge_takes_back_what_it_brought_in(story: Story) -> None:
    story.commit()
    story.branch("dark")
    kai, rin = story.put(Kind.CHARACTERS, name="Kai"), story.put(Kind.CHARACTERS, "dark", name="Rin")
    merged = story.merge("dark").commit
    assert story.at("main", Kind.CHARACTERS).keys() == {kai, rin}
    revert(story, merged.hash)
    assert story.at("main", Kind.CHARACTERS).keys() == {kai}
    assert story.findings() == []


def test_a_deleted_scene_comes_back_by_a_revert(story: Story) -> None:
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn")
    gone = story.drop(Kind.SCENES, scene)
    revert(story, gone.hash)
    assert story.at("main", Kind.SCENES)[scene]["description"] == "Dawn"
    assert story.findings() == []


def test_there_is_nothing_before_the_first_commit(story: Story) -> None:
    with pytest.raises(InvalidError):
        revert(story, story.commit().hash)


def test_one_thing_is_restored_as_it_was_without_what_is_gone(story: Story, session: Session) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    cast = [{"name": "Kai", "key": str(kai)}]
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn", characters=cast)
    then = story.commit()
    story.drop(Kind.SCENES, scene)
    story.drop(Kind.CHARACTERS, kai)
    place = {"project_id": story.project_id, "branch": "main", "author": "tests"}
    reverting.restore(session, kind=Kind.SCENES, key=scene, ref=then.hash, **place)  # type: ignore[arg-type]
    assert story.at("main", Kind.SCENES)[scene]["characters"] == [{"name": "Kai", "key": None}]
    with pytest.raises(NotFoundError):
        reverting.restore(session, kind=Kind.SCENES, key=uuid.uuid4(), ref=then.hash, **place)  # type: ignore[arg-type]
    assert story.findings() == []


def test_a_bible_character_needs_its_bible_to_come_back(story: Story, session: Session) -> None:
    story.put(Kind.BIBLE, title="Bible", description="All of it")
    person = story.put(Kind.BIBLE_CHARACTERS, bible_key=BIBLE_KEY, name="Kai", description="A detective")
    then = story.commit()
    story.drop(Kind.BIBLE, BIBLE_KEY)
    with pytest.raises(InvalidError, match="restore the bible first"):
        reverting.restore(
            session,
            project_id=story.project_id,
            branch="main",
            kind=Kind.BIBLE_CHARACTERS,
            key=person,
            ref=then.hash,
            author="tests",
        )
