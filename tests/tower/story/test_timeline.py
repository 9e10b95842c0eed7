"""The story in chronological order, and the facts that are true at each point."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.story import FactKind, StorylineContext, StoryTimeline
from tests.tower.versions.story import VersionedStory, create_story
from tower.errors import InvalidError, NotFoundError
from tower.pages import PageRequest
from tower.story import projects, timeline
from tower.versions import branches
from tower.versions.kinds import Kind

ALL = PageRequest(limit=200)


@pytest.fixture
def story(session: Session) -> VersionedStory:
    return create_story(session)


def event(story: VersionedStory, title: str, *, position: int | None = None, branch: str = "main") -> StoryTimeline:
    columns = {"title": title, "character_keys": []}
    return timeline.add_event(story.session, columns, project_id=story.project_id, branch=branch, position=position)


def titles(story: VersionedStory, branch: str = "main") -> list[str]:
    rows = timeline.list_events(story.session, story.project_id, branch, ALL).rows
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    return [row.title for row in rows]


def fact(story: VersionedStory, at: StoryTimeline, statement: str, **columns: Any) -> StorylineContext:
    values = {"kind": next(iter(FactKind)), "subject": "Kai", "statement": statement, **columns}
    return timeline.add_fact(story.session, at, values)


def true_at(story: VersionedStory, at: StoryTimeline | None, branch: str = "main") -> list[str]:
    at_event = None if at is None else at.id
    page = timeline.list_facts(story.session, story.project_id, branch, at_event=at_event, page_request=ALL)
    return [row.statement for row in page.rows]


def test_an_event_is_inserted_at_its_position_and_later_ones_move_on(story: VersionedStory) -> None:
    event(story, "birth")
    event(story, "death")
    event(story, "war", position=2)
    event(story, "legend", position=99)
    assert titles(story) == ["birth", "war", "death", "legend"]


@pytest.mark.parametrize(("to", "order"), [(1, "cab"), (2, "acb"), (3, "abc"), (50, "abc")])
def test_moving_an_event_leaves_no_gap(story: VersionedStory, to: int, order: str) -> None:
    rows = [event(story, title) for title in "abc"]
    moved = timeline.change_event(story.session, rows[2], {"story_time": "dusk"}, position=to)
    assert "".join(titles(story)) == order
    assert (moved.story_time, moved.version) == ("dusk", 2)


def test_a_deleted_event_removes_the_facts_that_begin_with_it(story: VersionedStory) -> None:
    first, second, third = (event(story, title) for title in "abc")
    fact(story, second, "he is blind")
    fact(story, first, "it rains", until_event_key=second.key)
    timeline.delete_event(story.session, second)
    story.session.expire_all()
    assert titles(story) == ["a", "c"]
    assert true_at(story, None) == ["it rains"]
    assert true_at(story, third) == ["it rains"]  # The fact that ended with the deleted event stays true.


def test_a_fact_is_true_from_its_event_until_the_one_that_ends_it(story: VersionedStory) -> None:
    first, second, third = (event(story, title) for title in "abc")
    fact(story, first, "he lives")
    fact(story, second, "he is hurt", until_event_key=third.key)
    assert [true_at(story, event_row) for event_row in (first, second, third)] == [
        ["he lives"],
        ["he lives", "he is hurt"],
        ["he lives"],
    ]
    timeline.change_event(story.session, first, {}, position=3)
    assert true_at(story, second) == ["he is hurt"]


def test_each_branch_has_its_own_timeline(story: VersionedStory) -> None:
    event_row = event(story, "a")
    story.create_branch("dark")
    event(story, "b", branch="dark")
    assert (titles(story), titles(story, "dark")) == (["a"], ["a", "b"])
    dark = branches.find(story.session, story.project_id, "dark")
    with pytest.raises(NotFoundError, match="'dark'"):
        timeline.find_event(story.session, event_row.id, branch_id=dark.id)


def test_names_and_scenes_must_belong_to_the_branch(story: VersionedStory) -> None:
    line = branches.find(story.session, story.project_id, "main")
    kai = story.put(Kind.CHARACTERS, name="Kai")
    scene = story.find_row(Kind.SCENES, story.put(Kind.SCENES, scene_number=1, description="x"))
    assert timeline.character_keys(story.session, ["KAI"], branch_id=line.id) == [kai]
    assert timeline.character_names(story.session, line.id) == {kai: "Kai"}
    assert timeline.find_scene_key(story.session, scene.id, branch_id=line.id) == scene.key
    assert timeline.find_scene_key(story.session, None, branch_id=line.id) is None
    with pytest.raises(InvalidError, match="character"):
        timeline.character_keys(story.session, ["Kai", "Nobody"], branch_id=line.id)
    with pytest.raises(InvalidError, match="scene"):
        timeline.find_scene_key(story.session, 2**40, branch_id=line.id)


def test_a_deleted_project_has_no_timeline(story: VersionedStory) -> None:
    row = event(story, "a")
    projects.delete_project(story.session, story.project_id)
    with pytest.raises(NotFoundError, match="no event"):
        timeline.find_row(story.session, StoryTimeline, row.id)
    with pytest.raises(NotFoundError, match="no fact"):
        timeline.find_row(story.session, StorylineContext, 2**40)
