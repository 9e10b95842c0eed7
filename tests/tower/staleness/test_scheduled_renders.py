"""Due entries of the production schedule start their generations, and end as these end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db.engine import SessionFactory
from db.models.jobs import JobStatus, JobType, ProductionJob
from db.models.projects import Project
from db.models.schedule import ProductionSchedule, ScheduleState
from tests.tower.scene_takes import ANIMATIC_STUDIO
from tests.tower.story_fixture import VillageStory, build_village
from tower.jobs import lifecycle
from tower.jobs.schedule_outcomes import record_outcomes
from tower.staleness.scheduled_renders import seconds_until_due, start_due_entries
from tower.story import schedule
from tower.story.schedule import ScheduleTarget
from tower.versions.kinds import Kind


@pytest.fixture
def village(sessions: SessionFactory, tmp_path: Path) -> VillageStory:
    with sessions.begin() as session:
        return build_village(session, tmp_path).accept_all_takes()


def add_entry(
    sessions: SessionFactory, village: VillageStory, *, scene: bool = True, due_in_s: float = -1, **columns: Any
) -> int:
    """An entry for the scene of Kai, or for all stale scenes."""
    columns |= {"start_at": datetime.now(UTC) + timedelta(seconds=due_in_s)}
    with sessions.begin() as session:
        scene_id = stage_in(village, session).find_scene(village.alone).id if scene else None
        target = ScheduleTarget(village.stage.story.project_id, "main", scene_id)
        return schedule.add_schedule(session, target, {"job_type": JobType.INTEGRATED} | columns).id


def stage_in(village: VillageStory, session: Any) -> Any:
    """The stage of the village in another session."""
    stage = village.stage
    return type(stage)(type(stage.story)(session, stage.story.project_id), stage.folder)


def read_entry(sessions: SessionFactory, entry_id: int) -> ProductionSchedule:
    with sessions() as session:
        return session.get_one(ProductionSchedule, entry_id)


def start_due(sessions: SessionFactory) -> list[int]:
    return start_due_entries(sessions, ANIMATIC_STUDIO)


def test_a_due_entry_starts_its_scene_once(sessions: SessionFactory, village: VillageStory) -> None:
    entry_id = add_entry(sessions, village, parameters={"duration": 2, "style": "anime", "quality": "low"})
    later = add_entry(sessions, village, due_in_s=60)
    assert start_due(sessions) == [entry_id]
    assert start_due(sessions) == []
    entry = read_entry(sessions, entry_id)
    assert (entry.state, entry.job_ids) == (ScheduleState.STARTED, [entry.job_id])
    with sessions() as session:
        job = session.get_one(ProductionJob, entry.job_id)
        spec = lifecycle.parse_spec(job)
        assert (job.job_type, spec.duration_s, spec.quality, spec.style) == (JobType.INTEGRATED, 2, "low", "anime")
        assert job.launch_after is not None
        assert 0 < (seconds_until_due(session, later) or 0) <= 60
        assert seconds_until_due(session, entry_id) is None


def test_the_smallest_priority_starts_first(sessions: SessionFactory, village: VillageStory) -> None:
    entries = [add_entry(sessions, village, priority=priority) for priority in (5, 9, 1)]
    assert start_due(sessions) == [entries[2], entries[0], entries[1]]


def test_an_entry_without_target_starts_the_stale_scenes(sessions: SessionFactory, village: VillageStory) -> None:
    first = add_entry(sessions, village, scene=False)
    start_due(sessions)
    assert (read_entry(sessions, first).state, read_entry(sessions, first).job_ids) == (ScheduleState.COMPLETED, [])
    with sessions.begin() as session:
        stage_in(village, session).story.put(Kind.CHARACTERS, key=village.kai, visual_traits={"coat": "red"})
    second = add_entry(sessions, village, scene=False)
    start_due(sessions)
    entry = read_entry(sessions, second)
    assert (entry.state, entry.job_id, len(entry.job_ids)) == (ScheduleState.STARTED, None, 2)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [({"engine": "comfyui"}, "comfyui"), ({"workflow": "gone"}, "gone"), ({"style": "gone"}, "invalid style")],
)
def test_an_entry_that_cannot_start_says_why(
    sessions: SessionFactory, village: VillageStory, parameters: dict[str, Any], reason: str
) -> None:
    entry_id = add_entry(sessions, village, parameters=parameters)
    assert start_due(sessions) == [entry_id]
    entry = read_entry(sessions, entry_id)
    assert (entry.state, entry.job_ids) == (ScheduleState.FAILED, [])
    assert entry.ended_at is not None
    assert reason in (entry.error_message or "").lower()


def test_an_entry_of_a_project_in_the_bin_fails(sessions: SessionFactory, village: VillageStory) -> None:
    entry_id = add_entry(sessions, village)
    with sessions.begin() as session:
        session.get_one(Project, village.stage.story.project_id).deleted_at = datetime.now(UTC)
    start_due(sessions)
    entry = read_entry(sessions, entry_id)
    assert (entry.state, entry.error_message) == (ScheduleState.FAILED, "Its project is in the bin")


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        ([JobStatus.COMPLETED] * 2, ScheduleState.COMPLETED),
        ([JobStatus.COMPLETED, JobStatus.FAILED], ScheduleState.FAILED),
        ([JobStatus.COMPLETED, JobStatus.PROCESSING], ScheduleState.STARTED),
    ],
)
def test_an_entry_ends_as_its_generations_end(
    sessions: SessionFactory, village: VillageStory, ends: list[JobStatus], state: ScheduleState
) -> None:
    with sessions.begin() as session:
        stage_in(village, session).story.put(Kind.CHARACTERS, key=village.kai, visual_traits={"coat": "red"})
    entry_id = add_entry(sessions, village, scene=False)
    start_due(sessions)
    with sessions.begin() as session:
        jobs = session.get_one(ProductionSchedule, entry_id).job_ids
        for job_id, status in zip(jobs, ends, strict=True):
            job = session.get_one(ProductionJob, job_id)
            job.status = status
            if status != JobStatus.PROCESSING:
                job.ended_at, job.output_path = datetime.now(UTC), "/x.mp4"
            if status == JobStatus.FAILED:
                job.error_code, job.error_message = "RENDER_FAILED", "It failed"
        session.flush()
        record_outcomes(session)
    entry = read_entry(sessions, entry_id)
    assert (entry.state, entry.ended_at is None) == (state, state == ScheduleState.STARTED)
    if state == ScheduleState.FAILED:
        assert entry.error_message == f"Generation {jobs[1]} failed"
