"""The engine of docs/engines.md as a separate distribution: requested by name, rendering, listed, going stale."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from db.models.rendering import Asset, RenderSegment
from tests import patient
from tests.e2e.conftest import RunningStack
from tests.tower.engines.distributions import documented, lay_down, python

pytestmark = pytest.mark.e2e
SHOT = {"duration": 1, "width": 256, "height": 256, "engine": "sketch"}
STALE = """
from sqlalchemy import select
from db.engine import open_engine, session_factory
from db.models.versions import Branch
from tower.addresses import used_form
from tower.settings import Settings
from tower.staleness.report import report_branch
settings = Settings()
with session_factory(open_engine(used_form(settings.database_url)))() as session:
    branch = session.scalars(select(Branch).filter_by(project_id={project_id})).one()
    for scene in report_branch(session, branch, settings).stale:
        print(*((one.kind, one.field, one.was, one.now) for one in scene.reasons))
"""


def test_a_shot_is_rendered_with_the_third_engine_and_names_it(stack: RunningStack) -> None:
    job = stack.wait_for_end(stack.api.generate({"prompt": "a lighthouse", **SHOT})["job_id"])
    assert (job["status"], job["engine"]) == ("completed", "sketch")
    assert "Drawn as blocks of colour, not as what the prompt says" in job["warnings"]
    with stack.sessions() as session:
        segment = session.scalars(select(RenderSegment).filter_by(job_id=job["job_id"])).one()
        take = session.get_one(Asset, segment.asset_id)
    assert (segment.engine, segment.engine_version) == ("sketch", "0.3")
    assert (take.provenance["engine"], take.provenance["engine_version"]) == ("sketch", "0.3")


def test_the_third_engine_is_listed_like_the_others(stack: RunningStack) -> None:
    url = stack.addresses.production_url
    assert patient.get(f"{url}/status").json()["engine"]["installed"]["sketch"] == "0.3"
    [worker] = [
        worker for worker in patient.get(f"{url}/workers").json()["workers"] if worker["name"].startswith("gpu@")
    ]
    assert worker["report"]["engines"] == ["animatic", "sketch"]
    root = url.removesuffix("/api/anime")
    fields = httpx.get(f"{root}/openapi.json", timeout=60).json()["components"]["schemas"]["GenerationRequest"][
        "properties"
    ]
    assert "sketch" in fields["engine"]["enum"]
    queue = patient.get(f"{stack.prefect_url}/work_pools/gpu/queues/sketch")
    assert queue.status_code == 200
    checks = {check["name"]: check for check in json.loads(stack.run_tower("doctor", "--json").stdout)}
    assert (checks["engine sketch"]["status"], checks["engine sketch"]["found"]) == ("ok", "sketch 0.3")


def test_takes_of_the_third_engine_are_stale_after_a_version_change(stack: RunningStack, tmp_path: Path) -> None:
    url = stack.addresses.production_url
    project_id = _create(f"{url}/projects", {"name": f"Lights {time.time()}"})
    scene_id = _create(f"{url}/scenes", {"project_id": project_id, "description": "A lighthouse"})
    request = {"project_id": project_id, "command": "generate_scene", "parameters": {"scene_id": scene_id, **SHOT}}
    answer = patient.post(f"{url}/director/command", json=request).raise_for_status().json()
    assert stack.wait_for_end(answer["job_id"])["status"] == "completed"
    code, database_url = STALE.format(project_id=project_id), stack.addresses.database_url
    for version, reasons in (("0.3", ""), ("0.4", "('engine', 'version', '0.3', '0.4')")):
        files = {name: text.replace("0.3", version) for name, text in documented().items()}
        folder = lay_down(tmp_path / version, files)
        assert python(code, folder, TOWER_DATABASE_URL=database_url) == reasons


def _create(url: str, fields: dict[str, Any]) -> int:
    created_id: int = patient.post(url, json=fields).raise_for_status().json()["id"]
    return created_id
