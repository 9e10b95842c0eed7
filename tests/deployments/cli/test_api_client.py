"""Commands that use a running stack, here only its production API on a real database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from db.engine import SessionFactory
from db.models.jobs import JobStatus, JobType, ProductionJob
from tower.jobs.lifecycle import open_job
from tower.jobs.spec import GenerationSpec

GRAPHS = Path(__file__).parents[2] / "recordings" / "comfyui" / "workflows"
FAILED = {"status": JobStatus.FAILED, "error_code": "RENDER_FAILED", "error_message": "The disk is full"}


def tower(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deployments.cli", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


def run_json(env: dict[str, str], *arguments: str) -> Any:
    result = tower(env, *arguments, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_workflow_is_added_shown_listed_and_removed(stack: dict[str, str]) -> None:
    file = GRAPHS / "ade_gen1_vhs_tiny.json"
    added = tower(stack, "workflow", "add", str(file), "--name", "own", "--description", "My own")
    assert added.returncode == 0, added.stderr
    assert "own, version 1, checked" in added.stdout
    assert "seed" in added.stdout
    detail = run_json(stack, "workflow", "show", "own")
    assert detail["graph"] == json.loads(file.read_text())
    workflows = {workflow["name"]: workflow for workflow in run_json(stack, "workflow", "list")}
    assert (workflows["own"]["description"], workflows["animatediff"]["built_in"]) == ("My own", True)
    assert tower(stack, "workflow", "remove", "own").returncode == 0
    assert tower(stack, "workflow", "remove", "own").returncode == 4


def test_an_unrunnable_graph_is_a_usage_error_with_the_fix(stack: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text(json.dumps({"1": {"class_type": "NoSuchNode", "inputs": {}}}))
    result = tower(stack, "workflow", "add", str(file))
    assert result.returncode == 2
    assert "NoSuchNode" in result.stderr
    assert "Install" in result.stderr
    file.write_text("{")
    assert "cannot be read as JSON" in tower(stack, "workflow", "add", str(file)).stderr
    assert tower(stack, "workflow", "add", str(file), "--bind", "seed").returncode == 2


def test_retry_reopens_a_failed_job_and_refuses_a_running_one(stack: dict[str, str], sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        job = open_job(session, GenerationSpec(prompt="test"), job_type=JobType.STANDARD)
        for name, value in FAILED.items():
            setattr(job, name, value)
    assert run_json(stack, "retry", str(job.id))["status"] == "processing"
    refused = tower(stack, "retry", str(job.id))
    assert refused.returncode == 1
    assert "nothing to retry" in refused.stderr
    assert tower(stack, "retry", "999999999").returncode == 4


@pytest.mark.parametrize("how", [("--fast",), ("--type", "fast")])
def test_a_fast_generation_accepts_force(stack: dict[str, str], sessions: SessionFactory, how: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "deployments.cli", "generate", "samurai", "--duration", "2", "--force", *how]
    with subprocess.Popen(command, env=stack, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 60
        while (job := _newest(sessions)) is None:
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline, "no generation was requested"
            time.sleep(0.05)
        assert (job.job_type, job.parameters["duration_s"], job.parameters["force"]) == (JobType.FAST, 2, True)
        with sessions.begin() as session:
            for name, value in FAILED.items():
                setattr(session.get_one(ProductionJob, job.id), name, value)
        _, stderr = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "The disk is full" in stderr


def test_without_a_stack_commands_explain_how_to_start_one(tmp_path: Path) -> None:
    env = {**os.environ, "TOWER_DATA_DIR": str(tmp_path / "nowhere")}
    for command in (("workflow", "list"), ("retry", "1")):
        result = tower(env, *command)
        assert result.returncode == 3
        assert "tower up" in result.stderr
        assert env["TOWER_DATA_DIR"] in result.stderr


def _newest(sessions: SessionFactory) -> ProductionJob | None:
    with sessions() as session:
        return session.scalar(select(ProductionJob).order_by(ProductionJob.id.desc()).limit(1))
