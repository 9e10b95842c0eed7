"""Which workers a machine runs, and what each of them takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.worker_plans import POOLS, by_itself, of_stack
from tower.engines.choice import ANY_WORKER
from tower.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, gpu_slots=3, comfyui_url=None)


def test_a_gpu_worker_limits_itself_to_its_slots_and_a_cpu_worker_does_not(settings: Settings) -> None:
    assert [of_stack(settings, pool).slots for pool in POOLS] == [None, 3]
    assert by_itself(settings, "gpu").slots == 3


def test_only_a_worker_with_a_comfyui_takes_segments_for_one(settings: Settings) -> None:
    assert of_stack(settings, "gpu").queues == by_itself(settings, "gpu").queues == (ANY_WORKER,)
    with_comfyui = settings.model_copy(update={"comfyui_url": "http://box:8188"})
    assert of_stack(with_comfyui, "gpu").queues == by_itself(with_comfyui, "gpu").queues == ("comfyui", ANY_WORKER)
    assert of_stack(settings, "cpu").queues == ()


def test_every_worker_of_one_data_folder_has_a_name_of_its_own(settings: Settings) -> None:
    other = settings.model_copy(update={"comfyui_url": "http://box:8189"})
    plans = [
        *(of_stack(settings, pool) for pool in POOLS),
        *(by_itself(settings, pool) for pool in POOLS),
        by_itself(other, "gpu"),
        by_itself(settings, "gpu", "left"),
        by_itself(settings, "gpu", "right"),
    ]
    assert len({plan.name for plan in plans}) == len(plans)
    assert len({plan.part for plan in plans}) == len(plans)


def test_a_name_outlives_a_restart_and_with_a_label_another_comfyui(settings: Settings) -> None:
    other = settings.model_copy(update={"comfyui_url": "http://box:8189"})
    assert by_itself(settings, "gpu") == by_itself(settings, "gpu")
    assert by_itself(settings, "gpu", "left").name == by_itself(other, "gpu", "left").name
    assert by_itself(settings, "gpu", "left").name.startswith("left@")
