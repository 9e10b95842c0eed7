"""The purge in Prefect: one schedule after any number of deployments, and a run that purges."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db.engine import SessionFactory
from tests import patient
from tests.tower.archives.studio import Studio, list_files
from tests.tower.archives.whole_project import insert_whole_project
from tower.clients.prefect import PrefectClient
from tower.settings import Settings
from tower.story import projects

RUN = "import asyncio; from flows.purge import purge; asyncio.run(purge(older_than_days=7))"
DAILY = "40 12 * * *"


@pytest.fixture
def studio(sessions: SessionFactory, tmp_path: Path) -> Studio:
    return Studio(sessions, Settings(data_dir=tmp_path / "data"))


def python(prefect: PrefectClient, *arguments: str, **more: str) -> None:
    secret, _, address = prefect.url.removeprefix("http://").partition("@")
    env = {**os.environ, "PREFECT_API_URL": f"http://{address}", "PREFECT_API_AUTH_STRING": secret, **more}
    result = subprocess.run(
        [sys.executable, *arguments], env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stderr


def schedules(prefect: PrefectClient) -> list[dict[str, Any]]:
    schedules = patient.get(f"{prefect.url}/deployments/name/purge/purge").json()["schedules"]
    return [
        {"cron": schedule["schedule"]["cron"], "slug": schedule["slug"], "active": schedule["active"]}
        for schedule in schedules
    ]


def test_the_purge_is_scheduled_once_and_stays_paused_after_a_new_deployment(prefect: PrefectClient) -> None:
    daily = {"cron": DAILY, "slug": "daily", "active": True}
    for _ in range(2):
        python(prefect, "-m", "deployments.deploy")
        assert schedules(prefect) == [daily]
    deployment = patient.get(f"{prefect.url}/deployments/name/purge/purge").json()
    place = f"{prefect.url}/deployments/{deployment['id']}/schedules/{deployment['schedules'][0]['id']}"
    patient.patch(place, json={"active": False}).raise_for_status()
    python(prefect, "-m", "deployments.deploy")
    assert schedules(prefect) == [daily | {"active": False}]
    assert (deployment["entrypoint"], deployment["work_pool_name"]) == ("flows.purge.purge", "cpu")


def test_a_run_purges_projects_that_are_due(prefect: PrefectClient, studio: Studio) -> None:
    due_project, kept_project = insert_whole_project(studio, name="Due"), insert_whole_project(studio, name="Kept")
    with studio.sessions.begin() as session:
        projects.delete_project(session, due_project).deleted_at = datetime.now(UTC) - timedelta(days=8)
        projects.delete_project(session, kept_project).deleted_at = datetime.now(UTC) - timedelta(days=6)
    url = studio.sessions.kw["bind"].url.render_as_string(hide_password=False)
    orphan = Path(studio.write_take(b"nobody's")[0])
    os.utime(orphan, (1, 1))
    python(prefect, "-c", RUN, TOWER_DATABASE_URL=url, TOWER_DATA_DIR=str(studio.settings.data))
    assert studio.count_rows("anime_api.scenes", due_project) == 0
    assert studio.count_rows("anime_api.scenes", kept_project) > 0
    assert not orphan.exists()
    assert len(list_files(studio.settings.renders)) == 2
