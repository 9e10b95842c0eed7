"""What fits in no opening of the window is refused when it is planned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.jobs import JobType, ProductionJob
from db.models.rendering import RenderSegment
from db.models.scenes import Scene
from tests.tower.scene_takes import ANIMATIC_STUDIO
from tests.tower.story_fixture import VillageStory, build_village
from tower.batches.planning import check_plan, estimate_renders
from tower.batches.stored_window import save_window
from tower.batches.window import Window, parse_window
from tower.errors import InvalidError
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
        check_plan(session, row, ANIMATIC_STUDIO)


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


def test_an_estimate_opens_no_job(sessions: SessionFactory, village: VillageStory) -> None:
    measure_renders(sessions, minutes=30)
    with sessions.begin() as session:
        before = session.scalar(select(func.count()).select_from(ProductionJob))
        target = ScheduleTarget(village.stage.story.project_id, "main", find_scene_id(session, village))
        row = schedule.add_schedule(session, target, {"job_type": JobType.INTEGRATED, "start_at": NOON})
        estimate = estimate_renders(session, row, ANIMATIC_STUDIO)
        assert estimate is not None
        assert session.scalar(select(func.count()).select_from(ProductionJob)) == before
