"""A client of the fake that a test file names `comfy`."""

from __future__ import annotations

import pytest

from tests.fakes.comfyui import FakeComfyUI
from tests.fakes.comfyui_replay import Client


@pytest.fixture
def client(comfy: FakeComfyUI) -> Client:
    return Client(comfy.url)
