"""A ComfyUI's report of its GPU."""

from __future__ import annotations

import pytest

from deployments.gpu_info import Gpu, fetch_gpu
from tests.conftest import find_free_port
from tests.fakes.comfyui import setup as comfyui_setup
from tests.fakes.comfyui.misbehaviour import ServerError
from tests.fakes.comfyui.server import FakeComfyUI
from tower.clients.comfyui.errors import ComfyUIError


@pytest.mark.parametrize(
    ("reported", "name"),
    [
        ("cuda:0 NVIDIA GeForce RTX 3060 : cudaMallocAsync", "NVIDIA GeForce RTX 3060"),
        ("cuda:1 AMD Radeon RX 7900 XTX : native", "AMD Radeon RX 7900 XTX"),
        ("xpu:0 Intel(R) Arc(TM) A770 Graphics", "Intel(R) Arc(TM) A770 Graphics"),
        ("mps", "mps"),
    ],
)
def test_the_card_is_named_without_what_pytorch_adds(reported: str, name: str) -> None:
    with FakeComfyUI(gpu=comfyui_setup.FakeGpu(reported, 12 * 2**30)) as comfy:
        assert fetch_gpu(f"{comfy.url}/") == Gpu(name, 12 * 2**30, 12 * 2**30)


def test_a_comfyui_on_the_cpu_has_no_card() -> None:
    with FakeComfyUI() as comfy:
        assert fetch_gpu(comfy.url) is None


def test_a_comfyui_that_does_not_answer_correctly_is_reported() -> None:
    with pytest.raises(ComfyUIError, match="does not answer"):
        fetch_gpu(f"http://127.0.0.1:{find_free_port()}")
    with FakeComfyUI() as comfy:
        comfy.misbehave(ServerError(path="/system_stats"))
        with pytest.raises(ComfyUIError, match="500"):
            fetch_gpu(comfy.url)
        with pytest.raises(ComfyUIError, match="answered 404"):
            fetch_gpu(f"{comfy.url}/no/such/place")
