"""One shot from request to playable MP4, through real Prefect workers."""

from __future__ import annotations

import contextlib
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from db.models.jobs import GenerationAnalytics, ProductionJob
from db.models.rendering import QualityAssessment, RenderSegment
from deployments import environment
from tests import patient
from tests.e2e.conftest import RunningStack
from tower.media.probe import probe
from tower.settings import Ports

pytestmark = pytest.mark.e2e
SHOT = {
    "prompt": "cyberpunk detective walking in neon city",
    "character": "kai",
    "duration": 3,
    "style": "anime",
    "width": 512,
    "height": 512,
    "seed": 7,
}


@pytest.fixture(scope="module")
def job(stack: RunningStack) -> dict[str, Any]:
    accepted = stack.api.generate(SHOT)
    assert accepted["status"] == "processing"
    return stack.wait_for_end(accepted["job_id"])


def row(stack: RunningStack, job: dict[str, Any]) -> ProductionJob:
    with stack.sessions() as session:
        return session.get_one(ProductionJob, job["job_id"])


def test_the_job_completes_with_a_playable_file_of_exactly_the_requested_frames(job: dict[str, Any]) -> None:
    assert (job["status"], job["progress"], job["job_type"]) == ("completed", 1.0, "video_generation")
    info = probe(Path(job["output_path"]))
    assert (info.codec, info.pixel_format, info.width, info.height, info.frames) == (
        "h264",
        "yuv420p",
        512,
        512,
        72,
    )
    assert info.faststart


def test_the_job_has_its_provenance_and_quality(job: dict[str, Any]) -> None:
    assert (job["engine"], job["seed"]) == ("animatic", 7)
    assert 0 < job["quality_score"] <= 10
    assert any("'kai'" in warning for warning in job["warnings"])


def test_both_ids_name_the_same_job(stack: RunningStack, job: dict[str, Any]) -> None:
    for key in (job["comfyui_job_id"], f"gen_{job['job_id']}"):
        assert stack.api.get_status(key)["job_id"] == job["job_id"]


def test_the_video_can_be_fetched_in_parts(job: dict[str, Any], stack: RunningStack) -> None:
    url = f"{stack.addresses.production_url}/generation/{job['job_id']}/video"
    part = patient.get(url, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, b"ftyp", "video/mp4")


def test_every_step_stores_its_result_in_the_database(stack: RunningStack, job: dict[str, Any]) -> None:
    stored = row(stack, job)
    assert {"cast", "prompt"} <= set(stored.steps)
    with stack.sessions() as session:
        of_job = {"job_id": job["job_id"]}
        stages = session.scalars(select(GenerationAnalytics.stage).filter_by(**of_job)).all()
        segment = session.scalars(select(RenderSegment).filter_by(**of_job)).one()
        verdict = session.scalars(select(QualityAssessment).filter_by(**of_job)).one()
    assert {"prompt", "render", "quality"} <= set(stages)
    assert (segment.state, segment.engine_version is not None) == ("completed", True)
    assert (verdict.passed, verdict.reason) == (True, None)


def test_the_runs_read_well_in_prefect(stack: RunningStack, job: dict[str, Any]) -> None:
    stored = row(stack, job)
    run = stack.prefect_run(stored.flow_run_id)
    assert run["name"] == f'standard · job {stored.id} · "cyberpunk detective walking in…"'
    assert {"tower", f"job:{stored.id}", "video_generation"} <= set(run["tags"])
    assert any(line.startswith(f"Job {stored.id}: completed") for line in _read_log(stack, stored.flow_run_id))
    page = stack.read_job_page(stored.id)
    assert "## Quality" in page
    assert f"/generation/{stored.id}/video" in page


def test_started_by_hand_in_prefect_the_recipe_opens_a_job_itself(stack: RunningStack) -> None:
    api = stack.prefect_url
    deployment = patient.get(f"{api}/deployments/name/standard/standard").raise_for_status().json()
    parameters = {"prompt": "a shrine by hand", "duration_s": 1, "width": 256, "height": 256}
    before = datetime.now(UTC)
    created = patient.post(
        f"{api}/deployments/{deployment['id']}/create_flow_run", json={"parameters": {"asked": parameters}}
    )
    run_id = created.raise_for_status().json()["id"]
    job_id = _job_of_run(stack, run_id, since=before)
    assert stack.wait_for_end(job_id)["status"] == "completed"
    run = stack.prefect_run(run_id)
    assert run["name"] == f'standard · job {job_id} · "a shrine by hand"'
    assert {"tower", "recipe", f"job:{job_id}"} <= set(run["tags"])


