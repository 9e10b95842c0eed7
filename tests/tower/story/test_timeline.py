"""The story in the order in which it happens, and what is true at each point of it."""

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
def told(session: Session) -> VersionedStory:
    return create_story(session)


def event(told: VersionedStory, title: str, *, position: int | None = None, branch: str = "main") -> StoryTimeline:
    columns = {"title": title, "character_keys": []}
    return timeline.add_event(told.session, columns, project_id=told.project_id, branch=branch, position=position)


def titles(told: VersionedStory, branch: str = "main") -> list[str]:
    rows = timeline.list_events(told.session, told.project_id, branch, ALL).rows
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    return [row.title for row in rows]


def fact(told: VersionedStory, at: StoryTimeline, statement: str, **columns: Any) -> StorylineContext:
    given = {"kind": next(iter(FactKind)), "subject": "Kai", "statement": statement, **columns}
    return timeline.add_fact(told.session, at, given)


def true_at(told: VersionedStory, at: StoryTimeline | None, branch: str = "main") -> list[str]:
    at_event = None if at is None else at.id
    page = timeline.list_facts(told.session, told.project_id, branch, at_event=at_event, page_request=ALL)
    return [row.statement for row in page.rows]


def test_an_event_goes_to_its_place_and_those_behind_move_on(told: VersionedStory) -> None:
    event(told, "birth")
    event(told, "death")
    event(told, "war", position=2)
    event(told, "legend", position=99)
    assert titles(told) == ["birth", "war", "death", "legend"]


@pytest.mark.parametrize(("to", "order"), [(1, "cab"), (2, "acb"), (3, "abc"), (50, "abc")])
def test_an_event_that_moves_leaves_no_gap(told: VersionedStory, to: int, order: str) -> None:
    rows = [event(told, title) for title in "abc"]
    moved = timeline.change_event(told.session, rows[2], {"story_time": "dusk"}, position=to)
    assert "".join(titles(told)) == order
    assert (moved.story_time, moved.version) == ("dusk", 2)


def test_a_deleted_event_takes_the_facts_that_begin_with_it(told: VersionedStory) -> None:
    first, second, third = (event(told, title) for title in "abc")
    fact(told, second, "he is blind")
    fact(told, first, "it rains", until_event_key=second.key)
    timeline.delete_event(told.session, second)
    told.session.expire_all()
    assert titles(told) == ["a", "c"]
    assert true_at(told, None) == ["it rains"]
    assert true_at(told, third) == ["it rains"]  # what was to end with the deleted event stays true


def test_a_fact_is_true_from_its_event_until_the_one_that_ends_it(told: VersionedStory) -> None:
    first, second, third = (event(told, title) for title in "abc")
    fact(told, first, "he lives")
    fact(told, second, "he is hurt", until_event_key=third.key)
    assert [true_at(told, at) for at in (first, second, third)] == [
        ["he lives"],
        ["he lives", "he is hurt"],
        ["he lives"],
    ]
    timeline.change_event(told.session, first, {}, position=3)
    assert true_at(told, second) == ["he is hurt"]


def test_a_branch_has_a_story_of_its_own(told: VersionedStory) -> None:
    mine = event(told, "a")
    told.create_branch("dark")
    event(told, "b", branch="dark")
    assert (titles(told), titles(told, "dark")) == (["a"], ["a", "b"])
    dark = branches.find(told.session, told.project_id, "dark")
    with pytest.raises(NotFoundError, match="'dark'"):
        timeline.find_event(told.session, mine.id, branch_id=dark.id)


def test_names_and_scenes_must_be_of_the_branch(told: VersionedStory) -> None:
    line = branches.find(told.session, told.project_id, "main")
    kai = told.put(Kind.CHARACTERS, name="Kai")
    scene = told.find_row(Kind.SCENES, told.put(Kind.SCENES, scene_number=1, description="x"))
    assert timeline.character_keys(told.session, ["KAI"], branch_id=line.id) == [kai]
    assert timeline.character_names(told.session, line.id) == {kai: "Kai"}
    assert timeline.find_scene_key(told.session, scene.id, branch_id=line.id) == scene.key
    assert timeline.find_scene_key(told.session, None, branch_id=line.id) is None
    with pytest.raises(InvalidError, match="character"):
        timeline.character_keys(told.session, ["Kai", "Nobody"], branch_id=line.id)
    with pytest.raises(InvalidError, match="scene"):
        timeline.find_scene_key(told.session, 2**40, branch_id=line.id)


def test_what_is_in_the_bin_has_no_story(told: VersionedStory) -> None:
    row = event(told, "a")
    projects.delete_project(told.session, told.project_id)
    with pytest.raises(NotFoundError, match="no event"):
        timeline.find_row(told.session, StoryTimeline, row.id)
    with pytest.raises(NotFoundError, match="no fact"):
        timeline.find_row(told.session, StorylineContext, 2**40)
