"""prefect.yaml lists the deployments, and every entrypoint in it exists."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from prefect.events import EventTrigger

from deployments.deploy import build_zombie_automation, list_engine_queues, load_deployments
from deployments.entrypoints import PREFECT_YAML
from tower.errors import StackError
from tower.settings import Settings


def test_the_recipes_run_on_cpu_and_the_renders_on_gpu() -> None:
    deployed = {
        deployment.full_name: (deployment.entrypoint, deployment.work_pool_name)
        for deployment in load_deployments(PREFECT_YAML)
    }
    assert deployed["standard/standard"] == ("flows.standard.standard", "cpu")
    assert deployed["render/render"] == ("flows.render.render", "gpu")


def test_a_deployment_contains_nothing_of_this_machine() -> None:
    for deployment in load_deployments(PREFECT_YAML):
        assert deployment.storage is None
        assert str(Path.cwd()) not in deployment.model_dump_json()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("deployments: [{name: x, entrypoint: flows.nowhere.x, work_pool: {name: cpu}}]", "cannot be imported"),
        ("deployments: [{name: x, entrypoint: tower.errors.TowerError, work_pool: {name: cpu}}]", "is not a flow"),
        ("deployments: {", "has no readable list"),
        ("name: tower", "has no readable list"),
    ],
)
def test_an_undeployable_file_gives_a_one_sentence_error(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text(text)
    with pytest.raises(StackError, match=complaint):
        load_deployments(file)


def test_only_an_engine_that_can_be_used_has_a_queue() -> None:
    assert list_engine_queues(Settings()) == []
    assert list_engine_queues(Settings.model_validate({"comfyui_url": "http://127.0.0.1:8188"})) == ["comfyui"]


def test_every_run_has_the_tag_of_tower() -> None:
    assert [one.name for one in load_deployments(PREFECT_YAML) if "tower" not in (one.tags or [])] == []


def test_a_machine_whose_clock_is_minutes_behind_does_not_look_dead() -> None:
    """Prefect dates a heartbeat by the clock of the machine that sends it, and counts the time from then."""
    trigger = build_zombie_automation().trigger
    assert isinstance(trigger, EventTrigger)
    assert trigger.within >= timedelta(minutes=10)
