"""A client of the fake that a test file names `comfy`."""

from __future__ import annotations

import pytest

from tests.fakes.comfyui.replay import ReplayClient
from tests.fakes.comfyui.server import FakeComfyUI


@pytest.fixture
def client(comfy: FakeComfyUI) -> ReplayClient:
    return ReplayClient(comfy.url)