def test_started_by_hand_in_prefect_a_shot_is_refused_like_a_request_and_opens_no_job(stack: RunningStack) -> None:
    api = stack.prefect_url
    deployment = patient.get(f"{api}/deployments/name/standard/standard").raise_for_status().json()
    parameters = {"prompt": "a shrine that is refused", "workflow": "gone"}
    created = patient.post(
        f"{api}/deployments/{deployment['id']}/create_flow_run", json={"parameters": {"asked": parameters}}
    )
    run_id = created.raise_for_status().json()["id"]
    deadline = time.monotonic() + 60
    while (state := stack.prefect_run(run_id)["state"])["type"] not in ("FAILED", "COMPLETED", "CRASHED"):
        assert time.monotonic() < deadline, f"the run does not end: {state}"
        time.sleep(0.2)
    assert state["type"] == "FAILED"
    assert "There is no workflow 'gone'" in state["message"]
    with stack.sessions() as session:
        opened = select(ProductionJob.id).where(ProductionJob.prompt == parameters["prompt"])
        assert session.scalar(opened) is None


def test_the_shell_makes_a_shot_and_prints_its_path(stack: RunningStack) -> None:
    result = stack.run_tower("generate", "夜の海", "--duration", "1", "--size", "256x256", "--seed", "3")
    assert result.returncode == 0, result.stderr
    assert probe(Path(result.stdout.strip())).frames == 24
    assert "render" in result.stderr


def test_the_shell_answers_in_json_and_by_exit_code(stack: RunningStack, job: dict[str, Any]) -> None:
    result = stack.run_tower("status", str(job["job_id"]), "--json")
    assert json.loads(result.stdout)["output_path"] == job["output_path"]
    overview = stack.run_tower("status").stdout
    assert "PostgreSQL 18" in overview
    assert "gpu@" in overview
    assert "animatic" in overview
    absent = stack.run_tower("status", "999999999")
    assert (absent.returncode, absent.stderr.count("\n")) == (4, 1)
    too_late = stack.run_tower("cancel", str(job["job_id"]))
    assert (too_late.returncode, "already ended" in too_late.stderr) == (1, True)
    refused = stack.run_tower("generate", "x", "--style", "no such style")
    assert (refused.returncode, "style" in refused.stderr) == (2, True)


def test_the_status_page_has_real_figures(stack: RunningStack, job: dict[str, Any]) -> None:
    system = stack.api.get_system_status()
    assert system["database"]["jobs"]["completed"] >= 1
    pools = system["workers"]["pools"]
    assert set(pools) == {"cpu", "gpu"}
    for pool, workers in pools.items():  # includes ended workers of other tests
        mine = environment.build_worker_name(pool, stack.addresses.data_dir)
        assert [worker["status"] for worker in workers if worker["name"] == mine] == ["ONLINE"]


def _read_log(stack: RunningStack, run_id: object) -> list[str]:
    """Tower's own lines in the log of a run, which arrive shortly after it has ended."""
    query = {"logs": {"flow_run_id": {"any_": [str(run_id)]}}, "limit": 200}
    deadline = time.monotonic() + 60
    while True:
        rows = patient.post(f"{stack.prefect_url}/logs/filter", json=query).raise_for_status().json()
        lines = [row["message"] for row in rows if row["name"].startswith("tower")]
        if any("completed" in line for line in lines):
            return lines
        assert time.monotonic() < deadline, f"the log of the run lacks the end of the job: {lines}"
        time.sleep(0.2)


def _job_of_run(stack: RunningStack, run_id: str, *, since: datetime) -> int:
    while (datetime.now(UTC) - since).total_seconds() < 60:
        with stack.sessions() as session:
            job_id = session.scalar(select(ProductionJob.id).where(ProductionJob.flow_run_id == run_id))
        if job_id is not None:
            return job_id
        time.sleep(0.2)
    pytest.fail(f"run {run_id} opened no job")


def test_the_run_has_a_progress_artifact(stack: RunningStack, job: dict[str, Any]) -> None:
    query = {"artifacts": {"key": {"any_": [f"job-{job['job_id']}-progress"]}}}
    [artifact] = patient.post(f"{stack.prefect_url}/artifacts/filter", json=query).raise_for_status().json()
    assert (artifact["type"], artifact["description"]) == ("progress", "rendered")
    assert float(artifact["data"]) == 100


def test_the_stack_listens_only_where_the_security_page_says(stack: RunningStack) -> None:
    """docs/security.md has a row for each of these sockets."""
    ports = Ports.shifted(int(stack.env["TOWER_PORT_OFFSET"]))
    supervisor = psutil.Process(stack.process.pid)
    tcp, unix = set(), set()
    for process in (supervisor, *supervisor.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            listening = [one for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
            tcp |= {tuple(one.laddr) for one in listening}
            unix |= {str(one.laddr) for one in process.net_connections("unix") if one.laddr}
    wanted = (ports.production, ports.episodes, ports.music, ports.prefect, ports.postgres)
    assert tcp == {("127.0.0.1", port) for port in wanted}
    assert unix == {str(environment.warm_socket_path(stack.addresses.data_dir))}
