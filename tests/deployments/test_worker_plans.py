"""The workers of a machine, and the segments that each takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.worker_plans import POOLS, plan_stack_worker, plan_standalone_worker
from tower.engines.choice import DEFAULT_QUEUE
from tower.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, gpu_slots=3, comfyui_url=None)


def test_a_gpu_worker_limits_itself_to_its_slots_and_a_cpu_worker_does_not(settings: Settings) -> None:
    assert [plan_stack_worker(settings, pool).slots for pool in POOLS] == [None, 3]
    assert plan_standalone_worker(settings, "gpu").slots == 3


def test_only_a_worker_with_a_comfyui_takes_segments_for_one(settings: Settings) -> None:
    assert (
        plan_stack_worker(settings, "gpu").queues == plan_standalone_worker(settings, "gpu").queues == (DEFAULT_QUEUE,)
    )
    with_comfyui = settings.model_copy(update={"comfyui_url": "http://box:8188"})
    assert (
        plan_stack_worker(with_comfyui, "gpu").queues
        == plan_standalone_worker(with_comfyui, "gpu").queues
        == ("comfyui", DEFAULT_QUEUE)
    )
    assert plan_stack_worker(settings, "cpu").queues == ()


def test_workers_of_one_data_folder_have_distinct_names(settings: Settings) -> None:
    other = settings.model_copy(update={"comfyui_url": "http://box:8189"})
    plans = [
        *(plan_stack_worker(settings, pool) for pool in POOLS),
        *(plan_standalone_worker(settings, pool) for pool in POOLS),
        plan_standalone_worker(other, "gpu"),
        plan_standalone_worker(settings, "gpu", "left"),
        plan_standalone_worker(settings, "gpu", "right"),
    ]
    assert len({plan.name for plan in plans}) == len(plans)
    assert len({plan.process_name for plan in plans}) == len(plans)


def test_a_name_outlives_a_restart_and_with_a_label_another_comfyui(settings: Settings) -> None:
    other = settings.model_copy(update={"comfyui_url": "http://box:8189"})
    assert plan_standalone_worker(settings, "gpu") == plan_standalone_worker(settings, "gpu")
    assert plan_standalone_worker(settings, "gpu", "left").name == plan_standalone_worker(other, "gpu", "left").name
    assert plan_standalone_worker(settings, "gpu", "left").name.startswith("left@")
