"""What fits in no opening of the window is refused when it is planned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import cast, func, select, update
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.jobs import JobType, ProductionJob
from db.models.rendering import RenderSegment
from db.models.scenes import Scene
from db.models.schedule import ProductionSchedule, ScheduleState
from db.models.versions import Branch
from tests.tower.scene_takes import ANIMATIC_SETTINGS, ANIMATIC_STUDIO
from tests.tower.story_fixture import VillageStory, build_village
from tower.batches.entries import open_entry
from tower.batches.estimate import estimate_renders
from tower.batches.misfits import list_unfit_entries
from tower.batches.obstacles import find_plan_obstacles
from tower.batches.planning import check_plan, refresh_estimates
from tower.batches.starts import PlannedStarts
from tower.batches.stored_window import save_window
from tower.batches.window import Window, parse_window
from tower.errors import InvalidError
from tower.staleness.rendering import open_stale_renders
from tower.story import schedule
from tower.story.schedule import ScheduleTarget

NOON = datetime(2027, 6, 1, 12, tzinfo=UTC)
NIGHT = parse_window("22:00", "07:00", "UTC")


@pytest.fixture
def village(sessions: SessionFactory, tmp_path: Path) -> VillageStory:
    with sessions.begin() as session:
        return build_village(session, tmp_path).accept_all_takes()


def plan(sessions: SessionFactory, village: VillageStory, **columns: Any) -> None:
    with sessions.begin() as session:
        target = ScheduleTarget(village.stage.story.project_id, "main", find_scene_id(session, village))
        row = schedule.add_schedule(session, target, {"job_type": JobType.INTEGRATED, "start_at": NOON} | columns)
        check_plan(session, row, ANIMATIC_SETTINGS)


def find_scene_id(session: Session, village: VillageStory) -> int | None:
    return session.scalar(select(Scene.id).where(Scene.key == village.alone))


def measure_renders(sessions: SessionFactory, *, minutes: int) -> None:
    """Let every finished job have rendered for so long."""
    ended = datetime.now(UTC)
    with sessions.begin() as session:
        times = {"started_at": ended - timedelta(minutes=minutes), "ended_at": ended}
        session.execute(update(RenderSegment).values(started_at=RenderSegment.created_at))
        session.execute(update(ProductionJob).values(times))


def set_window(sessions: SessionFactory, window: Window) -> None:
    with sessions.begin() as session:
        save_window(session, window)


def test_a_plan_that_is_due_before_the_window_opens_is_refused(sessions: SessionFactory, village: VillageStory) -> None:
    evening = NOON + timedelta(hours=9)
    plan(sessions, village, due_at=evening)  # without a window it starts at noon
    set_window(sessions, NIGHT)
    with pytest.raises(InvalidError, match="due_at") as refusal:
        plan(sessions, village, due_at=evening)
    assert "2027-06-01T22:00:00+00:00" in refusal.value.message
    plan(sessions, village, due_at=NOON + timedelta(hours=11))


def test_renders_that_take_longer_than_the_window_are_refused(sessions: SessionFactory, village: VillageStory) -> None:
    set_window(sessions, parse_window("22:00", "22:05", "UTC"))
    plan(sessions, village)  # nothing was measured
    measure_renders(sessions, minutes=30)
    with pytest.raises(InvalidError, match=r"longer than the production window of 5 min") as refusal:
        plan(sessions, village)
    assert (refusal.value.details or {})["window_s"] == 300
    set_window(sessions, NIGHT)
    plan(sessions, village)
    with pytest.raises(InvalidError, match="due_at"):
        plan(sessions, village, due_at=NOON + timedelta(hours=10, minutes=1))


def test_an_estimate_uses_up_no_id(sessions: SessionFactory, village: VillageStory) -> None:
    measure_renders(sessions, minutes=30)
    with sessions.begin() as session:
        row = add_entry(session, village)
        before = read_last_id(session)
        estimate = estimate_renders(session, row, ANIMATIC_SETTINGS)
        assert estimate is not None
        assert read_last_id(session) == before
        opened = open_entry(session, row, ANIMATIC_STUDIO)
        session.flush()
        joined = open_entry(session, row, ANIMATIC_STUDIO)  # it compares with the live job
        assert [job.id for job in joined.jobs] == [job.id for job in opened.jobs]
        assert read_last_id(session) == before + 1


def test_a_dry_run_of_stale_renders_uses_up_no_id(sessions: SessionFactory, village: VillageStory) -> None:
    with sessions.begin() as session:
        branch = session.scalars(select(Branch).where(Branch.project_id == village.stage.story.project_id)).one()
        scene = session.scalars(select(Scene).where(Scene.key == village.alone)).one()
        scene.accepted_fingerprint = "0" * 64
        session.flush()
        before = read_last_id(session)
        found = open_stale_renders(session, branch, studio=ANIMATIC_STUDIO, dry_run=True)
        assert list(found.opened) == [scene.id]
        assert read_last_id(session) == before


def test_a_new_window_lists_the_entries_that_fit_in_no_opening(sessions: SessionFactory, village: VillageStory) -> None:
    evening = NOON + timedelta(hours=9)
    with sessions.begin() as session:
        soon, late, long = (add_entry(session, village, due_at=due_at).id for due_at in (evening, None, None))
    measure_renders(sessions, minutes=30)
    set_window(sessions, NIGHT)
    with sessions() as session:
        refresh_estimates(session, ANIMATIC_SETTINGS)
        starts = PlannedStarts.read(session)
        (unfit,) = list_unfit_entries(session, starts)
        assert unfit.row.id == soon
        assert unfit.misfit.reason == (
            "It is due 2027-06-01 21:00 UTC, and the production window opens at 2027-06-01 22:00 UTC"
        )
        entries = session.scalars(select(ProductionSchedule)).all()
        assert find_plan_obstacles(session, entries, starts) == {soon: unfit.misfit.reason}
    set_window(sessions, parse_window("22:00", "22:05", "UTC"))
    with sessions() as session:
        found = list_unfit_entries(session, PlannedStarts.read(session))
        assert [entry.row.id for entry in found] == [soon, late, long]
        assert "longer than the production window of 5 min" in found[1].misfit.reason


def test_an_entry_whose_scene_style_or_workflow_is_gone_says_so_before_it_is_due(
    sessions: SessionFactory, village: VillageStory
) -> None:
    with sessions.begin() as session:
        good = add_entry(session, village)
        style = add_entry(session, village, parameters={"style": "moonlit"})
        workflow = add_entry(session, village, parameters={"workflow": "my-graph"})
        scene = add_entry(session, village)
        scene.scene_key = uuid4()
        episode = add_entry(session, village)
        episode.scene_key, episode.episode_key = None, uuid4()
        done = add_entry(session, village)
        done.state, done.scene_key = ScheduleState.CANCELLED, uuid4()
        session.flush()
        rows = [good, style, workflow, scene, episode, done]
        found = find_plan_obstacles(session, rows, PlannedStarts.read(session))
        assert found.keys() == {style.id, workflow.id, scene.id, episode.id}
        assert (found[scene.id], found[episode.id]) == (
            "Its branch no longer has such a scene",
            "Its branch no longer has such an episode",
        )
        assert found[style.id] == "There is no style 'moonlit' any more"
        assert found[workflow.id] == "There is no workflow 'my-graph' any more"


def add_entry(session: Session, village: VillageStory, **columns: Any) -> ProductionSchedule:
    target = ScheduleTarget(village.stage.story.project_id, "main", find_scene_id(session, village))
    return schedule.add_schedule(session, target, {"job_type": JobType.INTEGRATED, "start_at": NOON} | columns)


def read_last_id(session: Session) -> int:
    sequence = func.pg_get_serial_sequence("anime_api.production_jobs", "id")
    return session.scalars(select(func.pg_sequence_last_value(cast(sequence, REGCLASS)))).one() or 0
