"""The run of a planned entry in Prefect: deployed, and starting what is due."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from db.engine import SessionFactory
from db.models.jobs import JobType
from db.models.schedule import ProductionSchedule, ScheduleState
from db.models.workers import Worker
from tests.tower.story_fixture import build_village
from tower.clients.prefect import PrefectClient
from tower.story import schedule
from tower.story.schedule import ScheduleTarget

RUN = "import asyncio; from flows.scheduled import scheduled; asyncio.run(scheduled(schedule_id={}))"


def test_a_run_waits_for_the_clock_of_the_database_and_starts_its_entry(
    prefect: PrefectClient, sessions: SessionFactory, tmp_path: Path
) -> None:
    with sessions.begin() as session:
        later = datetime.now(UTC) + timedelta(minutes=10)  # the run may begin late on a busy machine
        session.add(Worker(name="gpu@box", host="box", slots=1, engine="animatic", seen_at=later))
        village = build_village(session, tmp_path)
        target = ScheduleTarget(village.stage.story.project_id, "main", village.stage.find_scene(village.alone).id)
        soon = datetime.now(UTC) + timedelta(seconds=6)
        columns = {"job_type": JobType.INTEGRATED, "start_at": soon, "parameters": {"engine": "animatic"}}
        entry_id = schedule.add_schedule(session, target, columns).id
    url = sessions.kw["bind"].url.render_as_string(hide_password=False)
    env = {**os.environ, "PREFECT_API_URL": prefect.url, "TOWER_DATABASE_URL": url, "TOWER_DATA_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", RUN.format(entry_id)], env=env, check=True, capture_output=True, timeout=120)
    with sessions() as session:
        entry = session.get_one(ProductionSchedule, entry_id)
        assert (entry.state, len(entry.job_ids)) == (ScheduleState.STARTED, 1)
        assert datetime.now(UTC) >= soon
