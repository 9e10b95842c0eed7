"""Scheduled renders: planned for existing scenes, moved while they wait, and cancelled."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.jobs import JobType
from db.models.schedule import ProductionSchedule, ScheduleState
from tests.tower.versions.story import VersionedStory, create_story
from tower.errors import ConflictError, InvalidError, NotFoundError
from tower.pages import PageRequest
from tower.story import projects, schedule
from tower.story.schedule import ScheduleTarget
from tower.versions.kinds import Kind

TONIGHT = datetime(2026, 12, 1, 22, tzinfo=UTC)


@pytest.fixture
def story(session: Session) -> VersionedStory:
    return create_story(session)


@pytest.fixture
def scene_id(story: VersionedStory) -> int:
    return story.find_row(Kind.SCENES, story.put(Kind.SCENES, scene_number=1, description="x")).id


def plan_render(
    story: VersionedStory, *, branch: str = "main", start_at: datetime = TONIGHT, **target: Any
) -> ProductionSchedule:
    names = ("scene_id", "episode_key")
    plan = ScheduleTarget(story.project_id, branch, **{name: value for name, value in target.items() if name in names})
    columns = {name: value for name, value in target.items() if name not in names}
    return schedule.add_schedule(story.session, plan, {"job_type": JobType.INTEGRATED, "start_at": start_at, **columns})


def test_a_plan_covers_a_scene_an_episode_or_the_whole_branch(story: VersionedStory, scene_id: int) -> None:
    episode = story.put(Kind.EPISODES, episode_number=1, title="Pilot")
    assert plan_render(story, scene_id=scene_id).scene_key is not None
    assert plan_render(story, episode_key=episode).episode_key == episode
    branch_schedule = plan_render(story)
    assert (branch_schedule.scene_key, branch_schedule.episode_key, branch_schedule.state) == (
        None,
        None,
        ScheduleState.PLANNED,
    )


def test_a_missing_target_cannot_be_planned(story: VersionedStory, scene_id: int) -> None:
    story.create_branch("dark")
    for missing_target in (
        {"scene_id": scene_id, "branch": "dark"},
        {"episode_key": uuid.uuid4()},
        {"branch": "light"},
    ):
        with pytest.raises(NotFoundError):
            plan_render(story, **missing_target)


def test_a_requested_end_before_the_start_is_refused(story: VersionedStory) -> None:
    row = plan_render(story, due_at=TONIGHT)
    with pytest.raises(InvalidError, match="due_at"):
        plan_render(story, due_at=TONIGHT - timedelta(hours=1))
    with pytest.raises(InvalidError, match="due_at"):
        schedule.change_schedule(story.session, row, {"start_at": TONIGHT + timedelta(hours=1)})


def test_a_waiting_plan_can_be_moved_and_cancelled_for_good(story: VersionedStory) -> None:
    row = plan_render(story)
    later = TONIGHT + timedelta(days=1)
    assert schedule.change_schedule(story.session, row, {"start_at": later, "priority": 1}).start_at == later
    first = schedule.cancel_schedule(story.session, row)
    assert (first.state, first.ended_at is None) == (ScheduleState.CANCELLED, False)
    ended_at = first.ended_at
    assert schedule.cancel_schedule(story.session, row).ended_at == ended_at
    with pytest.raises(ConflictError, match="cancelled"):
        schedule.change_schedule(story.session, row, {"priority": 2})


def test_a_started_plan_cannot_be_changed(story: VersionedStory) -> None:
    row = plan_render(story)
    row.state = ScheduleState.STARTED
    story.session.flush()
    with pytest.raises(ConflictError, match="started"):
        schedule.cancel_schedule(story.session, row)


def test_plans_are_listed_by_state_and_hidden_with_their_project(story: VersionedStory) -> None:
    rows = [plan_render(story) for _ in range(3)]
    schedule.cancel_schedule(story.session, rows[1])

    def ids(state: ScheduleState | None = None) -> list[int]:
        return [
            row.id
            for row in schedule.list_schedules(
                story.session, story.project_id, state=state, page_request=PageRequest()
            ).rows
        ]

    assert ids() == [row.id for row in rows]
    assert ids(ScheduleState.PLANNED) == [rows[0].id, rows[2].id]
    projects.delete_project(story.session, story.project_id)
    with pytest.raises(NotFoundError):
        ids()
    with pytest.raises(NotFoundError):
        schedule.find_schedule(story.session, rows[0].id)
