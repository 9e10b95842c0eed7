"""Due entries of the production schedule start their generations, and end as these end."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.batches import Batch
from db.models.jobs import LIVE_STATUSES, JobStatus, JobType, ProductionJob
from db.models.projects import Project
from db.models.schedule import ProductionSchedule, ScheduleState
from db.models.workers import Worker, WorkerState
from tests.tower.scene_takes import ANIMATIC_STUDIO
from tests.tower.story_fixture import VillageStory, build_village
from tower.batches.opening import MAX_WAITING_RENDERS, OpenedBatch, open_batch
from tower.batches.outcomes import end_batch_if_done, record_outcomes
from tower.batches.report import BatchReport, Outcome
from tower.batches.reporting import read_report
from tower.batches.starts import PlannedStarts, seconds_until_start
from tower.batches.stored_window import save_window
from tower.batches.window import Window, parse_window
from tower.jobs import lifecycle
from tower.story import schedule
from tower.story.schedule import ScheduleTarget
from tower.versions.kinds import Kind

IS_LIVE = ProductionJob.status.in_(LIVE_STATUSES)


@pytest.fixture
def village(sessions: SessionFactory, tmp_path: Path) -> VillageStory:
    with sessions.begin() as session:
        session.add(Worker(name="gpu@box", host="box", slots=1, engine="animatic"))
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
    return open_batch(sessions, ANIMATIC_STUDIO).started


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
        assert 0 < (seconds_until_start(session, later) or 0) <= 60
        assert seconds_until_start(session, entry_id) is None


def test_the_smallest_priority_starts_first(sessions: SessionFactory, village: VillageStory) -> None:
    entries = [
        add_entry(sessions, village, priority=priority, parameters={"duration": priority}) for priority in (5, 9, 1)
    ]
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
    [({"workflow": "gone"}, "gone"), ({"style": "gone"}, "invalid style")],
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


def closed_window() -> Window:
    """A window that is closed now, and opens in about two hours."""
    return window_around(2, 4)


def window_around(from_h: float, to_h: float) -> Window:
    start, end = (datetime.now(UTC) + timedelta(hours=hours) for hours in (from_h, to_h))
    return parse_window(f"{start:%H:%M}", f"{end:%H:%M}", "UTC")


def set_window(sessions: SessionFactory, window: Window) -> None:
    with sessions.begin() as session:
        save_window(session, window)


def open_now(sessions: SessionFactory, **options: Any) -> OpenedBatch:
    return open_batch(sessions, ANIMATIC_STUDIO, **options)


def test_outside_the_window_an_entry_stays_planned_and_gets_another_run(
    sessions: SessionFactory, village: VillageStory
) -> None:
    set_window(sessions, closed_window())
    entry_id = add_entry(sessions, village)
    with sessions.begin() as session:
        session.get_one(ProductionSchedule, entry_id).flow_run_id = uuid.uuid4()
    opened = open_now(sessions, run_of=entry_id)
    assert (opened.batch_id, opened.started) == (None, [])
    assert opened.opens_at == closed_window().next_opening(datetime.now(UTC))
    entry = read_entry(sessions, entry_id)
    assert (entry.state, entry.flow_run_id, entry.launches) == (ScheduleState.PLANNED, None, 0)
    with sessions() as session:
        starts = PlannedStarts.read(session)
        assert starts.find_start(entry) == opened.opens_at
        assert "waiting for the production window, which opens at" in (starts.explain_wait(entry) or "")
    set_window(sessions, window_around(-1, 1))
    assert open_now(sessions).started == [entry_id]


def test_a_user_starts_a_batch_outside_the_window(sessions: SessionFactory, village: VillageStory) -> None:
    set_window(sessions, closed_window())
    entry_id = add_entry(sessions, village)
    opened = open_now(sessions, by_hand=True)
    assert opened.started == [entry_id]
    with sessions() as session:
        batch = session.get_one(Batch, opened.batch_id)
        assert (batch.opens_at, batch.ended_at) == (None, None)


def test_an_opening_has_one_batch_that_goes_on_when_more_is_due(
    sessions: SessionFactory, village: VillageStory
) -> None:
    set_window(sessions, window_around(-1, 1))
    first = add_entry(sessions, village)
    batch_id = open_now(sessions).batch_id
    assert open_now(sessions) == OpenedBatch()
    end_job(sessions, read_entry(sessions, first).job_ids)
    assert read_batch(sessions, batch_id).ended_at is not None
    second = add_entry(sessions, village)
    opened = open_now(sessions)
    assert (opened.batch_id, opened.started) == (batch_id, [second])
    assert read_batch(sessions, batch_id).ended_at is None


def test_what_no_worker_can_render_now_is_postponed_and_burns_no_launch(
    sessions: SessionFactory, village: VillageStory
) -> None:
    set_worker(sessions, state=WorkerState.UNWELL, last_failure="ComfyUI does not answer")
    entry_id, other = add_entry(sessions, village), add_entry(sessions, village, parameters={"engine": "comfyui"})
    opened = open_now(sessions)
    assert (opened.started, opened.postponed) == ([], [entry_id, other])
    entry = read_entry(sessions, entry_id)
    assert (entry.state, entry.job_ids, entry.launches) == (ScheduleState.PLANNED, [], 0)
    assert entry.postponed_reason == "gpu@box rests: ComfyUI does not answer"
    assert "comfyui" in (read_entry(sessions, other).postponed_reason or "")
    assert open_now(sessions) == OpenedBatch()
    report = read_report_of(sessions, opened.batch_id)
    assert [found.outcome for found in report.entries] == [Outcome.POSTPONED, Outcome.POSTPONED]
    set_worker(sessions, state=WorkerState.READY)
    with sessions.begin() as session:
        session.execute(update(ProductionSchedule).values(postponed_until=datetime.now(UTC)))
    assert open_now(sessions).started == [entry_id]


def test_entries_without_a_place_wait_in_their_batch(sessions: SessionFactory, village: VillageStory) -> None:
    entries = add_different_entries(sessions, village, MAX_WAITING_RENDERS + 1)
    opened = open_now(sessions)
    assert (opened.started, opened.held) == (entries[:-1], entries[-1:])
    last = read_entry(sessions, entries[-1])
    assert (last.state, last.batch_id) == (ScheduleState.PLANNED, opened.batch_id)
    assert open_now(sessions).started == []
    end_job(sessions, read_entry(sessions, entries[0]).job_ids)
    assert open_now(sessions).started == entries[-1:]


def test_two_batches_at_once_start_an_entry_once(sessions: SessionFactory, village: VillageStory) -> None:
    entries = add_different_entries(sessions, village, 3)
    with ThreadPoolExecutor(2) as pool:
        opened = list(pool.map(lambda _: open_now(sessions), range(2)))
    assert sorted(entry for one in opened for entry in one.started) == entries
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(ProductionJob).where(IS_LIVE)) == len(entries)
        assert session.scalar(select(func.count()).select_from(Batch)) == 1


def wait_for_batch(session: Session, *, limit_s: float = 60) -> int:
    deadline = time.monotonic() + limit_s
    while (batch_id := session.scalars(select(Batch.id)).first()) is None:
        assert time.monotonic() < deadline, "no batch was begun"
        time.sleep(0.01)
    return batch_id


def test_a_batch_that_seemed_over_before_its_first_entry_started_is_live(
    sessions: SessionFactory, village: VillageStory
) -> None:
    entry_id = add_entry(sessions, village)
    with ThreadPoolExecutor(1) as pool, sessions() as session:
        session.execute(text("lock table production_schedule in exclusive mode"))
        opening = pool.submit(open_batch, sessions, ANIMATIC_STUDIO, by_hand=True)
        batch_id = wait_for_batch(session)
        with sessions.begin() as another_process:
            end_batch_if_done(another_process, batch_id)
        session.rollback()
        assert opening.result(60).started == [entry_id]
    with sessions() as session:
        batch = session.get_one(Batch, batch_id)
        assert (batch.ended_at, batch.report) == (None, None)
        assert [entry.schedule_id for entry in read_report(session, batch).entries] == [entry_id]


def test_a_second_entry_joins_the_render_of_the_same_scene(sessions: SessionFactory, village: VillageStory) -> None:
    first, second = add_entry(sessions, village), add_entry(sessions, village)
    longer = add_entry(sessions, village, parameters={"duration": 2})
    opened = open_now(sessions)
    assert opened.started == [first, second, longer]
    one, same, other = (read_entry(sessions, entry_id).job_ids for entry_id in opened.started)
    assert one == same != other
    end_job(sessions, one)
    assert [read_entry(sessions, entry_id).state for entry_id in (first, second)] == [ScheduleState.COMPLETED] * 2


def test_an_entry_of_stale_scenes_waits_for_the_renders_that_it_joined(
    sessions: SessionFactory, village: VillageStory
) -> None:
    with sessions.begin() as session:
        stage_in(village, session).story.put(Kind.CHARACTERS, key=village.kai, visual_traits={"coat": "red"})
    first, second = add_entry(sessions, village, scene=False), add_entry(sessions, village, scene=False)
    open_now(sessions)
    assert sorted(read_entry(sessions, first).job_ids) == sorted(read_entry(sessions, second).job_ids)
    end_job(sessions, read_entry(sessions, first).job_ids[:1])
    assert read_entry(sessions, second).state == ScheduleState.STARTED


def add_different_entries(sessions: SessionFactory, village: VillageStory, count: int) -> list[int]:
    """Entries that render the same scene in different lengths."""
    return [add_entry(sessions, village, parameters={"duration": seconds}) for seconds in range(1, count + 1)]


def set_worker(sessions: SessionFactory, **values: Any) -> None:
    with sessions.begin() as session:
        session.execute(update(Worker).values(**values))


def end_job(sessions: SessionFactory, job_ids: list[int]) -> None:
    with sessions.begin() as session:
        for job_id in job_ids:
            job = session.get_one(ProductionJob, job_id)
            job.status, job.ended_at, job.output_path = JobStatus.COMPLETED, datetime.now(UTC), "/x.mp4"
        session.flush()
        record_outcomes(session)


def read_batch(sessions: SessionFactory, batch_id: int | None) -> Batch:
    with sessions() as session:
        return session.get_one(Batch, batch_id)


def read_report_of(sessions: SessionFactory, batch_id: int | None) -> BatchReport:
    with sessions() as session:
        return read_report(session, session.get_one(Batch, batch_id))
